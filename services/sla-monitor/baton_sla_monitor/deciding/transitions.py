"""What is told of a clock, and how: all clocks of one cause and one type share one event."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from baton.kernel.ids import derived_id
from baton.leads.decisions import Clock
from baton.leads.events import SlaCancelled, SlaEscalated, SlaEvent, SlaMet, SlaMoved
from baton.leads.playbook.model import Step
from baton_sla_monitor.deciding.clock_state import ClockState, standstill_of
from baton_sla_monitor.deciding.courses import Reason, percent_used
from baton_sla_monitor.deciding.terms import Terms


@dataclass(frozen=True, slots=True)
class Transition:
    """One clock went on. `at` is when that fired, `cause` the id of the fact, or the instant of a timer."""

    type: type[SlaEvent]
    clock: ClockState
    at: datetime
    cause: str
    reason: Reason | None = None
    corrected: bool = False
    step: Step | None = None
    """Of an escalation; `number` is its place on the ladder."""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Telling:
    """An event to be sent: `sequence` is the version that each of its clocks has now."""

    id: str
    key: str
    data: SlaEvent
    sequence: int
    cause: str


def tell(transitions: Iterable[Transition], terms: Mapping[str, Terms]) -> list[Telling]:
    """One event for each cause, type, lead and assignment, in the order in which these first came.

    The clocks' versions rise with it.
    """
    groups: dict[tuple[object, ...], list[Transition]] = {}
    for transition in transitions:
        groups.setdefault(_group(transition), []).append(transition)
    return [_telling(group, terms) for group in groups.values()]


def _telling(group: Sequence[Transition], terms: Mapping[str, Terms]) -> Telling:
    first = group[0]
    # An event has one version, and each of its clocks must rise with it.
    sequence = 1 + max(each.clock.version for each in group)
    for each in group:
        each.clock.version = sequence
    ids = [each.clock.id for each in group]
    return Telling(
        id=derived_id(first.type.type, first.cause, *_again(first, sequence), *ids),
        key=first.clock.key,
        data=_data(group, terms),
        sequence=sequence,
        cause=first.cause,
    )


def _again(first: Transition, sequence: int) -> tuple[str, ...]:
    """What tells apart what one cause may bring about more than once: steps; moves, where a fact comes late."""
    if first.type is SlaMoved:
        return (str(sequence),)
    return () if first.step is None else (str(first.number),)


def _data(group: Sequence[Transition], terms: Mapping[str, Terms]) -> SlaEvent:
    first = group[0]
    lead, assignment = first.clock.lead, first.clock.assignment
    clocks = [_told(each, terms[each.clock.terms]) for each in group]
    if first.type is SlaMet and first.corrected:
        return SlaMet(lead_id=lead, assignment_id=assignment, clocks=clocks, corrected=True)
    if first.type is SlaCancelled and first.reason is not None:
        return SlaCancelled(lead_id=lead, assignment_id=assignment, clocks=clocks, reason=first.reason.value)
    if first.type is SlaEscalated and first.step is not None:
        return SlaEscalated(
            lead_id=lead, assignment_id=assignment, clocks=clocks, step=first.step.written, do=_do(first.step)
        )
    return first.type(lead_id=lead, assignment_id=assignment, clocks=clocks)


def _group(transition: Transition) -> tuple[object, ...]:
    clock, step = transition.clock, transition.step
    return (
        transition.type.type, transition.cause, clock.lead, clock.assignment, transition.reason, transition.corrected,
        None if step is None else (step.written, repr(step.actions)),
    )  # fmt: skip


def _do(step: Step) -> list[str | dict[str, object]]:
    return [action if isinstance(action, str) else dict(action) for action in step.actions]


def _told(transition: Transition, terms: Terms) -> Clock:
    clock, at = transition.clock, transition.at
    late = 0.0 if clock.due is None else (at - clock.due).total_seconds()
    told = Clock(
        id=clock.id,
        policy=clock.policy,
        rep=(clock.holder if transition.type is SlaEscalated else None) or clock.rep,
        start=clock.start,
        due=clock.due,
        at=at,
        percent=percent_used(clock.start, at, terms=terms, stops=clock.stops),
        lateness=max(late, 0.0),
    )
    stopped = standstill_of(clock, terms, at=at)
    return told if stopped is None else told.model_copy(update={"stopped": stopped})
