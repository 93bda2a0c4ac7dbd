"""What changes between two playbooks, as people read it."""

import pytest

from baton.leads.playbook.loader import load_published
from baton.leads.playbook.model import Playbook
from baton_standalone.playbook_diff import Change, compare
from baton_standalone.playbook_documents import as_html, as_markdown
from baton_standalone.playbook_pages import as_json, as_text, changes_json, changes_text
from tests.support.playbooks import SALES
from tests.support.rich_playbook import RICH, edited, load


def changes(*swaps: tuple[str, str]) -> tuple[Change, ...]:
    return compare(load(RICH), load(edited(*swaps)))


def told(*swaps: tuple[str, str]) -> list[str]:
    """What a person reads of it, section and lines, without the first line."""
    before, after = load(RICH), load(edited(*swaps))
    return [line for line in changes_text(before, after, compare(before, after)).splitlines()[1:] if line]


def small(*lines: str) -> Playbook:
    return load({"playbook.yaml": SALES + "\n".join(lines) + "\n"})


def test_a_playbook_differs_in_nothing_from_itself() -> None:
    assert compare(load(RICH), load(RICH)) == ()


@pytest.mark.parametrize(
    ("old", "new", "section", "line"),
    [
        ("points: 20,", "points: 25,", "Fit", "  ~ Boss: points: +20 → +25"),
        ("cap: 50", "cap: 60", "Fit", "  ~ as a whole: cap: 50 points → 60 points"),
        ("{half_life: 30d}", "{half_life: 14d}", "Engagement",
         "  ~ as a whole: fading: halved every 30 days → halved every 14 days"),
        (", decay: {linear: 60d}", "", "Engagement",
         "  ~ Visits: fading: evenly to nothing within 60 days → none"),
        ("warm: 20", "warm: 30", "Tiers", "  ~ warm: 20 points → 30 points"),
        ("cool_down: 3d", "cool_down: 7d", "Tiers", "  ~ cool-down: 3 days → 7 days"),
        ("{gte: 1000}", "{gte: 500}", "Segments",
         "  ~ big: when: employees is at least 1000 → employees is at least 500"),
        ("tiers: {mql: 40}", "tiers: {mql: 45}", "Segments", "  ~ big: mql from: 40 → 45"),
        ("{name: Big boss, points: 40", "{name: Big boss, points: 30", "Fit in big", "  ~ Big boss: points: +40 → +30"),
        ("[DE, FR]", "[DE, FR, PL]", "Territories", "  ~ eu: when: country is one of: also PL"),
        ("lead.state: [CA, OR]", "lead.state: CA", "Territories", "  ~ us: when: state is one of: no longer OR"),
        ("role: sdr", "role: ae", "Reps", "  ~ Mary Chen: role: sdr → ae"),
        ("per_week: 40", "per_week: 50", "Reps", "  ~ Mary Chen: at most a week: 40 → 50"),
        ("calendar: west\n      manager", "manager", "Reps", "  ~ Mary Chen: calendar: west → none"),
        ("active: false", "active: true", "Reps", "  ~ Olivia Park: active: no → yes"),
        ("restart: false", "restart: true", "Promises", "  ~ contact: starts anew with each rep: no → yes"),
        ("boundary: next_open", "boundary: close", "Calendars",
         "  ~ west: what runs out at closing: ends at the next opening → ends then"),
        ("outside_hours: hold", "outside_hours: assign", "Pools",
         "  ~ sdr: outside hours: leads wait → the next in turn has it"),
        ("      hold: 2wd\n", "", "Pools", "  ~ sdr: held at most: 2 working days → 24 hours"),
        ("fit: {cap: 70,", "fit: {cap: 80,", "Segments", "  ~ big: fit cap: 70 points → 80 points"),
        ("skills: [enterprise]", "skills: [enterprise, api]", "Reps", "  ~ Mary Chen: skills: also api"),
        ("weight: 2", "weight: 3", "Pools",
         "  ~ sdr: members: Mary Chen (weight 2, at most 5 a day) → Mary Chen (weight 3, at most 5 a day)"),
        ("all: {members: [mary, joe]}", "all: {members: [mary, ops]}", "Pools", "  ~ all"),
        ("strategy: priority", "strategy: least_loaded", "Pools", "  ~ sdr"),
        ("caps: {open: 99}", "caps: {}", "Pools", "  ~ sdr: at most open at a time: 99 → none"),
        ("overflow: all", "", "Pools", "  ~ sdr: overflow: all → none"),
        ("hold: 2wd", "hold: 3wd", "Pools", "  ~ sdr: held at most: 2 working days → 3 working days"),
        ("pool: sdr, booking: true", "pool: all, booking: true", "Routing",
         "  ~ Demo: target: to the pool sdr → to the pool all"),
        ("else: {rep: joe}", "else: {pool: all}", "Routing", "  ~ Demo: else: to Joe Alvarez → to the pool all"),
        ("catch_all: {rep: ops}", "catch_all: {rep: joe}", "What is left",
         "  ~ Catch-all: to Olivia Park → to Joe Alvarez"),
        ("holidays: [US, 2026-12-24]", "holidays: [US, 2026-12-26]", "Calendars", "  ~ west"),
        ('2026-12-31: ["09:00-12:00"]', "2026-12-31: []", "Calendars",
         "  ~ west: special dates: 2026-12-31 09:00-12:00 → 2026-12-31 closed"),
        ("target: 1h", "target: 2h", "Promises", "  ~ contact: target: 1 hour → 2 hours"),
        ("clock: rep", "clock: west", "Promises", "  ~ contact: clock: in the rep's hours → in the hours of west"),
        ("do: [notify_rep]", "do: [reassign]", "Promises",
         "  ~ contact: steps: after 15 minutes: a warning, notify rep → after 15 minutes: a warning, reassign"),
        ("misses: 2", "misses: 3", "Promises",
         "  ~ contact: bench: 4 hours after 2 misses within 1 day → 4 hours after 3 misses within 1 day"),
        ("touches: 8", "touches: 6", "Promises",
         "  ~ cadence: promise: 8 touches over 2 channels → 6 touches over 2 channels"),
        ("env:FLOW", "env:FLOW_2026", "Sources", "  ~ flow: secret: env:FLOW → env:FLOW_2026"),
        ("[env:ONE, env:TWO]", "[env:ONE]", "Sources", "  ~ own: secret: no longer env:TWO"),
        ("{co: company, mail: email}", "{co: company, e_mail: email}", "Sources", "  ~ web"),
        ("mql_per_month: 400", "mql_per_month: 500", "Commitments", "  ~ mql per month: 400 → 500"),
        ("complete: [name, email]", "complete: [name]", "Commitments", "  ~ complete: no longer email"),
        ("[lead.assigned, lead.held]", "[lead.assigned]", "Deliveries", "  ~ hook: events: no longer lead.held"),
        ("Worth a call.", "Worth two.", "Terms", "  ~ MQL: Worth a call. → Worth two."),
        ('version: "7"', 'version: "8"', "In general", "  ~ Version: 7 → 8"),
        ("saas,10", "saas,12", "Tables", "  ~ trades"),
    ],
)  # fmt: skip
def test_each_kind_of_change_is_told_in_words(old: str, new: str, section: str, line: str) -> None:
    lines = told((old, new))

    assert lines[:2] == [section, line]
    assert not [each for each in lines[1:] if not each.startswith(" ")]


