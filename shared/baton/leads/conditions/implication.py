"""Whether one condition can hold only where another does: sound, so "no" may only mean "can't tell".

That finds rules that nothing can reach: what holds for a later rule already held for an earlier one.
"""

from functools import lru_cache
from math import inf

from baton.leads.conditions.folding import fold
from baton.leads.conditions.tree import AllOf, AnyOf, Behaviour, Compare, Not, Operator, Plain, Tree

Mark = tuple[str, Plain]
"""A field and one of the values that it is compared with."""

_SETS = frozenset({Operator.EQ, Operator.IN})
_BOUNDS = frozenset({Operator.GT, Operator.GTE, Operator.LT, Operator.LTE, Operator.BETWEEN})


def implies(narrow: Tree, wide: Tree) -> bool:
    """Whether every lead for which `narrow` holds is one for which `wide` holds too."""
    match narrow, wide:
        case _, AllOf(parts):
            return all(implies(narrow, part) for part in parts)
        case AnyOf(parts), _:
            return all(implies(part, wide) for part in parts)
        case _, AnyOf(parts) if any(implies(narrow, part) for part in parts):
            return True
        case AllOf(parts), _:
            return any(implies(part, wide) for part in parts)
        case _:
            return narrow == wide or _leaf(narrow, wide)


class Earlier:
    """The conditions that came before, by what a later one must ask for to hold only where one of them does.

    Whoever has a thousand rules, each for a city of its own, has none to compare with.
    """

    def __init__(self) -> None:
        self._count = 0
        self._by_mark: dict[Mark, list[int]] = {}
        self._by_nothing: list[int] = []

    def add(self, tree: Tree | None) -> None:
        """None holds always."""
        needed = None if tree is None else self._needed(tree)
        for found in [self._by_nothing] if needed is None else [self._by_mark.setdefault(mark, []) for mark in needed]:
            found.append(self._count)
        self._count += 1

    def perhaps_implied_by(self, tree: Tree | None) -> list[int]:
        """The numbers, in the order in which they were added, of those that `tree` may imply: of others it can't."""
        marks = set() if tree is None else _carried(tree)
        return sorted({*self._by_nothing, *(number for mark in marks for number in self._by_mark.get(mark, ()))})

    def _needed(self, wide: Tree) -> frozenset[Mark] | None:
        """Marks of which whatever implies `wide` carries one; None if it may carry none of them."""
        match wide:
            case Compare() if wide.operator in _SETS:
                return frozenset((wide.field, value) for value in _values(wide))
            case AllOf(parts):
                found = [needed for part in parts if (needed := self._needed(part)) is not None]
                return min(found, key=self._crowd, default=None)
            case AnyOf(parts):
                alternatives = [self._needed(part) for part in parts]
                told = [each for each in alternatives if each is not None]
                return frozenset().union(*told) if len(told) == len(alternatives) else None
            case _:
                return None

    def _crowd(self, marks: frozenset[Mark]) -> int:
        return sum(len(self._by_mark.get(mark, ())) for mark in marks)


def _carried(narrow: Tree) -> set[Mark]:
    """One value of each set that it asks for: wherever it holds only within a wider set, that one is in there too."""
    match narrow:
        case Compare() if narrow.operator in _SETS:
            return {(narrow.field, next(iter(_values(narrow))))}
        case AllOf(parts):
            return {mark for part in parts for mark in _carried(part)}
        case AnyOf(parts):
            return _carried(parts[0])
        case _:
            return set()


def _leaf(narrow: Tree, wide: Tree) -> bool:
    match narrow, wide:
        case Not(inner), Not(outer):
            return implies(outer, inner)
        case Behaviour(), Behaviour():
            return _behaviour(narrow, wide)
        case Compare(), Compare():
            return narrow.field == wide.field and _compare(narrow, wide)
        case _:
            return False


def _behaviour(narrow: Behaviour, wide: Behaviour) -> bool:
    kinds = not wide.kinds or (bool(narrow.kinds) and set(narrow.kinds) <= set(wide.kinds))
    window = wide.within is None or (narrow.within is not None and narrow.within <= wide.within)
    distinct = wide.distinct is None or wide.distinct == narrow.distinct
    return kinds and window and distinct and narrow.at_least >= wide.at_least


def _compare(narrow: Compare, wide: Compare) -> bool:
    if wide.operator is Operator.EXISTS:
        return wide.expected is True and narrow.operator is not Operator.EXISTS
    if narrow.operator in _SETS and wide.operator in _SETS:
        return _values(narrow) <= _values(wide)
    if narrow.operator is Operator.NE and wide.operator is Operator.NE:
        return _values(narrow) == _values(wide)
    if narrow.operator in _BOUNDS | _SETS and wide.operator in _BOUNDS:
        return _within(_interval(narrow), _interval(wide))
    return False


@lru_cache(maxsize=4096)
def _values(compare: Compare) -> frozenset[Plain]:
    expected = compare.expected if isinstance(compare.expected, tuple) else (compare.expected,)
    return frozenset(fold(each) if isinstance(each, str) else each for each in expected)


_Interval = tuple[float, bool, float, bool]
"""Low end, whether it is included, high end, whether it is included."""


def _interval(compare: Compare) -> _Interval | None:
    """The numbers that satisfy it; None where they are no numbers."""
    expected = compare.expected if isinstance(compare.expected, tuple) else (compare.expected,)
    numbers = [float(each) for each in expected if isinstance(each, int | float)]
    if len(numbers) != len(expected):
        return None
    match compare.operator:
        case Operator.GT | Operator.GTE:
            return (numbers[0], compare.operator is Operator.GTE, inf, True)
        case Operator.LT | Operator.LTE:
            return (-inf, True, numbers[0], compare.operator is Operator.LTE)
        case _:
            return (min(numbers), True, max(numbers), True)


def _within(narrow: _Interval | None, wide: _Interval | None) -> bool:
    if narrow is None or wide is None:
        return False
    above = narrow[0] > wide[0] or (narrow[0] == wide[0] and (wide[1] or not narrow[1]))
    below = narrow[2] < wide[2] or (narrow[2] == wide[2] and (wide[3] or not narrow[3]))
    return above and below
