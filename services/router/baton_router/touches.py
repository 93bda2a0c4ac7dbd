"""Touches: what people did for a lead, told here, by a CRM or by a booking tool."""

from typing import Final, cast, get_args

from baton.leads.decisions import Touch
from baton.leads.envelope import Event
from baton.leads.events import LeadActivity, LeadTouched, MeetingBooked
from baton_router import repository
from baton_router.deciding.planning import find_rep
from baton_router.desk import Desk
from baton_router.lead_file import Cause, EarlyTouch, Given, LeadFile

KINDS: Final[frozenset[str]] = frozenset(get_args(Touch.model_fields["kind"].annotation))


def is_touch(event: Event) -> bool:
    """Whether an event may report a touch. Without a person (`by`) it was a machine, or the lead: that is none."""
    match event.data:
        case LeadActivity(activity=activity, by=str()):
            return activity.kind in KINDS
        case MeetingBooked(by=str()):
            return True
        case _:
            return False


def touch_in(event: Event, desk: Desk) -> Touch | None:
    """The touch that an event reports, if it does."""
    match event.data:
        case LeadActivity(activity=activity, by=str(by)) if activity.kind in KINDS:
            note = activity.data.get("note")
            return Touch(
                kind=cast("Touch", activity).kind,
                at=activity.at,
                by=person(by, desk),
                note=note if isinstance(note, str) else None,
            )
        case MeetingBooked(by=str(by)) if (rep := find_rep(by, desk.playbook.reps)) is not None:
            # A rep's booking is the touch. Whoever else booked it may be a colleague of the lead.
            return Touch(kind="meeting", at=event.time, by=rep.id, note=None)
        case _:
            return None


def person(by: str, desk: Desk) -> str:
    """A rep's id where an address or a CRM's id of theirs was given; else as it is."""
    rep = find_rep(by, desk.playbook.reps)
    return by if rep is None else rep.id


async def record_touch(desk: Desk, file: LeadFile, touch: Touch, cause: Cause) -> None:
    """Tell a touch with the assignment that it belongs to; without one it waits for it."""
    given = await _belongs_to(desk, file, touch)
    if given is None:
        desk.wait_for_assignment(file.lead_id, EarlyTouch(cause.id, touch, desk.unit.now))
        return
    desk.tell(file, LeadTouched(lead_id=file.lead_id, assignment_id=given.id, touch=touch), cause=cause)
    if given is file.given and file.waiting is not None and file.waiting.why == "missed":
        desk.release(file)  # the rep works it after all: no further step is taken
        file.state = given.state
    began = given.assignment.at.replace(microsecond=0)  # many tell whole seconds
    if given is file.given and touch.at >= began and given.touched_at is None:
        desk.mark(file, touched_at=touch.at)


async def _belongs_to(desk: Desk, file: LeadFile, touch: Touch) -> Given | None:
    """The assignment that covers the touch's instant, else the open one."""
    given = file.given
    if given is not None and given.covers(touch.at):
        return given
    before = await repository.assignments_of(desk.unit.connection, file.members)
    covering = next((each for each in before if each.closed_at is not None and each.covers(touch.at)), None)
    return covering or given
