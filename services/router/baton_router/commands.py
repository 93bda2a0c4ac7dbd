"""What people do with a lead: each command in one transaction, guarded against acting on what is no longer so."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from baton.flow.unit_of_work import UnitOfWork
from baton.kernel.ids import derived_id
from baton.leads.decisions import Disposition, Touch
from baton.leads.events import LeadAccepted, LeadDeclined, LeadDisposed, LeadPaused, LeadResumed
from baton.leads.playbook.model import Playbook
from baton.service.errors import Refusal
from baton_router.bodies import (
    AcceptBody,
    Command,
    DeclineBody,
    DispositionBody,
    PauseBody,
    ReassignBody,
    ResumeBody,
    TouchBody,
)
from baton_router.deciding.planning import find_rep
from baton_router.desk import Desk
from baton_router.lead_file import Cause, Given, LeadFile, State
from baton_router.reassigning import move, named_pools
from baton_router.touches import person, record_touch

_LATE: Final = timedelta(minutes=15)
_AHEAD: Final = timedelta(minutes=5)
"""A caller's clock may be so far ahead; such a touch counts as made now."""


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a command is for, and the trace that its caller is in."""

    id: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One lead on the desk, and the command's identity."""

    desk: Desk
    file: LeadFile
    cause: Cause

    @property
    def now(self) -> datetime:
        return self.desk.unit.now

    @property
    def given(self) -> Given:
        """The open assignment. Refused with 409 where there is none."""
        if self.file.given is None:
            raise Refusal(409, f"nobody has this lead: it is {self.file.state}")
        return self.file.given

    def by(self, command: Command) -> str | None:
        """Who does it: as said, else nobody in particular."""
        return None if command.by is None else person(command.by, self.desk)


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands on a lead, each in its caller's unit. It gives the lead's file as it is then."""

    playbook: Callable[[], Playbook]

    async def accept(self, unit: UnitOfWork, lead: Named, command: AcceptBody) -> LeadFile:
        """The rep takes it on. Accepting twice is the same as once."""
        async with self._case(unit, lead, command) as case:
            given = case.given
            if given.accepted_at is None:
                case.desk.mark(case.file, accepted_at=case.now)
                data = LeadAccepted(lead_id=case.file.lead_id, assignment_id=given.id, by=case.by(command) or given.rep)
                case.desk.tell(case.file, data, cause=case.cause)
        return case.file

    async def decline(self, unit: UnitOfWork, lead: Named, command: DeclineBody) -> LeadFile:
        """The rep gives it back: somebody else gets it, or it is held while this rep still has it.

        409 where it is held already because they are not to have it any longer.
        """
        async with self._case(unit, lead, command) as case:
            given, file = case.given, case.file
            if file.waiting is not None and given.rep in file.declined | file.missed:
                taken = f"this lead is being taken from {given.rep} already ({file.waiting.why})"
                raise Refusal(409, taken, hint="it is theirs until somebody else can have it")
            file.declined |= {given.rep}
            await case.desk.prepare([(file, case.cause)])
            data = LeadDeclined(
                lead_id=file.lead_id, assignment_id=given.id, by=case.by(command) or given.rep, reason=command.reason
            )
            case.desk.tell(file, data, cause=case.cause)
            await move(case.desk, file, case.cause, why="declined")
        return file

    async def reassign(self, unit: UnitOfWork, lead: Named, command: ReassignBody) -> LeadFile:
        """To a rep who is named, or to whoever is next without the present one."""
        async with self._case(unit, lead, command) as case:
            file, desk = case.file, case.desk
            if file.given is None and (command.rep is None or file.lead is None):
                raise Refusal(409, f"nobody has this lead: it is {file.state}", hint="name the rep who is to have it")
            to = None if command.rep is None else _known_rep(desk, command.rep)
            if to is None:
                file.declined |= {case.given.rep}
                file.changed = True
            await desk.prepare([(file, case.cause)], pools=_pools(case, to))
            is_there = file.given is not None and file.given.rep == to
            if is_there and file.waiting is not None:
                desk.release(file)
                file.state = case.given.state
            elif not is_there and not await move(desk, file, case.cause, why="reassigned", to=to) and to is not None:
                raise Refusal(409, f"{to} can't have this lead now: absent, paused or inactive")
        return file

    async def touch(self, unit: UnitOfWork, lead: Named, command: TouchBody) -> LeadFile:
        """The rep did something, now or up to 15 minutes ago. Told again with its `at`, it is one touch."""
        async with self._case(unit, lead, command) as case:
            given, at = case.given, command.at or case.now
            if at < case.now - _LATE:
                raise Refusal(422, "at: more than 15 minutes ago", hint="what happened earlier is told by the CRM")
            if at > case.now + _AHEAD:
                raise Refusal(422, "at: lies in the future")
            by = case.by(command) or given.rep
            touch = Touch(kind=command.kind, at=min(at, case.now), by=by, note=command.note)
            cause = case.cause if command.at is None else _told_by(case, touch, at=command.at)
            await record_touch(case.desk, case.file, touch, cause)
        return case.file

    async def dispose(self, unit: UnitOfWork, lead: Named, command: DispositionBody) -> LeadFile:
        """The verdict ends the assignment. A lead that was no good costs its rep no turn."""
        async with self._case(unit, lead, command) as case:
            given, file = case.given, case.file
            verdict = Disposition(verdict=command.verdict, reason=command.reason, by=case.by(command) or given.rep)
            await case.desk.close(file, why="disposed", credit=command.verdict == "not_qualified")
            case.desk.release(file)
            file.state, file.answer = State.DISPOSED, None
            file.declined = file.missed = frozenset()
            file.paused_at = file.resume_at = None
            data = LeadDisposed(lead_id=file.lead_id, assignment_id=given.id, disposition=verdict)
            case.desk.tell(file, data, cause=case.cause)
        return file

    async def pause(self, unit: UnitOfWork, lead: Named, command: PauseBody) -> LeadFile:
        """The lead's clocks stand still."""
        async with self._case(unit, lead, command) as case:
            file = case.file
            if file.state in (State.DISPOSED, State.NURTURED, State.REJECTED):
                raise Refusal(409, f"no clock runs for this lead: it is {file.state}")
            if file.paused_at is not None:
                raise Refusal(409, "this lead is paused already", hint="resume it first")
            if command.until is not None and command.until <= case.now:
                raise Refusal(422, "until: lies in the past")
            file.paused_at, file.resume_at = case.now, command.until
            data = LeadPaused(lead_id=file.lead_id, reason=command.reason, until=command.until)
            case.desk.tell(file, data, cause=case.cause)
        return file

    async def resume(self, unit: UnitOfWork, lead: Named, command: ResumeBody) -> LeadFile:
        """They go on."""
        async with self._case(unit, lead, command) as case:
            file = case.file
            if file.paused_at is None:
                raise Refusal(409, "this lead isn't paused")
            file.paused_at = file.resume_at = None
            data = LeadResumed(lead_id=file.lead_id, reason=command.reason, until=None)
            case.desk.tell(file, data, cause=case.cause)
        return file

    @asynccontextmanager
    async def _case(self, unit: UnitOfWork, lead: Named, command: Command) -> AsyncIterator[Case]:
        """The lead, locked and checked against the guard; what is done with it in the block is saved at its end."""
        desk = await Desk.open(unit, self.playbook(), [lead.id])
        file = await found(desk, lead.id, unit)
        guard(file, command.assignment_id)
        # The version is in the moment: it is raised under the lead's lock by whatever happens to the lead.
        cause = Cause(derived_id("command", file.lead_id, file.moment), traceparent=lead.traceparent)
        yield Case(desk, file, cause)
        await desk.save()


