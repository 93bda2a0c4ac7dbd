"""Where leads are given to people: one transaction's files, decisions and what is told of them.

A handler, a command and a timer all work at a desk: open it for some leads, have what decisions need looked up and
locked for all of them at once (`prepare`), decide in order, save.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Self

import orjson

from baton.flow.unit_of_work import UnitOfWork
from baton.kernel.ids import derived_id
from baton.leads.decisions import Hold, Nurture, Previous, Trace
from baton.leads.envelope import Event
from baton.leads.events import (
    EventData,
    LeadAssigned,
    LeadHeld,
    LeadNurtured,
    LeadReassigned,
    LeadRejected,
    LeadTouched,
)
from baton.leads.playbook.model import Playbook
from baton.leads.values import Lead
from baton_router import repository, reviews, staff_repository
from baton_router.assignments import assignment_of
from baton_router.counting import Counters
from baton_router.deciding.ledger import Uncounted
from baton_router.deciding.planning import Plan, ToPool, pools_of
from baton_router.deciding.routing import decide, plan, plan_catch_all, pools_involved, reps_named
from baton_router.deciding.values import Assigned, Decision, Held, Nurtured, Rejected, Request
from baton_router.destinations import to_the_next
from baton_router.lead_file import Cause, EarlyTouch, Given, LeadFile, State, Waiting
from baton_router.repository import Glance, Opened
from baton_router.surroundings import Surroundings

SOURCE: Final = "/baton/router"
_LEAST_LOOK: Final = timedelta(seconds=1)
"""A held lead isn't looked at more often, whatever a decision says."""
_TOLD_OUT_OF_ORDER: Final = timedelta(minutes=5)
"""A touch so long before its assignment is the first of it, told by a clock or a topic that ran ahead."""
_HELD_SLICE: Final = 100
_HELD_AT_ONCE: Final = 500
"""In one transaction: more of them wait for the next."""


