"""Who of a pool has the lead: candidates with the reason for each, overflow, working hours, holding."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from baton.kernel.business_time import due
from baton.kernel.calendars import NoOpeningError
from baton.kernel.durations import Duration
from baton.leads.decisions import CandidateTrace, RuleTrace, SkipCode
from baton.leads.playbook.model import Member, Pool, Rep
from baton_router.deciding.eligibility import OF_THE_LEAD, Obstacle, Staff
from baton_router.deciding.fairness import set_level
from baton_router.deciding.ledger import TurnKey
from baton_router.deciding.planning import CATCH_ALL, Plan, ToPool, pools_of, to_catch_all
from baton_router.deciding.strategies import STRATEGIES, Standing
from baton_router.deciding.telling import compared, left_out, not_compared, taken
from baton_router.deciding.values import Assigned, Held, Request

_LOOK_AGAIN: Final = timedelta(minutes=15)
"""Who pauses or has too many open leads comes back by an act, and held leads are looked at then. This is for acts that
nobody told of; seldom, because each look costs a transaction."""
_HOLD: Final = Duration.of(timedelta(hours=24))
_OUTSIDE_HOURS: Final = frozenset({SkipCode.OUTSIDE_HOURS})
_RELUCTANT: Final = (
    _OUTSIDE_HOURS,
    frozenset({SkipCode.CAP_HOUR, SkipCode.CAP_DAY, SkipCode.CAP_WEEK, SkipCode.CAP_MONTH, SkipCode.CAP_OPEN}),
    frozenset({SkipCode.BENCHED, SkipCode.SKILL}),
    frozenset({SkipCode.DECLINED, SkipCode.MISSED}),
)
"""Of a catch-all pool somebody always has the lead: whom to trouble first when nobody is free."""


@dataclass(slots=True)
class Candidates:
    """One pool's members, each with what stands against them."""

    pool: Pool
    members: Mapping[str, Member]
    obstacles: dict[str, Obstacle | None] = field(default_factory=dict)

    def free(self) -> Sequence[str]:
        """Those against whom nothing stands, in the playbook's order."""
        return [rep for rep, obstacle in self.obstacles.items() if obstacle is None]

    def only_out_of_hours(self) -> Sequence[str]:
        """Those against whom only the clock stands."""
        return self.stopped_by(_OUTSIDE_HOURS)

    def stopped_by(self, codes: Collection[SkipCode]) -> Sequence[str]:
        return [rep for rep, found in self.obstacles.items() if found is not None and found.code in codes]


