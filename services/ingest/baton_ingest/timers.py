"""What ingest does by the clock: forget what nobody can ask for again, join what was left waiting."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from baton.flow.unit_of_work import Units
from baton_ingest import repository
from baton_ingest.path import emit_waiting

_MINUTE: Final = timedelta(minutes=1)
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
