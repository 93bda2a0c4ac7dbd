"""Which rule sends a lead where."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from baton.leads.playbook.model import Target
from baton_router.deciding.planning import ToPool, ToRep, plan_catch_all, plan_rep
from baton_router.deciding.routing import pools_involved
from baton_router.deciding.values import Absence, Account, Assigned, Neighbour, Nurtured, Rejected, Request
from tests.support.playbooks import (
    WEDNESDAY,
    Router,
    did,
    lead,
    playbook,
    pool,
    rep,
    rule,
    rules,
    score,
    territory,
)

AE, SDR = pool("ae", "ann"), pool("sdr", "sam")
AWAY = Absence(WEDNESDAY - timedelta(days=1), WEDNESDAY + timedelta(days=1))
ACME = Account("a1", "Acme", domains=("acme.example",), owner="ann", csm="cleo", status="customer")
OWNED = (rule("Owner", assign="account.owner"), rule("Everyone", pool="sdr"))


def test_the_first_rule_that_matches_decides_and_the_trace_stops_there() -> None:
    routing = (
        rule("SQL", {"score.tier": "sql"}, pool="ae"),
        rule("MQL", {"score.tier": "mql"}, pool="sdr"),
        rule("Rest", nurture="newsletter"),
    )

    decision = Router(playbook(AE, SDR, routing=routing)).decide(points=score("mql"))

    assert isinstance(decision.outcome, Assigned)
    assert (decision.outcome.rep, decision.outcome.rule) == ("sam", "MQL")
    assert [(each.name, each.matched) for each in decision.trace.rules] == [("SQL", False), ("MQL", True)]
    [condition] = decision.trace.rules[0].conditions
    assert (condition.field, condition.expected, condition.actual) == ("score.tier", "sql", "mql")
    assert decision.trace.playbook == "hash"


@pytest.mark.parametrize(
    ("target", "more"),
    [
        ({"pool": "sdr"}, {}),
        ({"pool": "sdr"}, {"neighbour": Neighbour("other", "sue")}),
        ({"pool": "sdr"}, {"declined": frozenset({"sam", "sue"})}),
        ({"assign": "sue"}, {}),
        ({"assign": "account.owner"}, {}),
    ],
    ids=["next", "keep_together", "catch_all", "named", "unresolved"],
)
def test_every_entry_of_a_trace_has_all_its_keys_on_the_wire(target: dict[str, Any], more: dict[str, Any]) -> None:
    router = Router(playbook(pool("sdr", "sam", "sue"), routing=(rule("Everyone", **target),)))

    decision = router.decide(accounts=(replace(ACME, owner=None),), who=lead(domain="acme.example"), **more)

    told = decision.trace.model_dump(exclude_unset=True)  # as an event is written
    assert all({"name", "matched", "conditions"} <= set(each) for each in told["rules"])
    assert all({"rep", "eligible", "code", "reason", "counters"} <= set(each) for each in told["candidates"])
    assert all(set(each) == {"id", "name", "how", "score", "decided_by"} for each in told["account"]["candidates"])


def test_a_lead_may_be_nurtured_or_rejected() -> None:
    routing = (rule("Bad", {"score.disqualified": True}, reject="disqualified"), rule("Rest", nurture="newsletter"))
    router = Router(playbook(AE, routing=routing))

    assert router.decide(points=score(disqualified=True)).outcome == Rejected("disqualified", "Bad")
    assert router.decide(points=score()).outcome == Nurtured("newsletter", "Rest")


def test_a_rule_about_an_activity_asks_for_the_one_that_caused_the_decision() -> None:
    routing = (rule("Demo", {"activity": "demo_request"}, pool="ae"), rule("Rest", pool="sdr"))
    router = Router(playbook(AE, SDR, routing=routing))

    assert router.assign(activity=did("demo_request")).rep == "ann"
    assert router.assign(activity=did("page_view")).rep == "sam"


def test_territory_and_segment_fill_in_the_name_of_a_pool() -> None:
    west = territory("us-west", {"lead.state": ["CA", "OR"]})
    everywhere = territory("us", {"lead.country": "US"})
    wanted = pool("ae-smb-us-west", "wes")
    routing = (rule("SQL", pool="ae-{segment}-{territory}"),)
    router = Router(playbook(AE, wanted, routing=routing, territories=(west, everywhere)))

    found = router.assign(lead(country="US", state="CA"), score("sql", segment="smb"))

    assert (found.rep, found.territory, found.segment, found.pool) == ("wes", "us-west", "smb", "ae-smb-us-west")


@pytest.mark.parametrize(
    ("fields", "segment"), [({"country": "DE"}, "smb"), ({"country": "US"}, None), ({"country": "US"}, "enterprise")]
)
def test_a_pool_whose_name_is_missing_a_part_or_that_does_not_exist_takes_the_else(
    fields: dict[str, str], segment: str | None
) -> None:
    routing = (rule("SQL", pool="ae-{segment}-{territory}", otherwise=Target(pool="ae")),)
    us = territory("us", {"lead.country": "US"})
    router = Router(playbook(AE, pool("ae-smb-us", "wes"), routing=routing, territories=(us,)))

    decision = router.decide(lead(**fields), score("sql", segment=segment))

    assert isinstance(decision.outcome, Assigned)
    assert decision.outcome.rep == "ann"
    assert rules(decision)["SQL"].unresolved is not None


def test_without_an_else_the_next_assigning_rule_has_it_and_never_a_later_nurture_or_reject() -> None:
    routing = (
        rule("Owner", assign="account.owner"),
        rule("Letter", nurture="newsletter"),
        rule("No", reject="no"),
        rule("Nobody", assign="account.csm", otherwise=Target(nurture="newsletter")),
        rule("Everyone", pool="sdr"),
    )

    decision = Router(playbook(SDR, routing=routing)).decide()

    assert isinstance(decision.outcome, Assigned)
    assert (decision.outcome.rep, decision.outcome.rule) == ("sam", "Everyone")
    assert [each.name for each in decision.trace.rules] == ["Owner", "Nobody", "Everyone"]


def test_the_else_of_the_first_unresolved_rule_may_well_nurture() -> None:
    routing = (rule("Owner", assign="account.owner", otherwise=Target(nurture="newsletter")),)

    assert Router(playbook(SDR, routing=routing)).decide().outcome == Nurtured("newsletter", "Owner")


def test_what_no_rule_assigns_goes_to_the_catch_all() -> None:
    routing = (rule("Owner", assign="account.owner"), rule("Letter", nurture="newsletter"))

    decision = Router(playbook(SDR, routing=routing)).decide()

    assert isinstance(decision.outcome, Assigned)
    assert (decision.outcome.rep, decision.outcome.rule) == ("ops", "catch_all")
    assert rules(decision)["catch_all"].matched


@pytest.mark.parametrize("named", ["ann", "ANN@us.example", "hub-7"])
def test_a_path_may_name_a_rep_by_id_address_or_crm_id(named: str) -> None:
    ann = rep("ann", ids={"hubspot_id": "hub-7"})
    router = Router(playbook(AE, SDR, routing=(rule("Mine", assign="lead.sourced_by"),), reps=[ann]))

    assert router.assign(lead(sourced_by=named)).rep == "ann"


def test_a_name_belongs_to_the_first_who_has_it_and_to_another_after_a_publish() -> None:
    ann, bob = rep("ann", ids={"hubspot_id": "7"}), rep("bob", ids={"hubspot_id": "7"})
    mine = (rule("Mine", assign="lead.sourced_by"),)
    before = Router(playbook(AE, SDR, routing=mine, reps=[ann, bob]))
    after = Router(playbook(AE, SDR, routing=mine, reps=[bob]))

    owners = [router.assign(lead(sourced_by="7")).rep for router in (before, after)]

    assert owners == ["ann", "bob"]


@pytest.mark.parametrize(("path", "rep_name"), [("account.owner", "ann"), ("account.csm", "cleo")])
def test_an_account_names_its_owner_and_its_customer_success_manager(path: str, rep_name: str) -> None:
    book = playbook(AE, SDR, routing=(rule("Known", assign=path),), reps=[rep("cleo")])

    found = Router(book).assign(lead(domain="acme.example"), accounts=[ACME])

    assert (found.rep, found.account, found.pool, found.turn) == (rep_name, "a1", None, None)


def test_a_partner_manager_is_named_by_the_lead() -> None:
    router = Router(playbook(AE, SDR, routing=(rule("Partner", assign="lead.partner_manager"),)))

    assert router.assign(lead(partner_manager="ann")).rep == "ann"


def test_a_name_that_the_playbook_does_not_know_is_unresolved() -> None:
    decision = Router(playbook(SDR, routing=(rule("Mine", assign="lead.sourced_by"), rule("Rest", pool="sdr")))).decide(
        lead(sourced_by="nobody")
    )

    assert isinstance(decision.outcome, Assigned)
    assert decision.outcome.rep == "sam"
    assert "nobody whom the playbook knows" in str(rules(decision)["Mine"].unresolved)


def test_who_is_named_gets_it_outside_hours_over_caps_and_benched() -> None:
    ann = rep("ann", calendar="office")
    router = Router(playbook(SDR, AE, routing=(rule("Ann", assign="ann"),), reps=[ann])).at("03:00")
    router.say("ann", benched_until=WEDNESDAY)

    assert router.reps(3) == ["ann"] * 3
    assert router.ledger.load("ann", None).open == 3


def test_an_absent_rep_who_is_named_keeps_the_lead_and_the_nominee_stands_in() -> None:
    router = Router(playbook(AE, SDR, routing=OWNED)).say("ann", absences=[replace(AWAY, nominee="sam")])

    found = router.assign(lead(domain="acme.example"), accounts=[ACME])

    assert (found.rep, found.nominee) == ("ann", "sam")


@pytest.mark.parametrize("state", [{"absences": [AWAY]}, {"paused": True}, {"active": False}])
def test_a_named_rep_who_is_away_without_a_nominee_paused_or_inactive_is_passed_over(state: dict[str, object]) -> None:
    router = Router(playbook(AE, SDR, routing=OWNED)).say("ann", **state)

    decision = router.decide(lead(domain="acme.example"), accounts=[ACME])

    assert isinstance(decision.outcome, Assigned)
    assert (decision.outcome.rep, decision.outcome.rule) == ("sam", "Everyone")
    assert "ann" in str(rules(decision)["Owner"].unresolved)


def test_who_gave_a_lead_back_is_not_named_for_it_again() -> None:
    router = Router(playbook(AE, SDR, routing=OWNED))

    found = router.assign(lead(domain="acme.example"), accounts=[ACME], declined=frozenset({"ann"}))

    assert found.rep == "sam"


def test_the_catch_all_is_eligible_paused_and_inactive_and_its_nominee_stands_in() -> None:
    router = Router(playbook(SDR, routing=(rule("Owner", assign="account.owner"),)))

    assert router.say("ops", paused=True, active=False).assign(declined=frozenset({"ops"})).rep == "ops"
    assert router.say("ops", absences=[replace(AWAY, nominee="sam")]).assign().nominee == "sam"


def test_a_booking_link_comes_with_the_assignment_where_the_rule_says_so() -> None:
    ann = rep("ann", booking_link="https://meet.example/ann")
    routing = (rule("Demo", {"activity": "demo_request"}, pool="ae", booking=True), rule("Rest", pool="ae"))
    router = Router(playbook(AE, routing=routing, reps=[ann]))

    assert router.assign(activity=did("demo_request")).booking_url == "https://meet.example/ann"
    assert router.assign().booking_url is None


def test_the_assignment_names_the_calendar_and_zone_of_a_rep_clock() -> None:
    ann = rep("ann", time_zone="Asia/Tokyo")
    router = Router(playbook(pool("ae", "ann", calendar="office"), reps=[ann]))

    found = router.assign()

    assert (found.calendar, found.time_zone) == ("office", "UTC")


def test_a_plan_names_every_pool_whose_counters_it_may_need() -> None:
    book = playbook(
        pool("ae", "ann", overflow="sdr"), SDR, pool("rest", "rob"), catch_all=Target(pool="rest"),
        routing=(rule("Letter", {"lead.city": "Oslo"}, nurture="letter"), rule("Everyone", pool="ae")),
    )  # fmt: skip
    router = Router(book)

    asked = router.plan(Request(lead(), None))
    letter = router.plan(Request(lead(city="Oslo"), None))

    assert pools_involved(asked, router.staff) == {"ae", "sdr", "rest"}
    assert pools_involved(letter, router.staff) == frozenset()


def test_a_person_may_be_named_beside_the_rules_unless_they_are_away() -> None:
    router = Router(playbook(AE, SDR)).say("sam", paused=True)
    request = Request(lead(), None, declined=frozenset({"ann"}))

    named = plan_rep(request, router.staff, "ann@us.example", rule="escalation")

    assert named is not None
    assert isinstance(named.destination, ToRep)
    assert (named.destination.rep.id, named.rule) == ("ann", "escalation")
    assert plan_rep(request, router.staff, "sam", rule="escalation") is None
    assert plan_rep(request, router.staff, "nobody", rule="escalation") is None


def test_the_catch_all_may_be_a_pool() -> None:
    router = Router(playbook(AE, SDR, catch_all=Target(pool="sdr")))

    planned = plan_catch_all(Request(lead(), None), router.staff)

    assert isinstance(planned.destination, ToPool)
    assert planned.destination.pool.name == "sdr"
