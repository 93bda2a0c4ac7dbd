"""What the router does by the clock alone: held leads, pauses that end, absences that begin."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from baton.flow.unit_of_work import UnitOfWork, Units
from baton.kernel.ids import derived_id
from baton.leads.events import LeadResumed
from baton.leads.playbook.model import Playbook
from baton_router import repository, staff_repository
from baton_router.deciding.values import RepState
from baton_router.desk import Desk
from baton_router.lead_file import Cause, Given
from baton_router.reassigning import move
from baton_router.staff_repository import RepRow

_AT_ONCE: Final = 200


@dataclass(slots=True)
class HoldTimer:
    """Gives held leads away in order of arrival, as soon as somebody may have them."""

    units: Units
    playbook: Callable[[], Playbook]
    name: str = "router-holds"
    due: str = repository.NEXT_LOOK
    _look_at_all: bool = True
    """Other rules or hours may hold since the holds were written."""

    def playbook_changed(self, _: Playbook) -> None:
        """Look at every held lead under the new rules."""
        self._look_at_all = True

    async def step(self) -> int:
        """Look at those that are due. Gives how many."""
        playbook = self.playbook()
        async with self.units.begin() as unit:
            if self._look_at_all:
                await repository.look_again(unit.connection, now=unit.now)
            pools = await repository.peek_due_pools(unit.connection, now=unit.now)
            looked = await _look_at_held(unit, playbook, pools) if pools else 0
        self._look_at_all = False
        return looked


async def _look_at_held(unit: UnitOfWork, playbook: Playbook, pools: list[str]) -> int:
    """The pools first, then the leads: so nobody who is newer can be given a turn in between."""
    desk = await Desk.open(unit, playbook, ())
    catch_all = playbook.catch_all.pool
    await desk.counters.have({*pools, *([catch_all] if catch_all is not None else [])})
    looked = await desk.answer_held()
    await desk.save()
    return looked


@dataclass(slots=True)
class PauseTimer:
    """Resumes leads whose pause was to end."""

    units: Units
    playbook: Callable[[], Playbook]
    name: str = "router-pauses"
    due: str = repository.NEXT_RESUME

    async def step(self) -> int:
        async with self.units.begin() as unit:
            due = await repository.to_resume(unit.connection, now=unit.now, limit=_AT_ONCE)
            if not due:
                return 0
            desk = await Desk.open(unit, self.playbook(), due)
            for lead_id in due:
                file = desk.files[lead_id]
                cause = Cause(derived_id("resumed", lead_id, file.moment))
                file.paused_at = file.resume_at = None
                desk.tell(file, LeadResumed(lead_id=lead_id, reason="the pause has ended", until=None), cause=cause)
            await desk.save()
        return len(due)


@dataclass(slots=True)
class MoveTimer:
    """Moves leads that nobody touched away from reps who left: `on_absence: reassign`, and whoever is deactivated."""

    units: Units
    playbook: Callable[[], Playbook]
    name: str = "router-moves"
    due: str = staff_repository.NEXT_MOVE
    _look_at_all: bool = True
    """The playbook may have deactivated or dropped somebody."""

    def playbook_changed(self, _: Playbook) -> None:
        self._look_at_all = True

    async def step(self) -> int:
        """Move a slice of one rep's leads. Gives how many were looked at."""
        playbook = self.playbook()
        async with self.units.begin() as unit:
            if self._look_at_all:
                await _note_who_left(unit, playbook)
            due = await staff_repository.reps_to_move(unit.connection, now=unit.now)
            moved = await _move(unit, playbook, due[0]) if due else 0
        self._look_at_all = False
        return moved


async def _note_who_left(unit: UnitOfWork, playbook: Playbook) -> None:
    """Reps with open leads who work them no longer, by the playbook that came."""
    states = await staff_repository.load_states(unit.connection)
    for rep in await staff_repository.reps_with_open(unit.connection):
        if not is_active(playbook, rep, states.get(rep, RepState())):
            row = await staff_repository.load_rep(unit.connection, rep)
            await staff_repository.save_rep(unit.connection, replace(row, move_at=row.move_at or unit.now))


async def _move(unit: UnitOfWork, playbook: Playbook, rep: str) -> int:
    row = await staff_repository.load_rep(unit.connection, rep)
    if row.move_at is None or row.move_at > unit.now:
        return 0  # another copy of the service was faster
    why = why_away(playbook, row, now=unit.now)
    given = [] if why is None else await _untouched(unit, rep, after=row.moved_up_to)
    if given:
        desk = await Desk.open(unit, playbook, [each.lead_id for each in given])
        cases = [(desk.files[each.lead_id], _cause(each.id, row)) for each in given if each.lead_id in desk.files]
        await desk.prepare(cases)
        for file, cause in cases:
            if file.given is not None and file.given.rep == rep and file.waiting is None and file.lead is not None:
                await move(desk, file, cause, why=why or "absent")
        await desk.save()
    row = await staff_repository.load_rep(unit.connection, rep)
    await staff_repository.save_rep(unit.connection, _continued(row, [each.id for each in given], now=unit.now))
    return max(len(given), 1)


async def _untouched(unit: UnitOfWork, rep: str, *, after: str) -> list[Given]:
    return await staff_repository.open_of_rep(unit.connection, rep, untouched=True, after=after, limit=_AT_ONCE)


def _cause(assignment_id: str, row: RepRow) -> Cause:
    return Cause(derived_id("moved", assignment_id, "" if row.move_at is None else row.move_at.isoformat()))


def _continued(row: RepRow, ids: list[str], *, now: datetime) -> RepRow:
    """Where the next slice begins, or when leads are to be moved next."""
    if len(ids) == _AT_ONCE:
        return replace(row, moved_up_to=ids[-1])
    return replace(row, moved_up_to="", move_at=next_absence(row.state, after=now))


def next_absence(state: RepState, *, after: datetime) -> datetime | None:
    """When the next absence without a nominee begins."""
    return min((each.since for each in state.absences if each.nominee is None and each.since > after), default=None)


def why_away(playbook: Playbook, row: RepRow, *, now: datetime) -> str | None:
    """Why a rep's untouched leads are to be moved, if they are."""
    if not is_active(playbook, row.rep, row.state):
        return "inactive"
    absence = row.state.absence_at(now)
    is_away = absence is not None and absence.nominee is None
    return "absent" if is_away and playbook.on_absence == "reassign" else None


def is_active(playbook: Playbook, rep: str, state: RepState) -> bool:
    """Whether a rep works leads: by what was said last, else by the playbook."""
    known = playbook.reps.get(rep)
    if known is None:
        return False
    return known.active if state.active is None else state.active
