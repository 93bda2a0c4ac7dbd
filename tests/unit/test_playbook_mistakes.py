"""Every kind of mistake in a playbook: its file, line, path, message and hint; all of them at once."""

import time
from textwrap import dedent

import pytest

from baton.leads.playbook.findings import Finding, PlaybookError, Severity
from baton.leads.playbook.loader import load_files
from tests.support.playbooks import SALES as BASE


def mistakes(text: str, **files: str) -> tuple[Finding, ...]:
    """The errors of a playbook; keyword `sla_yaml` is the file sla.yaml."""
    given = {"playbook.yaml": dedent(text).encode()}
    given |= {name.replace("_", "."): dedent(content).encode() for name, content in files.items()}
    with pytest.raises(PlaybookError) as caught:
        load_files(given)
    return tuple(each for each in caught.value.findings if each.severity is Severity.ERROR)


def the_mistake(text: str, **files: str) -> Finding:
    found = mistakes(text, **files)
    assert len(found) == 1, "\n".join(each.render() for each in found)
    return found[0]


@pytest.mark.parametrize("section", ["teams", "routing", "catch_all"])
def test_a_required_section_that_is_missing_is_told(section: str) -> None:
    kept, skipping = [], False
    for line in BASE.splitlines():
        skipping = line.startswith(f"{section}:") or (skipping and line.startswith(" "))
        if not skipping:
            kept.append(line)

    hints = {each.message: each.hint for each in mistakes("\n".join(kept))}
    assert hints[f'"{section}" is missing'].startswith(f"write {section}: ")


def test_a_catch_all_pool_without_members_is_a_mistake() -> None:
    text = BASE.replace("  pools:\n", "  pools:\n    rest: {members: []}\n").replace("{rep: mary}", "{pool: rest}")

    found = the_mistake(text)

    assert (found.line, found.path) == (6, "teams.pools.rest")