def test_hours_are_told_by_the_week() -> None:
    [change] = changes((', fri: ["09:00-15:00"], sat: ["22:00-06:00"]', ', sun: ["10:00-24:00"]'))

    [hours] = change.facts
    assert hours.before is not None
    assert hours.after is not None
    assert hours.before.said == "mon-thu 09:00-12:00 and 13:00-18:00, fri 09:00-15:00, sat 22:00-06:00"
    assert hours.after.said == "mon-thu 09:00-12:00 and 13:00-18:00, sun 10:00-24:00"


def test_what_came_and_what_went_are_told_with_what_they_say() -> None:
    boss = "{name: Boss, points: 20, when: {lead.seniority: [c_level, vp]}}"

    lines = told((boss, "{name: Fair, points: 7, when: {activity: trade_fair}}"))

    assert lines == [
        "Fit",
        "  - Boss: removed: +20 points when seniority is one of c_level, vp",
        "  + Fair: added: +7 points when the lead did trade fair",
    ]


def test_who_joined_and_who_left_a_pool_and_the_company_is_said_so() -> None:
    joe = "{id: joe, name: Joe Alvarez, email: joe@acme.example}"
    after = edited((joe, "{id: ada, name: Ada Lane, email: ada@acme.example}"))
    after["more.yaml"] = after["more.yaml"].replace("joe", "ada")
    before = load(RICH)

    lines = changes_text(before, load(after), compare(before, load(after))).splitlines()

    assert "      members: joined by Ada Lane" in lines
    assert "      members: left by Joe Alvarez" in lines
    assert "  - Joe Alvarez: left" in lines
    assert "  + Ada Lane: joined" in lines


def test_a_rule_that_moved_is_told_by_what_it_passed() -> None:
    known = "  - {name: Known, when: {account.owner: {exists: true}}, assign: account.owner, else: {pool: all}}\n"
    rest = "  - {name: Rest"

    assert told((known, ""), (rest, known + rest)) == ["Routing", "  ~ Demo now comes before Known"]


