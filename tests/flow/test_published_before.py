"""An upgrade under a playbook that the release before accepted: leads move on, and every decision has its hash."""

from datetime import UTC, datetime

import pytest

from baton.leads.playbook.loader import load_published
from tests.support.older_release import publish_unchecked
from tests.support.postgres import Databases
from tests.support.staging import staged

pytestmark = pytest.mark.postgres

START = datetime(2026, 3, 25, 15, tzinfo=UTC)
MISTAKEN = b"""\
version: before
plans: {}
sources: {Web: {type: form, fields: {mail: emial}}}
scoring:
  fit: {rules: [{name: Near, points: 5, when: {lead.country: [US, UK]}, when_not: {}}]}
territories: {us: {when: {lead.country: US}}, US: {when: {lead.country: [US, XX]}}}
teams:
  reps:
    - {id: mary, name: Mary, email: mary}
    - {id: lead.joe, name: Joe, email: joe@example.com, shoe: 44}
  pools:
    sales: {members: [mary, mary], colour: blue}
    rest: {members: []}
routing:
  - {name: Warmer, pool: sales, when: {score.tier: warmer}}
  - {name: Blank, pool: sales, when: }
catch_all: {pool: rest}
sla:
  promise: {to: first_touch, target: 0s, on_breach: [{set: {}}]}
  follow: {touches: 2, channels: 9, within: 2d}
commitments: {mql_to_sql: half, complete: [emial]}
deliver: [{to: rep}, {webhook: nowhere}, {}]
"""


async def test_leads_move_by_a_playbook_with_mistakes_that_was_published_before(databases: Databases) -> None:
    async with staged(databases, start=START) as house:
        published = await publish_unchecked(house.bus, {"playbook.yaml": MISTAKEN})
        await house.stage.load_playbook()

        captured = await house.client.post("/ingest/v1/leads", json={"email": "ada@acme.example", "country": "US"})
        await house.stage.settle()
        await house.stage.let_watch()
        told = (await house.client.get("/router/v1/leads/ada@acme.example")).json()
        ready = (await house.client.get("/readyz")).json()

    assert captured.status_code == 202
    [assigned] = [step["data"] for step in told["steps"] if step["type"] == "lead.assigned"]
    assert (assigned["assignment"]["rep"], assigned["assignment"]["rule"]) == ("mary", "Blank")
    assert (assigned["trace"]["playbook"], assigned["score"]["total"]) == (published, 5)
    assert {clock["policy"] for clock in told["clocks"]} == {"promise", "follow"}
    count = len(load_published({"playbook.yaml": MISTAKEN}).mistakes)
    assert count > 15
    assert set(ready["warnings"]) == {"ingest", "scoring", "router", "sla"}
    assert ready["warnings"]["router"]["playbook"].startswith(f"{count} mistakes")
