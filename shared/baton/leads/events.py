"""Every event of Baton: its type, its topic, its data. One frozen model a type."""

from typing import ClassVar

from pydantic import Field

from baton.leads.decisions import Assignment, Clock, Disposition, Hold, Nurture, Previous, Touch, Trace
from baton.leads.topics import Topic
from baton.leads.values import Activity, Change, Instant, Lead, Score, Value


class EventData(Value):
    """The data of one event type. `schema_version`: a release reads its own and the one before."""

    type: ClassVar[str]
    topic: ClassVar[Topic]
    schema_version: ClassVar[int] = 1

    @property
    def subject(self) -> str | None:
        """The `lead_id` that it speaks of, if any."""
        told = vars(self)  # asked many times a lead: `getattr` for a field that isn't there costs Pydantic an exception
        lead = told.get("lead")
        return lead.lead_id if isinstance(lead, Lead) else told.get("lead_id") or told.get("from_")


class LeadCaptured(EventData):
    """A lead came in. `lead` holds only the fields that were sent."""

    type = "lead.captured"
    topic = Topic.CAPTURED
    lead: Lead
    activity: Activity | None
    at: Instant | None = None
    """When the fields were true, as the sender says; None: when the event was told."""
    changes: list[Change] = Field(default_factory=list)
    proven: bool = True
    """False for a source without proof of origin: its fields only fill empty ones."""
    test: bool = False


class LeadActivity(EventData):
    """A known lead did something."""

    type = "lead.activity"
    topic = Topic.ACTIVITY
    lead_id: str
    account: str | None
    activity: Activity
    by: str | None = None
    """The rep who did it, where a CRM reports a touch as an activity."""


class Meeting(Value):
    """A booked meeting. `host` is the rep's address or id at the booking tool."""

    id: str
    at: Instant
    host: str | None = None
    link: str | None = None


class MeetingBooked(EventData):
    type = "meeting.booked"
    topic = Topic.ACTIVITY
    lead_id: str
    meeting: Meeting
    by: str | None = None
    """Who booked it, where that wasn't the lead: a rep's address, or whoever the booking tool names."""


class MeetingCancelled(EventData):
    type = "meeting.cancelled"
    topic = Topic.ACTIVITY
    lead_id: str
    meeting: Meeting


class Opportunity(Value):
    id: str
    stage: str
    amount: float | None = None
    won: bool | None = None


class OpportunityChanged(EventData):
    type = "opportunity.changed"
    topic = Topic.ACTIVITY
    account: str
    opportunity: Opportunity


class LeadMerged(EventData):
    """`source_lead` is now known as `into`."""

    type = "lead.merged"
    topic = Topic.ACTIVITY
    from_: str = Field(alias="from", serialization_alias="from")
    into: str


class LeadUnmerged(EventData):
    type = "lead.unmerged"
    topic = Topic.ACTIVITY
    from_: str = Field(alias="from", serialization_alias="from")
    into: str


class LeadErased(EventData):
    type = "lead.erased"
    topic = Topic.ACTIVITY
    lead_id: str


class LeadScored(EventData):
    """The whole profile and its score, after what caused it."""

    type = "lead.scored"
    topic = Topic.SCORED
    lead: Lead
    activity: Activity | None
    score: Score
    captured_at: Instant | None = None
    """The instant of the capture that caused it; None if an activity or time alone did."""
    cause: str
    """The id of the event that caused it; a routing decision's identity is derived from it."""
    changes: list[Change] = Field(default_factory=list)
    """What normalising changed in the capture that caused it."""
    test: bool = False


class LeadQualified(EventData):
    """A rise to mql or sql."""

    type = "lead.qualified"
    topic = Topic.SCORED
    lead: Lead
    score: Score
    from_: str = Field(alias="from", serialization_alias="from")
    to: str


class LeadAssigned(EventData):
    type = "lead.assigned"
    topic = Topic.ASSIGNED
    lead: Lead
    score: Score | None
    activity: Activity | None = None
    assignment: Assignment
    trace: Trace


class LeadReassigned(LeadAssigned):
    type = "lead.reassigned"


