"""The course of a clock: what the facts alone say of it, whatever was told of it before."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from baton.kernel.business_time import due, elapsed, fraction_due
from baton.kernel.durations import Duration
from baton.kernel.ids import derived_id
from baton.kernel.segments import Pause
from baton.leads.decisions import Standstill
from baton.leads.playbook.model import Step
from baton_sla_monitor.deciding.facts import Fact
from baton_sla_monitor.deciding.terms import Terms


class Reason(StrEnum):
    """Why a clock was cancelled. The spellings are a contract."""

    NURTURED = "nurtured"
    REJECTED = "rejected"
    DISPOSED = "disposed"
    ERASED = "erased"
    REASSIGNED = "reassigned"
    MERGED = "merged"


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """An instant at which something happened to a clock, and the fact that tells of it."""

    at: datetime
    fact: str


@dataclass(frozen=True, slots=True, order=True)
class HeardTouch:
    """A touch that counts for a clock."""

    at: datetime
    fact: str
    channel: str


@dataclass(slots=True)
class Course:
    """One clock of a policy on a lead, between the fact that began it and whatever ends it."""

    lead: str
    terms: Terms
    start: datetime
    began: str
    """The fact that began it."""
    assignment: str | None
    rep: str | None = None
    holder: str | None = None
    """Who was given the lead after its due time."""
    pool: str | None = None
    source: str | None = None
    pauses: list[Pause] = field(default_factory=list)
    """What people stopped."""
    waits: list[Pause] = field(default_factory=list)
    """While the lead was held for no other reason than working hours."""
    touches: list[HeardTouch] = field(default_factory=list)
    moved: Moment | None = None
    """When it last began to stand still, went on, or passed to another rep."""
    reached: Moment | None = None
    """The act of `to` where that isn't a touch."""
    cancelled: Moment | None = None
    reason: Reason | None = None

    @property
    def id(self) -> str:
        """The same for a policy and what began the clock, however often it is asked."""
        return derived_id("clock", self.terms.policy.name, self.assignment or self.began)

    @property
    def waits_for_touches(self) -> bool:
        return self.terms.policy.touches is not None or self.terms.policy.to == "first_touch"

    @property
    def waits_for_assignment(self) -> bool:
        return self.terms.policy.start == "captured" and self.terms.policy.to == "assigned"

    @property
    def met(self) -> Moment | None:
        """When what was promised was done, in time or not."""
        if not self.waits_for_touches:
            return self.reached
        return _kept(self.touches, self.terms.policy.touches or 1, self.terms.policy.channels or 1)

    @property
    def ended(self) -> Moment | None:
        """What ended it first, the due time aside. Of an act and a cancellation at one instant the act counts."""
        met, cancelled = self.met, self.cancelled
        if met is not None and (cancelled is None or met.at <= cancelled.at):
            return met
        return cancelled

    def due(self) -> datetime | None:
        """The true due time: the target counted on the calendar, moved by the time it stood still."""
        return due(self.start, self.terms.policy.target, self.terms.calendar, self.stops())

    def stops(self) -> tuple[Pause, ...]:
        """The times within its life at which it stood still."""
        if not self.pauses and not self.waits:  # as of most, and asked several times a clock
            return ()
        end = self.ended
        return tuple(
            pause
            for pause in (*self.pauses, *self.waits)
            if (pause.to is None or pause.to > max(self.start, pause.since)) and (end is None or pause.since < end.at)
        )

    def is_running(self, at: datetime) -> bool:
        """Whether it had neither ended nor passed its due time, as far as known."""
        ended = self.ended
        if ended is not None and ended.at <= at:
            return False
        due_at = self.due()
        return due_at is None or at < due_at

    def reach(self, fact: Fact, at: datetime) -> None:
        """What was promised is done."""
        if self.reached is None:
            self.reached = Moment(max(at, self.start), fact.id)

    def cancel(self, fact: Fact, at: datetime, reason: Reason) -> None:
        if self.cancelled is None:
            self.cancelled = Moment(max(at, self.start), fact.id)
            self.reason = reason

    def pass_to(self, fact: Fact) -> None:
        """Be the clock of whoever has the lead now."""
        if fact.rep != self.rep:
            self.moved = Moment(fact.at, fact.id)
        self.rep, self.pool = fact.rep, fact.pool

    def wait(self, fact: Fact) -> None:
        """Stand still while the lead is held, if it doesn't already."""
        if not self.waits or self.waits[-1].to is not None:
            self.waits.append(Pause(fact.told))
            self.moved = Moment(fact.told, fact.id)

    def end_wait(self, fact: Fact) -> None:
        """Go on, as far as the hold is concerned."""
        self.waits = self._cut(self.waits, fact, fact.told)

    def pause(self, fact: Fact) -> None:
        """Stand still, as people want it."""
        self.pauses.append(Pause(fact.at, fact.until))
        self.moved = Moment(fact.at, fact.id)

    def share_pause(self, pause: Pause, fact: Fact) -> None:
        """Stand still from a merge on, because the other lead does."""
        self.pauses.append(Pause(fact.at, pause.to))
        self.moved = Moment(fact.at, fact.id)

    def end_pause(self, fact: Fact) -> None:
        """Go on, as far as people are concerned."""
        self.pauses = self._cut(self.pauses, fact, fact.at)

    def hear(self, touch: Fact) -> None:
        """Count a touch if it belongs here: not before the start, unless it was for this very assignment."""
        if not self.waits_for_touches:
            return
        if touch.at >= self.start or (touch.assignment is not None and touch.assignment == self.assignment):
            self.touches.append(HeardTouch(max(touch.at, self.start), touch.id, touch.channel or ""))

    def _cut(self, stops: list[Pause], fact: Fact, at: datetime) -> list[Pause]:
        rest = [cut(stop, at) for stop in stops]
        if rest != stops:
            self.moved = Moment(at, fact.id)
        return rest


