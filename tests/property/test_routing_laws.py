"""What holds for every decision, whatever happened before: caps, eligibility, an answer for everybody."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from baton.leads.playbook.model import Caps, Member, Playbook, Strategy
from baton.leads.values import TIERS
from baton_router.deciding.ledger import Load
from baton_router.deciding.periods import periods
from baton_router.deciding.routing import decide
from baton_router.deciding.values import Absence, Assigned, Decision, Held, Request
from tests.support.playbooks import OFFICE, Router, lead, playbook, pool, rep, score

NAMES = ("ann", "bob", "cid", "dan")
HOUR = timedelta(hours=1)


@dataclass
class Given:
    rep: str
    pool: str | None
    at: datetime
    is_open: bool = True


@dataclass
class Office:
    """A router with a memory: what it gave, and from it the loads of every instant."""

    router: Router
    given: list[Given] = field(default_factory=list)

    def count(self, name: str, where: str | None) -> Load:
        now = self.router.now
        frame = periods(now, "UTC")
        had = [each for each in self.given if each.rep == name and where in (None, each.pool)]
        recent = [each.at for each in had if each.at > frame.hour]
        return Load(
            open=sum(each.is_open for each in had),
            hour=len(recent),
            day=sum(each.at >= frame.day for each in had),
            week=sum(each.at >= frame.week for each in had),
            month=sum(each.at >= frame.month for each in had),
            hour_frees_at=min(recent) + HOUR if recent else None,
        )

    def decide(self, request: Request) -> Decision:
        self.router.ledger.loads = {
            (name, where): self.count(name, where) for name in NAMES for where in (None, *self.router.playbook.pools)
        }
        decision = decide(self.router.plan(request), request, self.router.staff)
        if isinstance(decision.outcome, Assigned):
            self.given.append(Given(decision.outcome.rep, decision.outcome.pool, self.router.now))
        return decision


@st.composite
def books(draw: st.DrawFn) -> Playbook:
    limit = st.none() | st.integers(0, 4)
    caps = st.builds(Caps, per_hour=limit, per_day=limit, per_week=limit, per_month=limit, open=limit)
    reps = [rep(name, caps=draw(st.just(Caps()) | caps), calendar=draw(st.sampled_from([None, "office"])))
            for name in NAMES]  # fmt: skip
    pools = []
    for name, overflow in (("one", "two"), ("two", None)):
        members = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
        weighted = [Member(each, weight=draw(st.sampled_from([1, 2, 0.5]))) for each in members]
        made = pool(
            name, *weighted, overflow=overflow, caps=draw(st.just(Caps()) | caps),
            strategy=draw(st.sampled_from(get_args(Strategy))),
            outside_hours=draw(st.sampled_from(["assign", "hold"])), catch_up=draw(st.booleans()),
            balance_by=draw(st.sampled_from([None, "tier"])), calendar=draw(st.sampled_from([None, "office"])),
        )  # fmt: skip
        pools.append(made)
    return playbook(*pools, reps=reps)


@dataclass(frozen=True)
class Step:
    wait: timedelta
    away: dict[str, str]
    closes: int
    declined: frozenset[str]
    tier: int


STEPS = st.lists(
    st.builds(
        Step,
        wait=st.sampled_from([0, 1, 20, 61, 60 * 9, 60 * 30]).map(lambda minutes: timedelta(minutes=minutes)),
        away=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["paused", "absent", "inactive", "benched"])),
        closes=st.integers(0, 3),
        declined=st.frozensets(st.sampled_from(NAMES), max_size=2),
        tier=st.integers(0, 3),
    ),
    min_size=1,
    max_size=14,
)


def take(office: Office, step: Step) -> Request:
    router = office.router
    router.now += step.wait
    router.states.clear()
    for name, how in step.away.items():
        router.say(
            name,
            paused=how == "paused",
            active=False if how == "inactive" else None,
            absences=[Absence(router.now, router.now + HOUR)] if how == "absent" else [],
            benched_until=router.now + HOUR if how == "benched" else None,
        )
    for each in [each for each in office.given if each.is_open][: step.closes]:
        each.is_open = False
    return Request(lead(), score(TIERS[step.tier]), declined=step.declined)


def is_in_hours(router: Router, name: str, where: str) -> bool:
    calendar = router.playbook.reps[name].calendar or router.playbook.pools[where].calendar
    return calendar is None or OFFICE.is_open(router.now)


def is_over(limits: Caps, load: Load) -> bool:
    pairs = (
        (limits.per_hour, load.hour), (limits.per_day, load.day), (limits.per_week, load.week),
        (limits.per_month, load.month), (limits.open, load.open),
    )  # fmt: skip
    return any(limit is not None and count > limit for limit, count in pairs)


@settings(max_examples=100)
@given(book=books(), steps=STEPS)
def test_no_cap_is_ever_exceeded_and_nobody_who_is_away_or_declined_is_picked(
    book: Playbook, steps: list[Step]
) -> None:
    office = Office(Router(book))
    for step in steps:
        request = take(office, step)

        outcome = office.decide(request).outcome

        if isinstance(outcome, Assigned) and outcome.rule != "catch_all":
            name, where = outcome.rep, outcome.pool
            assert where is not None
            assert name not in step.away
            assert name not in step.declined
            assert not is_over(book.reps[name].caps, office.count(name, None))
            assert not is_over(book.pools[where].caps, office.count(name, where))
            if not is_in_hours(office.router, name, where):
                assert book.pools[where].outside_hours == "assign"
                assert book.pools["one"].outside_hours == "assign"


@settings(max_examples=100)
@given(book=books(), steps=STEPS)
def test_nobody_is_held_up_while_somebody_is_eligible_and_nobody_is_skipped_without_a_reason(
    book: Playbook, steps: list[Step]
) -> None:
    office = Office(Router(book))
    for step in steps:
        decision = office.decide(take(office, step))

        told = {(each.pool, name): each for each in decision.trace.candidates for name in each.reps or [each.rep or ""]}
        chosen = [each for each in decision.trace.candidates if each.eligible and each.code is None]
        asked = {where for where, _ in told if where is not None}
        for where in asked:
            assert {name for place, name in told if place == where} == {m.rep for m in book.pools[where].members}
        if isinstance(decision.outcome, Held):
            assert not chosen
            assert not any(each.eligible for each in told.values())
            assert office.router.now < decision.outcome.look_at <= decision.outcome.until
        else:
            assert len(chosen) == 1


@given(book=books(), steps=STEPS)
def test_the_same_question_has_the_same_answer(book: Playbook, steps: list[Step]) -> None:
    office = Office(Router(book))
    for step in steps:
        request = take(office, step)
        again = deepcopy(office)

        assert again.decide(request) == office.decide(request)


@given(book=books(), steps=STEPS)
def test_a_plan_changes_nothing(book: Playbook, steps: list[Step]) -> None:
    office = Office(Router(book))
    for step in steps:
        request = take(office, step)
        office.decide(request)
        before = deepcopy(office.router.ledger)

        assert office.router.plan(request) == office.router.plan(request)
        assert office.router.ledger == before


@given(book=books(), steps=STEPS)
def test_before_a_held_lead_is_to_be_looked_at_again_time_makes_nobody_eligible(
    book: Playbook, steps: list[Step]
) -> None:
    """So a timer that looks only then misses nobody."""
    office = Office(Router(book))
    for step in steps:
        request = take(office, step)
        held = office.decide(request).outcome
        if isinstance(held, Held):
            span = held.look_at - office.router.now
            for part in (0.25, 0.5, 0.999):
                sooner = deepcopy(office)
                sooner.router.now += span * part
                assert isinstance(sooner.decide(request).outcome, Held)
