"""What a playbook means once it is loaded."""

import base64
import time
import zlib
from datetime import timedelta
from pathlib import Path

import pytest

from baton.leads.conditions.condition import Facts
from baton.leads.playbook.content import MOST_BYTES, UnpackError, content_hash, pack, unpack
from baton.leads.playbook.findings import PlaybookError
from baton.leads.playbook.loader import load_directory, load_files
from baton.leads.playbook.model import Member, Playbook, Secret, Step, Target
from baton.leads.values import Lead
from tests.support.playbooks import SALES as BASE
from tests.unit.test_conditions import NOW

PLAYBOOKS = Path(__file__).parents[2] / "deploy" / "playbooks"


def loaded(text: str = BASE, **files: str) -> Playbook:
    given = {name.replace("_", "."): content.encode() for name, content in files.items()}
    return load_files({"playbook.yaml": text.encode(), **given}).playbook


@pytest.mark.parametrize("name", ["minimal", "reference"])
def test_a_shipped_playbook_loads_without_a_warning(name: str) -> None:
    found = load_directory(PLAYBOOKS / name)

    assert found.warnings == ()


def test_in_the_reference_every_territory_and_segment_has_its_pools() -> None:
    playbook = load_directory(PLAYBOOKS / "reference").playbook

    for territory in playbook.territories:
        assert {f"sdr-{territory.name}", f"ae-{territory.name}"} <= playbook.pools.keys()
        for segment in playbook.scoring.segments:
            assert f"ae-{segment.name}-{territory.name}" in playbook.pools


@pytest.mark.parametrize(
    ("lead", "territory"),
    [
        ({"country": "US", "state": "CA"}, "us-west"),
        ({"country": "US", "state": "NY"}, "us-east"),
        ({"country": "US"}, "us-east"),
        ({"country": "NO"}, "eu"),
        ({"country": "JP"}, "apac"),
        ({"country": "BR"}, None),
    ],
)
def test_the_reference_finds_the_territory_of_a_lead(lead: dict[str, str], territory: str | None) -> None:
    playbook = load_directory(PLAYBOOKS / "reference").playbook
    facts = Facts(Lead.model_validate({"lead_id": "l", **lead}), NOW)

    found = next((each.name for each in playbook.territories if each.when.matches(facts)), None)

    assert found == territory


def test_the_smallest_playbook_has_its_defaults() -> None:
    playbook = loaded()

    assert playbook.keep_together == "company"
    assert playbook.on_absence == "keep"
    assert playbook.scoring.tiers == {"warm": 30, "mql": 60, "sql": 80}
    assert playbook.sources.keys() == {"api"}
    assert playbook.calendars["always"].never_closes
    assert playbook.catch_all == Target(assign="mary")
    assert playbook.pools["sales"].members == (Member("mary"), Member("joe"))


def test_origins_and_hosts_are_kept_as_browsers_and_urls_have_them() -> None:
    sources = """sources:
  f: {type: form, origins: ["https://Shop.example:8443", "http://[::1]:80"]}
  w: {type: web-to-lead, redirects: WWW.example}
"""

    found = loaded(BASE + sources).sources

    assert found["f"].origins == ("https://shop.example:8443", "http://[::1]:80")
    assert found["w"].options["redirects"] == ("www.example",)


def test_destinations_are_kept_as_written() -> None:
    deliver = """deliver:
  - {to: rep, via: env:CHAT_URL}
  - {to: manager, via: "mailto://mail.example"}
  - {webhook: "https://example.com/hook", secret: [env:NEW, env:OLD], events: [lead.assigned]}
  - {webhook: env:HOOK_URL}
  - {crm: hubspot, token: env:HUBSPOT_TOKEN}
"""

    found = loaded(BASE + deliver).deliver

    assert found[0] == {"to": "rep", "via": "env:CHAT_URL"}
    assert [next(iter(each)) for each in found] == ["to", "to", "webhook", "webhook", "crm"]


def test_words_stay_words_as_yaml_1_2_says() -> None:
    playbook = loaded(
        BASE
        + """\
version: 2026-04
keep_together: no
definitions: {Norway: NO, "on": on, Start: 09:00, Octal: 007}
territories:
  nordics: {when: {lead.country: [NO, SE]}}
"""
    )

    assert playbook.version == "2026-04"
    assert playbook.keep_together == "no"
    assert playbook.definitions == {"Norway": "NO", "on": "on", "Start": "09:00", "Octal": "007"}
    assert playbook.territories[0].when.matches(Facts(Lead(lead_id="l", country="NO"), NOW))