# Each is put after BASE, which has 9 lines: the first line of it is line 10.
@pytest.mark.parametrize(
    ("text", "line", "path", "message", "hint"),
    [
        ("scorring: {}", 10, "scorring", 'unknown key "scorring"', 'did you mean "scoring"?'),
        ("keep_together: firm", 10, "keep_together", 'unknown keep_together "firm"', "company, person, no"),
        ("reroute_on: [tiers]", 10, "reroute_on.0", 'unknown reroute_on "tiers"', 'did you mean "tier"?'),
        ("matching: {tie_break: [statuss]}", 10, "matching.tie_break.0", "unknown tie-break", "status"),
        ("deliver:\n  - {crm: x, events: [lead.asigned]}", 11, "deliver.0.events.0", "unknown event", "lead.assigned"),
        ("deliver:\n  - {to: rep}", 11, "deliver.0", '"via" is missing', "env:CHAT_URL"),
        ("deliver:\n  - {to: rep, via: slack}", 11, "deliver.0.via", '"via" is no way', "env:NAME"),
        (
            "deliver:\n  - https://hooks.example/SECRET",
            11,
            "deliver.0",
            "an address where a mapping belongs",
            "webhook",
        ),
        ("deliver: https://hooks.example/SECRET", 10, "deliver", "an address where a list", "write [a, b]"),
        ("deliver:\n  - {webhook: example.com/hook}", 11, "deliver.0.webhook", "is no URL", "https://"),
        ("deliver:\n  - {webhook: 'https://'}", 11, "deliver.0.webhook", "is no URL", "https://"),
        ("deliver:\n  - {webhook: 'https://[x'}", 11, "deliver.0.webhook", "is no URL", "https://"),
        (
            "deliver:\n  - {webhook: 'https://a.example', secret: s3}",
            11,
            "deliver.0.secret",
            "doesn't belong",
            "env:NAME",
        ),
        ("deliver:\n  - {crm: hubspot, token: pat-na1}", 11, "deliver.0.token", "doesn't belong", "env:NAME"),
        ("commitments: {mql_to_sql: half}", 10, "commitments.mql_to_sql", "not a percentage", "50%"),
        # Sources
        ("sources:\n  web: {type: frm}", 11, "sources.web.type", 'unknown type of source "frm"', 'mean "form"?'),
        ("sources:\n  web: {}", 11, "sources.web", '"type" is missing', ""),
        ("sources:\n  hs: {type: hubspot}", 11, "sources.hs", "no proof of origin", "env:NAME"),
        ("sources:\n  sf: {type: salesforce, token: env:T}", 11, "sources.sf", "no proof of origin", "organization"),
        ("sources:\n  m: {type: marketo, poll: 5m}", 11, "sources.m", "no proof of origin", "client_id"),
        ("sources:\n  a: {type: json, secret: hunter2}", 11, "sources.a.secret", "doesn't belong", "env:NAME"),
        ("sources:\n  a: {type: form, chanel: paid}", 11, "sources.a.chanel", "unknown key", 'mean "channel"?'),
        ("sources:\n  a: {type: form, channel: padi}", 11, "sources.a.channel", "unknown channel", 'mean "paid"?'),
        ("sources:\n  a: {type: form, activity: Demo}", 11, "sources.a.activity", "no kind of activity", "demo"),
        ("sources:\n  a: {type: form, fields: {e: emial}}", 11, "sources.a.fields.e", "unknown field", '"email"'),
        ("sources:\n  a: {type: hubspot, secret: env:A, honeypot: x}", 11, "sources.a.honeypot", "unknown key", ""),
        (
            "sources:\n  s: {type: salesforce, organization: 123}",
            11,
            "sources.s.organization",
            "organization id",
            "00D",
        ),
        ("sources:\n  a: {type: form, origins: '*'}", 11, "sources.a.origins", "no origin", "without origins"),
        ("sources:\n  a: {type: form, origins: https://a.example/}", 11, "sources.a.origins", "no origin", "path"),
        (
            "sources:\n  a: {type: web-to-lead, redirects: https://a.example}",
            11,
            "sources.a.redirects",
            "no host",
            "www",
        ),
        ("sources:\n  a: {type: form, public_url: /x}", 11, "sources.a.public_url", "no URL", "https://"),
        ("sources:\n  a: {type: form, redirect: thanks}", 11, "sources.a.redirect", "no URL", "https://"),
        ("sources:\n  My Form: {type: form}", 11, "sources.My Form", "can't stand in a URL", "hyphens"),
        ("sources:\n  api: {type: form}", 11, "sources.api", '"api" is the source of canonical JSON', "name"),
        # Scoring
        ("scoring: {tiers: {warm: 70}}", 10, "scoring.tiers", "thresholds must rise", "warm 70"),
        ("scoring: {tiers: {hot: 70}}", 10, "scoring.tiers.hot", 'unknown key "hot"', "warm, mql, sql"),
        ("scoring:\n  fit: {rules: [{name: X}]}", 11, "scoring.fit.rules.0", "gives nothing", "points"),
        ("scoring:\n  fit: {rules: [{points: ten}]}", 11, "scoring.fit.rules.0.points", "a number belongs", ""),
        ("scoring:\n  fit: {rules: [{points: 1, multiply: 2}]}", 11, "scoring.fit.rules.0", "in one rule", "two rules"),
        ("scoring:\n  negative: {rules: [{points: 5}]}", 11, "scoring.negative.rules.0.points", "zero or less", "-5"),
        ("scoring:\n  fit: {decay: {half_life: soon}}", 11, "scoring.fit.decay.half_life", "not a duration", ""),
        ("scoring:\n  fit: {decay: {linear: 3d, half_life: 3d}}", 11, "scoring.fit.decay", "exactly one", "half_life"),
        ("scoring:\n  fit: {decay: {steps: {30d: 2}}}", 11, "scoring.fit.decay.steps.30d", "out of bounds", "to 1"),
        (
            "scoring:\n  fit:\n    rules:\n      - {points: 1, when: {score.tier: mql}}",
            13,
            "scoring.fit.rules.0.when.score.tier",
            "can't be asked for in scoring",
            "activity, lead",
        ),
        (
            "scoring:\n  fit: {rules: [{points_from: {table: verticals, key: lead.industry, column: p}}]}",
            11,
            "scoring.fit.rules.0.points_from.table",
            'unknown table "verticals"',
            "known: none",
        ),
        ("scoring: {tiers: {sql: 1e400}}", 10, "scoring.tiers.sql", '"1e400" where a number belongs', ""),
        (
            "scoring: {fit: {rules: [{points: 1, when: }]}}",
            10,
            "scoring.fit.rules.0.when",
            "an empty condition",
            "leave",
        ),
        ("scoring: {segments: {a: {}, A: {}}}", 10, "scoring.segments.A", "are one name", "another"),
        ("scoring:\n  segments:\n    smb: {wen: {}}", 12, "scoring.segments.smb.wen", "unknown key", 'mean "when"?'),
        # Territories
        ("territories:\n  eu: {}", 11, "territories.eu", '"when" is missing', ""),
        ("territories:\n  uk: {when: {lead.country: UK}}", 11, "territories.uk.when.lead.country", "ISO", "write GB"),
        (
            "territories:\n  EU: {when: {lead.country: FR}}\n  eu: {when: {lead.country: DE}}",
            12,
            "territories.eu",
            '"eu" and "EU" are one name',
            "another",
        ),
        # Calendars
        ("calendars:\n  x: {hours: {}}", 11, "calendars.x.hours", "", ""),
        ('calendars:\n  always: {hours: {mon: ["09:00-17:00"]}}', 11, "calendars.always", "names a clock", "another"),
        (
            'calendars:\n  x: {hours: {mon: "09:00-17:00"}, pauses: [{from: noon, to: 2026-03-27T14:00:00Z}]}',
            11,
            "calendars.x.pauses.0",
            '"noon" is not an instant',
            "{from:",
        ),
        # SLA
        ("sla:\n  x: {to: disposed, target: 1h, when: ~}", 11, "sla.x.when", "an empty condition", "leave out"),
        ("sla:\n  x: {target: 1h}", 11, "sla.x", '"to" is missing', "first_touch"),
        ("sla:\n  x: {to: disposed}", 11, "sla.x", '"target" is missing', "1h"),
        ("sla:\n  x: {to: dispose, target: 1h}", 11, "sla.x.to", 'unknown end "dispose"', 'mean "disposed"?'),
        (
            "sla:\n  x: {from: capture, to: assigned, target: 1h}",
            11,
            "sla.x.from",
            'unknown start "capture"',
            "captured",
        ),
        ("sla:\n  x: {to: disposed, target: 1h, clock: us}", 11, "sla.x.clock", 'unknown clock "us"', "always"),
        ("sla:\n  x: {to: disposed, target: 2d, clock: rep}", 11, "sla.x.target", "a day is ambiguous", "2wd"),
        ("sla:\n  x: {from: captured, to: assigned, target: 1h, clock: rep}", 11, "sla.x.clock", "nobody's hours", ""),
        ("sla:\n  x: {to: disposed, target: 1h, warn: [120%]}", 11, "sla.x.warn.0", "no warning", "below 100"),
        ("sla:\n  x: {to: disposed, target: 1h, on_breach: [shout]}", 11, "sla.x.on_breach.0", "unknown action", ""),
        (
            "sla:\n  x: {to: disposed, target: 1h, on_breach: [{assign: bob}]}",
            11,
            "sla.x.on_breach.0.assign",
            "bob",
            "",
        ),
        ("sla:\n  x: {to: disposed, target: 1h, steps: [{after: 5m}]}", 11, "sla.x.steps.0", '"do" is missing', ""),
        ("sla:\n  x: {touches: 8, within: 21d, to: disposed}", 11, "sla.x.to", "ends with its touches", "leave out"),
        ("sla:\n  x: {to: disposed, target: 0s}", 11, "sla.x.target", "a promise of no time", "next opening"),
        ("sla:\n  x: {touches: 2, within: 0s, clock: rep}", 11, "sla.x.within", "a promise of no time", "how long"),
        ("sla:\n  x: {channels: 2, to: disposed, target: 1h}", 11, "sla.x.channels", "channels without touches", "8"),
        ("sla:\n  x: {touches: 2, channels: 3, within: 9d}", 11, "sla.x.channels", "3 channels in 2 touches", "most"),
        ("sla:\n  x: {touches: 8, channels: 5, within: 9d}", 11, "sla.x.channels", "there are 4", "linkedin"),
        ("sla:\n  x: {touches: 8, target: 21d}", 11, "sla.x.target", "belongs to", "write within"),
        (
            "sla:\n  x: {from: captured, to: assigned, target: 1h, when: {score.tier: mql}}",
            11,
            "sla.x.when.score.tier",
            "can't be asked for",
            "",
        ),
    ],
)
def test_a_mistake_is_told_with_line_path_and_hint(*, text: str, line: int, path: str, message: str, hint: str) -> None:
    found = mistakes(BASE + text)[0]

    assert (found.file, found.line, found.path) == ("playbook.yaml", line, path)
    assert message in found.message
    assert hint in found.hint


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "message", "hint"),
    [
        ("{rep: mary}", "{rep: mari}", 9, "catch_all.rep", 'unknown rep "mari"', 'did you mean "mary"?'),
        ("{rep: mary}", "{}", 9, "catch_all", "no target", "exactly one"),
        ("pool: sales}", "pool: sails}", 8, "routing.0.pool", 'unknown pool "sails"', 'did you mean "sales"?'),
        ("pool: sales}", "pool: sales, when: }", 8, "routing.0.when", "an empty condition", "leave out the when"),
        ("id: joe", "id: catch_all", 4, "teams.reps.1.id", "means somebody else", "another id"),
        ("id: joe", "id: account.owner", 4, "teams.reps.1.id", "means somebody else", "another id"),
        ("pool: sales}", "poool: sales}", 8, "routing.0.poool", 'unknown key "poool"', 'did you mean "pool"?'),
        ("pool: sales}", "pool: sales, reject: no}", 8, "routing.0", "two targets: pool and reject", "exactly one"),
        ("pool: sales}", 'pool: "ae-{teritory}"}', 8, "routing.0.pool", "unknown part", 'did you mean "territory"?'),
        ("pool: sales}", "assign: account.ownr}", 8, "routing.0.assign", "is unknown", 'mean "account.owner"?'),
        ("pool: sales}", "pool: sales, else: {rep: bob}}", 8, "routing.0.else.rep", 'unknown rep "bob"', ""),
        (
            "pool: sales}",
            "pool: sales, when: {account.status: {in: [prospect, custmer]}}}",
            8,
            "routing.0.when.account.status.in.1",
            'unknown status "custmer"',
            'did you mean "customer"?',
        ),
        ("[mary, joe]", "[mary, jo]", 6, "teams.pools.sales.members.1", 'unknown rep "jo"', 'did you mean "joe"?'),
        ("[mary, joe]", "[mary, mary]", 6, "teams.pools.sales.members.1", "a member twice", "weight"),
        ("[mary, joe]", "[{rep: mary, weight: 0}]", 6, "teams.pools.sales.members.0.weight", "a weight of 0", "pause"),
        ("[mary, joe]", "[mary], caps: {per_day: -1}", 6, "teams.pools.sales.caps.per_day", "out of bounds", "0"),
        ("[mary, joe]", "[mary], calendar: us", 6, "teams.pools.sales.calendar", 'unknown calendar "us"', "always"),
        ("[mary, joe]", "[mary], overflow: other", 6, "teams.pools.sales.overflow", 'unknown pool "other"', ""),
        ("[mary, joe]", "[mary], overflow: sales", 6, "teams.pools.sales.overflow", "sales → sales", "end the chain"),
        ("[mary, joe]", "[mary], strategy: random", 6, "teams.pools.sales.strategy", "unknown strategy", "round_robin"),
        ("[mary, joe]", "mary", 6, "teams.pools.sales.members", "where a list of members belongs", "[a, b]"),
        ("joe@example.com}", "joe}", 4, "teams.reps.1.email", '"joe" is no email address', ""),
        ("joe@example.com}", "joe@example.com, manager: ann}", 4, "teams.reps.1.manager", 'unknown rep "ann"', ""),
        (
            "joe@example.com}",
            "j@e.com, time_zone: US/Pacfic}",
            4,
            "teams.reps.1.time_zone",
            "unknown time zone",
            "US/P",
        ),
        ("joe@example.com}", "j@e.com, calender: x}", 4, "teams.reps.1.calender", "unknown key", 'mean "calendar"?'),
        ("id: joe", "id: mary", 4, "teams.reps.1", 'two reps have the id "mary"', "one person"),
        (
            "joe@example.com}",
            "j@e.com, booking_link: 'https://[x'}",
            4,
            "teams.reps.1.booking_link",
            "is no URL",
            "https",
        ),
        ("name: Joe Alvarez, ", "", 4, "teams.reps.1", '"name" is missing', ""),
    ],
)
def test_a_mistake_in_teams_or_routing_is_told(
    *, old: str, new: str, line: int, path: str, message: str, hint: str
) -> None:
    found = mistakes(BASE.replace(old, new, 1))[0]

    assert (found.line, found.path) == (line, path)
    assert message in found.message
    assert hint in found.hint


