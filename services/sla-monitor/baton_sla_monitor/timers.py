"""What the monitor does by the clock alone: warn, breach, escalate, each at its instant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from baton.flow.database import Database
from baton.flow.unit_of_work import UnitOfWork, Units
from baton.kernel.clock import Clock
from baton.kernel.instants import parse_instant
from baton_sla_monitor import metrics, repository
from baton_sla_monitor.deciding.clock_state import ClockState
from baton_sla_monitor.deciding.firing import fire
from baton_sla_monitor.deciding.transitions import Transition, tell
from baton_sla_monitor.handlers import as_event, count_outcomes
from baton_sla_monitor.shelf import TermsShelf

_AT_ONCE: Final = 200
_LOOK_EVERY: Final = timedelta(seconds=10)


@dataclass(slots=True)
class ClockTimer:
    """Fires clocks. Copies of the service share the work: each claims clocks that no other has in hand."""

    units: Units
    shelf: TermsShelf
    name: str = "sla-clocks"
    due: str = repository.NEXT_DUE

    async def step(self) -> int:
        """Fire what is due. Gives the number of clocks; call again until it is 0."""
        async with self.units.begin() as unit:
            due = await repository.claim_due(unit.connection, now=unit.now, limit=_AT_ONCE)
            moments = [clock.next_at for clock in due if clock.next_at is not None]
            told = await self._fire(due, unit) if due else []
        for moment in moments:
            metrics.firing_lateness.observe((unit.now - moment).total_seconds())
        count_outcomes(told)
        return len(due)

    async def _fire(self, due: Sequence[ClockState], unit: UnitOfWork) -> list[Transition]:
        terms = await self.shelf.find(unit.connection, {clock.terms for clock in due})
        told = [each for clock in due for each in fire(clock, terms[clock.terms], now=unit.now)]
        for telling in tell(sorted(told, key=_moment), terms):
            unit.emit(as_event(telling, unit))
        repository.save_clocks(unit.writes, due)
        return told


@dataclass(slots=True)
class OverdueWatch:
    """Measures for how long the oldest breached clock waits."""

    database: Database
    clock: Clock
    name: str = "sla-overdue"
    due: None = None
    """Nothing follows from it: who drives the clock by hand need not stop for it."""
    _next: datetime | None = None

    async def step(self) -> int:
        now = self.clock.now()
        if self._next is not None and now < self._next:
            return 0
        self._next = now + _LOOK_EVERY
        async with self.database.connection() as connection:
            oldest = await repository.oldest_overdue(connection, now=now)
        metrics.oldest_overdue.set(0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0))
        return 0


def _moment(transition: Transition) -> datetime:
    """What the clock alone brings about has its moment for a cause."""
    return parse_instant(transition.cause)