async def found(desk: Desk, lead_id: str, unit: UnitOfWork) -> LeadFile:
    """The file of a lead. 404 where nobody knows it, 410 where it was erased, 409 where it isn't scored yet."""
    file = desk.files.get(lead_id)
    if file is not None:
        return file
    if lead_id in desk.erased:
        raise Refusal(410, "this person was erased")
    if await unit.connection.fetchval("select exists (select from timeline where lead_id = $1)", lead_id):
        raise Refusal(409, "this lead has only just been captured: come again", hint="it is being scored")
    raise Refusal(404, "no such lead")


def guard(file: LeadFile, assignment_id: str | None) -> None:
    """Refuse what was meant for an assignment that is no longer the current one."""
    current = None if file.given is None else file.given.id
    if assignment_id is not None and assignment_id != current:
        now = "nobody has the lead" if file.given is None else f"{file.given.rep} has it by {current}"
        raise Refusal(409, f"assignment {assignment_id} is no longer the current one: {now}")


def _told_by(case: Case, touch: Touch, *, at: datetime) -> Cause:
    """What is told again, because its answer was lost, has the same identity."""
    what = (touch.kind, at.astimezone(UTC).isoformat(), str(touch.by), touch.note or "")
    return replace(case.cause, id=derived_id("touch", case.file.lead_id, *what))


def _known_rep(desk: Desk, name: str) -> str:
    rep = find_rep(name, desk.playbook.reps)
    if rep is None:
        raise Refusal(422, f'the playbook knows no rep "{name}"')
    return rep.id


def _pools(case: Case, to: str | None) -> frozenset[str]:
    if to is None or case.file.lead is None:
        return frozenset()
    return named_pools(case.desk, case.desk.request(case.file, case.cause), to)
