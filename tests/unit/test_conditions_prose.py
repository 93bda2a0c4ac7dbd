"""Conditions as people read them."""

from typing import Any

import pytest

from baton.leads.conditions.compiling import compile_condition
from baton.leads.conditions.fields import Scope
from baton.leads.conditions.prose import condition_words
from baton.leads.conditions.vocabulary import Vocabulary
from baton.leads.playbook.model import Table

TABLES = {"rivals": Table("rivals", ("domain",), ())}


def words(written: dict[str, Any], scope: Scope = Scope.ROUTING) -> str:
    return condition_words(compile_condition(written, scope=scope, vocabulary=Vocabulary(tables=TABLES)).tree)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"lead.country": "US"}, "country is US"),
        ({"lead.country": ["US"]}, "country is US"),
        ({"lead.country": ["US", "CA"]}, "country is one of US, CA"),
        ({"lead.country": {"not_in": ["US", "CA"]}}, "country is none of US, CA"),
        ({"lead.employees": {"gte": 50, "lt": 1000}}, "employees is at least 50 and employees is under 1000"),
        ({"lead.employees": {"between": [50, 999]}}, "employees is between 50 and 999"),
        ({"lead.domain": {"in_table": "rivals"}}, "domain is in the table rivals"),
        ({"lead.postal_code": {"starts_with": ["9", "8"]}}, "postal code starts with 9, 8"),
        ({"account.owner": {"exists": True}}, "the account's owner has a value"),
        ({"account.csm": {"exists": False}}, "the account's csm has no value"),
        ({"lead.free_mail": True}, "the address is a free-mail one"),
        ({"score.disqualified": False}, "the lead is not disqualified"),
        ({"score.total": {"gt": 40.5}, "score.tier": "mql"}, "total score is over 40.5 and tier is mql"),
        ({"lead.custom.plan": "pro", "lead.utm.source": "ad"}, "custom field plan is pro and utm source is ad"),
        ({"account.custom.size": 3, "territory": "eu"}, "the account's custom field size is 3 and territory is eu"),
        ({"activity": "any"}, "the lead did anything"),
        ({"activity": ["demo_request", "webinar"]}, "the lead did demo request or webinar"),
        (
            {"lead.city": "Rome", "any": [{"lead.state": "A"}, {"lead.state": "B", "lead.title": "C"}]},
            "city is Rome and (state is A or (state is B and title is C))",
        ),
        ({"not": {"lead.city": "Rome"}}, "not (city is Rome)"),
    ],
)
def test_a_condition_is_said_in_words(written: dict[str, Any], said: str) -> None:
    assert words(written) == said


def test_what_a_lead_did_is_said_with_how_often_and_since_when() -> None:
    written = {"activity": "page_view", "at_least": 3, "within": "30d", "distinct": "data.path"}

    said = words(written, Scope.SCORING)

    assert said == "the lead did page view at least 3 times with different data.path within 30 days"