def test_a_postal_code_keeps_its_leading_zero() -> None:
    playbook = loaded(BASE + "territories:\n  boston: {when: {lead.postal_code: [02108, 02109]}}\n")

    assert playbook.territories[0].when.matches(Facts(Lead(lead_id="l", postal_code="02108"), NOW))


def test_a_source_has_its_proof_and_its_own_keys() -> None:
    playbook = loaded(
        BASE
        + """\
sources:
  sf: {type: salesforce, organization: 00D000000000001EAA, token: env:SF, rate: 100}
  hook: {type: json, secret: [env:NEW, file:/run/old], header: X-Key, fields: {mail: email}, max_body: 1000}
"""
    )

    salesforce, hook = playbook.sources["sf"], playbook.sources["hook"]
    assert salesforce.options == {"organization": "00D000000000001EAA"}
    assert salesforce.token == Secret(("env:SF",))
    assert salesforce.rate == 100
    assert hook.secret == Secret(("env:NEW", "file:/run/old"))
    assert (hook.header, hook.fields, hook.max_body) == ("X-Key", {"mail": "email"}, 1000)


@pytest.mark.parametrize("source", ["form", "web-to-lead", "pardot-form", "api", "json, open: true"])
def test_a_source_that_is_public_needs_no_proof(source: str) -> None:
    name = "api" if source == "api" else "way"

    assert name in loaded(f"{BASE}sources:\n  {name}: {{type: {source}}}\n").sources


def test_a_segment_replaces_what_it_names_and_keeps_the_rest() -> None:
    scoring = loaded(
        BASE
        + """\
scoring:
  tiers: {warm: 20, mql: 50, sql: 90}
  fit: {cap: 50, rules: [{name: A, points: 5}]}
  engagement: {cap: 40, decay: {half_life: 30d}}
  segments:
    enterprise:
      when: {lead.employees: {gte: 1000}}
      tiers: {mql: 40}
      fit: {cap: 60}
      engagement: {rules: [{name: B, points: 7, when: {activity: webinar}, per: activity}]}
"""
    ).scoring

    segment = scoring.segments[0]
    assert segment.tiers == {"warm": 20, "mql": 40, "sql": 90}
    assert (segment.fit.cap, segment.fit.rules) == (60, scoring.fit.rules)
    assert (segment.engagement.cap, segment.engagement.decay) == (40, scoring.engagement.decay)
    assert [rule.per_activity for rule in segment.engagement.rules] == [True]
    assert scoring.engagement.rules == ()


def test_points_come_from_a_table_by_the_column_of_the_field() -> None:
    rule = "{points_from: {table: verticals, key: lead.industry, column: points}}"

    playbook = loaded(
        f"{BASE}scoring:\n  fit: {{rules: [{rule}]}}\n",
        verticals_csv="points,Industry\n10,Software \n-5,mining\n,blank\n",
    )

    found = playbook.scoring.fit.rules[0].points_from
    assert found is not None
    assert found.points == {"software": 10, "mining": -5}


def test_decay_steps_are_sorted_by_age() -> None:
    playbook = loaded(BASE + "scoring: {fit: {decay: {steps: {60d: 0, 30d: 0.5}}}}\n")

    decay = playbook.scoring.fit.decay
    assert decay is not None
    assert decay.steps == ((timedelta(days=30), 0.5), (timedelta(days=60), 0.0))


def test_the_steps_of_a_policy_are_sorted_as_on_its_clock() -> None:
    policy = loaded(
        BASE
        + """\
sla:
  first:
    to: first_touch
    target: 1h
    warn: [80%, 50%]
    on_breach: [reassign, {assign: catch_all}]
    steps:
      - {after: 90m, do: [{notify: ops@example.com}]}
      - {after: 15m, do: [notify_rep]}
      - {after: 150%, do: [reassign]}
"""
    ).sla[0]

    assert [step.written for step in policy.steps] == ["15m", "50%", "80%", "100%", "90m", "150%"]
    assert [step.warns for step in policy.steps] == [True, True, True, False, False, False]
    assert policy.steps[3] == Step("100%", 1.0, None, ("reassign", {"assign": "catch_all"}), warns=False)


def test_the_cadence_form_has_its_time_as_target() -> None:
    policy = loaded(BASE + "sla:\n  follow-up: {from: assigned, touches: 8, channels: 2, within: 21d}\n").sla[0]

    assert (policy.touches, policy.channels, policy.target.fixed) == (8, 2, timedelta(days=21))


def test_working_days_are_a_target_in_business_time() -> None:
    policy = loaded(BASE + "sla:\n  x: {to: disposed, target: 2wd, clock: rep}\n").sla[0]

    assert policy.target.working_days == 2