@dataclass(slots=True)
class Pick:
    """One search for a rep. `traces` and `rules` are what it leaves behind."""

    request: Request
    staff: Staff
    plan: Plan
    traces: list[CandidateTrace] = field(default_factory=list)
    rules: list[RuleTrace] = field(default_factory=list)

    def from_pool(self, destination: ToPool) -> Assigned | Held:
        """The next of the pool, of its overflow, outside hours, held, or the catch-all's."""
        together = self._together(destination)
        if together is not None:
            return together
        asked: list[Candidates] = []
        for pool in pools_of(destination, self.staff):
            candidates = self._candidates(pool)
            asked.append(candidates)
            free = candidates.free()
            if free:
                self._tell(asked)
                return self._choose(candidates, free)
        return self._outside_hours(destination.pool, asked) or self._hold(destination.pool, asked)

    def from_catch_all_pool(self, pool: Pool) -> Assigned:
        """The catch-all is always eligible: whoever is next of those who may, else of those who must."""
        candidates = self._candidates(pool)
        reluctant = (candidates.stopped_by(codes) for codes in _RELUCTANT)
        chosen_from = candidates.free() or next(filter(None, reluctant), list(candidates.members))
        self._tell([candidates], but=chosen_from)
        return self._choose(candidates, chosen_from, rule=CATCH_ALL)

    def _together(self, destination: ToPool) -> Assigned | None:
        """A company's leads stay with one rep, and `sticky` leads with their last."""
        pool, neighbour, last = destination.pool, self.request.neighbour, self.request.last_rep
        if neighbour is not None and (not destination.members_only or _is_member(neighbour.rep, pool)):
            found = self._stay(neighbour.rep, pool, "keep_together", f"has the open lead {neighbour.lead_id}")
            if found is not None:
                return found
        if last is not None and pool.sticky is not None and self.staff.now - last.at <= pool.sticky:
            return self._stay(last.rep, pool, "sticky", f"had this {last.of}'s last lead")
        return None

    def _stay(self, name: str, pool: Pool, rule: Literal["keep_together", "sticky"], why: str) -> Assigned | None:
        rep = self.staff.playbook.reps.get(name)
        if rep is None:
            return None
        member = next((m for m in pool.members if m.rep == name), None)
        obstacle = self.staff.obstacle(rep, pool, member, self.request)
        told = None if obstacle is None else f"{name}: {obstacle.reason}"
        self.rules.append(RuleTrace(name=rule, matched=True, conditions=[], unresolved=told))
        if obstacle is not None:
            return None
        self.traces.append(taken(name, pool=pool.name, why=why))
        others = [m.rep for m in pool.members if m.rep != name]
        self.traces += not_compared(others, pool=pool.name, why=f"{rep.name} {why}")
        return self._assigned(rep, pool, rule=rule, reason=f"{rep.name} {why}", turn=None)

    def _candidates(self, pool: Pool) -> Candidates:
        members = {member.rep: member for member in pool.members}
        reps = self.staff.playbook.reps
        obstacles = {
            name: self.staff.obstacle(reps[name], pool, member, self.request) for name, member in members.items()
        }
        return Candidates(pool, members, obstacles)

    def _choose(
        self, candidates: Candidates, free: Sequence[str], *, rule: str | None = None, although: str = ""
    ) -> Assigned:
        pool = candidates.pool
        key = self._turn_key(pool)
        weights = {name: member.weight for name, member in candidates.members.items()}
        sharing = STRATEGIES[pool.strategy]
        loads = self.staff.ledger.open_leads(free) if sharing.by_load else {}
        available = self._available(candidates, free)
        set_level(self.staff.ledger, key, available=available, weights=weights, catch_up=pool.catch_up)
        turns = {name: self.staff.ledger.turn(key, name).count for name in free}
        standing = Standing(turns, weights, loads)
        chosen = sharing.choose(standing)
        self.traces += compared(standing, pool=pool.name, chosen=chosen)
        rep = self.staff.playbook.reps[chosen]
        reason = sharing.why.format(rep=rep.name, pool=pool.name) + although
        return self._assigned(rep, pool, rule=rule or self.plan.rule, reason=reason, turn=key)

    def _available(self, candidates: Candidates, free: Sequence[str]) -> Sequence[str]:
        """Who takes part in the turns now: also those whom only this lead doesn't suit."""
        chosen_from = frozenset(free)
        reps, pool = self.staff.playbook.reps, candidates.pool
        return [
            name
            for name, found in candidates.obstacles.items()
            if found is None
            or name in chosen_from
            or (found.code in OF_THE_LEAD and self.staff.is_there(reps[name], pool, candidates.members[name]))
        ]

    def _turn_key(self, pool: Pool) -> TurnKey:
        tier = self.request.score.tier if self.request.score is not None else "cold"
        return pool.name, tier if pool.balance_by == "tier" else ""

    def _assigned(self, rep: Rep, pool: Pool, *, rule: str, reason: str, turn: TurnKey | None) -> Assigned:
        return assigned(rep, self.plan, self.staff, pool=pool, rule=rule, reason=reason, turn=turn)

    def _outside_hours(self, pool: Pool, asked: Sequence[Candidates]) -> Assigned | None:
        """Whoever is next of those for whom only the clock is in the way, unless the pool would rather wait."""
        if pool.outside_hours == "hold":
            return None
        for candidates in asked:
            waiting = candidates.only_out_of_hours()
            if waiting and candidates.pool.outside_hours == "assign":
                self._tell(asked, but=waiting, of=candidates)
                return self._choose(candidates, waiting, although=", outside working hours")
        return None

    def _hold(self, pool: Pool, asked: Sequence[Candidates]) -> Assigned | Held:
        self._tell(asked)
        obstacles = [found for candidates in asked for found in candidates.obstacles.values() if found is not None]
        until = self._deadline(pool)
        if until is None or not any(found.passes for found in obstacles):
            return self._to_catch_all()
        only_hours = any(candidates.only_out_of_hours() for candidates in asked)
        reason = "outside working hours" if only_hours else _most_common(obstacles)
        look_at = min([until, *self._chances(obstacles)])
        return Held(reason, pool.name, self.plan.rule, until, look_at, only_hours)

    def _deadline(self, pool: Pool) -> datetime | None:
        """When a hold ends: the pool's `hold` on the pool's calendar. None: there is none."""
        hold = pool.hold or _HOLD
        if hold.fixed == timedelta():
            return None
        try:
            return due(self.staff.now, hold, self.staff.calendars.of_pool(pool))
        except NoOpeningError:
            return None

    def _chances(self, obstacles: Sequence[Obstacle]) -> Iterator[datetime]:
        for found in obstacles:
            if found.until is not None and found.until > self.staff.now:
                yield found.until
            elif found.code in (SkipCode.CAP_OPEN, SkipCode.PAUSED):
                yield self.staff.now + _LOOK_AGAIN

    def _to_catch_all(self) -> Assigned:
        self.rules.append(RuleTrace(name=CATCH_ALL, matched=True, conditions=[]))
        destination = to_catch_all(self.staff)
        if isinstance(destination, ToPool):
            return self.from_catch_all_pool(destination.pool)
        rep, why = destination.rep, "nobody else can have it"
        self.traces.append(taken(rep.id, why="the catch-all"))
        return assigned(
            rep, self.plan, self.staff, pool=None, rule=CATCH_ALL, reason=why, turn=None, nominee=destination.nominee
        )

    def _tell(self, asked: Sequence[Candidates], *, but: Collection[str] = (), of: Candidates | None = None) -> None:
        """Write down who was left out and why; `but` are those (`of` this pool alone) who may have it all the same."""
        for candidates in asked:
            spared = frozenset(but) if of is None or candidates is of else frozenset[str]()
            self.traces += left_out(candidates.obstacles, pool=candidates.pool.name, but=spared)


