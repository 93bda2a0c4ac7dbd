"""The assignment that a decision makes."""

from datetime import datetime

from baton.kernel.ids import derived_id
from baton.leads.decisions import Assignment, Previous
from baton_router.deciding.values import Assigned
from baton_router.lead_file import Cause


def assignment_of(outcome: Assigned, cause: Cause, *, at: datetime, previous: Previous | None) -> Assignment:
    """The assignment that an outcome makes. Its identity is derived from its cause."""
    return Assignment(
        id=derived_id("assignment", cause.id),
        rep=outcome.rep,
        pool=outcome.pool,
        rule=outcome.rule,
        reason=outcome.reason,
        at=at,
        booking_url=outcome.booking_url,
        previous=previous,
        territory=outcome.territory,
        segment=outcome.segment,
        account=outcome.account,
        nominee=outcome.nominee,
        calendar=outcome.calendar,
        time_zone=outcome.time_zone,
    )
