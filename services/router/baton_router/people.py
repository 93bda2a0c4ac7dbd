"""What is said of reps, and what follows: who is away, who moves on, who takes over."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from baton.flow.unit_of_work import UnitOfWork, Units
from baton.kernel.ids import derived_id
from baton.kernel.instants import format_instant
from baton.leads.playbook.model import Caps, Playbook, Rep
from baton.service.errors import Refusal
from baton_router import repository, staff_repository
from baton_router.bodies import AbsenceBody, HandoverBody, RepPatch
from baton_router.deciding.planning import find_rep
from baton_router.deciding.values import Absence, RepState
from baton_router.desk import Desk
from baton_router.lead_file import Cause
from baton_router.reassigning import move, named_pools
from baton_router.timers import is_active, next_absence

_AT_ONCE: Final = 200
_MOST_SLICES: Final = 5000


@dataclass(frozen=True, slots=True)
class People:
    """The calls on reps."""

    units: Units
    playbook: Callable[[], Playbook]

    async def patch(self, unit: UnitOfWork, rep_id: str, said: RepPatch) -> dict[str, object]:
        """Replace what is named. Gives the rep as they are now."""
        playbook = self.playbook()
        rep = known_rep(playbook, rep_id)
        row = await staff_repository.load_rep(unit.connection, rep.id)
        state = patched(row.state, said, playbook)
        if any(absence.nominee == rep.id for absence in state.absences):
            raise Refusal(422, f"absences: {rep.id} can't stand in for {rep.id}")
        row = replace(row, state=state, move_at=_move_at(playbook, rep, state, now=unit.now), moved_up_to="")
        pools = [pool.name for pool in playbook.pools.values() if any(m.rep == rep.id for m in pool.members)]
        # Whoever picks under these locks reads what is said of reps: nobody picks any more by what was said before.
        locks = [*staff_repository.pool_locks(pools), *staff_repository.rep_locks([rep.id])]
        await unit.begin(locks=sorted(locks))
        await staff_repository.save_rep(unit.connection, row)
        await repository.look_again(unit.connection, now=unit.now, pools=pools)
        opened = (await staff_repository.reps_with_open(unit.connection)).get(rep.id, 0)
        return shown(playbook, rep, state, opened=opened, now=unit.now)

    async def hand_over(self, rep_id: str, body: HandoverBody) -> dict[str, object]:
        """Move all open leads of a rep, also of one whom the playbook has dropped, to a rep or a pool."""
        playbook = self.playbook()
        to = _target(playbook, body.to)
        known = find_rep(rep_id, playbook.reps)
        rep_id = rep_id if known is None else known.id
        if to == rep_id:
            raise Refusal(422, f"{rep_id} can't hand over to {rep_id}")
        moved, after = 0, ""
        for _ in range(_MOST_SLICES):
            one = partial(_hand_over, playbook=playbook, rep=rep_id, to=to, after=after)
            count, after = await self.units.carry_out(one)
            moved += count
            if not after:
                break
        async with self.units.database.connection() as connection:
            left = (await staff_repository.reps_with_open(connection)).get(rep_id, 0)
        if known is None and not moved and not left:
            raise Refusal(404, f'there is no rep "{rep_id}", and nobody of that name has open leads')
        return {"rep": rep_id, "to": body.to, "moved": moved, "left": left}


async def _hand_over(unit: UnitOfWork, *, playbook: Playbook, rep: str, to: str, after: str) -> tuple[int, str]:
    """Some of the leads. Gives how many moved, and the last of these assignments; behind all there are "" is that."""
    given = await staff_repository.open_of_rep(unit.connection, rep, untouched=False, after=after, limit=_AT_ONCE)
    if not given:
        return 0, ""
    desk = await Desk.open(unit, playbook, [each.lead_id for each in given])
    cases = [
        (file, Cause(derived_id("handover", each.id, to)))
        for each in given
        if (file := desk.files.get(each.lead_id)) is not None and file.lead is not None and file.given is not None
    ]
    pools = named_pools(desk, desk.request(*cases[0]), to) if cases else frozenset()
    await desk.prepare(cases, pools=pools)
    moved = 0
    for file, cause in cases:
        if file.given is not None and file.given.rep == rep:
            file.declined |= {rep}  # they go, whatever pool the leads come to
            moved += await move(desk, file, cause, why="handover", to=to)
    await desk.save()
    return moved, given[-1].id


def _target(playbook: Playbook, to: str) -> str:
    if to in playbook.pools:
        return to
    rep = find_rep(to, playbook.reps)
    if rep is None:
        raise Refusal(422, f'the playbook knows neither a rep nor a pool "{to}"')
    return rep.id


def known_rep(playbook: Playbook, rep_id: str) -> Rep:
    """A rep by id or email address; 404 for anybody else."""
    wanted = rep_id.casefold()
    rep = playbook.reps.get(rep_id) or next((r for r in playbook.reps.values() if r.email.casefold() == wanted), None)
    if rep is None:
        raise Refusal(404, f'the playbook knows no rep "{rep_id}"')
    return rep


def patched(state: RepState, said: RepPatch, playbook: Playbook) -> RepState:
    """What is said of a rep once this was said too. What isn't named stays; null is the playbook's again."""
    names = said.model_fields_set
    if "paused" in names:
        state = replace(state, paused=bool(said.paused))
    if "active" in names:
        state = replace(state, active=said.active)
    if "caps" in names:
        state = replace(state, caps=None if said.caps is None else Caps(**said.caps.model_dump()))
    if "absences" in names:
        state = replace(state, absences=tuple(_absence(each, playbook) for each in said.absences or ()))
    return state


def _absence(body: AbsenceBody, playbook: Playbook) -> Absence:
    if body.to <= body.from_:
        raise Refusal(422, "absences: `to` must be after `from`")
    nominee = None if body.nominee is None else known_nominee(playbook, body.nominee)
    return Absence(body.from_.astimezone(UTC), body.to.astimezone(UTC), nominee)


def known_nominee(playbook: Playbook, nominee: str) -> str:
    """The id of who stands in."""
    try:
        return known_rep(playbook, nominee).id
    except Refusal:
        raise Refusal(422, f'absences: the playbook knows no rep "{nominee}"') from None


def _move_at(playbook: Playbook, rep: Rep, state: RepState, *, now: datetime) -> datetime | None:
    """When leads that nobody touched are to be moved: at once from who left, else when the next absence begins."""
    current = state.absence_at(now)
    if not is_active(playbook, rep.id, state) or (current is not None and current.nominee is None):
        return now
    return next_absence(state, after=now)


def shown(playbook: Playbook, rep: Rep, state: RepState, *, opened: int, now: datetime) -> dict[str, object]:
    """A rep as they are answered."""
    caps = state.caps or rep.caps
    absence = state.absence_at(now)
    benched = state.benched_until
    return {
        "id": rep.id,
        "name": rep.name,
        "email": rep.email,
        "role": rep.role,
        "active": is_active(playbook, rep.id, state),
        "paused": state.paused,
        "absent": absence is not None,
        "absences": [
            {
                "from": format_instant(each.since),
                "to": None if each.until is None else format_instant(each.until),
                "nominee": each.nominee,
            }
            for each in state.absences
        ],
        "benched_until": None if benched is None or benched <= now else format_instant(benched),
        "caps": {name: getattr(caps, name) for name in Caps.__slots__},
        "pools": [pool.name for pool in playbook.pools.values() if any(m.rep == rep.id for m in pool.members)],
        "open": opened,
    }
