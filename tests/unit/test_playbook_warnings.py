"""What loads but hardly means what it says: the warnings, each at its place."""

import time

import pytest

from baton.leads.playbook.findings import Finding
from baton.leads.playbook.loader import load_files
from tests.support.playbooks import SALES as BASE

PUSHED = "leads come only as the vendor sends them here"
UNPROVEN = f"{PUSHED}; let it, and add secret: env:NAME"


def warnings(text: str, **files: str) -> tuple[Finding, ...]:
    given = {name.replace("_", "."): content.encode() for name, content in files.items()}
    return load_files({"playbook.yaml": text.encode(), **given}).warnings


def routing(*rules: str) -> str:
    written = "\n".join(f"  - {{{rule}}}" for rule in rules)
    return BASE.replace("  - {name: Everyone, pool: sales}", written)


def territories(**conditions: str) -> str:
    written = "".join(f"  {name}: {{when: {condition}}}\n" for name, condition in conditions.items())
    return f"{BASE}territories:\n{written}"


def test_a_playbook_in_order_has_none() -> None:
    assert warnings(BASE) == ()


def test_a_rule_after_one_without_a_when_is_unreachable() -> None:
    found = warnings(routing("name: All, pool: sales", "name: Never, pool: sales"))

    assert [(each.line, each.path, each.message) for each in found] == [(9, "routing.1", 'unreachable rule "Never"')]
    assert '"All" before it' in found[0].hint


@pytest.mark.parametrize(
    "later",
    [
        "{lead.country: US}",
        "{lead.country: us, lead.state: CA}",
        "{all: [{lead.country: US}, {score.tier: mql}]}",
    ],
)
def test_a_rule_that_asks_for_no_more_than_an_earlier_one_is_unreachable(later: str) -> None:
    text = routing(
        "name: First, when: {lead.country: [US, CA]}, pool: sales",
        f"name: Later, when: {later}, pool: sales",
        "name: Rest, pool: sales",
    )

    assert [each.message for each in warnings(text)] == ['unreachable rule "Later"']


@pytest.mark.parametrize(
    ("first", "found"), [("assign: account.csm", []), ("pool: sales", ['unreachable rule "Later"'])]
)
def test_nurturing_stops_no_lead_whose_rule_was_unresolved(first: str, found: list[str]) -> None:
    text = routing(
        f"name: First, when: {{lead.city: Rome}}, {first}",
        "name: Nurtured, when: {lead.country: US}, nurture: news",
        "name: Later, when: {lead.country: US}, pool: sales",
        "name: Rest, pool: sales",
    )

    unreachable = [each.message for each in warnings(text) if "unreachable" in each.message]

    assert unreachable == found


def test_a_rule_after_one_that_may_be_unresolved_is_reachable() -> None:
    text = routing(
        "name: Owner, when: {lead.country: US}, assign: account.owner",
        "name: Same, when: {lead.country: US}, pool: sales",
        "name: Rest, pool: sales",
    )

    assert [each.path for each in warnings(text)] == ["routing.0.assign"]


def test_a_last_rule_with_a_when_is_told() -> None:
    found = warnings(routing("name: Some, when: {lead.country: US}, pool: sales"))

    assert [each.message for each in found] == ['the last rule "Some" has a when']


@pytest.mark.parametrize("target", ["assign: account.owner", "assign: lead.sourced_by", 'pool: "ae-{territory}"'])
def test_a_target_that_may_be_unresolved_without_else_is_told(target: str) -> None:
    text = routing(f"name: X, when: {{lead.country: US}}, {target}", "name: Rest, pool: sales")
    text = text.replace("  pools:\n", "  pools:\n    ae-us: {members: [joe]}\n")
    text += "territories: {us: {when: {lead.country: US}}}\n"

    found = [each for each in warnings(text) if each.path.startswith("routing.0")]

    assert len(found) == 1
    assert "there is no else" in found[0].message


def test_a_template_that_no_pool_fits_is_told() -> None:
    found = warnings(routing('name: X, pool: "ae-{territory}", else: {pool: sales}'))

    assert [(each.line, each.path, each.message) for each in found] == [
        (8, "routing.0.pool", 'no pool fits "ae-{territory}"')
    ]


def test_an_else_that_may_be_unresolved_is_told() -> None:
    text = routing("name: X, assign: account.owner, else: {assign: account.csm}", "name: Rest, pool: sales")

    assert [each.path for each in warnings(text)] == ["routing.0.else"]


