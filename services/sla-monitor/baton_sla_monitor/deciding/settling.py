"""From what the facts say to what has to be told: the difference between a course and its clock as told last."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from baton.kernel.instants import format_instant
from baton.leads.events import SlaBreached, SlaCancelled, SlaEvent, SlaMet, SlaMoved, SlaStarted
from baton_sla_monitor.deciding.clock_state import ClockState, Status
from baton_sla_monitor.deciding.courses import Course, Moment, Reason
from baton_sla_monitor.deciding.replaying import Replay
from baton_sla_monitor.deciding.transitions import Transition

_TELLS: Mapping[Status, type[SlaEvent]] = {
    Status.MET: SlaMet,
    Status.BREACHED: SlaBreached,
    Status.CANCELLED: SlaCancelled,
}
NOBODY: Mapping[str, Moment] = {}

_Place = tuple[int, int]
"""The place of the cause among the facts; of one cause, ends come before starts, but for what it starts and ends."""


@dataclass(slots=True)
class Settlement:
    """The clocks as they are from now on, and what is to be told, in the order in which it happened."""

    clocks: list[ClockState] = field(default_factory=list)
    """Only those that changed."""
    retracted: list[ClockState] = field(default_factory=list)
    """Clocks that, as is known now, never began."""
    transitions: list[Transition] = field(default_factory=list)


def settle(
    replay: Replay,
    known: Mapping[str, ClockState],
    *,
    keys: Mapping[str, str],
    now: datetime,
    erased: Mapping[str, Moment] = NOBODY,
) -> Settlement:
    """Bring the `known` clocks of a person in line with the facts. `keys` has the event key of each lead.

    Steps that are due and breaches of clocks that are still open are left to the timer.
    """
    settlement = Settlement()
    placed: list[tuple[_Place, Transition]] = []
    found: set[str] = set()
    for course in replay.courses:
        identity = course.id
        found.add(identity)
        before = known.get(identity)
        began = -1 if before is not None else replay.order[course.began]
        if before is None:
            before = _begun(identity, course, key=keys[course.lead])
            placed.append(((began, 1), Transition(SlaStarted, before, course.start, course.began)))
        told = _follow(settlement, course, before, now=now, is_new=began >= 0)
        if told is not None:
            at = replay.order[told.cause]
            placed.append(((at, 0) if at > began else (began, 2), told))
    for clock in known.values():
        if clock.id not in found:
            _retract(settlement, clock, now=now, erased=erased.get(clock.lead))
    settlement.transitions += [transition for _, transition in sorted(placed, key=lambda each: each[0])]
    return settlement


def _begun(identity: str, course: Course, *, key: str) -> ClockState:
    return ClockState(
        id=identity,
        lead=course.lead,
        key=key,
        terms=course.terms.id,
        policy=course.terms.policy.name,
        start=course.start,
        due=course.due(),
        assignment=course.assignment,
        rep=course.rep,
        holder=course.holder,
        pool=course.pool,
        source=course.source,
        stops=course.stops(),
    )


def _follow(
    settlement: Settlement, course: Course, clock: ClockState, *, now: datetime, is_new: bool
) -> Transition | None:
    """Let a clock become what its course says; gives what is to be told of it."""
    before, as_told = None if is_new else _changeable(clock), (clock.rep, clock.stops)
    _agree(course, clock)
    told_as, clock.status = clock.status, _status(course, clock, now=now)
    ended = _to_tell(course, clock, told_as=told_as, now=now)
    if ended is not None:
        clock.corrected = ended.corrected
        clock.breached_at = now if clock.status is Status.BREACHED else clock.breached_at
    if is_new or _changeable(clock) != before:
        clock.look_ahead(course.terms)
        settlement.clocks.append(clock)
    return ended if ended is not None or (clock.rep, clock.stops) == as_told else _move(course, clock)


def _changeable(clock: ClockState) -> tuple[object, ...]:
    return (
        clock.rep, clock.holder, clock.pool, clock.stops, clock.due, clock.ended_at, clock.reason, clock.status,
        clock.corrected, clock.breached_at,
    )  # fmt: skip


def _agree(course: Course, clock: ClockState) -> None:
    """Take over what the facts say, but for the status."""
    clock.rep, clock.holder, clock.pool = course.rep, course.holder, course.pool
    stops, end = course.stops(), course.ended
    if stops != clock.stops:
        clock.stops, clock.due = stops, course.due()
    is_cancelled = end is not None and end == course.cancelled and end != course.met
    clock.ended_at = None if end is None else end.at
    clock.reason = course.reason if is_cancelled else None


def _status(course: Course, clock: ClockState, *, now: datetime) -> Status:
    """The status that the facts give. An end at the due instant itself is too late."""
    end = course.ended
    if end is None:
        # A pause that was told late may have moved the due time of a breach into the future: then it runs again, and
        # becomes a breach in silence, for that was told. What isn't told yet is left to the timer.
        is_late = clock.breached_at is not None and clock.due is not None and clock.due <= now
        return Status.BREACHED if is_late else Status.RUNNING
    if clock.due is not None and end.at >= clock.due:
        return Status.BREACHED
    return Status.MET if clock.reason is None else Status.CANCELLED


def _to_tell(course: Course, clock: ClockState, *, told_as: Status, now: datetime) -> Transition | None:
    """How it ended, unless that was told."""
    status, end = clock.status, course.ended
    was_told = clock.breached_at is not None and told_as is Status.RUNNING and status is Status.BREACHED
    if end is None or status is told_as or was_told:
        return None
    return Transition(
        _TELLS[status],
        clock,
        now if status is Status.BREACHED else end.at,
        end.fact,
        reason=clock.reason if status is Status.CANCELLED else None,
        corrected=status is Status.MET and clock.breached_at is not None,
    )


def _move(course: Course, clock: ClockState) -> Transition | None:
    """What is to be told of a clock that stands still, goes on or has another rep, as long as that counts."""
    if clock.status is not Status.RUNNING:
        return None
    moved = course.moved or Moment(course.start, course.began)
    return Transition(SlaMoved, clock, moved.at, moved.fact)


def _retract(settlement: Settlement, clock: ClockState, *, now: datetime, erased: Moment | None) -> None:
    """A clock without a course: its lead was erased; or a fact from before its start came late, and it never began.

    Who heard that it began has to hear of its end.
    """
    settlement.retracted.append(clock)
    if clock.status is not Status.RUNNING:
        return
    reason = Reason.REASSIGNED if erased is None else Reason.ERASED
    end = erased or Moment(now, f"retracted at {format_instant(now)}")
    settlement.transitions.append(Transition(SlaCancelled, clock, end.at, end.fact, reason=reason))