@pytest.mark.parametrize("clock", ["rep", "office"])
def test_a_target_of_zero_on_a_clock_with_hours_is_the_next_opening(clock: str) -> None:
    office = 'calendars: {office: {hours: {mon-fri: ["09:00-17:00"]}}}\n'

    policy = loaded(f"{BASE}{office}sla:\n  x: {{to: first_touch, target: 0s, clock: {clock}}}\n").sla[0]

    assert policy.target.fixed == timedelta()


def test_a_calendar_may_pause() -> None:
    pauses = "pauses: [{from: 2026-03-27T12:00:00Z, to: 2026-03-27T14:00:00Z}]"

    calendar = loaded(f'{BASE}calendars: {{office: {{hours: {{mon-fri: ["09:00-17:00"]}}, {pauses}}}}}\n').calendars[
        "office"
    ]

    assert [(each.since.hour, each.to and each.to.hour) for each in calendar.pauses] == [(12, 14)]


def test_the_activity_kinds_are_those_of_routing_and_sla() -> None:
    playbook = loaded(
        BASE.replace("routing:\n", "routing:\n  - {name: Demo, when: {activity: demo_request}, pool: sales}\n")
        + "sla:\n  x: {to: disposed, target: 1h, when: {activity: any}}\n"
        + "scoring: {fit: {rules: [{points: 1, when: {activity: webinar}}]}}\n"
    )

    assert playbook.activity_kinds == {"demo_request", "any"}


def test_reps_come_from_a_csv_file_with_lists_and_blanks() -> None:
    text = BASE.replace(BASE[BASE.index("    - {id: mary") : BASE.index("  pools:")], "")
    rows = (
        "id,name,email,role,manager,languages,hubspot_id,active\n"
        "mary,Mary Chen,mary@example.com,SDR,joe,EN; de ;,0042,\n"
        "joe,Joe,joe@example.com,,,,,no\n"
    )

    playbook = loaded(text.replace("reps:\n", "reps: reps.csv\n"), reps_csv=rows)

    mary, joe = playbook.reps["mary"], playbook.reps["joe"]
    assert (mary.role, mary.manager, mary.active) == ("sdr", "joe", True)
    assert mary.attributes == {"languages": ("en", "de")}
    assert mary.ids == {"hubspot_id": "0042"}
    assert (joe.role, joe.attributes, joe.active) == (None, {}, False)
    assert "reps" not in playbook.tables


TERRITORIES = """name,country,state,postal_code,employees,free_mail
us-west,US,CA;OR,,,
us-east,US,NY,,,no
us-west,us,WA,,,
us-mid,US,,60000-60999;61111,,
us-mid,US,IN,,,
big,FR;DE,,,1000+,
us-rest,US,,,,
"""


@pytest.mark.parametrize(
    ("lead", "territory"),
    [
        ({"country": "US", "state": "CA"}, "us-west"),
        ({"country": "US", "state": "WA"}, "us-west"),
        ({"country": "US", "state": "NY", "free_mail": False}, "us-east"),
        ({"country": "US", "state": "NY", "free_mail": True}, "us-rest"),
        ({"country": "US", "state": "IL", "postal_code": "60601-1234"}, "us-mid"),
        ({"country": "US", "postal_code": "61111"}, "us-mid"),
        ({"country": "US", "postal_code": "61112"}, "us-rest"),
        ({"country": "US", "state": "IN"}, "us-mid"),
        ({"country": "FR", "employees": "2000+"}, "big"),
        ({"country": "FR", "employees": 20}, None),
        ({"country": "CA", "state": "CA"}, None),
    ],
)
def test_territories_come_from_the_rows_of_a_csv_file(lead: dict[str, object], territory: str | None) -> None:
    playbook = loaded(BASE + "territories: territories.csv\n", territories_csv=TERRITORIES)
    facts = Facts(Lead.model_validate({"lead_id": "l", **lead}), NOW)

    found = next((each.name for each in playbook.territories if each.when.matches(facts)), None)

    assert found == territory
    assert [each.name for each in playbook.territories] == ["us-west", "us-east", "us-mid", "big", "us-rest"]
    assert "territories" not in playbook.tables


def test_a_territory_of_a_csv_file_may_ask_for_any_field_of_lead_and_account() -> None:
    rows = "Name,lead.custom.region,account.country,City\nsouth,South,,\nÜbersee Süd,,DE,München;東京\n"
    playbook = loaded(BASE + "territories: market.csv\n", market_csv=rows)
    somebody = Facts(Lead(lead_id="l", city="東京"), NOW, account={"country": "DE"})
    elsewhere = Facts(Lead(lead_id="l", custom={"region": "south"}), NOW)

    assert [each.when.matches(somebody) for each in playbook.territories] == [False, True]
    assert [each.when.matches(elsewhere) for each in playbook.territories] == [True, False]