def test_a_rule_that_jumped_to_the_front_is_the_only_one_that_moved() -> None:
    demo = "  - {name: Demo, when: {activity: demo_request}, pool: sdr, booking: true, else: {rep: joe}}\n"
    first = "routing:\n"

    assert told((demo, ""), (first, first + demo)) == ["Routing", "  ~ Demo now comes before Rival"]


def test_a_new_rule_in_between_moves_nobody() -> None:
    rule = "  - {name: Partner, when: {lead.channel: partner}, pool: all}\n"

    lines = told(("routing:\n", "routing:\n" + rule))

    assert lines == ["Routing", "  + Partner: added: when channel is partner: to the pool all"]


def test_another_name_for_the_same_rule_is_told_as_that() -> None:
    assert told(("{name: Boss", "{name: Chief")) == ["Fit", "  ~ Boss is now called Chief"]


def test_what_a_condition_gains_and_loses_is_told_by_itself() -> None:
    eu = "eu: {when: {lead.country: [DE, FR]}}"

    gains = told((eu, "eu: {when: {lead.country: [FR, DE], lead.channel: inbound}}"))
    every = told(("when: {activity: demo_request}, pool", "pool"))

    assert gains == ["Territories", "  ~ eu: when: now only when channel is inbound"]
    assert every == ["Routing", "  ~ Demo: when: always now"]


def test_alternatives_that_came_and_went_are_told_by_themselves() -> None:
    some = small("territories: {eu: {when: {any: [{lead.country: DE}, {lead.state: CA, lead.country: US}]}}}")
    others = small("territories: {eu: {when: {any: [{lead.country: DE}, {lead.city: Rome}]}}}")

    [change] = compare(some, others)

    assert change.said == ("when: also when city is Rome", "when: no longer when state is CA and country is US")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            "{lead.country: US, lead.state: [CA, OR]}", "{lead.state: [or, ca, CA], lead.country: us}", id="order"
        ),
        pytest.param("{lead.country: US}", "{lead.country: {in: [US]}}", id="a list of one"),
        pytest.param("{lead.country: [US, CA]}", "{any: [{lead.country: CA}, {lead.country: US}]}", id="alternatives"),
        pytest.param("{lead.country: US, lead.city: Rome}", "{all: [{lead.city: rome}, {lead.country: US}]}", id="all"),
        pytest.param("{lead.country: {ne: US}}", "{lead.country: {not_in: [us]}}", id="none of one"),
        pytest.param("{lead.employees: {gte: 50, lt: 90}}", "{lead.employees: {lt: 90.0, gte: 50}}", id="bounds"),
    ],
)
def test_a_condition_may_be_written_in_many_ways(one: str, other: str) -> None:
    before, after = (small(f"territories: {{here: {{when: {each}}}}}") for each in (one, other))

    assert compare(before, after) == ()
    assert changes_text(before, after, ()).startswith('They differ in spelling only: "" (')


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{lead.country: US}", "{lead.country: {ne: US}}"),
        ("{lead.country: {ne: US}}", "{not: {lead.country: US}}"),
        ("{lead.custom.vip: true}", "{lead.custom.vip: 1}"),
        ("{lead.employees: {gt: 50}}", "{lead.employees: {gte: 50}}"),
        ("{lead.title: {matches: 'a'}}", "{lead.title: {matches: 'A'}}"),
        ("{all: [{lead.country: US}, {lead.city: Rome}]}", "{any: [{lead.country: US}, {lead.city: Rome}]}"),
    ],
)
def test_what_means_something_else_is_a_change(one: str, other: str) -> None:
    before, after = (small(f"territories: {{here: {{when: {each}}}}}") for each in (one, other))

    [change] = compare(before, after)

    assert change.name == "here"


def test_promises_may_be_written_in_many_ways() -> None:
    terms = "from: assigned, to: first_touch, target: 90m, warn: [50%, 80 %], on_breach: [reassign]"
    steps = "[{after: 100%, do: [reassign]}, {after: 80%, do: []}, {after: 50%, do: []}]"
    other = f"to: first_touch, target: 1h30m, clock: always, restart: true, steps: {steps}"

    assert compare(small(f"sla: {{first: {{{terms}}}}}"), small(f"sla: {{first: {{{other}}}}}")) == ()


def test_people_may_stand_in_a_list_or_a_spreadsheet_and_sections_in_other_files() -> None:
    people = "[{id: mary, name: Mary, email: m@a.example, languages: [en, DE]}]"
    pools = "pools: {sales: {members: [mary], strategy: weighted, hold: 24h}}"
    rest = "routing: [{name: Everyone, pool: sales}]\ncatch_all: {rep: mary}\n"
    one = load({"playbook.yaml": f"teams:\n  reps: {people}\n  {pools}\n{rest}"})

    other = load({
        "playbook.yaml": "# the same\ninclude: [teams.yaml]\n" + rest,
        "teams.yaml": "teams:\n  pools: {sales: {members: [{rep: mary, weight: 1.0}]}}\n  reps: people.csv\n",
        "people.csv": "id,email,name,languages\nmary,m@a.example,Mary,de;en\n",
    })  # fmt: skip

    assert one.hash != other.hash
    assert compare(one, other) == ()


