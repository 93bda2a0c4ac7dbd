"""What conditions refuse, each mistake with its place and a hint."""

import time

import pytest

from baton.leads.conditions.compiling import compile_condition
from baton.leads.conditions.fields import Scope
from baton.leads.conditions.patterns import PatternError, compile_pattern
from baton.leads.conditions.problems import ConditionError, Problem
from baton.leads.conditions.vocabulary import Vocabulary
from baton.leads.playbook.model import Table

VOCABULARY = Vocabulary(
    tables={"competitors": Table("competitors", ("domain",), ())},
    territories=frozenset({"us-west", "eu"}),
    segments=frozenset({"smb"}),
)


def mistakes(written: object, scope: Scope = Scope.ROUTING) -> tuple[Problem, ...]:
    with pytest.raises(ConditionError) as caught:
        compile_condition(written, scope=scope, vocabulary=VOCABULARY)
    return caught.value.problems


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        ({"lead.contry": "US"}, '"lead.contry" is unknown', 'did you mean "lead.country"?'),
        ({"country": "US"}, '"country" is unknown', 'did you mean "lead.country"?'),
        ({"led.country": "US"}, '"led.country" is unknown', "lead"),
        ({"score.totl": 5}, '"score.totl" is unknown', 'did you mean "score.total"?'),
        ({"account.stats": 5}, '"account.stats" is unknown', 'did you mean "account.status"?'),
        ({"anny": [{"lead.country": "US"}]}, '"anny" is unknown', 'did you mean "any"?'),
        ({"lead.title": {"gte": 5}}, "gte doesn't compare text", "eq"),
        ({"lead.country": {"starts_with": "U"}}, "starts_with doesn't compare a country", "in"),
        ({"lead.employees": {"gte": "many"}}, 'not "many"', "number"),
        ({"lead.employees": {"gte": "200-500"}}, 'not "200-500"', "number"),
        ({"lead.employees": "about 150"}, 'not "about 150"', "200-500"),
        ({"lead.free_mail": "yes"}, 'holds true or false, not "yes"', "true or false"),
        ({"lead.title": True}, "holds text, not true", "quotes"),
        ({"lead.title": None}, "nothing can be compared with null", "exists"),
        ({"lead.title": ""}, "blank text", "exists"),
        ({"lead.country": "Germany"}, '"Germany" is no ISO', "write DE"),
        ({"lead.country": "UK"}, '"UK" is no ISO', "write GB"),
        ({"lead.country": ["US", "USA"]}, '"USA" is no ISO', "write US"),
        ({"score.tier": "hot"}, 'unknown tier "hot"', "known: cold, warm, mql, sql"),
        ({"score.tier": {"not_in": ["mql", "msql"]}}, 'unknown tier "msql"', 'did you mean "sql"?'),
        ({"account.status": "custmer"}, 'unknown status "custmer"', 'did you mean "customer"?'),
        ({"account.status": {"ne": "lead"}}, 'unknown status "lead"', "known: customer, prospect"),
        ({"account.status": {"in": ["prospect", True]}}, 'unknown status "true"', "known: customer, prospect"),
        ({"lead.channel": "inbund"}, 'unknown channel "inbund"', 'did you mean "inbound"?'),
        ({"lead.channel": {"not_in": ["paid", "partners"]}}, 'unknown channel "partners"', 'did you mean "partner"?'),
        ({"lead.seniority": "directer"}, 'unknown seniority "directer"', 'did you mean "director"?'),
        ({"lead.seniority": {"ne": "C-Level"}}, 'no lead has "C-Level" as its seniority', 'did you mean "c_level"?'),
        ({"lead.function": "Human Resources"}, "no lead has", 'did you mean "hr"?'),
        ({"lead.language": ["de", "English"]}, 'no lead has "English" as its language', 'did you mean "en"?'),
        ({"score.tier": "disqualified"}, "is no tier", "score.disqualified: true"),
        ({"territory": "us-wst"}, 'unknown territory "us-wst"', 'did you mean "us-west"?'),
        ({"score.segment": "sbm"}, 'unknown segment "sbm"', 'did you mean "smb"?'),
        ({"lead.domain": {"in_table": "competitor"}}, "unknown table", 'did you mean "competitors"?'),
        ({"lead.employees": {"between": [5]}}, "between holds two ends", "included"),
        ({"lead.employees": {"between": [500, 5]}}, "lies nothing", "[5, 500]"),
        ({"lead.title": {"in": "x"}}, "in holds a list", "[a, b]"),
        ({"lead.title": {"in": []}}, "in holds a list", "[a, b]"),
        ({"lead.title": {"gt3": 5}}, '"gt3" is no comparison', "gt"),
        ({"lead.title": {"exists": "yes"}}, "exists is true or false", "exists: true"),
        ({"lead.title": {"matches": "("}}, "is no regular expression", "in"),
        ({"lead.custom.seats": {"gt": "ten"}}, 'gt compares numbers, not "ten"', "number"),
        ({"lead.title": {}}, "an empty comparison", "gte"),
        ({}, "an empty condition", "leave out"),
        ("lead.country", "a condition is a mapping", "{field: value}"),
        ({"all": {"lead.country": "US"}}, '"all" holds a list', "all: ["),
        ({"any": []}, '"any" holds a list', "any: ["),
        ({"not": [{"lead.country": "US"}]}, "a condition is a mapping", "{field: value}"),
        ({"activity": "Demo Request"}, '"Demo Request" is no kind of activity', "demo_request"),
        ({"activity": "demoRequest"}, "is no kind of activity", "demo_request"),
        ({"activity": "demo_request", "within": "30 days"}, "not a duration", ""),
        ({"activity": "demo_request", "within": "2wd"}, "is no window of time", "30d"),
        ({"activity": "demo_request", "at_least": 3}, "sees only the activity", "score"),
        ({"at_least": 3}, '"at_least" needs an activity', "activity: KIND"),
    ],
)
def test_a_mistake_is_told_with_a_hint(written: object, message: str, hint: str) -> None:
    found = mistakes(written)

    assert message in found[0].message
    assert hint in found[0].hint


