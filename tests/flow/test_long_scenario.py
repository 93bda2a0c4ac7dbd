"""What only shows in a long run: the same bytes whatever the hash seed, and clocks across weekends and changes."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from baton_standalone.shipped import shipped_playbook
from tests.flow.test_simulate_command import simulate
from tests.support.long_scenario import write_long_scenario
from tests.support.simulation import Simulator

pytestmark = pytest.mark.postgres

LINES = 1000
SECONDS = 600
WAYS_IN = {"api", "demo-form", "hubspot-workflow", "marketo", "salesforce"}


@pytest.mark.slow
def test_a_thousand_lines_print_the_same_bytes_whatever_the_hash_seed(tmp_path: Path, postgres_url: str) -> None:
    shutil.copytree(shipped_playbook(), tmp_path / "next")
    rules = tmp_path / "next" / "playbook.yaml"
    rules.write_text(rules.read_text().replace("warm: 30, mql: 60, sql: 80", "warm: 20, mql: 40, sql: 70"))
    scenario = str(write_long_scenario(tmp_path, playbook=shipped_playbook(), lines=LINES))

    first, second = (
        simulate(scenario, seconds=SECONDS, PYTHONHASHSEED=seed, BATON_DATABASE_URL=postgres_url)
        for seed in ("1", "77")
    )

    lines = [json.loads(line) for line in first.stdout.splitlines()]
    types = Counter(line["type"] for line in lines if "type" in line)
    assert (first.returncode, first.stderr, second.returncode) == (0, b"", 0)
    assert first.stdout == second.stdout
    assert [line for line in lines if line.get("response", 0) >= 500] == []
    assert {line["data"]["lead"]["source"] for line in lines if line.get("type") == "lead.captured"} == WAYS_IN
    assert types["playbook.published"] == 2
    assert all(types[each] for each in ("lead.reassigned", "lead.touched", "sla.warned", "sla.breached", "sla.met"))


@pytest.mark.parametrize(
    ("zone", "assigned", "breached"),
    [
        # Half an hour of the promised one is left on Friday, half of it on Monday, when clocks have changed meanwhile.
        ("America/New_York", "2026-03-06T22:30:00Z", "2026-03-09T13:30:00Z"),
        ("Europe/Berlin", "2026-03-27T16:30:00Z", "2026-03-30T07:30:00Z"),
        ("America/New_York", "2026-10-30T21:30:07Z", "2026-11-02T14:30:07Z"),
    ],
)
async def test_a_breach_comes_at_its_second_across_a_weekend_and_a_change_of_clocks(
    simulator: Simulator, zone: str, assigned: str, breached: str
) -> None:
    (simulator.folder / "playbook.yaml").write_text(PLAYBOOK.replace("ZONE", zone))
    lead = {"email": "ada@acme.example", "company": "Acme"}

    played = await simulator.play(
        {"at": assigned, "request": "POST /ingest/v1/leads", "body": lead},
        {"at": "2026-12-31T00:00:00Z", "run_until": True},
        playbook=simulator.folder,
    )

    [breach] = [event for event in played.events if event["type"] == "sla.breached"]
    [clock] = breach["data"]["clocks"]
    assert (breach["at"], clock["due"], clock["lateness"]) == (breached, breached, 0)


PLAYBOOK = """
teams:
  reps: [{id: ann, name: Ann, email: ann@example.com, calendar: office}]
  pools: {all: {members: [ann]}}
calendars:
  office: {time_zone: ZONE, hours: {mon-fri: ["09:00-18:00"]}}
routing: [{name: Everyone, pool: all}]
catch_all: {rep: ann}
sla:
  first-contact: {from: assigned, to: first_touch, target: 1h, clock: rep}
"""