def test_gaps_and_overlaps_of_territories_in_a_csv_file_are_told_on_its_lines() -> None:
    rows = "name,country,state\nwest,US,CA;OR\npacific,US,OR\npacific,US,HI\nalso,US,CA\nrest,US,\n"

    found = warnings(f"{BASE}territories: territories.csv\n", territories_csv=rows)

    assert [(each.file, each.line, each.path, each.message) for each in found] == [
        ("territories.csv", 3, "territories.pacific", 'overlap with "west": US-OR'),
        ("territories.csv", 5, "territories.also", 'unreachable territory "also"'),
        ("territories.csv", 6, "territories.rest", 'overlap with "west": US-CA, US-OR'),
        ("territories.csv", 6, "territories.rest", 'overlap with "pacific": US-HI, US-OR'),
        ("territories.csv", 6, "territories.rest", 'overlap with "also": US-CA'),
    ]


def test_the_states_of_one_row_are_not_those_of_the_country_of_another() -> None:
    rows = "name,country,state\nwest,US,CA\nwest,HK,\nrest,US,NY\n"

    found = warnings(f"{BASE}territories: territories.csv\n", territories_csv=rows)

    assert found[0].message.startswith("gap: no territory has US-AK")
    assert "HK-" not in found[0].message


def test_a_thousand_rules_are_compared_soon() -> None:
    rules = (f"when: {{lead.country: US, lead.city: c{each}}}, pool: sales" for each in range(1000))
    text = routing(*rules, "when: {lead.country: US, lead.city: c7, lead.state: CA}, pool: sales", "pool: sales")
    before = time.process_time()

    found = warnings(text)

    assert time.process_time() - before < 8
    assert [each.message for each in found] == ['unreachable rule "rule 1001"']


def test_thousands_of_territories_are_compared_soon() -> None:
    rows = "".join(f"t{each},US,c{each}\n" for each in range(3000)) + "again,US,C7\n"
    before = time.process_time()

    found = warnings(f"{BASE}territories: t.csv\n", t_csv=f"name,country,city\n{rows}")

    assert time.process_time() - before < 5
    assert [each.message for each in found] == ['unreachable territory "again"']


def test_a_pool_that_no_lead_can_reach_is_told() -> None:
    pools = (
        "  pools:\n    used: {members: [joe]}\n    idle: {members: [joe], overflow: deep}\n    deep: {members: [joe]}\n"
    )

    found = warnings(BASE.replace("  pools:\n", pools).replace("[mary, joe]", "[mary], overflow: used"))

    assert [each.path for each in found] == ["teams.pools.idle", "teams.pools.deep"]


def test_a_pool_that_a_template_names_is_reached() -> None:
    text = routing('name: X, pool: "ae-{territory}", else: {pool: sales}')
    text = text.replace("  pools:\n", "  pools:\n    ae-us: {members: [joe]}\n")

    assert warnings(text + "territories: {us: {when: {lead.country: US}}}\n") == ()


def test_unused_calendars_and_tables_are_told() -> None:
    text = BASE + 'calendars:\n  us: {hours: {mon-fri: ["09:00-17:00"]}}\n'

    found = warnings(text, rivals_csv="domain\nrival.example\n")

    assert [(each.file, each.line, each.path) for each in found] == [
        ("playbook.yaml", 11, "calendars.us"),
        ("rivals.csv", 1, ""),
    ]


def test_a_pool_without_an_active_member_is_told() -> None:
    text = BASE.replace("mary@example.com}", "mary@example.com, active: false}").replace("[mary, joe]", "[mary]")

    assert "no members in hours" in warnings(text)[0].message


def test_states_that_no_territory_has_are_a_gap() -> None:
    text = territories(west="{lead.country: CA, lead.state: [BC, AB]}", east="{lead.country: CA, lead.state: [ON, QC]}")

    found = warnings(text)

    assert [each.path for each in found] == ["territories"]
    assert "gap: no territory has CA-MB, CA-NB" in found[0].message


def test_a_territory_for_the_rest_closes_the_gap() -> None:
    text = territories(
        west="{lead.country: US, lead.state: [CA, OR, WA]}", rest="{lead.country: US, not: {lead.state: [CA, OR, WA]}}"
    )

    assert warnings(text) == ()


def test_what_may_close_a_gap_is_no_gap() -> None:
    text = territories(
        west="{lead.country: US, lead.state: [CA, OR, WA]}", named="{lead.country: US, lead.employees: {gte: 1000}}"
    )

    assert warnings(text) == ()