def test_a_day_is_refused_as_hold_of_a_pool_with_hours() -> None:
    hours = '\ncalendars:\n  us: {hours: {mon-fri: ["09:00-17:00"]}}\n'

    found = the_mistake(BASE.replace("[mary, joe]", "[mary], calendar: us, hold: 1d") + hours)

    assert found.path == "teams.pools.sales.hold"
    assert "a day is ambiguous" in found.message


def test_a_longer_overflow_cycle_is_told_once() -> None:
    pools = "    sales: {members: [mary], overflow: b}\n    b: {members: [joe], overflow: sales}"

    found = the_mistake(BASE.replace("    sales: {members: [mary, joe]}", pools))

    assert found.message == "overflow goes in a circle: sales → b → sales"


def test_all_mistakes_are_told_at_once_in_reading_order() -> None:
    text = BASE.replace("[mary, joe]", "[mari]").replace("pool: sales", "pool: sails") + "slaa: {}\n"

    found = mistakes(text)

    assert [each.line for each in found] == [6, 8, 10]


def test_a_mistake_is_rendered_for_a_terminal() -> None:
    found = the_mistake(BASE.replace("pool: sales", "pool: sails"))

    assert found.render() == 'playbook.yaml:8: routing.0.pool: unknown pool "sails" (did you mean "sales"?)'


