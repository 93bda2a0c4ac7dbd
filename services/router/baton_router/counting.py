"""The counters of one transaction: locked before they are read, read before somebody is picked, written at the end.

Several routers share the turns of a pool exactly because each picks under the pool's lock, on what
the one before wrote.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from baton.flow.database import Overtaken
from baton.flow.unit_of_work import UnitOfWork
from baton.flow.writes import Writes
from baton.leads.playbook.model import Caps, Member, Playbook, Pool, Rep
from baton_router import staff_repository as repository
from baton_router.deciding.eligibility import Staff, capped_reps
from baton_router.deciding.ledger import Ledger, Load, TurnKey
from baton_router.deciding.periods import Periods, periods, zone_of
from baton_router.deciding.strategies import STRATEGIES
from baton_router.deciding.values import RepState
from baton_router.staff_repository import LoadQuestion

_NO_CAPS: Final = Caps()
_NOTHING_SAID: Final = RepState()


@dataclass(slots=True)
class Counters:
    """What a batch has locked and read so far. With `lock=False` for a dry run: nothing is locked, nothing written."""

    unit: UnitOfWork
    playbook: Playbook
    states: dict[str, RepState]
    lock: bool = True
    ledger: Ledger = field(default_factory=Ledger)
    pools: set[str] = field(default_factory=set)
    """Those whose counters are here."""
    somebody_waits: bool = False
    """A held lead waited for one of them, and its time had come, when they were locked."""
    _named: set[str] = field(default_factory=set)
    """Reps of whom nothing else is said until the end of the transaction."""
    _loads: set[tuple[str, str | None]] = field(default_factory=set)
    _counted: set[str] = field(default_factory=set)
    """Reps whose open leads over all pools are in the ledger."""

    @property
    def staff(self) -> Staff:
        """The reps as decisions see them."""
        return Staff(self.playbook, self.states, self.ledger, self.unit.now)

    async def have(self, pools: Collection[str], *, reps: Collection[str] = ()) -> None:
        """Have the counters of these pools, and `reps` who are named as they were when this transaction looked first.

        Best asked for all of a batch at once: then nobody waits in a circle.

        Raises:
            Overtaken: something else is said of a named rep by now.
        """
        new = set(pools) - self.pools
        named = set(reps) - self._named if self.lock else set[str]()
        known = [self.playbook.pools[name] for name in sorted(new) if name in self.playbook.pools]
        members = sorted({member.rep for pool in known for member in pool.members})
        if self.lock and (new or named):
            capped = capped_reps(self.playbook, self.states, members)
            locks = {*repository.pool_locks(new), *repository.rep_locks({*capped, *named})}
            await self.unit.begin(locks=sorted(locks))
        before = {rep: self.states.get(rep) for rep in named}
        if new:
            await self._read(new, known)
        elif named:
            self.states |= await repository.load_states(self.unit.connection)
        if any(self.states.get(rep) != state for rep, state in before.items()):
            raise Overtaken("something was said of a rep meanwhile")
        self._named |= named

    async def _read(self, new: set[str], known: Sequence[Pool]) -> None:
        found = await repository.load_turns(self.unit.connection, new, now=self.unit.now)
        turns, somebody_waits, something_is_said = found
        self.ledger.turns.update(turns)
        self.somebody_waits |= somebody_waits
        if something_is_said and self.lock:  # also since this transaction looked first
            self.states |= await repository.load_states(self.unit.connection)
        self.pools |= new
        await self._load({(member.rep, pool.name) for pool in known for member in pool.members})
        by_load = [pool for pool in known if STRATEGIES[pool.strategy].by_load]
        self.ledger.uncounted |= {member.rep for pool in by_load for member in pool.members} - self._counted

    async def lock_pools(self, pools: Collection[str]) -> None:
        """Let nobody pick from these pools until the end of the transaction."""
        new = set(pools) - self.pools
        if new:
            await self.unit.begin(locks=sorted(repository.pool_locks(new)))

    async def have_rep(self, rep: str) -> None:
        """Have the loads of somebody who may be picked without being a member."""
        if rep in self.playbook.reps:
            await self._load({(rep, name) for name in self.pools if name in self.playbook.pools})

    async def count_open(self) -> None:
        """Count the open leads of whoever isn't counted yet.

        Only once a decision asks: most pools that share by load are the overflow of others, and are seldom reached.
        """
        waiting = sorted(self.ledger.uncounted)
        for rep, count in (await repository.count_open(self.unit.connection, waiting)).items():
            self.ledger.load(rep, None).open += count
        self._note_counted(waiting)

    async def give_back(self, rep: str, pool: str | None, *, turn: TurnKey | None, credit: bool = True) -> None:
        """The rep no longer has a lead; with `credit` the turn that it cost is given back."""
        if turn is not None and credit:
            await self.have({turn[0]})
        self.ledger.gave_back(rep, pool, turn=turn, credit=credit)

    def caps_open(self, pool: Pool, member: Member) -> bool:
        """Whether a member of a pool can have only so many open leads."""
        rep = self.playbook.reps[member.rep]
        own = self.states.get(rep.id, _NOTHING_SAID).caps or rep.caps
        return any(caps.open is not None for caps in (own, pool.caps, member.caps))

    def save(self, writes: Writes) -> None:
        """Have the turns that changed written."""
        repository.save_turns(writes, self.ledger.changed())
        self.ledger.forget_changes()

    async def _load(self, places: Collection[tuple[str, str]]) -> None:
        questions = [
            question for question in self._questions(places) if (question.rep, question.pool) not in self._loads
        ]
        found = await repository.load_loads(self.unit.connection, questions)
        for key, load in found.items():
            self._loads.add(key)
            self.ledger.loads[key] = _sum(load, self.ledger.loads.get(key))
        self._note_counted([each.rep for each in questions if each.pool is None and each.count_open])

    def _note_counted(self, reps: Collection[str]) -> None:
        self._counted.update(reps)
        self.ledger.uncounted.difference_update(reps)

    def _questions(self, places: Collection[tuple[str, str]]) -> Iterator[LoadQuestion]:
        """The loads that some cap asks for: counting what nobody compares costs every lead."""
        asked = set[tuple[str, str | None]]()
        staff, calendars = self.staff, self.staff.calendars
        for name, pool_name in sorted(places):
            rep, pool = self.playbook.reps[name], self.playbook.pools[pool_name]
            frame = periods(self.unit.now, zone_of(rep, pool, calendars))
            own = staff.state(name).caps or rep.caps
            for place, caps in ((None, [own]), (pool_name, [pool.caps, _member_caps(pool, rep)])):
                question = _question(name, place, caps, frame)
                if question is not None and (name, place) not in asked:
                    asked.add((name, place))
                    yield question


def _question(rep: str, pool: str | None, caps: list[Caps], frame: Periods) -> LoadQuestion | None:
    starts = (
        (frame.hour, any(each.per_hour is not None for each in caps)),
        (frame.day, any(each.per_day is not None for each in caps)),
        (frame.week, any(each.per_week is not None for each in caps)),
        (frame.month, any(each.per_month is not None for each in caps)),
    )
    since = min((start for start, is_asked in starts if is_asked), default=None)
    opened = any(each.open is not None for each in caps)
    if since is None and not opened:
        return None
    return LoadQuestion(rep, pool, opened, since, frame.hour, frame.day, frame.week, frame.month)


def _member_caps(pool: Pool, rep: Rep) -> Caps:
    return next((member.caps for member in pool.members if member.rep == rep.id), _NO_CAPS)


def _sum(load: Load, more: Load | None) -> Load:
    """What is stored, and what this transaction has added before it was read."""
    if more is None:
        return load
    return Load(
        load.open + more.open,
        load.hour + more.hour,
        load.day + more.day,
        load.week + more.week,
        load.month + more.month,
        load.hour_frees_at,
    )
