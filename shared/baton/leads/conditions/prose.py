"""Conditions in words. One place says them: pages, the command line and what changed between two playbooks."""

from collections.abc import Mapping
from typing import Final, assert_never

from baton.kernel.durations import parse_duration, spell_duration, spell_length
from baton.leads.conditions.tree import AllOf, AnyOf, Behaviour, Compare, Not, Operator, Tree

_OPERATORS: Final[Mapping[str, str]] = {
    "eq": "is", "ne": "is not", "in": "is one of", "not_in": "is none of", "gt": "is over", "gte": "is at least",
    "lt": "is under", "lte": "is at most", "between": "is between", "exists": "has a value",
    "matches": "matches", "starts_with": "starts with", "ends_with": "ends with", "in_table": "is in the table",
}  # fmt: skip
_FLAGS: Final[Mapping[tuple[str, object], str]] = {
    ("lead.free_mail", True): "the address is a free-mail one",
    ("lead.free_mail", False): "the address is no free-mail one",
    ("score.disqualified", True): "the lead is disqualified",
    ("score.disqualified", False): "the lead is not disqualified",
}
_FIELDS: Final[Mapping[str, str]] = {"score.tier": "tier", "score.segment": "the score's segment"}
_OWNERS: Final[Mapping[str, str]] = {"lead": "{}", "account": "the account's {}", "score": "{} score"}
_OPEN: Final[Mapping[str, str]] = {"custom": "custom field {}", "utm": "utm {}", "consent": "consent {}"}


def condition_words(tree: Tree) -> str:
    """`country is US and employees is at least 50`, to stand after "when"."""
    match tree:
        case Compare():
            return _compare(tree)
        case Behaviour():
            return behaviour_words(tree)
        case AllOf(parts):
            return " and ".join(_inside(part, AnyOf) for part in parts)
        case AnyOf(parts):
            return " or ".join(_inside(part, AllOf) for part in parts)
        case Not(part):
            return f"not ({condition_words(part)})"
        case _:
            assert_never(tree)


def behaviour_words(asked: Behaviour) -> str:
    """`the lead did page view at least 3 times within 30 days`."""
    kinds = " or ".join(kind.replace("_", " ") for kind in asked.kinds) or "anything"
    times = f" at least {asked.at_least} times" if asked.at_least > 1 else ""
    apart = f" with different {asked.distinct}" if asked.distinct else ""
    return f"the lead did {kinds}{times}{apart}{_window(asked)}"


def field_words(path: str) -> str:
    """What people call a field: `country`, `the account's owner`, `custom field region`."""
    root, _, name = path.partition(".")
    if path in _FIELDS or not name:
        return _FIELDS.get(path, path)
    group, _, rest = name.partition(".")
    called = _OPEN[group].format(rest) if rest and group in _OPEN else name.replace("_", " ")
    return _OWNERS.get(root, "{}").format(called)


def expected_words(operator: str, expected: object, *, most: int | None = None) -> str:
    """What is asked of a field: `is at least 50`. Of a list at most so many are told."""
    match operator, expected:
        case "exists", _:
            return "has a value" if expected else "has no value"
        case "in" | "not_in", [one]:
            return f"{_OPERATORS['eq' if operator == 'in' else 'ne']} {value_words(one)}"
        case "between", [low, high]:
            return f"is between {value_words(low)} and {value_words(high)}"
        case _:
            return f"{_OPERATORS.get(operator, operator.replace('_', ' '))} {value_words(expected, most=most)}"


def value_words(value: object, *, most: int | None = None) -> str:
    """A value as people write it; a list is cut off after so many."""
    match value:
        case None:
            return "no value"
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer():
            return f"{value:.0f}"
        case list() | tuple():
            shown = [value_words(each, most=most) for each in value[:most]]
            more = len(value) - len(shown)
            return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
        case dict():
            return ", ".join(f"{name}: {value_words(each, most=most)}" for name, each in value.items())
        case _:
            return str(value)


def _compare(tree: Compare) -> str:
    flag = _FLAGS.get((tree.field, tree.expected)) if tree.operator is Operator.EQ else None
    return flag or f"{field_words(tree.field)} {expected_words(tree.operator, tree.expected)}"


def _window(asked: Behaviour) -> str:
    if asked.within is None:
        return ""
    written = asked.written_within
    return f" within {spell_duration(parse_duration(written)) if written else spell_length(asked.within)}"


def _inside(part: Tree, looser: type[Tree]) -> str:
    """In brackets where the words would otherwise run into those around them."""
    return f"({condition_words(part)})" if isinstance(part, looser) else condition_words(part)