class LeadHeld(EventData):
    type = "lead.held"
    topic = Topic.ASSIGNED
    lead: Lead
    score: Score | None
    activity: Activity | None = None
    hold: Hold
    previous: Previous | None = None
    trace: Trace


class LeadNurtured(EventData):
    type = "lead.nurtured"
    topic = Topic.ASSIGNED
    lead: Lead
    score: Score | None
    nurture: Nurture
    trace: Trace


class LeadRejected(EventData):
    type = "lead.rejected"
    topic = Topic.ASSIGNED
    lead: Lead
    score: Score | None
    reason: str
    trace: Trace


class LeadAccepted(EventData):
    type = "lead.accepted"
    topic = Topic.WORKED
    lead_id: str
    assignment_id: str
    by: str | None = None


class LeadDeclined(EventData):
    type = "lead.declined"
    topic = Topic.WORKED
    lead_id: str
    assignment_id: str
    by: str | None = None
    reason: str


class LeadTouched(EventData):
    type = "lead.touched"
    topic = Topic.WORKED
    lead_id: str
    assignment_id: str | None
    touch: Touch


class LeadDisposed(EventData):
    type = "lead.disposed"
    topic = Topic.WORKED
    lead_id: str
    assignment_id: str
    disposition: Disposition


class LeadPaused(EventData):
    type = "lead.paused"
    topic = Topic.WORKED
    lead_id: str
    reason: str
    until: Instant | None = None


class LeadResumed(EventData):
    type = "lead.resumed"
    topic = Topic.WORKED
    lead_id: str
    reason: str | None = None
    until: Instant | None = None


class SlaEvent(EventData):
    """All clocks of one cause. The other fields belong to some of the types only."""

    topic = Topic.SLA
    lead_id: str
    assignment_id: str | None = None
    clocks: list[Clock]


class SlaStarted(SlaEvent):
    type = "sla.started"


class SlaMoved(SlaEvent):
    """Running clocks have another due time, because they stand still (`due` is None where no end is known) or go on;
    or another rep, because the lead has.
    """

    type = "sla.moved"


class SlaWarned(SlaEvent):
    type = "sla.warned"


class SlaBreached(SlaEvent):
    type = "sla.breached"


class SlaMet(SlaEvent):
    type = "sla.met"
    corrected: bool = False


class SlaCancelled(SlaEvent):
    type = "sla.cancelled"
    reason: str


class SlaEscalated(SlaEvent):
    """`step` is the step's `after` and `do` its actions, both as the playbook writes them."""

    type = "sla.escalated"
    step: str
    do: list[str | dict[str, object]]


class LeadReferenced(EventData):
    """A CRM sent only an id: ingest reads the record, then captures."""

    type = "lead.referenced"
    topic = Topic.REFERENCED
    source: str
    object: str
    id: str
    at: Instant


class PlaybookPublished(EventData):
    """A playbook's files, zlib-compressed and base64-coded together. Key: the content hash."""

    type = "playbook.published"
    topic = Topic.PLAYBOOK
    hash: str
    version: str
    files: str


class PlaybookActivated(EventData):
    """Which playbook decides from now on. Key: `active`."""

    type = "playbook.activated"
    topic = Topic.PLAYBOOK
    hash: str
    at: Instant
    configured: str | None = None
    """The hash of what was published last from BATON_PLAYBOOK: whatever is published by command carries it along."""


EVENTS: tuple[type[EventData], ...] = (
    LeadReferenced,
    LeadCaptured,
    LeadActivity,
    MeetingBooked,
    MeetingCancelled,
    OpportunityChanged,
    LeadMerged,
    LeadUnmerged,
    LeadErased,
    LeadScored,
    LeadQualified,
    LeadAssigned,
    LeadReassigned,
    LeadHeld,
    LeadNurtured,
    LeadRejected,
    LeadAccepted,
    LeadDeclined,
    LeadTouched,
    LeadDisposed,
    LeadPaused,
    LeadResumed,
    SlaStarted,
    SlaMoved,
    SlaWarned,
    SlaBreached,
    SlaMet,
    SlaCancelled,
    SlaEscalated,
    PlaybookPublished,
    PlaybookActivated,
)
BY_TYPE: dict[str, type[EventData]] = {model.type: model for model in EVENTS}
