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
    if target not in staff.playbook.pools:
        return plan_rep(request, staff, target, rule=rule)
    return _to_pool(ToPool(staff.playbook.pools[target], members_only=True), request, staff, rule=rule)


def to_the_next(file: LeadFile, request: Request, staff: Staff) -> Plan:
    """The next of the same pool, else whom the rules say.

    The rules may ask for the activity that brought the lead, and that is long past: a demo request would no longer be
    one. Whatever they say, a lead that somebody had is not turned away for it.
    """
    given = file.given
    same = None if given is None else staff.playbook.pools.get(given.assignment.pool or "")
    if given is not None and same is not None:
        return _to_pool(ToPool(same), request, staff, rule=given.assignment.rule)
    planned = plan(request, staff)
    if given is not None and isinstance(planned.destination, ToNurture | ToReject):
        return plan_catch_all(request, staff)
    return planned


def _to_pool(destination: ToPool, request: Request, staff: Staff, *, rule: str) -> Plan:
    known = plan_catch_all(request, staff)
    return replace(
        known, destination=destination, rule=rule, rules=(RuleTrace(name=rule, matched=True, conditions=[]),)
    )