def cut(pause: Pause, at: datetime) -> Pause:
    """A pause that ends now, if it runs."""
    runs = pause.since <= at and (pause.to is None or at < pause.to)
    return Pause(pause.since, at) if runs else pause


def step_due(step: Step, *, start: datetime, terms: Terms, stops: Sequence[Pause]) -> datetime | None:
    """When a step of the ladder is due; None while an endless pause stops the clock."""
    if step.after is not None:
        return due(start, step.after, terms.calendar, stops)
    return fraction_due(start, terms.policy.target, step.fraction or 0.0, terms.calendar, pauses=stops)


def percent_used(start: datetime, at: datetime, *, terms: Terms, stops: Sequence[Pause]) -> int:
    """How much of the target had been used at an instant, in whole percent, rounded down."""
    budget = _budget(start, terms.policy.target, terms)
    if not budget:
        return 100
    if at <= start:  # as of every clock that begins: not worth a look at the calendar
        return 0
    used = elapsed(start, at, terms.calendar, stops)
    # A share of the target is due at a whole microsecond: the one after it belongs to the same percent.
    return int((used.total_seconds() * 1_000_000 + 1) * 100 / budget) if used else 0


def standstill(start: datetime, at: datetime, *, terms: Terms, stops: Sequence[Pause]) -> Standstill | None:
    """How a clock stands still at an instant, or will as is known by then; None if it runs on."""
    lasting = [stop for stop in stops if stop.to is None or stop.to > at]
    if not lasting:
        return None
    since = max(start, min(stop.since for stop in lasting))
    ends = [stop.to for stop in lasting if stop.to is not None]
    used = elapsed(start, since, terms.calendar, stops).total_seconds()
    return Standstill(
        since=since,
        until=max(ends) if len(ends) == len(lasting) else None,
        left=max(_budget(start, terms.policy.target, terms) / 1_000_000 - used, 0.0),
    )


def _budget(start: datetime, target: Duration, terms: Terms) -> float:
    """The target in microseconds of the calendar's time."""
    if target.fixed is not None:
        return target.fixed.total_seconds() * 1_000_000
    end = due(start, target, terms.calendar)
    return 0.0 if end is None else elapsed(start, end, terms.calendar).total_seconds() * 1_000_000


def _kept(touches: Sequence[HeardTouch], count: int, channels: int) -> Moment | None:
    """The touch by which there were enough, on enough channels."""
    if not touches:
        return None
    seen: set[str] = set()
    for number, touch in enumerate(sorted(touches), start=1):
        seen.add(touch.channel)
        if number >= count and len(seen) >= channels:
            return Moment(touch.at, touch.fact)
    return None