def test_a_mistake_in_an_included_file_names_that_file() -> None:
    found = the_mistake(
        "include: [sla.yaml]\n" + BASE,
        sla_yaml="""\
            sla:
              first:
                to: first_touch
                target: soon
            """,
    )

    assert (found.file, found.line, found.path) == ("sla.yaml", 4, "sla.first.target")


def test_a_file_to_include_that_is_not_there_is_told() -> None:
    found = the_mistake("include: [slas.yaml]\n" + BASE, sla_yaml="sla: {}")

    assert (found.line, found.message) == (1, 'no file "slas.yaml" beside playbook.yaml')
    assert found.hint == 'did you mean "sla.yaml"?'


def test_what_is_written_in_two_files_is_told_with_both_places() -> None:
    found = the_mistake("include: [more.yaml]\n" + BASE, more_yaml="\ncatch_all:\n  rep: joe\n")

    assert (found.file, found.line, found.path) == ("more.yaml", 3, "catch_all.rep")
    assert found.message == "written already in playbook.yaml:10"


def test_a_duplicate_key_is_told_with_its_first_line() -> None:
    found = mistakes(BASE + "catch_all: {rep: joe}\n")[0]

    assert (found.line, found.path, found.message) == (10, "catch_all", "written twice, first in line 9")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("teams: [", "not YAML"),
        ("a: &x [1]\nb: *y\n", "unknown alias"),
        ("a: !!python/object:os.system x\n", "a tag"),
        ("- a\n", "not a mapping"),
        ("a: 1\n---\nb: 1\n", "a second document"),
        ("? [a]\n: b\n", "a key must be plain text"),
        ("definitions: {'': x}\n", "a blank key"),
        ("teams: {pools: {'  ': {members: []}}}\n", "a blank key"),
        ("a: &a {b: 1}\nc: {<<: *a}\n", "YAML 1.2 has no merge key"),
        ('version: "a\\0b"\n', "U+0000 can't be stored"),
        ('version: "\\ud800"\n', "U+D800 can't be stored"),
        ("include: {a: sla.yaml}\n", "include holds names of files"),
        ("include: [[sla.yaml]]\n", "include holds names of files"),
    ],
)
def test_what_is_no_plain_yaml_is_told(text: str, message: str) -> None:
    assert message in " ".join(each.message for each in mistakes(text))


