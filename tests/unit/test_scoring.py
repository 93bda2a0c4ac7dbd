"""The score: what counts, how often, how it fades, and that its reasons add up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from baton.leads.conditions.condition import Comparison, Facts
from baton.leads.playbook.model import Decay, PointsFrom, ScoreGroup, ScoreRule, Scoring, SegmentRule
from baton.leads.values import Activity, Lead, Score
from baton_scoring.scoring import Horizon, score_lead

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEAD = Lead(lead_id="l", industry="Fintech", employees=120)


@dataclass(frozen=True)
class Did:
    """A condition: the lead did this, within so long."""

    kind: str
    within: timedelta | None = None
    fields: frozenset[str] = field(default=frozenset({"activity"}))

    @property
    def activity_kinds(self) -> frozenset[str]:
        return frozenset({self.kind})

    @property
    def windows(self) -> frozenset[timedelta]:
        return frozenset() if self.within is None else frozenset({self.within})

    def evidence(self, facts: Facts) -> tuple[Activity, ...]:
        found = [a for a in facts.activities if a.kind == self.kind]
        if self.within is not None:
            found = [a for a in found if a.at >= facts.now - self.within]
        return tuple(reversed(found))

    def matches(self, facts: Facts) -> bool:
        return bool(self.evidence(facts))

    def explain(self, facts: Facts) -> tuple[bool, tuple[Comparison, ...]]:
        return self.matches(facts), ()


def did(kind: str, *, days_ago: float = 0, name: str = "") -> Activity:
    return Activity(id=name or f"{kind}-{days_ago}", kind=kind, at=NOW - timedelta(days=days_ago), source="s")


def score(scoring: Scoring, *activities: Activity, lead: Lead = LEAD, now: datetime = NOW) -> Score:
    return score_lead(lead, activities, scoring=scoring, model="m", now=now)


def engagement(*rules: ScoreRule, cap: float | None = None, decay: Decay | None = None) -> Scoring:
    return Scoring(engagement=ScoreGroup(cap=cap, rules=rules, decay=decay))


def points(value: Score) -> float:
    return round(sum(reason.points for reason in value.reasons), 2)


def test_a_rule_counts_once_however_often_its_activity_came() -> None:
    scoring = engagement(ScoreRule(name="Page", when=Did("page_view"), points=15))

    result = score(scoring, did("page_view", days_ago=1), did("page_view", days_ago=2))

    assert result.total == 15


def test_a_rule_per_activity_counts_each() -> None:
    scoring = engagement(ScoreRule(name="Page", when=Did("page_view"), points=15, per_activity=True))

    result = score(scoring, did("page_view", days_ago=1), did("page_view", days_ago=2))

    assert result.total == 30


def test_points_fade_by_half_after_a_half_life_counted_from_the_newest_activity() -> None:
    rule = ScoreRule(name="Demo", when=Did("demo_request"), points=40)
    scoring = engagement(rule, decay=Decay(half_life=timedelta(days=30)))

    result = score(scoring, did("demo_request", days_ago=30), did("demo_request", days_ago=90))

    assert result.total == 20


@pytest.mark.parametrize(("days_ago", "expected"), [(0, 40.0), (30, 20.0), (45, 10.0), (60, 0.0), (90, 0.0)])
def test_a_linear_decay_ends_at_zero(days_ago: float, expected: float) -> None:
    rule = ScoreRule(name="Demo", when=Did("demo_request"), points=40, decay=Decay(linear=timedelta(days=60)))

    result = score(engagement(rule), did("demo_request", days_ago=days_ago))

    assert result.total == expected


@pytest.mark.parametrize(("days_ago", "expected"), [(29, 40.0), (30, 20.0), (60, 0.0)])
def test_a_stepped_decay_changes_at_its_ages(days_ago: float, expected: float) -> None:
    steps = ((timedelta(days=30), 0.5), (timedelta(days=60), 0.0))
    rule = ScoreRule(name="Demo", when=Did("demo_request"), points=40, decay=Decay(steps=steps))

    result = score(engagement(rule), did("demo_request", days_ago=days_ago))

    assert result.total == expected


def test_decay_comes_before_the_cap() -> None:
    rule = ScoreRule(name="Demo", when=Did("demo_request"), points=100)
    scoring = engagement(rule, cap=50, decay=Decay(half_life=timedelta(days=30)))

    result = score(scoring, did("demo_request", days_ago=30))

    assert result.engagement == 50


def test_a_cap_is_a_reason_of_its_own_and_the_total_is_the_sum_of_the_reasons() -> None:
    rules = (ScoreRule(name="A", when=None, points=33.333), ScoreRule(name="B", when=None, points=33.333))
    scoring = Scoring(fit=ScoreGroup(cap=50, rules=rules))

    result = score(scoring)

    assert (result.total, points(result)) == (50, 50)
    assert result.reasons[-1].rule == "Cap"


def test_the_total_is_never_below_zero_and_says_so() -> None:
    scoring = Scoring(negative=ScoreGroup(rules=(ScoreRule(name="Personal", when=None, points=-10),)))

    result = score(scoring)

    assert (result.total, result.negative, points(result)) == (0, -10, 0)


@pytest.mark.parametrize("cap", [15, -15])
def test_the_cap_of_negative_is_the_most_that_it_takes(cap: float) -> None:
    scoring = Scoring(
        fit=ScoreGroup(rules=(ScoreRule(name="A", when=None, points=45),)),
        negative=ScoreGroup(cap=cap, rules=(ScoreRule(name="Student", when=None, points=-20),)),
    )

    result = score(scoring)

    assert (result.total, result.negative, points(result)) == (30, -15, 30)


def test_multiply_changes_what_its_group_has_so_far() -> None:
    rules = (
        ScoreRule(name="A", when=None, points=20),
        ScoreRule(name="Half", when=None, multiply=0.5),
        ScoreRule(name="B", when=None, points=7),
    )

    result = score(Scoring(fit=ScoreGroup(rules=rules)))

    assert result.fit == 17


def test_points_come_from_a_table_by_the_leads_value() -> None:
    lookup = PointsFrom(table="industries", key="lead.industry", column="points", points={"fintech": 12})
    scoring = Scoring(fit=ScoreGroup(rules=(ScoreRule(name="Industry", when=None, points_from=lookup),)))

    result = score(scoring)

    assert result.fit == 12


def test_a_segment_brings_its_own_thresholds() -> None:
    rules = ScoreGroup(rules=(ScoreRule(name="A", when=None, points=40),))
    segment = SegmentRule(
        name="enterprise", when=None, tiers={"warm": 30, "mql": 40, "sql": 80}, fit=rules,
        engagement=ScoreGroup(), negative=ScoreGroup(),
    )  # fmt: skip

    result = score(Scoring(fit=rules, segments=(segment,)))

    assert (result.segment, result.tier) == ("enterprise", "mql")


def test_disqualified_stands_beside_the_tier() -> None:
    scoring = Scoring(
        fit=ScoreGroup(rules=(ScoreRule(name="A", when=None, points=90),)),
        negative=ScoreGroup(rules=(ScoreRule(name="Competitor", when=None, disqualify=True),)),
    )

    result = score(scoring)

    assert (result.disqualified, result.tier) == (True, "sql")


def _first_change(scoring: Scoring, activities: Sequence[Activity]) -> datetime | None:
    """Follow the looks until the tier changes, as the timer does."""
    now, before = NOW, score(scoring, *activities)
    for _ in range(200):
        at = Horizon(scoring).next_look(activities, score(scoring, *activities, now=now), now=now)
        if at is None or at > NOW + timedelta(days=900):
            return None
        now = at
        if score(scoring, *activities, now=now).tier != before.tier:
            return now
    raise AssertionError("the looks come no closer")


def test_a_fading_score_is_looked_at_when_its_tier_changes_and_not_later() -> None:
    rule = ScoreRule(name="Demo", when=Did("demo_request"), points=80)
    scoring = engagement(rule, decay=Decay(half_life=timedelta(days=30)))

    changed = _first_change(scoring, [did("demo_request")])

    assert changed is not None
    exact = NOW + timedelta(seconds=1)  # 80 points are exactly the threshold of sql
    assert abs(changed - exact) < timedelta(minutes=10)


@pytest.mark.parametrize("decay", [Decay(half_life=timedelta(days=30)), Decay(linear=timedelta(days=60))])
def test_the_bound_finds_the_crossing_of_a_threshold_below(decay: Decay) -> None:
    rule = ScoreRule(name="Demo", when=Did("demo_request"), points=75, decay=decay)
    scoring = engagement(rule)

    changed = _first_change(scoring, [did("demo_request")])

    assert changed is not None
    just_before = changed - timedelta(minutes=15)
    assert score(scoring, did("demo_request"), now=just_before).tier == "mql"
    assert score(scoring, did("demo_request"), now=changed).tier == "warm"


def test_a_window_that_closes_is_looked_at_when_it_closes() -> None:
    rule = ScoreRule(name="Visits", when=Did("page_view", within=timedelta(days=30)), points=60)
    scoring, seen = engagement(rule), did("page_view", days_ago=10)

    at = Horizon(scoring).next_look([seen], score(scoring, seen), now=NOW)

    assert at == NOW + timedelta(days=20, microseconds=1)


def test_a_step_of_a_decay_is_looked_at_at_the_age_from_which_it_counts() -> None:
    rule = ScoreRule(name="Webinar", when=Did("webinar"), points=75)
    scoring = engagement(rule, decay=Decay(steps=((timedelta(days=30), 0.0),)))

    changed = _first_change(scoring, [did("webinar", days_ago=10)])

    assert changed == NOW + timedelta(days=20)


def test_without_fading_nothing_is_looked_at() -> None:
    scoring = engagement(ScoreRule(name="Demo", when=Did("demo_request"), points=80))
    seen = did("demo_request")

    assert Horizon(scoring).next_look([seen], score(scoring, seen), now=NOW) is None
