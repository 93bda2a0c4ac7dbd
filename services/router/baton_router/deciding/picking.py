"""Who of a pool has the lead: candidates with the reason for each, overflow, working hours, holding."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from baton.kernel.business_time import due
from baton.kernel.calendars import NoOpeningError
from baton.kernel.durations import Duration
from baton.leads.decisions import CandidateTrace, RuleTrace, SkipCode
from baton.leads.playbook.model import Member, Pool, Rep
from baton_router.deciding.eligibility import OF_THE_LEAD, Obstacle, Staff
from baton_router.deciding.fairness import next_in_turn, set_level
from baton_router.deciding.ledger import TurnKey
from baton_router.deciding.planning import CATCH_ALL, Plan, ToPool, pools_of
from baton_router.deciding.values import Assigned, Held, Request

MOST_TOLD_SINGLY = 20
_LOOK_AGAIN = timedelta(minutes=1)
"""Where time may help and nobody can say when, a held lead is looked at so often."""
_HOLD = Duration.of(timedelta(hours=24))


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
        return [rep for rep, found in self.obstacles.items() if found and found.code is SkipCode.OUTSIDE_HOURS]


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
        together = self._together(destination.pool)
        if together is not None:
            return together
        asked: list[Candidates] = []
        for pool in pools_of(destination, self.staff):
            candidates = self._candidates(pool)
            asked.append(candidates)
            if candidates.free():
                return self._choose(candidates, candidates.free(), asked)
        out_of_hours = next((c for c in asked if c.only_out_of_hours() and c.pool.outside_hours == "assign"), None)
        if out_of_hours is not None:
            return self._choose(out_of_hours, out_of_hours.only_out_of_hours(), asked)
        return self._hold(destination.pool, asked)

    def from_catch_all_pool(self, pool: Pool) -> Assigned:
        """The catch-all is always eligible: whoever is next of those who may, else of all."""
        candidates = self._candidates(pool)
        chosen_from = candidates.free() or list(candidates.members)
        return self._choose(candidates, chosen_from, [candidates])

    def _together(self, pool: Pool) -> Assigned | None:
        """A company's leads stay with one rep, and `sticky` leads with their last."""
        neighbour, last = self.request.neighbour, self.request.last_rep
        if neighbour is not None:
            found = self._stay(neighbour.rep, pool, "keep_together", f"has the open lead {neighbour.lead_id}")
            if found is not None:
                return found
        if last is not None and pool.sticky is not None and self.staff.now - last.at <= pool.sticky:
            return self._stay(last.rep, pool, "sticky", f"had this {last.of}'s last lead")
        return None

    def _stay(self, name: str, pool: Pool, rule: str, why: str) -> Assigned | None:
        rep = self.staff.playbook.reps.get(name)
        if rep is None:
            return None
        member = next((m for m in pool.members if m.rep == name), None)
        obstacle = self.staff.obstacle(rep, pool, member, self.request)
        told = None if obstacle is None else f"{name}: {obstacle.reason}"
        self.rules.append(RuleTrace(name=rule, matched=True, unresolved=told))
        if obstacle is not None:
            return None
        self.traces.append(CandidateTrace(rep=name, pool=pool.name, eligible=True, reason=why))
        return self._assigned(rep, pool, rule=rule, reason=f"{rep.name} {why}", turn=None)

    def _candidates(self, pool: Pool) -> Candidates:
        members = {member.rep: member for member in pool.members}
        reps = self.staff.playbook.reps
        obstacles = {
            name: self.staff.obstacle(reps[name], pool, member, self.request) for name, member in members.items()
        }
        return Candidates(pool, members, obstacles)

    def _choose(self, candidates: Candidates, free: Sequence[str], asked: Sequence[Candidates]) -> Assigned:
        pool = candidates.pool
        key = self._turn_key(pool)
        weights = {name: member.weight for name, member in candidates.members.items()}
        available = [name for name, found in candidates.obstacles.items() if found is None or found.code in OF_THE_LEAD]
        set_level(self.staff.ledger, key, available=available or free, weights=weights, catch_up=pool.catch_up)
        counts = {name: self.staff.ledger.turn(key, name).count for name in free}
        chosen = self._by_strategy(pool, free, counts, weights)
        self._tell(asked, candidates)
        self._tell_turns(pool, counts, weights, chosen=chosen)
        rep = self.staff.playbook.reps[chosen]
        reason = _WHY[pool.strategy].format(rep=rep.name, pool=pool.name)
        return self._assigned(rep, pool, rule=self.plan.rule, reason=reason, turn=key)

    def _by_strategy(
        self, pool: Pool, free: Sequence[str], counts: Mapping[str, float], weights: Mapping[str, float]
    ) -> str:
        if pool.strategy == "priority":
            return free[0]
        if pool.strategy == "least_loaded":
            loads = {name: self.staff.ledger.load(name, None).open / weights[name] for name in free}
            least = min(loads.values())
            return next_in_turn({n: counts[n] for n in free if loads[n] <= least}, weights)
        return next_in_turn(counts, weights)

    def _turn_key(self, pool: Pool) -> TurnKey:
        tier = self.request.score.tier if self.request.score is not None else "cold"
        return pool.name, tier if pool.balance_by == "tier" else ""

    def _assigned(self, rep: Rep, pool: Pool, *, rule: str, reason: str, turn: TurnKey | None) -> Assigned:
        return assigned(rep, self.plan, self.staff, pool=pool, rule=rule, reason=reason, turn=turn)

    def _hold(self, pool: Pool, asked: Sequence[Candidates]) -> Assigned | Held:
        self._tell(asked, None)
        obstacles = [found for candidates in asked for found in candidates.obstacles.values() if found is not None]
        until = self._deadline(pool)
        if until is None or until <= self.staff.now or not any(found.passes for found in obstacles):
            return self._to_catch_all()
        only_hours = any(candidates.only_out_of_hours() for candidates in asked)
        reason = "outside working hours" if only_hours else _most_common(obstacles)
        look_at = min([until, *self._chances(obstacles)])
        return Held(reason, pool.name, self.plan.rule, until, look_at, only_hours)

    def _deadline(self, pool: Pool) -> datetime | None:
        """When a hold ends: the pool's `hold` on the pool's calendar."""
        try:
            return due(self.staff.now, pool.hold or _HOLD, self.staff.calendars.of_pool(pool))
        except NoOpeningError:
            return None

    def _chances(self, obstacles: Sequence[Obstacle]) -> Iterator[datetime]:
        for found in obstacles:
            if found.until is not None and found.until > self.staff.now:
                yield found.until
            elif found.code in (SkipCode.CAP_OPEN, SkipCode.PAUSED):
                yield self.staff.now + _LOOK_AGAIN

    def _to_catch_all(self) -> Assigned:
        target = self.staff.playbook.catch_all
        self.rules.append(RuleTrace(name=CATCH_ALL, matched=True))
        if target.pool is not None:
            return self.from_catch_all_pool(self.staff.playbook.pools[target.pool])
        rep = self.staff.playbook.reps[target.assign or ""]
        self.traces.append(CandidateTrace(rep=rep.id, eligible=True, reason="the catch-all"))
        return assigned(
            rep, self.plan, self.staff, pool=None, rule=CATCH_ALL, reason="nobody else can have it", turn=None
        )

    def _tell(self, asked: Sequence[Candidates], of: Candidates | None) -> None:
        """Write down who was left out and why; `of`: the pool of which one was chosen."""
        for candidates in asked:
            for name, found in candidates.obstacles.items():
                chosen_outside_hours = candidates is of and not of.free() and name in of.only_out_of_hours()
                if found is not None and not chosen_outside_hours:
                    self.traces.append(_obstacle_trace(name, candidates.pool, found))

    def _tell_turns(
        self, pool: Pool, counts: Mapping[str, float], weights: Mapping[str, float], *, chosen: str
    ) -> None:
        for name in counts:
            self.traces.append(_turn_trace(name, pool, counts, weights, chosen=name == chosen))


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


