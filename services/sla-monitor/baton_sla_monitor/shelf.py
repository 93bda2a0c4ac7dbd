"""The terms at hand: read once from the database, written until they are known to be there."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from baton.flow.database import Connection
from baton_sla_monitor import repository
from baton_sla_monitor.deciding.terms import Terms

_MOST: Final = 5000
"""A playbook has some policies on some calendars: a few hundred at most. Beyond, old playbooks are read anew."""


@dataclass(slots=True)
class TermsShelf:
    """One process' copy of the table of terms, whose rows never change."""

    _known: dict[str, Terms] = field(default_factory=dict)
    _stored: set[str] = field(default_factory=set)
    """Those that were read back, and so were committed."""

    async def find(self, connection: Connection, ids: Collection[str]) -> Mapping[str, Terms]:
        """The terms with these ids.

        Raises:
            KeyError: some were never written.
        """
        if missing := {each for each in ids if each not in self._known}:
            await self._read(connection, missing)
        return {each: self._known[each] for each in ids}

    async def take(self, connection: Connection, terms: Iterable[Terms]) -> Sequence[Terms]:
        """Have these at hand. Gives those that aren't in the table: the caller's transaction has to write them."""
        new = {each.id: each for each in terms if each.id not in self._stored}
        if not new:
            return ()
        found = await self._read(connection, new)
        self._known |= new
        return [each for each in new.values() if each.id not in found]

    async def _read(self, connection: Connection, ids: Collection[str]) -> Collection[str]:
        if len(self._known) > _MOST:
            self._known.clear()
            self._stored.clear()
        found = await repository.load_terms(connection, ids)
        self._known |= found
        self._stored |= found.keys()
        return found.keys()
