"""What ingest does by the clock: forget old answers, join what was left waiting, let go of what was imported."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from baton.flow.unit_of_work import Units
from baton.leads.playbook.model import Playbook
from baton_ingest import imports, metrics, repository
from baton_ingest.path import Path, emit_waiting

_MINUTE: Final = timedelta(minutes=1)
_COUNT_EVERY: Final = timedelta(seconds=15)
"""A million rows take a tenth of a second to count."""
PASSED: Final = """
delete from ledger l using (
    select source, identity from ledger where repeats_until < $1 limit $2
) old where l.source = old.source and l.identity = old.identity
"""
"""Identities that ceased to count: those of words after ten minutes, those under a key with it.

What has an id of the sender's stays.
"""


@dataclass(slots=True)
class QuarantineTimer:
    """Lets go of what came to wait in the very moment in which its person became known: neither saw the other."""

    units: Units
    name: str = "ingest-quarantine"
    due: None = None
    _next: datetime | None = None

    async def step(self) -> int:
        now = self.units.now()
        if self._next is not None and now < self._next:
            return 0
        async with self.units.begin() as unit:
            waiting = await repository.join_late(unit.connection)
            keys = await repository.accounts(unit.connection, {each.lead_id for each in waiting})
            await emit_waiting(unit, waiting, keys)
        self._next = now + _MINUTE
        return len(waiting)


@dataclass(slots=True)
class ImportTimer:
    """Lets go of what was imported, at the rate of the playbook."""

    path: Path
    playbook: Callable[[], Playbook | None]
    name: str = "ingest-imports"
    due: str = imports.NEXT
    _count_at: datetime | None = None

    async def step(self) -> int:
        """One slice, if its time has come."""
        playbook = self.playbook()
        if playbook is None:
            return 0
        async with self.path.units.begin() as unit:
            left = await imports.leave(unit, self.path, rate=playbook.bulk_rate)
            if self._count_at is None or unit.now >= self._count_at:
                metrics.imports_waiting.set(await imports.waiting(unit.connection))
                self._count_at = unit.now + _COUNT_EVERY
        return left