def test_places_that_two_territories_have_are_an_overlap() -> None:
    text = territories(dach="{lead.country: [DE, AT, CH]}", alps="{lead.country: [AT, CH, IT]}")

    found = warnings(text)

    assert [(each.path, each.message) for each in found] == [("territories.alps", 'overlap with "dach": AT, CH')]


def test_a_territory_inside_an_earlier_one_is_unreachable() -> None:
    text = territories(dach="{lead.country: [DE, AT, CH]}", austria="{lead.country: AT}")

    assert [each.message for each in warnings(text)] == ['unreachable territory "austria"']


def test_a_segment_inside_an_earlier_one_is_unreachable() -> None:
    text = BASE + (
        "scoring:\n  segments:\n    big: {when: {lead.employees: {gte: 100}}}\n"
        "    bigger: {when: {lead.employees: {gte: 1000}}}\n"
    )

    assert [(each.line, each.message) for each in warnings(text)] == [(13, 'unreachable segment "bigger"')]


def test_more_expected_leads_than_places_are_told() -> None:
    text = BASE.replace("[mary, joe]", "[mary, joe], caps: {per_day: 10}")

    found = warnings(text + "sources:\n  web: {type: form, rate: 5}\n")

    assert [each.message for each in found] == ["expected volume over capacity: 120 leads per day for 20 places"]


def test_people_without_limits_are_never_over_capacity() -> None:
    text = BASE.replace("[mary, joe]", "[{rep: mary, caps: {per_day: 10}}, joe]")

    assert warnings(text + "sources:\n  web: {type: form, rate: 500}\n") == ()


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("{type: hubspot, secret: env:A}", "hubspot-workflow"),
        ("{type: salesforce-cdc, token: env:A}", "salesforce-json"),
        ("{type: meta-lead-ads, secret: env:A}", "type json"),
        ("{type: linkedin-lead-sync, secret: env:A}", "type json"),
    ],
)
def test_a_source_that_this_release_does_not_serve_is_told(source: str, hint: str) -> None:
    found = warnings(f"{BASE}sources:\n  web: {{type: form}}\n  new: {source}\n")

    assert [(each.line, each.path) for each in found] == [(12, "sources.new.type")]
    assert found[0].message.endswith(" are not served by this release")
    assert found[0].hint.startswith("what it sends is answered 501; ")
    assert hint in found[0].hint


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("{type: hubspot-form, token: env:A, poll: 5m}", UNPROVEN),
        ("{type: marketo, client_id: a, client_secret: env:A, poll: 5m}", UNPROVEN),
        ("{type: marketo, secret: env:A, poll: 5m}", PUSHED),
        ("{type: pardot-form, token: env:A, poll: 1h}", PUSHED),
    ],
)
def test_a_source_that_waits_to_be_polled_is_told(source: str, hint: str) -> None:
    (found,) = warnings(f"{BASE}sources:\n  web: {{type: form}}\n  new:\n    {source}\n")

    assert (found.line, found.path, found.message) == (13, "sources.new.poll", "nothing is polled by this release")
    assert found.hint == hint


@pytest.mark.parametrize(
    ("actions", "path", "carried_out", "left"),
    [
        ("on_breach: [reassign, {assign: catch_all}]", "on_breach.1", "reassign", "assign: catch_all"),
        (
            "steps: [{after: 15m, do: [notify_rep, {assign: joe}, notify_manager, reassign]}]",
            "steps.0.do.3", "assign: joe", "reassign",
        ),
        ("on_breach: [{assign: joe}, {assign: mary}]", "on_breach.1", "assign: joe", "assign: mary"),
    ],
)  # fmt: skip
def test_a_step_that_gives_a_lead_away_twice_is_told(actions: str, path: str, carried_out: str, left: str) -> None:
    (found,) = warnings(f"{BASE}sla:\n  first:\n    to: first_touch\n    target: 1h\n    {actions}\n")

    assert (found.line, found.path) == (14, f"sla.first.{path}")
    assert found.message == "one step gives a lead away twice"
    assert found.hint == f"only {carried_out} is carried out; give {left} a step of its own, with a later after"


def test_steps_of_their_own_may_each_give_a_lead_away() -> None:
    steps = "[{after: 100%, do: [reassign]}, {after: 200%, do: [{assign: catch_all}, notify_manager]}]"

    assert warnings(f"{BASE}sla:\n  first: {{to: first_touch, target: 1h, steps: {steps}}}\n") == ()
