"""A lead goes from one rep to another: by an SLA, a person, an absence or a better score."""

from collections.abc import Iterator, Mapping
from typing import Final

from baton.leads.events import SlaEscalated
from baton_router.deciding.planning import Plan, ToPool, ToRep, pools_of
from baton_router.deciding.routing import plan_catch_all, pools_involved
from baton_router.deciding.values import Request
from baton_router.desk import Desk
from baton_router.destinations import to_named, to_the_next
from baton_router.lead_file import Cause, LeadFile

CATCH_ALL: Final = "catch_all"
_ESCALATION: Final = "escalation"


async def escalate(desk: Desk, escalated: SlaEscalated, cause: Cause) -> None:
    """Carry out what a step of an SLA policy asks of the router, unless the lead has changed hands since."""
    file = desk.files.get(escalated.lead_id)
    targets = list(_targets(escalated))
    if file is None or file.lead is None or not targets:
        return
    given = file.given
    if _is_over(escalated, None if given is None else given.id, desk):
        return
    if given is not None:
        file.missed |= {given.rep}
        file.changed = True
    elif file.waiting is None and targets[0] is None:
        return  # nobody has it and it waits for nobody: there is nothing to take away
    request = desk.request(file, cause)
    planned = _planned(desk, file, request, targets[0])
    await desk.answer(file, cause, planned=planned, why="missed")


def _is_over(escalated: SlaEscalated, current: str | None, desk: Desk) -> bool:
    """Whether the step is of an assignment that is no longer the lead's. A clock that doesn't restart goes on."""
    if escalated.assignment_id is None or escalated.assignment_id == current:
        return False
    goes_on = {policy.name for policy in desk.playbook.sla if not policy.restart}
    return current is None or not any(clock.policy in goes_on for clock in escalated.clocks)


def is_for_the_router(escalated: SlaEscalated) -> bool:
    """Whether a step asks for anything but telling somebody."""
    return any(True for _ in _targets(escalated))


def escalation_pools(escalated: SlaEscalated, desk: Desk) -> frozenset[str]:
    """The pools that a step may need beside those of the rules."""
    catch_all = desk.playbook.catch_all.pool
    return frozenset() if catch_all is None or not is_for_the_router(escalated) else frozenset({catch_all})


async def reroute(desk: Desk, file: LeadFile, cause: Cause) -> None:
    """Send an assigned lead through the rules again; whom they still mean keeps it."""
    given = file.given
    assert given is not None
    planned = desk.plan(desk.request(file, cause))
    if not _still_means(desk, planned, pool=given.assignment.pool, rep=given.rep):
        await desk.answer(file, cause, planned=planned, why="rerouted")


async def move(desk: Desk, file: LeadFile, cause: Cause, *, why: str, to: str | None = None) -> bool:
    """Give a lead to somebody else: `to` a rep or a pool, or whoever the rules and the turn say.

    Gives False if all stays as it is, or `to` can't have it.
    """
    request, staff = desk.request(file, cause), desk.counters.staff
    planned = to_named(to, request, staff, rule=why) if to is not None else to_the_next(file, request, staff)
    return planned is not None and await desk.answer(file, cause, planned=planned, why=why)


def _planned(desk: Desk, file: LeadFile, request: Request, target: str | None) -> Plan:
    """Where an escalation sends a lead; to nobody in particular: to the next."""
    staff = desk.counters.staff
    if target is None:
        return to_the_next(file, request, staff)
    if target == CATCH_ALL:
        return plan_catch_all(request, staff)
    return to_named(target, request, staff, rule=_ESCALATION) or to_the_next(file, request, staff)


def named_pools(desk: Desk, request: Request, target: str) -> frozenset[str]:
    """The pools that are needed to give a lead to a rep or a pool."""
    planned = to_named(target, request, desk.counters.staff, rule="named")
    return frozenset() if planned is None else pools_involved(planned, desk.counters.staff)


def _still_means(desk: Desk, planned: Plan, *, pool: str | None, rep: str) -> bool:
    destination = planned.destination
    if isinstance(destination, ToRep):
        return destination.rep.id == rep
    return isinstance(destination, ToPool) and pool in {
        each.name for each in pools_of(destination, desk.counters.staff)
    }


def _targets(escalated: SlaEscalated) -> Iterator[str | None]:
    """Whom each action of ours names; None: whoever is next."""
    for action in escalated.do:
        if action == "reassign":
            yield None
        elif isinstance(action, Mapping) and "assign" in action:
            yield str(action["assign"])