_WHY: Mapping[str, str] = {
    "round_robin": "{rep} is next in turn in {pool}",
    "least_loaded": "{rep} has the fewest open leads in {pool}",
    "priority": "{rep} is the first of {pool} who can have it",
}


def grouped(traces: Sequence[CandidateTrace]) -> list[CandidateTrace]:
    """Above 20 left out for the same code they share one entry: a trace must stay small enough to read and to send."""
    by_code: dict[tuple[str | None, SkipCode | None], list[CandidateTrace]] = {}
    for trace in traces:
        by_code.setdefault((trace.pool, trace.code), []).append(trace)
    told: list[CandidateTrace] = []
    for (pool, code), group in by_code.items():
        if code is None or len(group) <= MOST_TOLD_SINGLY:
            told += group
            continue
        reps = [trace.rep for trace in group if trace.rep is not None]
        told.append(CandidateTrace(reps=reps, pool=pool, eligible=group[0].eligible, code=code, reason=group[0].reason))
    return told


def _turn_trace(
    rep: str, pool: Pool, counts: Mapping[str, float], weights: Mapping[str, float], *, chosen: bool
) -> CandidateTrace:
    numbers: dict[str, float | str] = {"turns": round(counts[rep], 2), "weight": weights[rep]}
    if chosen:
        return CandidateTrace(
            rep=rep,
            pool=pool.name,
            eligible=True,
            reason="chosen",
            counters={**numbers, "turns_after": round(counts[rep] + 1, 2)},
        )
    return CandidateTrace(
        rep=rep, pool=pool.name, eligible=True, code=SkipCode.NOT_NEXT, reason="may have it, another is next",
        counters=numbers,
    )  # fmt: skip


def _obstacle_trace(rep: str, pool: Pool, found: Obstacle) -> CandidateTrace:
    return CandidateTrace(
        rep=rep, pool=pool.name, eligible=False, code=found.code, reason=found.reason, counters=dict(found.counters)
    )


def _most_common(obstacles: Sequence[Obstacle]) -> str:
    words = {
        SkipCode.ABSENT: "everyone is absent",
        SkipCode.PAUSED: "everyone has paused",
        SkipCode.BENCHED: "everyone is benched",
    }
    codes = [found.code for found in obstacles if found.passes]
    most = max(sorted(set(codes)), key=codes.count)
    return words.get(most, "everyone has reached a cap")
