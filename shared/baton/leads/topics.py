"""The topics. Each has one writer; all lead topics have the same number of partitions."""

from enum import StrEnum


class Topic(StrEnum):
    """Names as on the bus, before a deployment's prefix."""

    REFERENCED = "baton.leads.referenced"
    CAPTURED = "baton.leads.captured"
    ACTIVITY = "baton.leads.activity"
    SCORED = "baton.leads.scored"
    ASSIGNED = "baton.leads.assigned"
    WORKED = "baton.leads.worked"
    SLA = "baton.sla.events"
    PLAYBOOK = "baton.playbook"
    DEAD_LETTERS = "baton.dead-letters"


LEAD_TOPICS: tuple[Topic, ...] = (
    Topic.REFERENCED,
    Topic.CAPTURED,
    Topic.ACTIVITY,
    Topic.SCORED,
    Topic.ASSIGNED,
    Topic.WORKED,
    Topic.SLA,
)
