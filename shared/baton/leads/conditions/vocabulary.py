"""The names that a playbook gives to its conditions: tables, territories, segments."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from baton.leads.conditions.folding import fold


class LookUp(Protocol):
    """What `in_table` needs of a table."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    def column(self, name: str) -> frozenset[str]:
        """The folded values of a column."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What may be named beside fields. None: any name will do."""

    tables: Mapping[str, LookUp] = field(default_factory=dict)
    territories: frozenset[str] | None = None
    segments: frozenset[str] | None = None

    def column(self, table: str, path: str) -> frozenset[str]:
        """The values that a field is looked up among."""
        found = self.tables[table]
        return found.column(column_for(path, found.columns))


def column_for(path: str, columns: tuple[str, ...]) -> str:
    """The column named like the last part of the field (`lead.domain`: `domain`), else the first."""
    last = fold(path.rpartition(".")[2])
    return next((each for each in columns if fold(each) == last), columns[0])
