"""What became of the values in a file, told in a few lines however many rows it has."""

from baton_standalone.import_changes import ChangesSeen


def change(field: str, before: object, after: object = None, why: str = "not usable") -> dict[str, object]:
    return {"field": field, "before": before, "after": after, "why": why}


def test_changes_are_counted_by_field_and_reason_and_what_was_left_out_comes_first() -> None:
    seen = ChangesSeen()

    seen.add(2, [change("country", "Germany", "DE", "alpha-2"), change("employees", "many")])
    seen.add(3, [change("country", "France", "FR", "alpha-2"), change("country", "Atlantis")])
    seen.add(4, [change("employees", None), change("employees", "50", 50, "a number")])

    assert list(seen.told()) == [
        "employees left out in 2 rows: not usable (line 2: many, line 4)",
        "country left out in 1 row: not usable (line 3: Atlantis)",
        "country changed in 2 rows: alpha-2 (line 2: Germany -> DE, line 3: France -> FR)",
    ]


def test_examples_and_kinds_are_bounded_and_the_rest_is_counted() -> None:
    seen = ChangesSeen()

    for line in range(2, 1002):
        seen.add(line, [change("title", "x" * 300), change(f"custom.{line}", "a")])

    told = list(seen.told())
    assert len(told) == 101
    assert told[0] == "title left out in 1,000 rows: not usable (" + ", ".join(
        [*(f"line {line}: {'x' * 40}…" for line in (2, 3, 4)), "…)"]
    )
    assert told[-1] == "and 901 further changes of other fields, or for other reasons"
