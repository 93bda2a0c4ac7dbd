"""What ingest does by the clock: forget answers that nobody can ask for again, join what was left waiting."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from baton.flow.unit_of_work import Units
from baton_ingest import repository
from baton_ingest.idempotency import KEPT
from baton_ingest.path import emit_waiting

_MINUTE: Final = timedelta(minutes=1)
_EVERY: Final = timedelta(hours=1)
_SLICE: Final = 5000

_EXPIRED: Final = """
delete from idempotency i using (
    select caller, path, key from idempotency where answered_at < $1 limit $2
) old where i.caller = old.caller and i.path = old.path and i.key = old.key
"""
_PASSED: Final = """
delete from ledger l using (
    select source, identity from ledger where repeats_until < $1 limit $2
) old where l.source = old.source and l.identity = old.identity
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
class LedgerTimer:
    """Deletes idempotency keys after their seven days, and identities a day after they ceased to count: those of words
    after ten minutes, those under a key after its seven days. What has an id of the sender's stays.
    """

    units: Units
    name: str = "ingest-ledger"
    due: None = None
    """Forgetting is no event: nobody waits for it."""
    _next: datetime | None = None

    async def step(self) -> int:
        """Forget a slice; a full one is followed by the next at once."""
        now = self.units.now()
        if self._next is not None and now < self._next:
            return 0
        async with self.units.begin() as unit:
            answers = await unit.connection.execute(_EXPIRED, now - KEPT, _SLICE)
            identities = await unit.connection.execute(_PASSED, now - timedelta(days=1), _SLICE)
        largest = max(_count(answers), _count(identities))
        if largest < _SLICE:
            self._next = now + _EVERY
            return 0
        return largest


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])
