"""All that happened to a lead, in order: a consumer of its own that writes down what everybody tells.

The lead page and the live streams read from here, never from the tables by which leads are routed.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import orjson

from baton.flow.deliveries import Delivery
from baton.flow.unit_of_work import UnitOfWork
from baton.leads.decisions import Assignment
from baton.leads.events import (
    LeadAssigned,
    LeadErased,
    LeadHeld,
    LeadMerged,
    LeadReassigned,
    LeadReferenced,
    LeadScored,
    LeadUnmerged,
    OpportunityChanged,
    SlaEscalated,
    SlaEvent,
)
from baton.leads.values import Value
from baton_router import timeline_repository as repository
from baton_router.timeline_repository import ClockRow, Entry

_RANKS: Final = {
    "lead.captured": 0,
    "lead.scored": 2,
    "lead.qualified": 3,
    "sla.warned": 4,
    "sla.breached": 4,
    "sla.escalated": 5,
    "lead.declined": 6,
    "lead.assigned": 7,
    "lead.reassigned": 7,
    "lead.held": 7,
    "lead.nurtured": 7,
    "lead.rejected": 7,
    "sla.cancelled": 8,
    "sla.met": 8,
    "sla.started": 8,
    "sla.moved": 8,
}
"""What goes first of a batch at one instant: on a hand-driven clock a whole chain of causes has the same time.

Of one rank it is what was told first: a clock starts before it ends, and another one after that.
"""
_RANK_OF_OTHERS: Final = 6
_RANK_OF_ACTIVITIES: Final = 1
_ACTIVITIES: Final = frozenset({"lead.activity", "meeting.booked", "meeting.cancelled", "lead.merged", "lead.unmerged"})

_STATUS: Final = {
    "sla.started": "running",
    "sla.moved": "running",
    "sla.warned": "running",
    "sla.breached": "breached",
    "sla.met": "met",
    "sla.cancelled": "cancelled",
}
"""What is told of how a clock stands. An escalation is of a step, and names who has the lead by then."""

_NOBODYS: Final = frozenset({LeadReferenced.type, OpportunityChanged.type})
"""A reference names no lead yet; a company's opportunity is not one person's story."""
_OF_CLOCKS: Final = frozenset({SlaEscalated.type, *_STATUS})
_WITH_REPS: Final = frozenset({LeadAssigned.type, LeadReassigned.type, LeadHeld.type, *_OF_CLOCKS})
"""Events that a rep's stream shows. The data of the others is kept as it came, without being read."""


class _Assigned(Value):
    """What a stream needs of an assignment. The trace beside it is long, and validated by nobody but its writer."""

    assignment: Assignment


async def keep_timeline(deliveries: Sequence[Delivery], unit: UnitOfWork) -> None:
    """Write down every event of the batch. The handler of the timeline's consumer.

    It may be given an event again: an entry is written once, and a clock never goes back.
    """
    told = sorted((delivery for delivery in deliveries if delivery.head.type not in _NOBODYS), key=_order)
    erased = await repository.erased_at(unit.connection, {delivery.subject for delivery in told})
    for delivery in told:
        if delivery.head.type == LeadErased.type:
            at = delivery.head.time
            erased[delivery.subject] = max(at, erased.get(delivery.subject, at))
            await repository.erase(unit.connection, delivery.subject, at=at)
    kept = [each for each in told if not _is_forgotten(each, erased)]
    clocks = _clocks(each for each in kept if each.head.type in _STATUS)
    await repository.append(unit.connection, [entry for each in kept for entry in _entries(each)], clocks)


def _is_forgotten(delivery: Delivery, erased: dict[str, datetime]) -> bool:
    at = erased.get(delivery.subject)
    if at is None:
        return False
    data = delivery.event.data
    told = data.captured_at if isinstance(data, LeadScored) and data.captured_at is not None else delivery.event.time
    return told <= at


def _order(delivery: Delivery) -> tuple[datetime, int, int]:
    head = delivery.head
    rank = _RANK_OF_ACTIVITIES if head.type in _ACTIVITIES else _RANKS.get(head.type, _RANK_OF_OTHERS)
    return head.time, rank, delivery.record.offset


def _told(delivery: Delivery) -> tuple[datetime, int, int]:
    """By instant, then as the monitor told it: a clock that began and ended at one instant has ended."""
    return delivery.head.time, delivery.head.sequence or 0, delivery.record.offset


def _entries(delivery: Delivery) -> list[Entry]:
    """One for each lead whose story this is part of: a merge belongs to two."""
    head = delivery.head
    leads = [delivery.subject]
    if head.type in (LeadMerged.type, LeadUnmerged.type) and isinstance(delivery.event.data, LeadMerged | LeadUnmerged):
        leads.append(delivery.event.data.into)
    reps = _reps(delivery) if head.type in _WITH_REPS else set[str]()
    return [
        Entry(
            lead_id=lead_id,
            at=head.time,
            type=head.type,
            event_id=head.id,
            data=delivery.record.value,
            reps=tuple(sorted(reps)),
        )
        for lead_id in leads
    ]


def _reps(delivery: Delivery) -> set[str]:
    """Whose stream shows this."""
    if delivery.head.type in (LeadAssigned.type, LeadReassigned.type):
        assignment = _Assigned.model_validate_json(delivery.record.value).assignment
        before = None if assignment.previous is None else assignment.previous.rep
        return {rep for rep in (assignment.rep, assignment.nominee, before) if rep is not None}
    match delivery.event.data:
        case LeadHeld(previous=previous) if previous is not None:
            return {previous.rep}
        case SlaEvent(clocks=clocks):
            return {clock.rep for clock in clocks if clock.rep is not None}
        case _:
            return set()


def _clocks(deliveries: Iterable[Delivery]) -> list[ClockRow]:
    """The last state of each clock that these tell of."""
    rows: dict[str, ClockRow] = {}
    for delivery in sorted(deliveries, key=_told):
        data = delivery.event.data
        if isinstance(data, SlaEvent):
            written = orjson.loads(delivery.record.value or b"")["clocks"]
            for clock, as_told in zip(data.clocks, written, strict=True):
                rows[clock.id] = ClockRow(
                    id=clock.id,
                    lead_id=data.lead_id,
                    policy=clock.policy,
                    rep=clock.rep,
                    told=delivery.head.time,
                    version=delivery.head.sequence or 0,
                    status=_STATUS[delivery.head.type],
                    data=orjson.dumps(as_told),  # as it came: to write it out from its model takes far longer
                )
    return list(rows.values())