@dataclass(slots=True)
class Desk:
    """Files by the id of a lead and of those merged into it; what was decided waits for `save`."""

    unit: UnitOfWork
    playbook: Playbook
    counters: Counters
    around: Surroundings
    files: dict[str, LeadFile]
    erased: dict[str, datetime]
    unclaimed: dict[str, list[EarlyTouch]] = field(default_factory=dict)
    """Touches of leads that have no file yet."""
    _added: dict[str, Given] = field(default_factory=dict)
    _updated: dict[str, Given] = field(default_factory=dict)
    _released: set[str] = field(default_factory=set)
    _freed: set[str] = field(default_factory=set)
    """Reps who have a lead less: who waits for their cap may have a chance now."""
    _early: list[tuple[str, EarlyTouch]] = field(default_factory=list)
    _early_told: list[str] = field(default_factory=list)
    _reviews: dict[str, Trace] = field(default_factory=dict)
    _held: dict[str, None] = field(default_factory=dict)
    """Leads that were held, in the order of their arrival."""
    _plans: dict[str, tuple[Request, Plan]] = field(default_factory=dict)
    """What `prepare` has planned, by cause."""

    @classmethod
    async def open(cls, unit: UnitOfWork, playbook: Playbook, leads: Collection[str], *, lock: bool = True) -> Self:
        """A desk with the files of these leads, locked. `lock=False` for a dry run, which must not save."""
        seen, opened = await repository.open_desk(unit.connection, leads, lock=lock)
        return await cls._at(unit, playbook, seen, opened, lock=lock)

    @classmethod
    async def open_for_captures(cls, unit: UnitOfWork, playbook: Playbook, leads: Sequence[Lead]) -> Self:
        """As `open`. Most who are captured are strangers: then nothing is locked before a pool is."""
        ids = {lead.lead_id for lead in leads}
        around = {value for lead in leads for value in (lead.account, lead.phone) if value is not None}
        seen = await repository.glance(unit.connection, ids, around=around)
        opened = Opened({}, {}, {})
        if seen.only_strangers and not unit.has_begun:
            repository.check_strangers(unit.writes, ids)
        else:
            await unit.begin()
            opened = await repository.open_files(unit.connection, ids, aliases=seen.aliases)
        desk = await cls._at(unit, playbook, seen, opened)
        if not seen.neighbours:
            desk.around.nobody_has(around)
        return desk

    @classmethod
    async def _at(
        cls, unit: UnitOfWork, playbook: Playbook, seen: Glance, opened: Opened, *, lock: bool = True
    ) -> Self:
        states = await staff_repository.load_states(unit.connection) if seen.reps else {}
        return cls(
            unit=unit,
            playbook=playbook,
            counters=Counters(unit, playbook, states, lock),
            around=Surroundings(unit.connection, playbook, has_directory=seen.accounts),
            files=opened.files,
            erased=opened.erased,
            unclaimed=opened.unclaimed,
        )

    def file(self, lead_id: str, *, key: str) -> LeadFile:
        """The file of a lead, begun if there is none."""
        found = self.files.get(lead_id)
        if found is None:
            early = self.unclaimed.pop(lead_id, [])
            found = self.files[lead_id] = LeadFile(lead_id, key, early=early, members=frozenset({lead_id}))
        return found

    async def prepare(self, asked: Iterable[tuple[LeadFile, Cause]], *, pools: Collection[str] = ()) -> None:
        """Look up what is around these leads, lock and read the counters (and of `pools`) that decisions may need."""
        cases = [(file, cause) for file, cause in asked if file.lead is not None]
        await self.around.look_up([file for file, _ in cases])
        needed = set(pools)
        needed |= {file.given.turn[0] for file, _ in cases if file.given is not None and file.given.turn is not None}
        named = set[str]()
        for file, cause in cases:
            request = self.request(file, cause)
            planned = self.plan(request)
            self._plans[cause.id] = request, planned
            needed |= pools_involved(planned, self.counters.staff)
            named |= reps_named(planned, request, self.counters.staff)
        await self.counters.have(needed, reps=named)

    def request(self, file: LeadFile, cause: Cause) -> Request:
        """What a decision on this lead is made from."""
        assert file.lead is not None
        return self.around.request(file, cause=cause, lead=file.lead, score=file.score)

    def plan(self, request: Request) -> Plan:
        """What the rules say."""
        return plan(request, self.counters.staff)

    async def answer(
        self, file: LeadFile, cause: Cause, *, planned: Plan | None = None, why: str | None = None
    ) -> bool:
        """Decide on a lead and tell it. `why` its present rep is to be replaced. False if all stays as it is."""
        await self.around.find_neighbours([file])  # of one that has lost its rep since it was prepared
        request = self.request(file, cause)
        planned = planned or self._prepared(request, cause) or self.plan(request)
        decision = await self.decide(planned, request)
        return await self.apply(file, cause, decision, planned, why=why)

    def _prepared(self, request: Request, cause: Cause) -> Plan | None:
        """The plan from `prepare`, if it was made for the same lead, score and activity."""
        before, planned = self._plans.get(cause.id, (None, None))
        if before is None or before.lead is not request.lead or before.score is not request.score:
            return None
        return planned if before.activity is request.activity else None

    async def decide(self, planned: Plan, request: Request) -> Decision:
        """Carry out a plan on the counters, which are locked and read first where they aren't yet."""
        staff = self.counters.staff
        await self.counters.have(pools_involved(planned, staff), reps=reps_named(planned, request, staff))
        if isinstance(planned.destination, ToPool):
            for known in (request.neighbour, request.last_rep):
                if known is not None:
                    await self.counters.have_rep(known.rep)
        try:
            return decide(planned, request, self.counters.staff)
        except Uncounted:
            await self.counters.count_open()
            return decide(planned, request, self.counters.staff)

    async def answer_held(self, *, without: Collection[str] = ()) -> int:
        """Look again at leads that wait for the pools at hand and whose time has come, in order of arrival."""
        looked: list[str] = []
        while self.counters.somebody_waits and len(looked) < _HELD_AT_ONCE:
            due = await repository.due_holds(
                self.unit.connection,
                pools=self.counters.pools,
                now=self.unit.now,
                without=[*without, *looked, *self.files],
                limit=_HELD_SLICE,
            )
            await self._answer_held(due)
            looked += due
            if len(due) < _HELD_SLICE:
                break
        return len(looked)

    async def _answer_held(self, due: Sequence[str]) -> None:
        if not due:
            return
        self.files |= await repository.load(self.unit.connection, due)
        await self.around.look_up([self.files[each] for each in due])
        for lead_id in due:
            await self.look_at_held(self.files[lead_id])

    async def look_at_held(self, file: LeadFile) -> None:
        """Decide anew on a lead that waits; past its deadline the catch-all has it."""
        waiting = file.waiting
        if waiting is None or file.lead is None:
            return
        cause = replace(waiting.cause, id=derived_id("hold", file.lead_id, file.moment), is_capture=False)
        request = self.request(file, cause)
        is_over = waiting.hold.until <= self.unit.now
        staff = self.counters.staff
        planned = plan_catch_all(request, staff) if is_over else to_the_next(file, request, staff)
        await self.answer(file, cause, planned=planned, why=waiting.why)

    async def apply(self, file: LeadFile, cause: Cause, decision: Decision, planned: Plan, *, why: str | None) -> bool:
        """Write a decision into the file and tell it, unless it equals the standing one."""
        self._note_review(file, decision.trace)
        outcome, trace = decision.outcome, decision.trace
        if cause.notes:
            trace = trace.model_copy(update={"notes": [*trace.notes, *cause.notes]})
        match outcome:
            case Assigned():
                return await self._give(file, cause, outcome, trace, why=why or "reassigned")
            case Held():
                pools = [pool.name for pool in pools_of(planned.destination, self.counters.staff)]
                return self._hold(file, cause, outcome, trace, pools=pools, why=why)
            case Nurtured() | Rejected():
                return await self._turn_away(file, cause, outcome, trace)

    def tell(self, file: LeadFile, data: EventData, *, cause: Cause, event_id: str | None = None) -> None:
        """Emit an event of this lead under its next version."""
        file.changed_at = self.unit.now
        self.unit.emit(
            Event(
                id=event_id or derived_id(data.type, cause.id),
                source=SOURCE,
                time=self.unit.now,
                key=file.key,
                data=data,
                sequence=file.raised(),
                traceparent=cause.traceparent,
            )
        )

    def keep(self, given: Given) -> None:
        """Remember that an assignment changed."""
        if given.id in self._added:
            self._added[given.id] = given
        else:
            self._updated[given.id] = given

    def wait_for_assignment(self, lead_id: str, early: EarlyTouch) -> None:
        """Keep a touch until its assignment appears."""
        self._early.append((lead_id, early))
        self.files[lead_id].early.append(early)

    async def close(self, file: LeadFile, *, why: str, credit: bool) -> Given | None:
        """End the open assignment, if there is one; with `credit` the rep's turn comes back."""
        given = file.given
        if given is None:
            return None
        ended = repository.closed(given, at=self.unit.now, why=why)
        await self.counters.give_back(given.rep, given.assignment.pool, turn=given.turn, credit=credit)
        self.keep(ended)
        self.around.closed(given)
        self._freed.add(given.rep)
        file.given, file.changed = None, True
        return ended

    def release(self, file: LeadFile) -> None:
        """The lead waits no longer."""
        if file.waiting is not None:
            file.waiting, file.changed = None, True
            self._released.add(file.lead_id)

    def hold_as(self, file: LeadFile, waiting: Waiting) -> None:
        """Let a lead wait in the place of one that was merged into it."""
        file.waiting, file.state, file.changed = waiting, State.HELD, True
        self._held[file.lead_id] = None

    async def reload(self, lead_ids: Collection[str]) -> None:
        """Write what changed so far, and open the files of these leads anew."""
        await self.counters.count_open()  # what is written now would count twice
        await self.save()
        await self.unit.writes.send(self.unit.connection)
        self.files = {each: file for each, file in self.files.items() if each not in lead_ids}
        self.files |= await repository.load(self.unit.connection, lead_ids)

    def forget(self, lead_ids: Collection[str], *, at: datetime) -> None:
        """Drop what this transaction knows of an erased lead."""
        for lead_id in lead_ids:
            self.files.pop(lead_id, None)
            self.unclaimed.pop(lead_id, None)
            self.erased[lead_id] = max(at, self.erased.get(lead_id, at))
            self._released.discard(lead_id)
            self._held.pop(lead_id, None)
            self._reviews.pop(lead_id, None)
        self._added = {each: given for each, given in self._added.items() if given.lead_id not in lead_ids}
        self._updated = {each: given for each, given in self._updated.items() if given.lead_id not in lead_ids}
        self._early = [pair for pair in self._early if pair[0] not in lead_ids]

    async def save(self) -> None:
        """Write everything that changed, most of it with the events at the end of the unit of work."""
        connection = self.unit.connection
        changed = sorted({id(f): f for f in self.files.values() if f.changed}.values(), key=lambda f: f.lead_id)
        for file in changed:
            file.changed_at = file.changed_at or self.unit.now
        await repository.save_assignments(self.unit, changed=self._updated.values(), added=self._added.values())
        repository.save_leads(self.unit.writes, changed)
        held = [(each, waiting) for each in self._held if (waiting := self.files[each].waiting) is not None]
        released = self._released - {lead_id for lead_id, _ in held}
        if held or self._reviews:  # of strangers; whatever else is written at once has begun long before
            await self.unit.begin()
        await repository.save_holds(connection, held, released=sorted(released))
        await repository.save_early(connection, self._early, told=self._early_told)
        await reviews.save(connection, self._reviews, now=self.unit.now)
        self.counters.save(self.unit.writes)
        await self._look_again()
        self._saved(changed)

    def _saved(self, files: Iterable[LeadFile]) -> None:
        for file in files:
            file.known_version, file.changed = file.version, False
        self._added, self._updated, self._held, self._reviews = {}, {}, {}, {}
        self._released, self._freed, self._early, self._early_told = set(), set(), [], []

    async def _give(self, file: LeadFile, cause: Cause, outcome: Assigned, trace: Trace, *, why: str) -> bool:
        standing = file.given
        self.release(file)
        if standing is not None and standing.rep == outcome.rep:
            await self.counters.give_back(outcome.rep, outcome.pool, turn=outcome.turn)
            file.state = standing.state
            return False
        previous = None
        if standing is not None:
            await self.close(file, why=why, credit=True)
            previous = Previous(id=standing.id, rep=standing.rep, why=why)
        assert file.lead is not None
        given = Given(
            lead_id=file.lead_id,
            assignment=assignment_of(outcome, cause, at=self.unit.now, previous=previous),
            turn=outcome.turn,
            account=file.lead.account,
            phone=file.lead.phone,
        )
        self._added[given.id] = file.given = given
        file.state, file.answer = given.state, None
        self.around.gave(given)
        kind = LeadAssigned if previous is None else LeadReassigned
        data = kind(lead=file.lead, score=file.score, activity=cause.activity, assignment=given.assignment, trace=trace)
        self.tell(file, data, cause=cause)
        self._tell_early(file)
        return True

    def _hold(
        self, file: LeadFile, cause: Cause, outcome: Held, trace: Trace, *, pools: Sequence[str], why: str | None
    ) -> bool:
        before = file.waiting
        same_pool = before is not None and before.hold.pool == outcome.pool
        until = before.hold.until if before is not None and same_pool else outcome.until
        hold = Hold(
            reason=outcome.reason,
            since=self.unit.now if before is None else before.hold.since,
            until=until,
            pool=outcome.pool,
        )
        is_equal = before is not None and before.hold == hold
        kept = before.cause if before is not None and is_equal and not cause.is_capture else cause
        look_at = max(min(outcome.look_at, until), self.unit.now + _LEAST_LOOK)
        file.waiting = Waiting(hold, look_at, tuple(pools), kept, why)
        file.changed = file.changed or not is_equal
        file.state, file.answer = State.HELD, None
        self._held[file.lead_id] = None
        if is_equal and not cause.is_capture:
            return False
        assert file.lead is not None
        given = file.given
        previous = None if given is None else Previous(id=given.id, rep=given.rep, why=why or "reassigned")
        data = LeadHeld(
            lead=file.lead, score=file.score, activity=cause.activity, hold=hold, previous=previous, trace=trace
        )
        self.tell(file, data, cause=cause)
        return True

    async def _turn_away(self, file: LeadFile, cause: Cause, outcome: Nurtured | Rejected, trace: Trace) -> bool:
        is_nurtured = isinstance(outcome, Nurtured)
        state = State.NURTURED if is_nurtured else State.REJECTED
        await self.close(file, why=state.value, credit=True)
        self.release(file)
        answer = orjson.dumps([state, outcome.program if isinstance(outcome, Nurtured) else outcome.reason])
        is_equal = file.answer == answer and file.state is state
        file.answer, file.state = answer, state
        if is_equal and not cause.is_capture:
            return False
        assert file.lead is not None
        if isinstance(outcome, Nurtured):
            nurture = Nurture(program=outcome.program)
            self.tell(file, LeadNurtured(lead=file.lead, score=file.score, nurture=nurture, trace=trace), cause=cause)
        else:
            data = LeadRejected(lead=file.lead, score=file.score, reason=outcome.reason, trace=trace)
            self.tell(file, data, cause=cause)
        return True

    def _tell_early(self, file: LeadFile) -> None:
        """Tell the touches that came before their assignment."""
        assert file.given is not None
        for early in file.early:
            self._early_told.append(early.cause)
            data = LeadTouched(lead_id=file.lead_id, assignment_id=file.given.id, touch=early.touch)
            cause = Cause(early.cause)
            self.tell(file, data, cause=cause)
            if early.touch.at >= file.given.assignment.at - _TOLD_OUT_OF_ORDER:
                self.mark(file, touched_at=early.touch.at)
        self._early = [pair for pair in self._early if pair[1] not in file.early]
        file.early.clear()

    def mark(self, file: LeadFile, **values: object) -> None:
        """Change the open assignment's marks (`touched_at`, `accepted_at`)."""
        file.mark(**values)
        assert file.given is not None
        self.keep(file.given)

    def _note_review(self, file: LeadFile, trace: Trace) -> None:
        if trace.account is None:
            return
        is_review = trace.account.how == "review"
        if is_review or file.in_review:
            self._reviews[file.lead_id] = trace
        file.in_review = is_review

    async def _look_again(self) -> None:
        """Who waits for somebody's cap of open leads may have a chance now that they have one less."""
        pools = {
            pool.name
            for pool in self.playbook.pools.values()
            for member in pool.members
            if member.rep in self._freed and self.counters.caps_open(pool, member)
        }
        if pools:
            await self.counters.lock_pools(pools)  # or who decides just now that they wait would have the last word
            await repository.look_again(self.unit.connection, now=self.unit.now, pools=pools, limit=_HELD_SLICE)
