"""What ingest does by the clock: forget old answers, join what was left waiting, let go of what was imported."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog
from asyncpg import Record

from baton.flow.budget import Budget, Origin
from baton.flow.bus import BusUnavailable
from baton.flow.database import DatabaseUnavailable, StatementTimedOut
from baton.flow.dead_letters import Failure
from baton.flow.metrics import dead_lettered
from baton.flow.processing import failure_of
from baton.flow.retries import MAX_ATTEMPTS
from baton.flow.unit_of_work import Units
from baton.leads.playbook.model import Playbook
from baton_ingest import IMPORTS, dead_imports, imports, metrics, repository
from baton_ingest.path import Path, emit_waiting

log = structlog.get_logger()

_MINUTE: Final = timedelta(minutes=1)
_LOOK_EVERY: Final = timedelta(seconds=15)
"""A million rows take a tenth of a second to count."""
_WHOLE_TRIES: Final = 3
"""So often a slice that takes too long is tried whole: the database may just be slow. One row is tried as often as a
retry, and dead only if the database has time for its letter."""
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
    """Lets go of what was imported, at the rate of the playbook. What can't be told becomes a dead letter."""

    path: Path
    playbook: Callable[[], Playbook | None]
    name: str = IMPORTS
    due: str = imports.NEXT
    _budget: Budget = field(default_factory=Budget)
    _singly: int = 0
    """So many of a slice that failed have yet to leave one by one."""
    _timeouts: int = 0
    """How many tries in a row took too long."""
    _look_at: datetime | None = None

    async def step(self) -> int:
        """One slice, if its time has come.

        Raises:
            DatabaseUnavailable, BusUnavailable: nothing left; step again later.
            ConsumerPaused: too much can't be told.
        """
        playbook = self.playbook()
        if playbook is None:
            return 0
        left = await self._leave(rate=playbook.bulk_rate)
        await self._look()
        return left

    async def _leave(self, *, rate: int) -> int:
        rows: Sequence[Record] = ()
        most = 1 if self._singly else imports.slice_at(rate)
        try:
            async with self.path.units.begin() as unit:
                rows = await imports.take(unit, self.path, most=most, rate=rate)
                if rows:
                    await imports.tell(unit, self.path, rows)
        except (DatabaseUnavailable, BusUnavailable) as error:
            if not (rows and isinstance(error, StatementTimedOut) and self._is_slow_enough(rows)):
                raise
            await self._part(rows, error)
        except Exception as error:
            if not rows:
                raise
            await self._part(rows, error)  # whatever it is, it belongs to one of them
        else:
            self._timeouts = 0
            self._singly = max(self._singly - len(rows), 0)
        return len(rows)

    def _is_slow_enough(self, rows: Sequence[Record]) -> bool:
        self._timeouts += 1
        return self._timeouts >= (_WHOLE_TRIES if len(rows) > 1 else MAX_ATTEMPTS)

    async def _part(self, rows: Sequence[Record], error: Exception) -> None:
        """Let those that failed together leave one by one, and put the one aside that fails by itself."""
        if len(rows) > 1:
            self._singly = len(rows)
        else:
            await self._bury(rows[0], failure_of(error, attempts=max(1, self._timeouts)))
            self._singly = max(self._singly - 1, 0)
        self._timeouts = 0

    async def _bury(self, row: Record, failure: Failure) -> None:
        async with self.path.units.begin() as unit:
            if not await dead_imports.bury(unit, row["id"], failure):
                return
            self._budget.spend(Origin(source=None, lead=row["lead_id"]), now=unit.now)
        dead_lettered.labels(consumer=self.name).inc()
        log.error("dead_letter", consumer=self.name, topic=dead_imports.TABLE, offset=row["id"], reason=failure.reason)

    async def _look(self) -> None:
        """Now and then: take back what was replayed, and count what waits."""
        now = self.path.units.now()
        if self._look_at is not None and now < self._look_at:
            return
        async with self.path.units.begin() as unit:
            await dead_imports.take_back(unit)
            metrics.imports_waiting.set(await imports.waiting(unit.connection))
        self._look_at = now + _LOOK_EVERY
