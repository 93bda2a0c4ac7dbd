"""A playbook in which every key stands, for what must hold of each of them."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from baton.leads.playbook.loader import load_files
from baton.leads.playbook.model import Playbook

RICH: Final = {
    "playbook.yaml": """\
version: "7"
include: [more.yaml]
definitions: {MQL: Worth a call., SQL: Ready to buy.}
sources:
  web:
    type: form
    channel: inbound
    activity: demo_request
    fields: {co: company, mail: email}
    defaults: {country: DE, language: de}
    honeypot: url
    rate: 20
    rate_per_ip: 5
    max_body: 1000
    origins: ["https://a.example", "https://b.example"]
    redirect: /thanks
    public_url: https://in.example/web
  own: {type: json, secret: [env:ONE, env:TWO], header: x-proof, open: true}
  forms: {type: hubspot-form, token: env:TOKEN, poll: 5m, base_url: "https://api.example"}
  flow: {type: hubspot-workflow, secret: env:FLOW, signature_version: [v2, v3]}
scoring:
  tiers: {warm: 20, mql: 50, sql: 90}
  cool_down: 3d
  fit:
    cap: 50
    rules:
      - {name: Boss, points: 20, when: {lead.seniority: [c_level, vp]}}
      - {name: Trade, points_from: {table: trades, key: lead.industry, column: points}}
      - {name: Half, multiply: 0.5, when: {lead.country: US}}
  engagement:
    decay: {half_life: 30d}
    rules:
      - {name: Visits, points: 5, per: activity, when: {activity: page_view, within: 30d}, decay: {linear: 60d}}
      - {name: Demo, points: 30, when: {activity: demo_request}, decay: {steps: {30d: 0.5, 60d: 0}}}
  negative: {rules: [{name: Rival, disqualify: true, when: {lead.domain: {in_table: rivals}}}]}
  segments:
    big:
      when: {lead.employees: {gte: 1000}}
      tiers: {mql: 40}
      fit: {cap: 70, rules: [{name: Big boss, points: 40, when: {lead.seniority: c_level}}]}
    rest: {when: {lead.employees: {exists: true}}}
territories:
  us: {when: {lead.country: US, lead.state: [CA, OR]}}
  eu: {when: {lead.country: [DE, FR]}}
keep_together: person
reroute_on: [tier]
on_absence: reassign
matching: {tie_break: [country, status]}
commitments: {mql_per_month: 400, mql_to_sql: 50%, complete: [name, email]}
deliver:
  - {to: rep, via: env:CHAT_URL}
  - {webhook: "https://hooks.example/path", secret: env:HOOK, events: [lead.assigned, lead.held], name: hook}
  - {crm: hubspot, token: env:HUBSPOT, fields: {score: lead_score}}
""",
    "more.yaml": """\
teams:
  reps:
    - id: mary
      name: Mary Chen
      email: mary@acme.example
      role: sdr
      time_zone: America/Denver
      calendar: west
      manager: ops
      booking_link: https://book.example/mary
      caps: {per_hour: 3, per_day: 10, per_week: 40, per_month: 100, open: 30}
      languages: [en, zh]
      skills: [enterprise]
      phone: "+15550100"
      slack: U1
      hubspot_id: "12"
    - {id: joe, name: Joe Alvarez, email: joe@acme.example}
    - {id: ops, name: Olivia Park, email: ops@acme.example, active: false}
  pools:
    sdr:
      strategy: priority
      members: [{rep: mary, weight: 2, caps: {per_day: 5}}, joe]
      calendar: west
      caps: {open: 99}
      balance_by: tier
      overflow: all
      outside_hours: hold
      hold: 2wd
      sticky: 120d
      catch_up: true
      match: {languages: lead.language, skills: lead.custom.skill}
    all: {members: [mary, joe]}
routing:
  - {name: Rival, when: {score.disqualified: true}, reject: rival}
  - {name: Known, when: {account.owner: {exists: true}}, assign: account.owner, else: {pool: all}}
  - {name: Demo, when: {activity: demo_request}, pool: sdr, booking: true, else: {rep: joe}}
  - {name: Rest, nurture: newsletter}
catch_all: {rep: ops}
calendars:
  west:
    time_zone: America/Los_Angeles
    hours: {mon-thu: ["09:00-12:00", "13:00-18:00"], fri: ["09:00-15:00"], sat: ["22:00-06:00"]}
    holidays: [US, 2026-12-24]
    special: {2026-12-31: ["09:00-12:00"], 2027-01-02: []}
    boundary: next_open
    pauses: [{from: 2026-06-12T13:00:00Z, to: 2026-06-12T15:00:00Z}]
sla:
  route: {from: captured, to: assigned, target: 5m, clock: always}
  contact:
    when: {score.tier: [mql, sql]}
    to: first_touch
    target: 1h
    clock: rep
    restart: false
    warn: [50%]
    on_breach: [notify_manager, {assign: joe}, {notify: boss@acme.example}, {set: {late: true}}, reassign]
    steps: [{after: 15m, do: [notify_rep]}]
    bench: {misses: 2, within: 24h, for: 4h}
  cadence: {touches: 8, channels: 2, within: 21d, clock: always}
""",
    "trades.csv": "industry,points\nsaas,10\nretail,5\n",
    "rivals.csv": "domain\nrival.example\n",
}


def load(files: Mapping[str, str]) -> Playbook:
    """A playbook of these files."""
    return _load(tuple(files.items()))


@lru_cache(maxsize=8)
def _load(files: tuple[tuple[str, str], ...]) -> Playbook:
    return load_files({name: text.encode() for name, text in files}).playbook


def edited(*swaps: tuple[str, str], files: Mapping[str, str] = RICH) -> dict[str, str]:
    """The files with each text in the place of another, which must be there once."""
    found = dict(files)
    for old, new in swaps:
        [name] = [each for each, text in found.items() if old in text]
        assert found[name].count(old) == 1, old
        found[name] = found[name].replace(old, new)
    return found
