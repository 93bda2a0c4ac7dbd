"""What a condition means, however it is written: equal for conditions that differ in spelling only.

Order, case, doubles, `eq` beside a list of one, and alternatives of one field are spelling.
"""

from collections.abc import Hashable, Iterable, Iterator

from baton.leads.conditions.folding import fold
from baton.leads.conditions.tree import AllOf, AnyOf, Behaviour, Compare, Not, Operator, Plain, Tree

_ONE_OF = {Operator.EQ: Operator.IN, Operator.NE: Operator.NOT_IN}
_SETS = frozenset({Operator.IN, Operator.NOT_IN, Operator.STARTS_WITH, Operator.ENDS_WITH})
_EXACT = frozenset({Operator.MATCHES, Operator.IN_TABLE})


def meaning(tree: Tree | None) -> Hashable:
    """A value to compare by; None is the condition that always holds. Unequal values may still mean the same."""
    match tree:
        case None:
            return None
        case Compare():
            return _compare(tree)
        case Behaviour():
            return ("activity", frozenset(tree.kinds), tree.at_least, tree.within, tree.distinct)
        case AllOf():
            return _joined("all", frozenset(_flat("all", map(meaning, conjuncts(tree)))))
        case AnyOf():
            return _joined("any", _united(_flat("any", map(meaning, alternatives(tree)))))
        case Not(part):
            return ("not", meaning(part))


def conjuncts(tree: Tree) -> Iterator[Tree]:
    """The conditions that must all hold."""
    for part in tree.parts if isinstance(tree, AllOf) else ():
        yield from conjuncts(part)
    if not isinstance(tree, AllOf):
        yield tree


def alternatives(tree: Tree) -> Iterator[Tree]:
    """The conditions of which one is enough."""
    for part in tree.parts if isinstance(tree, AnyOf) else ():
        yield from alternatives(part)
    if not isinstance(tree, AnyOf):
        yield tree


def values(tree: Compare) -> dict[Hashable, Plain]:
    """The values it compares with, by what they mean, in the order written."""
    expected = tree.expected if isinstance(tree.expected, tuple) else (tree.expected,)
    return {_value(each): each for each in expected}


def _compare(tree: Compare) -> Hashable:
    operator = _ONE_OF.get(tree.operator, tree.operator)
    if operator in _EXACT:
        return (tree.field, operator, tree.expected)
    found = tuple(values(tree))
    return (tree.field, operator, frozenset(found) if operator in _SETS else found)


def _value(value: Plain) -> Hashable:
    """`true` is not 1, though Python holds them for equal."""
    if isinstance(value, bool):
        return ("flag", value)
    return fold(value) if isinstance(value, str) else value


def _united(parts: Iterable[Hashable]) -> frozenset[Hashable]:
    """Alternatives of which those of one field are one."""
    lists: dict[Hashable, frozenset[Hashable]] = {}
    others: set[Hashable] = set()
    for part in parts:
        match part:
            case (field, Operator.IN, frozenset() as found):
                lists[field] = lists.get(field, frozenset()) | found
            case _:
                others.add(part)
    return frozenset(others | {(field, Operator.IN, found) for field, found in lists.items()})


def _flat(how: str, parts: Iterable[Hashable]) -> Iterator[Hashable]:
    """The parts, with those of a part that means a group of the same kind, as `all` of one `any` does."""
    for part in parts:
        match part:
            case (str(kind), frozenset() as inner) if kind == how:
                yield from inner
            case _:
                yield part


def _joined(how: str, parts: frozenset[Hashable]) -> Hashable:
    return next(iter(parts)) if len(parts) == 1 else (how, parts)
