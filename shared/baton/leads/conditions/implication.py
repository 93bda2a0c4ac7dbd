"""Whether one condition can hold only where another does: sound, so "no" may only mean "can't tell".

That finds rules that nothing can reach: what holds for a later rule already held for an earlier one.
"""

from math import inf

from baton.leads.conditions.folding import fold
from baton.leads.conditions.tree import AllOf, AnyOf, Behaviour, Compare, Not, Operator, Plain, Tree

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