def test_a_file_that_multiplies_itself_by_aliases_is_refused() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    assert "more than 200000 values" in mistakes("\n".join(levels))[0].message


def test_nesting_without_end_is_refused() -> None:
    assert "nested deeper" in mistakes("a: " + "[" * 100 + "]" * 100)[0].message


def test_a_yaml_file_beyond_the_bound_is_refused() -> None:
    assert "larger than 1 MiB" in mistakes("# " + "x" * 1024 * 1024 + "\n" + BASE)[0].message


def test_a_row_of_reps_csv_is_told_by_its_line() -> None:
    text = BASE.replace(BASE[BASE.index("    - {id: mary") : BASE.index("  pools:")], "").replace(
        "reps:\n", "reps: people.csv\n"
    )
    rows = "id,name,email,manager,active\nmary,Mary,mary@example.com,,\njoe,Joe,joe@example.com,ann,maybe\n"

    found = mistakes(text, people_csv=rows)

    assert [(each.file, each.line, each.path) for each in found] == [
        ("people.csv", 3, "teams.reps.1.manager"),
        ("people.csv", 3, "teams.reps.1.active"),
    ]


def test_a_reps_file_that_is_not_there_is_told() -> None:
    text = BASE.replace(BASE[BASE.index("    - {id: mary") : BASE.index("  pools:")], "").replace(
        "reps:\n", "reps: reps.csv\n"
    )

    assert 'no file "reps.csv" beside playbook.yaml' in [each.message for each in mistakes(text)]


