"""What is due by the clock alone: warnings, the breach at its exact instant, the ladder after it."""

from datetime import datetime

from baton.kernel.instants import format_instant
from baton.leads.events import SlaBreached, SlaEscalated, SlaWarned
from baton_sla_monitor.deciding.clock_state import ClockState, Status, next_step_due
from baton_sla_monitor.deciding.terms import Terms
from baton_sla_monitor.deciding.transitions import Transition


def fire(clock: ClockState, terms: Terms, *, now: datetime) -> list[Transition]:
    """Move the clock on to `now`: each step of its ladder once, the breach once. Gives what is to be told, in order.

    At one instant the breach comes before the steps.
    """
    told: list[Transition] = []
    while (moment := clock.next_at) is not None and moment <= now:
        if clock.status is Status.RUNNING and moment == clock.due:
            told += _breach(clock, now=now, moment=moment)
        elif moment == next_step_due(clock, terms):
            told += _climb(clock, terms, now=now, moment=moment)
        clock.look_ahead(terms)
    warned: set[str] = set()
    return [each for each in told if each.type is not SlaWarned or _is_first(each.cause, warned)]


def _breach(clock: ClockState, *, now: datetime, moment: datetime) -> list[Transition]:
    clock.status = Status.BREACHED
    if clock.breached_at is not None:
        return []
    clock.breached_at = now
    return [Transition(SlaBreached, clock, now, format_instant(moment))]


def _climb(clock: ClockState, terms: Terms, *, now: datetime, moment: datetime) -> list[Transition]:
    step, number = terms.policy.steps[clock.fired], clock.fired
    clock.fired += 1
    told: list[Transition] = []
    if step.warns:
        told.append(Transition(SlaWarned, clock, now, format_instant(moment)))
    if step.actions:
        told.append(Transition(SlaEscalated, clock, now, format_instant(moment), step=step, number=number))
    return told


def _is_first(moment: str, warned: set[str]) -> bool:
    """A warning and a step at one instant warn once."""
    is_first = moment not in warned
    warned.add(moment)
    return is_first
