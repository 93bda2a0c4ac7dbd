"""Where a lead goes that was sent somewhere by name, or that its rep is not to have any longer."""

from dataclasses import replace

from baton.leads.decisions import RuleTrace
from baton_router.deciding.eligibility import Staff
from baton_router.deciding.planning import Plan, ToNurture, ToPool, ToReject
from baton_router.deciding.routing import plan, plan_catch_all, plan_rep
from baton_router.deciding.values import Request
from baton_router.lead_file import LeadFile


def to_named(target: str, request: Request, staff: Staff, *, rule: str) -> Plan | None:
    """A plan for a rep or a pool; None if there is none such, or the rep can't have it."""
    pool = staff.playbook.pools.get(target)
    if pool is None:
        return plan_rep(request, staff, target, rule=rule)
    named = plan_catch_all(request, staff)
    return replace(named, destination=ToPool(pool), rule=rule, rules=(RuleTrace(name=rule, matched=True),))


def to_the_next(file: LeadFile, request: Request, staff: Staff) -> Plan:
    """The next of the same pool, else whom the rules say.

    The rules may ask for the activity that brought the lead, and that is long past: a demo request would no longer be
    one. Whatever they say, a lead that somebody had is not turned away for it.
    """
    given = file.given
    if given is not None and given.assignment.pool is not None:
        planned = to_named(given.assignment.pool, request, staff, rule=given.assignment.rule)
        if planned is not None:
            return planned
    planned = plan(request, staff)
    if given is not None and isinstance(planned.destination, ToNurture | ToReject):
        return plan_catch_all(request, staff)
    return planned
