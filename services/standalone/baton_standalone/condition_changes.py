"""What changed in a condition, in words: the values that came and went, where it is a long list of them."""

from collections.abc import Hashable, Iterator, Sequence

from baton.leads.conditions.meaning import alternatives, conjuncts, meaning, values
from baton.leads.conditions.prose import condition_words, expected_words, field_words, value_words
from baton.leads.conditions.tree import AnyOf, Compare, Operator, Tree

_LISTS = {
    Operator.EQ: Operator.IN, Operator.IN: Operator.IN, Operator.NE: Operator.NOT_IN, Operator.NOT_IN: Operator.NOT_IN,
}  # fmt: skip


def condition_changes(before: Tree | None, after: Tree | None) -> Iterator[str]:
    """Each change by itself; None is the condition that always holds."""
    if before is None or after is None:
        yield "always now" if after is None else f"now only when {condition_words(after)}"
        return
    gone, come = _apart(list(conjuncts(before)), list(conjuncts(after)))
    for part in gone:
        others = [each for each in come if _subject(each) == _subject(part)]
        if len(others) == 1 == sum(_subject(each) == _subject(part) for each in gone):
            come.remove(others[0])
            yield from _changed(part, others[0])
        else:
            yield f"it no longer matters that {condition_words(part)}"
    yield from (f"now only when {condition_words(part)}" for part in come)


def _changed(before: Tree, after: Tree) -> Iterator[str]:
    """Two conditions about the same thing."""
    match before, after:
        case Compare(), Compare() if before.operator in _LISTS:
            yield from _lists(before, after)
        case AnyOf(), AnyOf():
            gone, come = _apart(list(alternatives(before)), list(alternatives(after)))
            yield from (f"also when {condition_words(part)}" for part in come)
            yield from (f"no longer when {condition_words(part)}" for part in gone)
        case _:
            yield f"{condition_words(before)} → {condition_words(after)}"


def _lists(before: Compare, after: Compare) -> Iterator[str]:
    """Told by what came and went where most stays; else both whole."""
    old, new = values(before), values(after)
    come = [value for key, value in new.items() if key not in old]
    gone = [value for key, value in old.items() if key not in new]
    if len(old.keys() & new.keys()) < len(come) + len(gone):
        yield f"{condition_words(before)} → {condition_words(after)}"
        return
    asked = expected_words(_LISTS[after.operator], "").strip()
    told = [*([f"also {value_words(come)}"] if come else []), *([f"no longer {value_words(gone)}"] if gone else [])]
    yield f"{field_words(after.field)} {asked}: {', '.join(told)}"


def _apart(before: Sequence[Tree], after: Sequence[Tree]) -> tuple[list[Tree], list[Tree]]:
    """What only one of them has."""
    old, new = ({meaning(part): part for part in parts} for parts in (before, after))
    gone = [part for key, part in old.items() if key not in new]
    return gone, [part for key, part in new.items() if key not in old]


def _subject(tree: Tree) -> Hashable:
    """What a condition is about: one may take another's place."""
    match tree:
        case Compare():
            return (tree.field, _LISTS.get(tree.operator, "other"))
        case _:
            return type(tree).__name__
