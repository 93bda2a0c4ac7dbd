"""Small playbooks made by hand, and a router without a database that decides by them on a hand-driven clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from baton.kernel.calendars import ALWAYS, Calendar
from baton.leads.conditions.compiling import compile_condition
from baton.leads.conditions.fields import Scope
from baton.leads.conditions.vocabulary import Vocabulary
from baton.leads.decisions import CandidateTrace, RuleTrace
from baton.leads.playbook.model import Member, Playbook, Pool, Rep, RoutingRule, Scoring, Target, Territory
from baton.leads.values import Activity, Lead, Score, Tier
from baton_router.deciding.eligibility import Staff
from baton_router.deciding.ledger import Ledger
from baton_router.deciding.planning import Plan
from baton_router.deciding.routing import decide, plan
from baton_router.deciding.values import Assigned, Decision, Held, RepState, Request

WEDNESDAY = datetime(2026, 3, 25, 12, tzinfo=UTC)
"""At noon."""
SALES = """\
teams:
  reps:
    - {id: mary, name: Mary Chen, email: mary@example.com}
    - {id: joe, name: Joe Alvarez, email: joe@example.com}
  pools:
    sales: {members: [mary, joe]}
routing:
  - {name: Everyone, pool: sales}
catch_all: {rep: mary}
"""
"""A small one as people write it."""

OFFICE = Calendar.parse("office", {"hours": {"mon-fri": ["09:00-17:00"]}, "time_zone": "UTC"})


def rep(name: str, /, **more: Any) -> Rep:
    given: dict[str, Any] = {"id": name, "name": name.title(), "email": f"{name}@us.example"}
    return Rep(**(given | more))


def pool(name: str, *members: str | Member, **more: Any) -> Pool:
    return Pool(name, tuple(Member(each) if isinstance(each, str) else each for each in members), **more)


def rule(
    name: str, when: Mapping[str, object] | None = None, *, otherwise: Target | None = None, **more: Any
) -> RoutingRule:
    """`pool=…`, `assign=…`, `nurture=…` or `reject=…`, and `booking`."""
    booking = bool(more.pop("booking", False))
    return RoutingRule(name, condition(when), Target(**more), otherwise, booking=booking)


def condition(when: Mapping[str, object] | None) -> Any:
    return None if when is None else compile_condition(when, scope=Scope.ROUTING, vocabulary=Vocabulary())


def territory(name: str, when: Mapping[str, object]) -> Territory:
    return Territory(name, condition(when))


def playbook(*pools: Pool, routing: Sequence[RoutingRule] = (), reps: Sequence[Rep] = (), **more: Any) -> Playbook:
    """Everybody goes to the first pool unless `routing` says otherwise; `ops` is the catch-all."""
    members = {member.rep for each in pools for member in each.members}
    everyone = {name: rep(name) for name in sorted({*members, "ops"})} | {each.id: each for each in reps}
    calendars = {each.name: each for each in (ALWAYS, OFFICE, *more.pop("calendars", ()))}
    given: dict[str, Any] = {
        "hash": "hash",
        "version": "test",
        "files": {},
        "sources": {},
        "scoring": Scoring(),
        "territories": (),
        "reps": everyone,
        "pools": {each.name: each for each in pools},
        "routing": tuple(routing) or tuple(rule("Everyone", pool=each.name) for each in pools[:1]),
        "catch_all": Target(assign="ops"),
        "calendars": calendars,
        "sla": (),
    }
    return Playbook(**(given | more))


def lead(name: str = "lead", **fields: Any) -> Lead:
    return Lead(lead_id=name, **fields)


def score(tier: Tier = "mql", *, segment: str | None = None, disqualified: bool = False) -> Score:
    points = {"cold": 10.0, "warm": 40.0, "mql": 70.0, "sql": 90.0}[tier]
    return Score(
        total=points, fit=points, engagement=0, negative=0, tier=tier, segment=segment, disqualified=disqualified,
        model="hash", reasons=[],
    )  # fmt: skip


def did(kind: str, at: datetime = WEDNESDAY) -> Activity:
    return Activity(id=kind, kind=kind, at=at, source="web")


@dataclass(slots=True)
class Router:
    """Decides one lead after the other; what it gives away counts for the next."""

    playbook: Playbook
    now: datetime = WEDNESDAY
    states: dict[str, RepState] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def staff(self) -> Staff:
        return Staff(self.playbook, self.states, self.ledger, self.now)

    def at(self, text: str, *, days: int = 0) -> "Router":
        """Set the clock to `10:30` of that Wednesday, or of days after it."""
        hour, minute = (int(part) for part in text.split(":"))
        self.now = WEDNESDAY.replace(hour=hour, minute=minute) + timedelta(days=days)
        return self

    def say(self, name: str, **state: Any) -> "Router":
        self.states[name] = RepState(**state)
        return self

    def plan(self, request: Request) -> Plan:
        return plan(request, self.staff)

    def decide(self, who: Lead | None = None, points: Score | None = None, **more: Any) -> Decision:
        request = Request(lead=who or lead(), score=points, **more)
        return decide(self.plan(request), request, self.staff)

    def assign(self, who: Lead | None = None, points: Score | None = None, **more: Any) -> Assigned:
        outcome = self.decide(who, points, **more).outcome
        assert isinstance(outcome, Assigned), outcome
        return outcome

    def hold(self, who: Lead | None = None, points: Score | None = None, **more: Any) -> Held:
        outcome = self.decide(who, points, **more).outcome
        assert isinstance(outcome, Held), outcome
        return outcome

    def reps(self, count: int, **more: Any) -> list[str]:
        """Who gets the next so many leads."""
        return [self.assign(**more).rep for _ in range(count)]


def codes(decision: Decision) -> dict[str, str | None]:
    """Each candidate with its code; None for the chosen one."""
    told: dict[str, str | None] = {}
    for each in decision.trace.candidates:
        for name in each.reps or [each.rep or ""]:
            told[name] = None if each.code is None else each.code.value
    return told


def candidate(decision: Decision, name: str) -> CandidateTrace:
    return next(each for each in decision.trace.candidates if each.rep == name)


def rules(decision: Decision) -> dict[str, RuleTrace]:
    return {each.name: each for each in decision.trace.rules}