@pytest.mark.parametrize(
    ("scope", "written"),
    [
        (Scope.SCORING, {"score.tier": "mql"}),
        (Scope.SCORING, {"account.status": "customer"}),
        (Scope.SCORING, {"territory": "eu"}),
        (Scope.SLA_CAPTURED, {"score.tier": "mql"}),
        (Scope.SLA_CAPTURED, {"account.owner": {"exists": True}}),
        (Scope.SLA_CAPTURED, {"segment": "smb"}),
        (Scope.TERRITORY, {"activity": "demo_request"}),
        (Scope.TERRITORY, {"score.tier": "mql"}),
    ],
)
def test_what_cannot_be_known_in_a_place_cannot_be_asked_for(scope: Scope, written: object) -> None:
    assert f"can't be asked for in {scope}" in mistakes(written, scope)[0].message


@pytest.mark.parametrize(
    "written",
    [
        {"account.status": " Customer "},
        {"account.status": {"starts_with": "cust"}},
        {"lead.channel": ["product_led", "paid_ads", "tradeshow"]},
        {"lead.channel": {"starts_with": "in"}},
        {"lead.seniority": ["board", "VP"]},
        {"lead.function": "clinical"},
        {"lead.language": "Klingon"},
        {"territory": {"starts_with": "us-"}},
        {"segment": {"matches": "^s"}},
    ],
)
def test_a_word_that_a_lead_may_have_and_a_part_of_one_are_accepted(written: dict[str, object]) -> None:
    assert compile_condition(written, scope=Scope.ROUTING, vocabulary=VOCABULARY).fields == {*written}


@pytest.mark.parametrize("scope", [Scope.ROUTING, Scope.SLA_ASSIGNED])
def test_routing_and_clocks_from_assigned_may_ask_for_everything(scope: Scope) -> None:
    written = {"score.tier": "mql", "account.owner": "x", "territory": "eu", "segment": "smb", "activity": "webinar"}

    assert compile_condition(written, scope=scope, vocabulary=VOCABULARY).fields == {*written}


def test_all_mistakes_are_told_at_once_each_with_its_path() -> None:
    found = mistakes({"all": [{"lead.contry": "US"}, {"lead.employees": {"gte": "x", "gt": "y"}}], "not": {}})

    assert [problem.path for problem in found] == [
        ("all", 0, "lead.contry"),
        ("all", 1, "lead.employees", "gte"),
        ("all", 1, "lead.employees", "gt"),
        ("not",),
    ]


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a*)*", "(a|aa)+", "(a?b?)*", "a*a*a*b", "(?=a)b", r"(a)\1", "a?" * 16, "(x+x+)+y", "x" * 201],
)
def test_a_pattern_that_could_run_away_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["a*a*b", "a?" * 9 + "a" * 9 + "b", "(a|b|ab)(a|b|ab).*c", r"(?:ab)+.*x"])
def test_the_worst_pattern_that_is_let_through_ends_soon(pattern: str) -> None:
    search = compile_pattern(pattern)
    before = time.process_time()

    for text in ("a" * 100_000, "ab" * 50_000):
        search(text)

    assert time.process_time() - before < 0.5
