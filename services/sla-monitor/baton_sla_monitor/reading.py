"""From an event to the fact in it: what the clocks need to know, and no more."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pydantic import ConfigDict, Field

from baton.flow.deliveries import Delivery
from baton.leads.conditions.condition import Facts
from baton.leads.decisions import CandidateTrace, RuleTrace, SkipCode, Trace
from baton.leads.envelope import Event, read_data
from baton.leads.events import (
    EventData,
    LeadAccepted,
    LeadAssigned,
    LeadCaptured,
    LeadDisposed,
    LeadErased,
    LeadHeld,
    LeadMerged,
    LeadNurtured,
    LeadPaused,
    LeadReassigned,
    LeadRejected,
    LeadResumed,
    LeadTouched,
    LeadUnmerged,
)
from baton.leads.playbook.model import Playbook
from baton.leads.topics import Topic
from baton.leads.values import Reason, Score
from baton_sla_monitor.deciding.facts import Fact, FactKind
from baton_sla_monitor.deciding.terms import Terms, terms_at_assignment, terms_at_capture

OURS: Final = frozenset(
    each.type
    for each in (
        LeadCaptured, LeadMerged, LeadUnmerged, LeadErased, LeadAssigned, LeadReassigned, LeadHeld, LeadNurtured,
        LeadRejected, LeadTouched, LeadAccepted, LeadDisposed, LeadPaused, LeadResumed,
    )
)  # fmt: skip
"""The types of event that may change a clock: those with a fact in them, and erasure."""
_UNREAD: Final = "-"
"""A name that no field has."""
_BY_ALIAS: Final = ConfigDict(populate_by_name=False)
_ONLY_HOURS: Final = frozenset({SkipCode.OUTSIDE_HOURS.value, "outside working hours"})
"""How the router says that nothing but working hours is in the way: by code, or in words for people."""


class _BriefScore(Score):
    model_config = _BY_ALIAS
    reasons: list[Reason] = Field(default_factory=list, validation_alias=_UNREAD)


class _BriefTrace(Trace):
    model_config = _BY_ALIAS
    rules: list[RuleTrace] = Field(default_factory=list, validation_alias=_UNREAD)
    candidates: list[CandidateTrace] = Field(default_factory=list, validation_alias=_UNREAD)


class _BriefAssigned(LeadAssigned):
    """Without the reasons of the score and of the choice: most of its bytes, and no clock's business."""

    score: _BriefScore | None
    trace: _BriefTrace


class _BriefReassigned(LeadReassigned):
    score: _BriefScore | None
    trace: _BriefTrace


_BRIEFLY: Final[Mapping[str, type[EventData]]] = {model.type: model for model in (_BriefAssigned, _BriefReassigned)}


def read_briefly(delivery: Delivery) -> Event:
    """The event, without what no clock depends on. Raises UnreadableEvent."""
    model = _BRIEFLY.get(delivery.head.type)
    return delivery.event if model is None else read_data(delivery.head, delivery.record.value, model=model)


def agreed_terms(event: Event, playbook: Playbook) -> tuple[Terms, ...]:
    """The terms of the clocks that this event may start, by the playbook that is active now."""
    match event.data:
        case LeadCaptured(test=False) as captured:
            known = () if captured.activity is None else (captured.activity,)
            return terms_at_capture(playbook, Facts(lead=captured.lead, now=event.time, activities=known))
        case LeadAssigned() as assigned:
            return terms_at_assignment(playbook, _facts_of(assigned, event), assigned.assignment)
        case _:
            return ()


def read_fact(event: Event, terms: tuple[Terms, ...]) -> Fact | None:
    """The fact in an event; None if no clock cares. Erasure is none: it ends the facts."""
    return _of_router(event, terms) or _of_people(event) or _of_ingest(event, terms)


def _of_ingest(event: Event, terms: tuple[Terms, ...]) -> Fact | None:
    match event.data:
        case LeadCaptured() as captured if terms:
            ids = tuple(each.id for each in terms)
            return replace(
                _fact(event, FactKind.CAPTURED, captured.lead.lead_id), source=captured.lead.source, terms=ids
            )
        case LeadMerged() as merged:
            return replace(_fact(event, FactKind.MERGED, merged.from_), other=merged.into)
        case LeadUnmerged() as unmerged:
            return replace(_fact(event, FactKind.UNMERGED, unmerged.from_), other=unmerged.into)
        case _:
            return None


def _of_router(event: Event, terms: tuple[Terms, ...]) -> Fact | None:
    match event.data:
        case LeadAssigned() as assigned:
            return _assigned(event, assigned, terms)
        case LeadHeld() as held:
            only_hours = held.hold.reason in _ONLY_HOURS
            return replace(_fact(event, FactKind.HELD, held.lead.lead_id), outside_hours=only_hours)
        case LeadNurtured() as nurtured:
            return _fact(event, FactKind.NURTURED, nurtured.lead.lead_id)
        case LeadRejected() as rejected:
            return _fact(event, FactKind.REJECTED, rejected.lead.lead_id)
        case _:
            return None


def _of_people(event: Event) -> Fact | None:
    match event.data:
        case LeadTouched() as touched:
            return _touched(event, touched)
        case LeadAccepted() as accepted:
            return replace(_fact(event, FactKind.ACCEPTED, accepted.lead_id), assignment=accepted.assignment_id)
        case LeadDisposed() as disposed:
            return replace(_fact(event, FactKind.DISPOSED, disposed.lead_id), assignment=disposed.assignment_id)
        case LeadPaused() as paused:
            return replace(_fact(event, FactKind.PAUSED, paused.lead_id), until=paused.until)
        case LeadResumed() as resumed:
            return _fact(event, FactKind.RESUMED, resumed.lead_id)
        case _:
            return None


def _assigned(event: Event, assigned: LeadAssigned, terms: tuple[Terms, ...]) -> Fact:
    assignment = assigned.assignment
    return replace(
        _fact(event, FactKind.ASSIGNED, assigned.lead.lead_id),
        at=assignment.at,
        assignment=assignment.id,
        rep=assignment.nominee or assignment.rep,
        pool=assignment.pool,
        source=assigned.lead.source,
        terms=tuple(each.id for each in terms),
    )


def _touched(event: Event, touched: LeadTouched) -> Fact:
    return replace(
        _fact(event, FactKind.TOUCHED, touched.lead_id),
        at=touched.touch.at,
        assignment=touched.assignment_id,
        channel=touched.touch.kind,
    )


def _fact(event: Event, kind: FactKind, lead: str) -> Fact:
    # Only the router's events carry the lead's version there; others count something else.
    versioned = event.data.topic in {Topic.ASSIGNED, Topic.WORKED}
    sequence = event.sequence if versioned else None
    return Fact(event.id, kind, lead, told=event.time, at=event.time, sequence=sequence)


def _facts_of(assigned: LeadAssigned, event: Event) -> Facts:
    assignment = assigned.assignment
    return Facts(
        lead=assigned.lead,
        now=event.time,
        activities=() if assigned.activity is None else (assigned.activity,),
        score=assigned.score,
        account={} if assigned.trace.account is None else assigned.trace.account.facts,
        territory=assignment.territory,
        segment=assignment.segment,
    )
