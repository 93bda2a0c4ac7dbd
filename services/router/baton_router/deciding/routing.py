"""The whole decision: plan by the rules, then pick."""

from collections.abc import Sequence

from baton.leads.decisions import CandidateTrace, RuleTrace, Trace
from baton_router.deciding.eligibility import Staff
from baton_router.deciding.picking import Pick, assigned
from baton_router.deciding.planning import (
    CATCH_ALL,
    Plan,
    ToNurture,
    ToPool,
    ToReject,
    ToRep,
    plan,
    plan_catch_all,
    plan_rep,
    pools_of,
)
from baton_router.deciding.telling import taken
from baton_router.deciding.values import Assigned, Decision, Nurtured, Outcome, Rejected, Request

__all__ = ["decide", "plan", "plan_catch_all", "plan_rep", "pools_involved", "reps_named"]


def decide(planned: Plan, request: Request, staff: Staff) -> Decision:
    """Carry out a plan on the ledger of this transaction: turns and loads are raised as a rep is chosen.

    The counters of every pool in `pools_involved` must be in the ledger, and locked against other transactions.

    Raises:
        Uncounted: a pool that shares by load was reached before its members' open leads were counted.
    """
    destination = planned.destination
    if isinstance(destination, ToNurture):
        return _decision(Nurtured(destination.program, planned.rule), planned, staff)
    if isinstance(destination, ToReject):
        return _decision(Rejected(destination.reason, planned.rule), planned, staff)
    if isinstance(destination, ToRep):
        return _to_rep(planned, destination, staff)
    return _to_pool(planned, destination, request, staff)


def pools_involved(planned: Plan, staff: Staff) -> frozenset[str]:
    """Every pool whose counters the decision may read or raise."""
    names = {pool.name for pool in pools_of(planned.destination, staff)}
    catch_all = staff.playbook.catch_all.pool
    if names and catch_all is not None:
        names.add(catch_all)
    return frozenset(names)


def reps_named(planned: Plan, request: Request, staff: Staff) -> frozenset[str]:
    """Reps who may get the lead without being members of a pool involved. The catch-all gets it whatever is said."""
    destination = planned.destination
    if isinstance(destination, ToRep):
        return frozenset() if planned.rule == CATCH_ALL else frozenset({destination.rep.id})
    if not isinstance(destination, ToPool):
        return frozenset()
    members = {member.rep for pool in pools_of(destination, staff) for member in pool.members}
    known = {each.rep for each in (request.neighbour, request.last_rep) if each is not None}
    return frozenset(known - members)


def _to_rep(planned: Plan, destination: ToRep, staff: Staff) -> Decision:
    rep = destination.rep
    reason = "nobody else can have it" if planned.rule == CATCH_ALL else f"{rep.name} is named by the rule"
    outcome = assigned(
        rep, planned, staff, pool=None, rule=planned.rule, reason=reason, turn=None, nominee=destination.nominee
    )
    staff.ledger.took(rep.id, None, turn=None)
    told = reason if destination.nominee is None else f"{reason}; absent, {destination.nominee} stands in"
    return _decision(outcome, planned, staff, candidates=[taken(rep.id, why=told)])


def _to_pool(planned: Plan, destination: ToPool, request: Request, staff: Staff) -> Decision:
    pick = Pick(request, staff, planned)
    if planned.rule == CATCH_ALL:
        outcome: Outcome = pick.from_catch_all_pool(destination.pool)
    else:
        outcome = pick.from_pool(destination)
    if isinstance(outcome, Assigned):
        staff.ledger.took(outcome.rep, outcome.pool, turn=outcome.turn)
    return _decision(outcome, planned, staff, candidates=pick.traces, more_rules=pick.rules)


def _decision(
    outcome: Outcome,
    planned: Plan,
    staff: Staff,
    *,
    candidates: Sequence[CandidateTrace] = (),
    more_rules: Sequence[RuleTrace] = (),
) -> Decision:
    trace = Trace(
        playbook=staff.playbook.hash,
        rules=[*planned.rules, *more_rules],
        candidates=list(candidates),
        account=planned.match.trace,
    )
    return Decision(outcome, trace)
