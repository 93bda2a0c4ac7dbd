"""Which account a lead belongs to."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from baton.leads.playbook.model import Matching
from baton_router.deciding.matching import Match, match_account
from baton_router.deciding.values import Account
from tests.support.playbooks import WEDNESDAY, Router, lead, playbook, pool, rule

ORDER = Matching().tie_break
ACME = Account("a1", "Acme GmbH", domains=("acme.example",), country="DE")
TWIN = replace(ACME, id="a2")


def match(accounts: list[Account], *, tie_break: tuple[str, ...] = ORDER, **fields: Any) -> Match:
    return match_account(lead(**fields), accounts, tie_break=tie_break)


def test_a_business_address_matches_by_its_domain() -> None:
    found = match([ACME], domain="acme.example", company="Something else")

    assert found.account is ACME
    assert (found.trace.id, found.trace.how) == ("a1", "domain")


def test_the_trace_keeps_what_was_known_of_the_account() -> None:
    known = replace(ACME, status="customer", last_activity=WEDNESDAY, custom={"plan": "gold"})

    told = match([known], domain="acme.example").trace.facts

    assert told == {
        "id": "a1", "name": "Acme GmbH", "domains": ("acme.example",), "status": "customer", "country": "DE",
        "open_opportunity": False, "last_activity": "2026-03-25T12:00:00Z", "custom": {"plan": "gold"},
    }  # fmt: skip


def test_a_free_mail_address_never_matches_by_domain() -> None:
    mail = replace(ACME, domains=("gmail.com",))

    assert match([mail], domain="gmail.com", free_mail=True).account is None


@pytest.mark.parametrize("free_mail", [True, False])
def test_an_exact_normalised_name_matches_within_the_same_country(free_mail: bool) -> None:  # noqa: FBT001
    found = match([ACME], domain="other.example", free_mail=free_mail, company="ACME", country="DE")

    assert found.account is ACME
    assert found.trace.how == "name"


@pytest.mark.parametrize("country", [None, "FR"])
def test_an_equal_name_elsewhere_is_routed_as_if_unmatched_and_listed_for_review(country: str | None) -> None:
    found = match([ACME], free_mail=True, company="Acme", country=country)

    assert found.account is None
    assert (found.trace.id, found.trace.how) == (None, "review")
    assert [(each.id, each.how) for each in found.trace.candidates] == [("a1", "name")]


def test_a_name_that_is_only_alike_is_for_review_with_its_likeness() -> None:
    globex = Account("g", "Globex Industries", country="DE")

    found = match([globex, ACME], company="Globex Industrys", country="DE")

    assert found.account is None
    assert found.trace.how == "review"
    [candidate] = found.trace.candidates
    assert (candidate.id, candidate.how) == ("g", "similar_name")
    assert candidate.score is not None
    assert 90 <= candidate.score < 100


def test_names_that_differ_by_a_word_are_not_alike() -> None:
    found = match([Account("g", "Globex Energy", country="DE")], company="Globex Industries", country="DE")

    assert (found.account, found.trace.how) == (None, "none")


@pytest.mark.parametrize(
    ("better", "decided_by"),
    [
        ({"status": "customer"}, "status"),
        ({"open_opportunity": True}, "open_opportunity"),
        ({"country": "US"}, "country"),
        ({"parent": None}, "hierarchy"),
        ({"last_activity": WEDNESDAY}, "recency"),
    ],
)
def test_ties_are_broken_in_the_order_of_the_playbook(better: dict[str, Any], decided_by: str) -> None:
    plain = replace(ACME, parent="p", last_activity=WEDNESDAY - timedelta(days=1))
    given: dict[str, Any] = {"parent": "p", "last_activity": plain.last_activity}
    best = replace(TWIN, **(given | better))

    found = match([plain, best], domain="acme.example", country="US")

    assert found.account is best
    assert [(each.id, each.decided_by) for each in found.trace.candidates] == [("a2", None), ("a1", decided_by)]


def test_a_playbook_may_break_ties_otherwise() -> None:
    customer, recent = replace(ACME, status="customer"), replace(TWIN, last_activity=WEDNESDAY)

    assert match([customer, recent], domain="acme.example").account is customer
    assert match([customer, recent], domain="acme.example", tie_break=("recency",)).account is recent


def test_equal_accounts_are_told_apart_by_id() -> None:
    found = match([TWIN, ACME], domain="acme.example")

    assert found.account is ACME
    assert found.trace.candidates[1].decided_by == "id"


def test_rules_ask_for_the_matched_account_and_the_trace_shows_it() -> None:
    routing = (rule("Customers", {"account.status": "customer"}, pool="csm"), rule("Rest", pool="sdr"))
    router = Router(playbook(pool("csm", "cleo"), pool("sdr", "sam"), routing=routing))
    customer = replace(ACME, status="customer")

    decision = router.decide(lead(domain="acme.example"), accounts=[customer])

    assert decision.trace.account is not None
    assert decision.trace.account.id == "a1"
    assert router.assign(lead(domain="acme.example"), accounts=[customer]).account == "a1"
    assert router.assign(lead(domain="other.example"), accounts=[customer]).rep == "sam"