PEOPLE = BASE.replace(BASE[BASE.index("    - {id: mary") : BASE.index("  pools:")], "").replace(
    "reps:\n", "reps: reps.csv\n"
)


def test_a_mistake_in_a_row_of_reps_csv_hides_none_in_it_or_in_others() -> None:
    rows = (
        "id,name,email,time_zone,manager\n"
        "mary,,mary,Mars,ann\n"
        'joe,"Joe"y,joe@example.com,Mars,\n'
        "ann,Ann,ann@example.com,,,more\n"
        "eve,Eve,eve,,\n"
        'zoe,"Zoe,zoe@example.com,,\n'
        "mary,Mary,mary@example.com,,bob\n"
    )

    found = mistakes(PEOPLE, reps_csv=rows)

    assert {(each.line, each.path or each.message) for each in found} >= {
        (2, "teams.reps.0"),
        (2, "teams.reps.0.email"),
        (2, "teams.reps.0.time_zone"),
        (3, "text goes on after its closing quote"),
        (3, "teams.reps.1.time_zone"),
        (4, "6 cells under 5 columns"),
        (5, "teams.reps.3.email"),
        (6, "a quote that opens here is never closed"),
        (7, "teams.reps.5"),
        (7, "teams.reps.5.manager"),
    }
    assert {each.file for each in found} == {"reps.csv"}


def test_a_row_that_repeats_the_id_of_one_with_a_mistake_is_told() -> None:
    found = mistakes(PEOPLE, reps_csv="id,name,email\nmary,Mary,\njoe,Joe,joe@example.com\nmary,Mary,m@example.com\n")

    assert [(each.line, each.message) for each in found] == [
        (2, '"email" is missing'),
        (4, 'two reps have the id "mary"'),
    ]


def test_an_unknown_and_a_missing_column_of_reps_csv_are_told_once() -> None:
    found = mistakes(PEOPLE, reps_csv="\nid,name,emial\nmary,Mary,m@example.com\njoe,Joe,joe@example.com\n")

    assert [(each.file, each.line, each.message, each.hint) for each in found] == [
        ("reps.csv", 2, 'unknown column "emial"', 'did you mean "email"?'),
        ("reps.csv", 2, "no column email", "the first line names the columns"),
    ]


@pytest.mark.parametrize("rows", [None, b"", "id,name,email\n".encode("utf-16")])
def test_reps_that_nobody_can_read_are_one_mistake(rows: bytes | None) -> None:
    files = {"playbook.yaml": PEOPLE.encode()} | ({} if rows is None else {"reps.csv": rows})

    with pytest.raises(PlaybookError) as caught:
        load_files(files)

    assert len(caught.value.findings) == 1


def test_text_that_is_no_utf_8_hides_no_other_mistake_of_its_file() -> None:
    rows = "id,name,email\nmary,Mary Müller,m@example.com\njoe,Joe,joe\n".encode("latin-1")

    with pytest.raises(PlaybookError) as caught:
        load_files({"playbook.yaml": PEOPLE.encode(), "reps.csv": rows})

    assert [(each.line, each.message) for each in caught.value.findings] == [
        (2, "not UTF-8"),
        (3, '"joe" is no email address'),
    ]


