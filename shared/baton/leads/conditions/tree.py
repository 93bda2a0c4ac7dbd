"""A condition as written: a tree of comparisons, for compiling, for prose and for analysis."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

Plain = str | int | float | bool
"""What a condition compares with."""


class Operator(StrEnum):
    """The spellings are the playbook's."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "not_in"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    BETWEEN = "between"
    EXISTS = "exists"
    MATCHES = "matches"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    IN_TABLE = "in_table"


@dataclass(frozen=True, slots=True)
class Compare:
    """One field against what is expected of it; a tuple for `in`, `not_in`, `between`, `starts_with`, `ends_with`."""

    field: str
    operator: Operator
    expected: Plain | tuple[Plain, ...]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the lead did. No kinds is `any` kind."""

    kinds: tuple[str, ...]
    at_least: int = 1
    within: timedelta | None = None
    distinct: str | None = None
    written_within: str | None = None


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Tree"


Tree = Compare | Behaviour | AllOf | AnyOf | Not


def leaves(tree: Tree) -> Iterator[Compare | Behaviour]:
    """Every comparison of the tree, in the order written."""
    match tree:
        case Compare() | Behaviour():
            yield tree
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
