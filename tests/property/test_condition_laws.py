"""Laws of conditions: the explanation agrees with the answer, and all, any, not are what logic says."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from baton.leads.conditions.compiling import CompiledCondition, compile_condition
from baton.leads.conditions.condition import Facts
from baton.leads.conditions.fields import Scope
from baton.leads.conditions.implication import Earlier, implies
from baton.leads.conditions.meaning import meaning
from baton.leads.conditions.tree import leaves
from baton.leads.conditions.vocabulary import Vocabulary
from baton.leads.values import Activity, Lead

NOW = datetime(2026, 3, 27, 12, tzinfo=UTC)
Written = dict[str, Any]

_words = st.sampled_from(["a", "B", " ab ", "Abc"])
_countries = st.sampled_from(["US", "de", "NO"])
_kinds = st.sampled_from(["webinar", "page_view", "any"])
_counts = st.integers(0, 20)
_sizes = st.one_of(_counts, st.sampled_from(["3-7", "10+", "5"]))
_text = st.one_of(
    _words,
    st.lists(_words, min_size=1, max_size=3),
    st.fixed_dictionaries({}, optional={"ne": _words, "starts_with": _words, "exists": st.booleans()}).filter(bool),
)
_size = st.one_of(
    _sizes,
    st.fixed_dictionaries({}, optional={"gte": _counts, "lt": _counts, "ne": _sizes}).filter(bool),
    st.tuples(_counts, _counts).map(lambda ends: {"between": sorted(ends)}),
)
_codes = st.sampled_from(["1", "100", "12-3", "199", "2000", "abc", "M5V"])
_range = st.tuples(_codes, _codes).map(lambda ends: {"lead.postal_code": {"between": sorted(ends)}})
_leaf: st.SearchStrategy[Written] = st.one_of(
    st.fixed_dictionaries({"lead.title": _text}),
    st.fixed_dictionaries({"lead.country": st.one_of(_countries, st.lists(_countries, min_size=1, max_size=2))}),
    st.fixed_dictionaries({"lead.employees": _size}),
    _range,
    st.lists(_range, min_size=2, max_size=5).map(lambda ranges: {"any": ranges}),
    st.fixed_dictionaries({"lead.free_mail": st.booleans()}),
    st.fixed_dictionaries({"lead.custom.x": st.one_of(_words, _counts, st.booleans())}),
    st.fixed_dictionaries(
        {"activity": _kinds},
        optional={
            "at_least": st.integers(1, 3),
            "within": st.sampled_from(["1d", "5d"]),
            "distinct": st.just("data.p"),
        },
    ),
)
conditions = st.recursive(
    _leaf,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=6,
)
_activities = st.lists(
    st.builds(
        lambda kind, hours, path: (kind, hours, path),
        st.sampled_from(["webinar", "page_view", "demo_request"]),
        st.integers(0, 150),
        st.sampled_from(["/a", "/b", ""]),
    ),
    max_size=5,
)


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    value = draw(st.none() | st.one_of(_words, _counts, st.booleans()))
    lead = Lead(
        lead_id="l",
        title=draw(st.none() | st.sampled_from(["A", "ab", "abcd", " "])),
        country=draw(st.none() | st.sampled_from(["US", "DE"])),
        postal_code=draw(st.none() | _codes | st.sampled_from(["150", "1500-22", "m5w 1a1", " "])),
        employees=draw(st.none() | _sizes),
        free_mail=draw(st.none() | st.booleans()),
        custom=None if value is None else {"x": value},
    )
    history = sorted(draw(_activities), key=lambda each: -each[1])
    activities = tuple(
        Activity(id=str(number), kind=kind, at=NOW - timedelta(hours=hours), source="web", data={"p": path})
        for number, (kind, hours, path) in enumerate(history)
    )
    return Facts(lead, NOW, activities)


def compiled(written: Written) -> CompiledCondition:
    return compile_condition(written, scope=Scope.SCORING, vocabulary=Vocabulary())


@given(conditions, facts())
def test_the_explanation_gives_the_same_answer_and_names_every_comparison(written: Written, asked: Facts) -> None:
    condition = compiled(written)

    matched, comparisons = condition.explain(asked)

    assert matched is condition.matches(asked)
    assert len(comparisons) == len(list(leaves(condition.tree)))


@given(conditions, facts())
def test_not_is_the_opposite(written: Written, asked: Facts) -> None:
    assert compiled({"not": written}).matches(asked) is not compiled(written).matches(asked)


@given(st.lists(conditions, min_size=1, max_size=4), facts())
def test_all_and_any_are_the_conjunction_and_the_disjunction(parts: list[Written], asked: Facts) -> None:
    answers = [compiled(part).matches(asked) for part in parts]

    assert compiled({"all": parts}).matches(asked) is all(answers)
    assert compiled({"any": parts}).matches(asked) is any(answers)


@given(st.lists(conditions, min_size=1, max_size=3), facts())
def test_not_any_is_all_not(parts: list[Written], asked: Facts) -> None:
    none_of_them = compiled({"not": {"any": parts}})
    each_not = compiled({"all": [{"not": part} for part in parts]})

    assert none_of_them.matches(asked) is each_not.matches(asked)


@given(conditions, facts())
def test_evidence_is_seen_only_where_the_condition_holds_newest_first(written: Written, asked: Facts) -> None:
    condition = compiled(written)

    evidence = condition.evidence(asked)

    assert not evidence or condition.matches(asked)
    assert list(evidence) == sorted(evidence, key=lambda activity: activity.at, reverse=True)
    assert set(evidence_ids := [activity.id for activity in evidence]) <= {each.id for each in asked.activities}
    assert len(set(evidence_ids)) == len(evidence_ids)


@given(conditions, conditions, facts())
def test_what_is_implied_holds_too(narrow: Written, wide: Written, asked: Facts) -> None:
    one, other = compiled(narrow), compiled(wide)

    if implies(one.tree, other.tree) and one.matches(asked):
        assert other.matches(asked)


@given(conditions, st.lists(conditions, min_size=1, max_size=4))
def test_whatever_a_condition_implies_is_among_those_it_is_compared_with(
    narrow: Written, others: list[Written]
) -> None:
    one = compiled(narrow).tree
    wider = [compiled(each).tree for each in (*others, {"any": [narrow, others[0]]})]
    earlier = Earlier()
    for tree in wider:
        earlier.add(tree)

    found = earlier.perhaps_implied_by(one)

    assert {number for number, tree in enumerate(wider) if implies(one, tree)} <= {*found}
    assert found == sorted({*found})


def respelled(written: Any) -> Any:
    """The same condition, everything in it in another order and in other letters."""
    match written:
        case {"between": _}:
            return written
        case dict():
            return {key: respelled(each) for key, each in reversed(written.items())}
        case list():
            return [respelled(each) for each in (*reversed(written), written[0])]
        case str() if written.strip() in {"a", "B", "ab", "Abc", "US", "de", "NO"}:
            return f" {written.swapcase()}"
        case _:
            return written


@given(conditions, conditions, facts())
def test_conditions_of_one_meaning_answer_alike(one: Written, other: Written, asked: Facts) -> None:
    first, second = compiled(one), compiled(other)

    assert first.matches(asked) is second.matches(asked) or meaning(first.tree) != meaning(second.tree)


def test_a_group_of_one_that_is_written_twice_is_spelling_too() -> None:
    inner = {"any": [{"lead.city": "b"}, {"lead.state": "c"}]}
    once, twice = ({"any": [{"lead.title": "a"}, {"all": [inner] * count}]} for count in (1, 2))

    assert meaning(compiled(once).tree) == meaning(compiled(twice).tree)


@given(conditions, facts())
def test_another_spelling_means_the_same(written: Written, asked: Facts) -> None:
    first, second = compiled(written), compiled(respelled(written))

    assert meaning(first.tree) == meaning(second.tree)
    assert first.matches(asked) is second.matches(asked)


@given(conditions, st.lists(conditions, max_size=2), facts())
def test_a_part_more_narrows_and_a_choice_more_widens(written: Written, others: list[Written], asked: Facts) -> None:
    condition = compiled(written)

    assert implies(compiled({"all": [written, *others]}).tree, condition.tree)
    assert implies(condition.tree, compiled({"any": [written, *others]}).tree)
    assert condition.matches(asked) or not compiled({"all": [written, *others]}).matches(asked)
