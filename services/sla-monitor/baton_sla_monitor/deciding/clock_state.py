"""A clock as it was told last: what is stored, and what the timer fires."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from baton.kernel.segments import Pause
from baton.leads.decisions import Standstill
from baton_sla_monitor.deciding.courses import Reason, standstill, step_due
from baton_sla_monitor.deciding.terms import Terms


class Status(StrEnum):
    RUNNING = "running"
    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class ClockState:
    """One clock. It changes in place, because every lead has several; `version` is raised by each event about it."""

    id: str
    lead: str
    key: str
    """The key of its events."""
    terms: str
    policy: str
    start: datetime
    due: datetime | None
    """The true due time; None while an endless pause stops the clock."""
    assignment: str | None = None
    rep: str | None = None
    """Whose clock it is; of a miss, who missed it."""
    holder: str | None = None
    """Who was given the lead after the miss: the steps that are left are theirs to hear."""
    pool: str | None = None
    source: str | None = None
    stops: tuple[Pause, ...] = ()
    status: Status = Status.RUNNING
    reason: Reason | None = None
    breached_at: datetime | None = None
    """When the breach was told, if one was."""
    ended_at: datetime | None = None
    """When it was met or cancelled; of a breach, when the act came after all. None while it is open."""
    corrected: bool = False
    """A breach that was told and then found to have been met in time."""
    fired: int = 0
    """How many steps of the ladder are done."""
    next_at: datetime | None = None
    """When something of it is due next."""
    version: int = 0
    revision: int | None = None
    """The transaction that wrote it as it was read; None if it is new."""

    @property
    def is_open(self) -> bool:
        """Whether the ladder goes on: nothing has ended the clock."""
        return self.ended_at is None

    @property
    def outcome_at(self) -> datetime | None:
        """When it came to what it is: a miss when the deadline passed. None while it runs."""
        return self.due if self.status is Status.BREACHED else self.ended_at

    def look_ahead(self, terms: Terms) -> None:
        """Find out when something of it is due next."""
        self.next_at = None
        if self.is_open:
            step = next_step_due(self, terms)
            due = self.due if self.status is Status.RUNNING else None
            self.next_at = min((at for at in (step, due) if at is not None), default=None)


def standstill_of(clock: ClockState, terms: Terms, *, at: datetime) -> Standstill | None:
    """How a clock stands still at an instant; None if it runs on, or has ended."""
    if clock.status is not Status.RUNNING or not clock.stops:
        return None
    return standstill(clock.start, at, terms=terms, stops=clock.stops)


def next_step_due(clock: ClockState, terms: Terms) -> datetime | None:
    """When the next step of the ladder is due; None if there is none, or an endless pause stops the clock."""
    if clock.fired >= len(terms.policy.steps):
        return None
    step = terms.policy.steps[clock.fired]
    if step.fraction == 1:
        return clock.due
    return step_due(step, start=clock.start, terms=terms, stops=clock.stops)