def test_a_code_with_a_hyphen_of_its_own_is_no_range() -> None:
    when = loaded(BASE + "territories: t.csv\n", t_csv="name,postal_code\na,00-950;94105-1234\n").territories[0].when

    answers = [when.matches(Facts(Lead(lead_id="l", postal_code=code), NOW)) for code in ("00-950", "94105", "94200")]

    assert answers == [True, False, False]


def test_twenty_thousand_rows_of_territories_load_soon() -> None:
    rows = "name,country,postal_code\n" + "".join(f"t{each % 50},US,{each:05d}\n" for each in range(20_000))
    before = time.process_time()

    playbook = loaded(BASE + "territories: t.csv\n", t_csv=rows)

    assert time.process_time() - before < 5
    assert playbook.territories[7].when.matches(Facts(Lead(lead_id="l", country="US", postal_code="00157"), NOW))


def test_a_row_with_a_line_separator_in_it_is_one_row() -> None:
    rule = "{disqualify: true, when: {lead.domain: {in_table: rivals}}}"
    text = f"{BASE}scoring: {{negative: {{rules: [{rule}]}}}}\n"

    playbook = loaded(text, rivals_csv="domain,name\na.example,Some\u2028Inc\x0c\n")

    assert [row["name"] for row in playbook.tables["rivals"].rows] == ["Some\u2028Inc\x0c"]


def test_a_table_saved_with_semicolons_and_a_byte_order_mark_is_read() -> None:
    rule = "{disqualify: true, when: {lead.domain: {in_table: rivals}}}"
    text = f"{BASE}scoring: {{negative: {{rules: [{rule}]}}}}\n"

    playbook = loaded(text, rivals_csv="\ufeff\r\ndomain;name\r\nRival.example;Rival, Inc\r\n")

    assert playbook.tables["rivals"].column("domain") == {"rival.example"}


def test_sections_may_be_spread_over_included_files() -> None:
    playbook = loaded(
        "include: [more.yaml]\n" + BASE,
        more_yaml="teams: {pools: {extra: {members: [joe]}}}\nsla: {x: {to: disposed, target: 1h}}\n",
    )

    assert playbook.pools.keys() == {"sales", "extra"}
    assert [policy.name for policy in playbook.sla] == ["x"]


def test_the_hash_depends_on_the_files_that_count_alone() -> None:
    first = load_files({"playbook.yaml": BASE.encode(), "notes.yaml": b"a: 1"}).playbook
    same = load_files({"./playbook.yaml": BASE.encode()}).playbook
    other = load_files({"playbook.yaml": BASE.encode() + b"# changed\n"}).playbook

    assert first.hash == same.hash
    assert first.hash != other.hash
    assert len(first.hash) == 64


def test_a_directory_without_a_playbook_is_told(tmp_path: Path) -> None:
    with pytest.raises(PlaybookError, match=r"no playbook\.yaml here"):
        load_directory(tmp_path)


def test_files_that_begin_with_a_dot_do_not_belong_to_a_playbook(tmp_path: Path) -> None:
    (tmp_path / "playbook.yaml").write_text(BASE)
    (tmp_path / "._playbook.yaml").write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / "._reps.csv").write_bytes(b"\x00\x05\x16\x07\xff")

    assert load_directory(tmp_path).playbook.files.keys() == {"playbook.yaml"}


def test_a_cool_down_of_zero_is_none() -> None:
    assert loaded(f"{BASE}scoring: {{cool_down: 0s}}\n").scoring.cool_down == timedelta()


def test_a_section_that_was_left_blank_is_as_if_it_were_not_there() -> None:
    playbook = loaded(f"include:\n{BASE}sla:\nscoring: ~\nterritories: null\n")

    assert (playbook.sla, playbook.territories, playbook.scoring) == ((), (), loaded().scoring)


def test_packed_files_come_back_and_load_to_the_same_hash() -> None:
    files = {"playbook.yaml": BASE.encode(), "t.csv": b"\xff\x00binary"}

    text = pack(files)

    assert unpack(text) == files
    assert content_hash(unpack(text)) == content_hash(files)
    assert text == pack(dict(reversed(files.items())))


@pytest.mark.parametrize("text", ["", "not base64!", "aGVsbG8=", pack({"a": b"x"})[:-8]])
def test_text_that_is_no_packed_playbook_is_refused(text: str) -> None:
    with pytest.raises(UnpackError):
        unpack(text)


def test_a_packed_bomb_is_refused() -> None:
    bomb = base64.b64encode(zlib.compress(b" " * (3 * MOST_BYTES))).decode()

    assert len(bomb) < 200_000
    with pytest.raises(UnpackError, match="beyond the bounds"):
        unpack(bomb)