def test_a_slip_in_a_thousand_rows_is_told_soon() -> None:
    rows = "".join(f"r{each},R,r@example.com,Europe/Berln,marry\n" for each in range(1000))
    before = time.process_time()

    found = mistakes(PEOPLE, reps_csv=f"id,name,email,time_zone,manager\nmary,M,m@e.com,,\njoe,J,j@e.com,,\n{rows}")

    assert time.process_time() - before < 3
    assert len(found) == 2000
    assert {each.hint for each in found} == {'did you mean "Europe/Berlin"?', 'did you mean "mary"?'}


@pytest.mark.parametrize(
    ("rows", "line", "path", "message", "hint"),
    [
        ("name,country\nwest,US\nuk,UK\n", 3, "territories.uk.when.lead.country", '"UK" is no ISO', "write GB"),
        ("name,country\neu,FR\neu,DE;XX\n", 3, "territories.eu.when.lead.country.2", '"XX" is no ISO', "two letters"),
        ("name,contry\nwest,US\n", 1, "", 'unknown column "contry"', 'did you mean "country"?'),
        ("name,score.tier\nwest,mql\n", 1, "", 'unknown column "score.tier"', "known here: account, lead"),
        ("nam,country\nwest,US\n", 1, "", 'no column "name"', "name,country"),
        ("name\nwest\n", 1, "", "no column says where", "country"),
        ("name,country\nwest,\n", 2, "", 'nothing says where "west" is', "one cell"),
        ("name,country\n,US\n", 2, "", "a row without a name", "which territory"),
        ("name,employees\nbig,many\n", 2, "territories.big.when.lead.employees", "a head count", "1000+"),
        ("name,channel\nin,inbund\n", 2, "territories.in.when.lead.channel", "unknown channel", '"inbound"'),
        ("name,postal_code\nx,9-1\n", 2, "territories.x.when.lead.postal_code.between", "lies nothing", "[1, 9]"),
    ],
)
def test_a_mistake_in_territories_csv_is_told_by_its_line(
    *, rows: str, line: int, path: str, message: str, hint: str
) -> None:
    found = the_mistake(f"{BASE}territories: territories.csv\n", territories_csv=rows)

    assert (found.file, found.line, found.path) == ("territories.csv", line, path)
    assert message in found.message
    assert hint in found.hint


def test_a_territories_file_that_is_not_there_is_one_mistake() -> None:
    text = BASE.replace("pool: sales}", "pool: sales, when: {territory: west}}")

    found = the_mistake(f"{text}territories: territories.csv\n", teritories_csv="name,country\nwest,US\n")

    assert (found.line, found.path) == (10, "territories")
    assert (found.message, found.hint) == (
        'no file "territories.csv" beside playbook.yaml',
        'did you mean "teritories.csv"?',
    )


def test_what_cannot_be_stored_is_told_on_its_row() -> None:
    found = mistakes(PEOPLE, reps_csv="id,name,email\nmary,Ma\0ry,m@example.com\njoe,Joe,joe@example.com\n")

    assert [(each.line, each.message) for each in found] == [(2, "U+0000 can't be stored")]


def test_a_cell_beyond_all_bounds_is_told_on_its_row() -> None:
    found = mistakes(PEOPLE, reps_csv=f"id,name,email\nmary,{'M' * 200_000},m@e.com\njoe,Joe,joe\n")

    assert [(each.file, each.line) for each in found if each.file == "reps.csv"] == [("reps.csv", 2), ("reps.csv", 3)]
    assert "field larger than field limit" in found[-2].message


def test_columns_are_told_apart_without_case() -> None:
    assert the_mistake(BASE, t_csv="Domain,domain\n1,2\n").message == 'two columns are named "domain"'


def test_too_many_cells_in_a_table_are_told_by_their_line() -> None:
    found = the_mistake(BASE, rivals_csv="domain,name\na.example,A\nb.example,B, Inc\n")

    assert (found.file, found.line, found.message) == ("rivals.csv", 3, "3 cells under 2 columns")


def test_points_in_a_table_that_are_no_numbers_are_told() -> None:
    rule = "{points_from: {table: verticals, key: lead.industry, column: points}}"
    text = f"{BASE}scoring:\n  fit: {{rules: [{rule}]}}\n"

    found = the_mistake(text, verticals_csv="industry,points\nSoftware,10\nMining,lots\n")

    assert (found.file, found.line) == ("verticals.csv", 3)
    assert (found.path, found.message) == (
        "scoring.fit.rules.0.points_from.column",
        '"lots" is not a number of points',
    )