def test_territories_may_stand_in_a_spreadsheet() -> None:
    yaml = small("territories: {us: {when: {lead.country: US, lead.state: [CA, OR]}}}")
    sheet = load({
        "playbook.yaml": SALES + "territories: market.csv\n",
        "market.csv": "name,country,state\nus,US,OR;CA\n",
    })  # fmt: skip

    assert compare(yaml, sheet) == ()


def test_a_general_rule_that_changes_is_told_once_though_segments_share_it() -> None:
    lines = told(("{name: Rival, disqualify: true", "{name: Rival, points: -50"))

    assert [line for line in lines if not line.startswith(" ")] == ["Negative"]


def test_order_among_members_counts_only_where_the_first_has_the_lead() -> None:
    assert told(("all: {members: [mary, joe]}", "all: {members: [joe, mary]}")) == []
    members = "[{rep: mary, weight: 2, caps: {per_day: 5}}, joe]"

    lines = told((members, "[joe, {rep: mary, weight: 2, caps: {per_day: 5}}]"))

    assert lines == ["Pools", "  ~ sdr: order: Mary Chen, then Joe Alvarez → Joe Alvarez, then Mary Chen"]


@pytest.mark.parametrize(
    "value", ["https://hooks.example/T0/B0/s3cret", "slack://s3cret/B0/x", "s3cret", "http://[s3cret"]
)
def test_what_may_be_secret_in_an_address_is_never_told(value: str) -> None:
    before = load(RICH)
    files = edited(("env:CHAT_URL", f'"{value}"'))
    published = load_published({name: text.encode() for name, text in files.items()})
    after = published.playbook

    found = compare(before, after)

    assert [change.name for change in found] == ["to rep"]
    said = [changes_text(before, after, found), changes_json(before, after, found), published.mistakes]
    shown = [write(after) for write in (as_text, as_json, as_markdown, as_html)]
    assert "s3cret" not in str([*said, *shown])


@pytest.mark.parametrize("scheme", ["https://hooks.example/", "slack://"])
def test_another_secret_in_an_address_is_told_as_another(scheme: str) -> None:
    before, after = (load(edited(("env:CHAT_URL", f'"{scheme}{secret}/x"'))) for secret in ("s3cret", "0ther"))

    found = compare(before, after)

    assert changes_text(before, after, found).splitlines()[1:] == ["", "Deliveries", "  ~ to rep: via: another one"]
    assert as_json(before)["playbook"]["deliver"] == as_json(after)["playbook"]["deliver"]


def test_programs_are_shown_ways_in_and_out_as_they_were_written_but_for_secrets() -> None:
    shown = as_json(load(edited(("https://in.example/web", "https://me:pw@in.example/web?key=1"))))["playbook"]

    assert shown["deliver"] == [
        {"to": "rep", "via": "env:CHAT_URL"},
        {"webhook": "https://hooks.example/…", "secret": "env:HOOK", "events": ["lead.assigned", "lead.held"],
         "name": "hook"},
        {"crm": "hubspot", "token": "env:HUBSPOT", "fields": {"score": "lead_score"}},
    ]  # fmt: skip
    assert shown["sources"]["web"]["public_url"] == "https://in.example/web"
    assert shown["sources"]["own"] == {
        "type": "json", "secret": ["env:ONE", "env:TWO"], "header": "x-proof", "open": True,
    }  # fmt: skip


def test_another_path_of_a_hook_is_told_without_it() -> None:
    assert told(("https://hooks.example/path", "https://hooks.example/s3cret")) == [
        "Deliveries",
        "  ~ hook: webhook: another one",
    ]


def test_programs_get_numbers_and_words() -> None:
    before, after = load(RICH), load(edited(("points: 20,", "points: 25,")))

    data = changes_json(before, after, compare(before, after))

    assert data["before"] == {"hash": before.hash, "version": "7"}
    assert data["changes"] == [
        {
            "section": "scoring.fit",
            "name": "Boss",
            "change": "changed",
            "said": ["points: +20 → +25"],
            "facts": [{"name": "points", "before": 20.0, "after": 25.0}],
        }
    ]


def test_a_name_steers_no_terminal() -> None:
    name = r'"Boss\e[31m\u202e\nFit"'

    assert told(("{name: Boss", f"{{name: {name}")) == ["Fit", "  ~ Boss is now called Boss·[31m· Fit"]
