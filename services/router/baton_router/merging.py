"""Two leads turn out to be one person: one alias, and one open assignment, the older."""

from baton.kernel.ids import derived_id
from baton.leads.envelope import Event
from baton.leads.events import LeadMerged, LeadUnmerged
from baton_router import repository
from baton_router.desk import Desk
from baton_router.lead_file import Cause, LeadFile, State


async def merge(desk: Desk, merged: LeadMerged, event: Event) -> None:
    """Know `from` as `into` from now on. Rows keep their id, so that unmerging only takes the alias away."""
    one, other = desk.file(merged.from_, key=event.key), desk.file(merged.into, key=event.key)
    await repository.add_alias(desk.unit.connection, one.lead_id, into=other.lead_id, at=event.time)
    if one is other:
        return
    await _keep_the_older(desk, one, other)
    _keep_pauses(one, other)
    if one.waiting is not None and other.waiting is None and other.given is None:
        desk.hold_as(other, one.waiting)
    desk.release(one)
    if other.lead is None:
        other.lead = None if one.lead is None else one.lead.model_copy(update={"lead_id": other.lead_id})
        other.score, other.changed = one.score, one.lead is not None
    other.early += one.early
    other.members |= one.members
    for member in one.members:
        desk.files[member] = other


async def unmerge(desk: Desk, unmerged: LeadUnmerged, event: Event) -> None:
    """Let `from` be itself again: each has what is under its own id, and who is left without a rep is routed anew."""
    await repository.drop_alias(desk.unit.connection, unmerged.from_)
    await desk.reload({unmerged.from_, unmerged.into})
    for lead_id in (unmerged.from_, unmerged.into):
        file = desk.files.get(lead_id)
        if file is not None:
            _stand_alone(file)
            if file.state is State.CAPTURED and file.lead is not None:
                cause = Cause(derived_id("unmerged", event.id, lead_id), traceparent=event.traceparent)
                await desk.prepare([(file, cause)])
                await desk.answer(file, cause)


async def _keep_the_older(desk: Desk, one: LeadFile, other: LeadFile) -> None:
    if one.given is None:
        return
    if other.given is None:
        other.given, other.state, other.answer, other.changed = one.given, one.given.state, None, True
        desk.release(other)
    elif one.given.assignment.at < other.given.assignment.at:
        await desk.close(other, why="merged", credit=True)
        other.given, other.state, other.changed = one.given, one.given.state, True
    else:
        await desk.close(one, why="merged", credit=True)


def _keep_pauses(one: LeadFile, other: LeadFile) -> None:
    """A person is paused if either lead was: until both would go on."""
    if one.paused_at is None:
        return
    resumes = (one.resume_at,) if other.paused_at is None else (one.resume_at, other.resume_at)
    ends = [each for each in resumes if each is not None]
    other.paused_at = min(filter(None, (one.paused_at, other.paused_at)))
    other.resume_at = max(ends) if len(ends) == len(resumes) else None
    other.changed = True


def _stand_alone(file: LeadFile) -> None:
    """The state that follows from a lead's own rows."""
    if file.waiting is not None:
        state = State.HELD
    elif file.given is not None:
        state = file.given.state
    elif file.state in (State.ASSIGNED, State.ACCEPTED, State.WORKING, State.HELD):
        state = State.CAPTURED
    else:
        state = file.state
    file.changed = file.changed or state is not file.state
    file.state = state
