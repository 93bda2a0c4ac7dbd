"""What conditions mean: each comparison, each kind of field, behaviour, and what the explanation shows."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from baton.leads.conditions.compiling import CompiledCondition, compile_condition
from baton.leads.conditions.condition import Comparison, Facts
from baton.leads.conditions.fields import Scope
from baton.leads.conditions.vocabulary import Vocabulary
from baton.leads.playbook.model import Table
from baton.leads.values import Activity, Lead, Score

NOW = datetime(2026, 3, 27, 12, tzinfo=UTC)
COMPETITORS = Table("competitors", ("company", "domain"), ({"company": "Rival", "domain": " Rival.Example "},))
VOCABULARY = Vocabulary(tables={"competitors": COMPETITORS})
SCORE = Score(
    total=72, fit=40, engagement=32, negative=0, tier="mql", segment="smb", disqualified=False, model="m", reasons=[]
)


def compiled(written: object, scope: Scope = Scope.ROUTING) -> CompiledCondition:
    return compile_condition(written, scope=scope, vocabulary=VOCABULARY)


def holds(written: object, lead: Mapping[str, Any] | None = None, **facts: Any) -> bool:
    condition = compiled(written)
    asked = Facts(lead=Lead(lead_id="l", **(lead or {})), now=NOW, **facts)
    matched, _ = condition.explain(asked)
    assert matched is condition.matches(asked)
    return matched


def did(kind: str, *, days_ago: float = 0, **data: object) -> Activity:
    at = NOW - timedelta(days=days_ago)
    return Activity(id=f"{kind}-{days_ago}-{data}", kind=kind, at=at, source="web", data=data)


@pytest.mark.parametrize(
    ("written", "lead"),
    [
        ({"lead.country": "US"}, {"country": "US"}),
        ({"lead.country": "us"}, {"country": "US"}),
        ({"lead.company": "  acme GmbH"}, {"company": "ACME gmbh "}),
        ({"lead.state": ["CA", "OR"]}, {"state": "or"}),
        ({"lead.company": {"eq": "Straße"}}, {"company": "STRASSE"}),
        ({"lead.company": {"ne": "acme"}}, {"company": "other"}),
        ({"lead.state": {"in": ["CA"]}}, {"state": "CA"}),
        ({"lead.state": {"not_in": ["CA", "OR"]}}, {"state": "NY"}),
        ({"lead.title": {"exists": True}}, {"title": "VP"}),
        ({"lead.title": {"exists": False}}, {}),
        ({"lead.title": {"exists": False}}, {"title": "  "}),
        ({"lead.title": {"matches": r"\b(intern|student)\b"}}, {"title": "Marketing INTERN, summer"}),
        ({"lead.title": {"starts_with": "vp"}}, {"title": " VP of Sales"}),
        ({"lead.title": {"ends_with": ["sales", "marketing"]}}, {"title": "VP of Sales"}),
        ({"lead.domain": {"in_table": "competitors"}}, {"domain": "rival.example"}),
        ({"lead.free_mail": True}, {"free_mail": True}),
        ({"lead.employees": {"gte": 50, "lt": 1000}}, {"employees": 50}),
        ({"lead.employees": {"between": [50, 100]}}, {"employees": 100}),
        ({"lead.custom.plan": "pro"}, {"custom": {"plan": "Pro"}}),
        ({"lead.custom.seats": {"gt": 10}}, {"custom": {"seats": "25"}}),
        ({"lead.custom.seats": 25}, {"custom": {"seats": "25"}}),
        ({"lead.custom.trial": True}, {"custom": {"trial": "true"}}),
        ({"lead.custom.tags": "hot"}, {"custom": {"tags": ["cold", "Hot"]}}),
        ({"lead.custom.a.b": 1}, {"custom": {"a": {"b": 1}}}),
        ({"lead.custom.a.b": 1}, {"custom": {"a.b": 1}}),
        ({"lead.utm.campaign": "spring"}, {"utm": {"campaign": "Spring"}}),
        ({"lead.consent": True}, {"consent": True}),
        ({"lead.consent.email": True}, {"consent": {"email": True}}),
        ({"lead.postal_code": {"between": ["90000", "96199"]}}, {"postal_code": "94105-1234"}),
        ({"lead.postal_code": {"between": [90000, 96199]}}, {"postal_code": "94105"}),
        ({"lead.postal_code": {"starts_with": "94"}}, {"postal_code": "94105"}),
        ({"lead.country": "US", "lead.state": "CA"}, {"country": "US", "state": "CA"}),
        ({"all": [{"lead.country": "US"}, {"lead.state": "CA"}]}, {"country": "US", "state": "CA"}),
        ({"any": [{"lead.country": "DE"}, {"lead.state": "CA"}]}, {"country": "US", "state": "CA"}),
        ({"not": {"lead.country": "DE"}}, {"country": "US"}),
        ({"lead.country": "US", "any": [{"lead.state": "CA"}, {"lead.state": "OR"}]}, {"country": "US", "state": "OR"}),
    ],
)
def test_a_condition_holds(written: object, lead: dict[str, Any]) -> None:
    assert holds(written, lead)


@pytest.mark.parametrize(
    ("written", "lead"),
    [
        ({"lead.country": "US"}, {"country": "DE"}),
        ({"lead.state": ["CA", "OR"]}, {"state": "NY"}),
        ({"lead.company": {"ne": "acme"}}, {"company": " ACME"}),
        ({"lead.state": {"not_in": ["CA"]}}, {"state": "ca"}),
        ({"lead.title": {"exists": True}}, {"title": " "}),
        ({"lead.title": {"matches": "^vp$"}}, {"title": "vp of sales"}),
        ({"lead.domain": {"in_table": "competitors"}}, {"domain": "acme.example"}),
        ({"lead.free_mail": True}, {"free_mail": False}),
        ({"lead.employees": {"between": [50, 100]}}, {"employees": 101}),
        ({"lead.custom.seats": {"gt": 10}}, {"custom": {"seats": "many"}}),
        ({"lead.custom.seats": {"gt": 10}}, {"custom": {"seats": True}}),
        ({"lead.custom.flag": 1}, {"custom": {"flag": True}}),
        ({"lead.postal_code": {"between": ["90000", "96199"]}}, {"postal_code": "1010"}),
        ({"not": {"lead.country": "US"}}, {"country": "US"}),
    ],
)
def test_a_condition_does_not_hold(written: object, lead: dict[str, Any]) -> None:
    assert not holds(written, lead)


@pytest.mark.parametrize(
    "comparison",
    [
        {"lead.title": "x"},
        {"lead.title": ["x"]},
        {"lead.title": {"ne": "x"}},
        {"lead.title": {"not_in": ["x"]}},
        {"lead.title": {"matches": ".*"}},
        {"lead.title": {"starts_with": "x"}},
        {"lead.title": {"exists": True}},
        {"lead.domain": {"in_table": "competitors"}},
        {"lead.employees": {"ne": 5}},
        {"lead.employees": {"lt": 5}},
        {"lead.employees": {"not_in": [5]}},
        {"lead.free_mail": {"ne": True}},
        {"lead.custom.x": {"ne": "x"}},
        {"lead.custom.x": {"not_in": ["x"]}},
        {"lead.custom.x": {"lt": 5}},
        {"score.total": {"lt": 5}},
        {"score.tier": {"ne": "sql"}},
        {"account.status": {"ne": "customer"}},
        {"account.last_activity": {"ne": "2026-01-01"}},
        {"territory": {"ne": "eu"}},
    ],
)
def test_a_missing_value_satisfies_no_comparison_and_not_around_it_is_true(comparison: object) -> None:
    assert not holds(comparison)
    assert holds({"not": comparison})


@pytest.mark.parametrize("operator", ["ne", "not_in"])
def test_blank_text_is_missing(operator: str) -> None:
    value = "x" if operator == "ne" else ["x"]

    assert not holds({"lead.title": {operator: value}}, {"title": "  "})
    assert not holds({"lead.custom.a": {operator: value}}, {"custom": {"a": ""}})


@pytest.mark.parametrize(
    ("comparison", "range_", "expected"),
    [
        ({"gte": 200}, "200-500", True),
        ({"gte": 201}, "200-500", False),
        ({"lte": 500}, "200-500", True),
        ({"lt": 500}, "200-500", False),
        ({"gte": 1000}, "1000+", True),
        ({"lt": 5000}, "1000+", False),
        ({"between": [100, 500]}, "200-500", True),
        ({"between": [300, 500]}, "200-500", False),
        ({"eq": 300}, "200-500", False),
        ({"ne": 300}, "200-500", False),
        ({"ne": 600}, "200-500", True),
        ({"not_in": [100, 600]}, "200-500", True),
        ({"not_in": [100, 300]}, "200-500", False),
        ({"eq": "200-500"}, "300-400", True),
        ({"in": ["1-10", "1000+"]}, 5000, True),
        ({"exists": True}, "200-500", True),
    ],
)
def test_a_comparison_with_a_range_holds_only_for_the_whole_range(
    comparison: object, range_: object, *, expected: bool
) -> None:
    assert holds({"lead.employees": comparison}, {"employees": range_}) is expected


def test_not_around_an_unknown_range_is_true() -> None:
    assert holds({"not": {"lead.employees": {"gte": 300}}}, {"employees": "200-500"})


def test_score_territory_segment_and_account_are_asked_for_in_routing() -> None:
    condition = {
        "score.tier": ["mql", "sql"],
        "score.total": {"gte": 60},
        "score.disqualified": False,
        "territory": "eu",
        "segment": "smb",
        "account.status": "Customer",
        "account.domains": "acme.example",
        "account.last_activity": {"gte": "2026-01-01"},
        "account.custom.health": "green",
    }
    account = {
        "status": "customer",
        "domains": ["other.example", "acme.example"],
        "last_activity": "2026-02-01T10:00:00Z",
        "custom": {"health": "Green"},
    }

    assert holds(condition, score=SCORE, territory="EU", segment="smb", account=account)


def test_behaviour_counts_within_its_window_the_end_included() -> None:
    condition = {"activity": "page_view", "at_least": 2, "within": "30d"}
    facts = Facts(Lead(lead_id="l"), NOW, (did("page_view", days_ago=31), did("page_view", days_ago=30), did("other")))
    scoring = compiled(condition, Scope.SCORING)

    assert not scoring.matches(facts)
    assert scoring.matches(Facts(facts.lead, NOW, (*facts.activities, did("page_view"))))


def test_distinct_counts_equal_values_once_and_missing_ones_never() -> None:
    condition = compiled({"activity": "page_view", "at_least": 2, "distinct": "data.path"}, Scope.SCORING)
    seen = (did("page_view", days_ago=3, path="/a"), did("page_view", days_ago=2, path="/A "), did("page_view"))
    more = (*seen, did("page_view", days_ago=1, path="/b"))

    assert not condition.matches(Facts(Lead(lead_id="l"), NOW, seen))
    assert condition.matches(Facts(Lead(lead_id="l"), NOW, more))


def test_any_is_every_kind_of_activity() -> None:
    condition = compiled({"activity": "any"}, Scope.SCORING)

    assert condition.matches(Facts(Lead(lead_id="l"), NOW, (did("whatever"),)))
    assert not condition.matches(Facts(Lead(lead_id="l"), NOW))
    assert condition.activity_kinds == {"any"}


def test_evidence_is_what_was_counted_newest_first() -> None:
    condition = compiled(
        {"any": [{"activity": "webinar"}, {"activity": "page_view", "at_least": 3}, {"activity": "demo_request"}]},
        Scope.SCORING,
    )
    webinar, view, demo = did("webinar", days_ago=5), did("page_view", days_ago=2), did("demo_request", days_ago=1)

    evidence = condition.evidence(Facts(Lead(lead_id="l"), NOW, (webinar, view, demo)))

    assert evidence == (demo, webinar)


def test_what_must_not_have_happened_leaves_no_evidence() -> None:
    condition = compiled({"not": {"activity": "webinar"}}, Scope.SCORING)

    assert condition.evidence(Facts(Lead(lead_id="l"), NOW, (did("webinar"),))) == ()


def test_the_explanation_names_every_comparison_also_those_that_decided_nothing() -> None:
    condition = compiled(
        {"lead.country": "US", "any": [{"lead.state": ["CA", "OR"]}, {"lead.employees": {"gte": 50, "lt": 100}}]}
    )

    matched, comparisons = condition.explain(Facts(Lead(lead_id="l", country="DE", state="CA"), NOW))

    assert not matched
    assert comparisons == (
        Comparison("lead.country", "eq", "US", "DE", matched=False),
        Comparison("lead.state", "in", ["CA", "OR"], "CA", matched=True),
        Comparison("lead.employees", "gte", 50, None, matched=False),
        Comparison("lead.employees", "lt", 100, None, matched=False),
    )


def test_the_explanation_shows_the_activity_that_caused_the_decision() -> None:
    condition = compiled({"activity": "demo_request"})

    _, comparisons = condition.explain(Facts(Lead(lead_id="l"), NOW, (did("page_view"),)))

    assert comparisons == (Comparison("activity", "eq", "demo_request", "page_view", matched=False),)


def test_the_explanation_shows_how_many_activities_were_counted() -> None:
    condition = compiled({"activity": "page_view", "at_least": 3, "within": "30d"}, Scope.SCORING)

    _, comparisons = condition.explain(Facts(Lead(lead_id="l"), NOW, (did("page_view"), did("page_view", days_ago=1))))

    expected = {"activity": "page_view", "at_least": 3, "within": "30d"}
    assert comparisons == (Comparison("activity", "at_least", expected, 2, matched=False),)


def test_a_condition_tells_its_fields_kinds_windows_and_tables() -> None:
    condition = compiled(
        {"lead.domain": {"in_table": "competitors"}, "not": {"activity": ["webinar", "demo_request"], "within": "30d"}},
        Scope.SCORING,
    )

    assert condition.fields == {"lead.domain", "activity"}
    assert condition.activity_kinds == {"webinar", "demo_request"}
    assert condition.windows == {timedelta(days=30)}
    assert condition.tables == {"competitors"}


def test_a_table_without_a_column_of_that_name_is_looked_up_in_its_first() -> None:
    assert holds({"lead.company": {"in_table": "competitors"}}, {"company": "rival"})
    assert holds({"lead.email": {"in_table": "competitors"}}, {"email": "rival"})