def assigned(
    rep: Rep,
    plan: Plan,
    staff: Staff,
    *,
    pool: Pool | None,
    rule: str,
    reason: str,
    turn: TurnKey | None,
    nominee: str | None = None,
) -> Assigned:
    """The assignment of a rep, with all that later steps need to know of it."""
    calendar = staff.calendars.of(rep, pool)
    return Assigned(
        rep=rep.id,
        rule=rule,
        reason=reason,
        pool=None if pool is None else pool.name,
        turn=turn,
        nominee=nominee,
        booking_url=rep.booking_link if plan.booking else None,
        calendar=None if calendar is None else staff.calendars.name_of(rep, pool),
        time_zone=(calendar.time_zone if calendar is not None else None) or rep.time_zone,
        territory=plan.territory,
        segment=plan.facts.segment,
        account=None if plan.match.account is None else plan.match.account.id,
    )


def _is_member(rep: str, pool: Pool) -> bool:
    return any(member.rep == rep for member in pool.members)


def _most_common(obstacles: Sequence[Obstacle]) -> str:
    words = {
        SkipCode.ABSENT: "everyone is absent",
        SkipCode.PAUSED: "everyone has paused",
        SkipCode.BENCHED: "everyone is benched",
    }
    codes = [found.code for found in obstacles if found.passes]
    most = max(sorted(set(codes)), key=codes.count)
    return words.get(most, "everyone has reached a cap")
