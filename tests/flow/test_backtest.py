"""`baton backtest` as people run it: a recorded history, a changed rule, and who would have got what."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from baton.kernel.ids import lead_id_for_email
from baton_standalone.backtesting.comparing import Comparison, agreement, compare
from baton_standalone.backtesting.outcomes import Outcomes
from baton_standalone.backtesting.playing import Play, play_on
from baton_standalone.backtesting.recording import Recorded, Span, record
from baton_standalone.publishing import read_candidate
from baton_standalone.shipped import shipped_playbook
from tests.support.long_scenario import long_scenario
from tests.support.simulation import Simulator, migrated

pytestmark = pytest.mark.postgres

SECONDS = 240
ANNA = "anna@eins.example"
PRESENT = """\
version: present
scoring:
  tiers: {warm: 10, mql: 30, sql: 60}
  engagement:
    rules:
      - {name: Demo request, points: 40, when: {activity: demo_request}}
      - {name: Webinar, points: 20, when: {activity: webinar}}
teams:
  reps:
    - {id: mary, name: Mary Chen, email: mary@example.com}
    - {id: joe, name: Joe Alvarez, email: joe@example.com}
    - {id: claire, name: Claire Petit, email: claire@example.com}
  pools:
    sales: {members: [mary, joe]}
    eu: {members: [claire]}
routing:
  - {name: Known account, when: {account.owner: {exists: true}}, assign: account.owner, else: {pool: sales}}
  - {name: Qualified, when: {score.tier: [mql, sql]}, pool: sales}
  - {name: Everyone else, nurture: newsletter}
catch_all: {rep: mary}
sla:
  first-contact: {from: assigned, to: first_touch, target: 1h, clock: always, on_breach: [reassign]}
"""
TRIED = PRESENT.replace("version: present", "version: tried").replace(
    "routing:\n", "routing:\n  - {name: Europe, when: {lead.country: [DE, FR]}, pool: eu}\n"
)


def written(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "playbook.yaml").write_text(text)
    return folder


def line(at: str, request: str, **body: Any) -> dict[str, Any]:
    return {"at": f"2026-03-{at}:00Z", "request": request, "body": body}


def capture(at: str, email: str, *, country: str = "US", activity: str = "demo_request", **more: Any) -> dict[str, Any]:
    return line(at, "POST /ingest/v1/leads", email=email, country=country, activity=activity, **more)


def act(at: str, email: str, what: str, **body: Any) -> dict[str, Any]:
    return line(at, f"POST /router/v1/leads/{email}/{what}", **body)


def baton(url: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
    return subprocess.run(
        [sys.executable, "-m", "baton_standalone", *map(str, arguments)],
        env={**kept, "BATON_DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


async def run(url: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(baton, url, *arguments)


@dataclass(frozen=True, slots=True)
class Backtest:
    """What the command does, in this process. `scenario` is what was replayed."""

    simulator: Simulator
    present: Path
    tried: Path
    scenario: Path

    async def __call__(self, *history: Mapping[str, Any], since: str, until: str) -> tuple[Recorded, Comparison]:
        async with self.simulator.recorded(*history, playbook=self.present) as (url, _):
            return await self.of(url, since=since, until=until)

    async def of(self, url: str, *, since: str, until: str) -> tuple[Recorded, Comparison]:
        begin, end = (datetime.fromisoformat(f"{each}T00:00:00Z") for each in (since, until))
        present, tried = read_candidate(self.present), read_candidate(self.tried)
        with self.scenario.open("wb") as file:
            recorded = await record(url, Span(begin, end, 1000), present.playbook, to=file)
        plays = [Play(self.scenario, present.files, each.files, begin, 0) for each in (present, tried)]
        before, after = [await self._play(each) for each in plays]
        return recorded, compare(before, after)

    async def _play(self, play: Play) -> Outcomes:
        database = await self.simulator.databases.create(migrated)
        try:
            return await play_on(database, play)
        finally:
            await self.simulator.databases.drop(database)


@pytest.fixture
def backtest(simulator: Simulator, tmp_path: Path) -> Backtest:
    present, tried = written(tmp_path / "present", PRESENT), written(tmp_path / "tried", TRIED)
    return Backtest(simulator, present, tried, tmp_path / "scenario.jsonl")


async def test_a_changed_rule_moves_just_the_leads_that_it_is_about(backtest: Backtest) -> None:
    history = [
        capture("25T09:00", ANNA, country="DE"),
        act("25T09:10", ANNA, "touches", kind="call"),
        capture("25T10:00", "bob@two.example"),
        act("25T10:05", "bob@two.example", "touches", kind="email"),
        capture("25T11:00", "chloe@trois.example", country="FR", activity="webinar"),
        capture("25T12:00", "try@me.example", country="DE", test=True),
    ]
    window = ("--since", "2026-03-25", "--until", "2026-03-26")
    hash_ = read_candidate(backtest.present).playbook.hash

    async with backtest.simulator.recorded(*history, playbook=backtest.present) as (url, _):
        for each in (backtest.present, backtest.tried):
            assert (await run(url, "playbook", "publish", each)).returncode == 0
        result = await run(url, "backtest", backtest.tried, "--against", hash_[:8], "--json", *window)

    assert (result.returncode, result.stderr) == (0, "")
    *lines, last = map(json.loads, result.stdout.splitlines())
    leads, summary = {each["lead_id"]: each for each in lines}, last["summary"]
    anna, bob, chloe = map(lead_id_for_email, (ANNA, "bob@two.example", "chloe@trois.example"))
    assert list(leads) == [anna, bob, chloe]
    assert [leads[each]["known_by"] for each in (anna, bob, chloe)] == [ANNA, "bob@two.example", "chloe@trois.example"]
    assert leads[anna]["changes"] == ["pool", "rep", "rule"]
    assert leads[bob]["changes"] == ["rep"]  # whose turn it is now that Anna took none
    assert leads[chloe]["before"]["decision"] == {
        "state": "nurtured", "rep": None, "pool": None, "rule": "Everyone else", "to": "newsletter",
    }  # fmt: skip
    assert [leads[each]["after"]["decision"]["rep"] for each in (anna, chloe)] == ["claire", "claire"]
    assert summary["playbooks"]["before"] == {"version": "present", "hash": hash_}
    assert [summary[each] for each in ("leads", "changed", "changed_by_turn", "as_recorded")] == [3, 3, 1, 1.0]
    assert summary["pools"] == {"eu": {"before": 0, "after": 2}, "sales": {"before": 2, "after": 1}}
    assert summary["outcomes"] == {"assigned": {"before": 2, "after": 3}, "nurtured": {"before": 1, "after": 0}}
    # Nobody called Chloe, who was nobody's: whether Claire would have, nobody knows.
    assert summary["promises"]["first-contact"]["after"] == {"met": 2, "breached": 0, "attainment": 1.0}
    assert summary["promises_unknown"] == 1


async def test_people_read_it_against_the_active_playbook_and_can_keep_what_was_replayed(backtest: Backtest) -> None:
    history = [
        capture("25T09:00", ANNA, country="DE", note="día"),
        act("25T09:10", ANNA, "touches", kind="call"),
        capture("25T09:30", "bo@b.example"),
        act("25T09:40", "bo@b.example", "touches", kind="call"),
    ]
    window = ("--since", "2026-03-25", "--until", "2026-03-26")
    asked = ("backtest", backtest.tried, *window, "--scenario", backtest.scenario)

    async with backtest.simulator.recorded(*history, playbook=backtest.present) as (url, played):
        none = await run(url, *asked)
        assert (await run(url, "playbook", "publish", backtest.present)).returncode == 0
        unknown = await run(url, *asked, "--against", "0123")
        much = await run(url, *asked, "--limit", "1")
        nothing = await run(url, *asked[:2], "--since", "2026-03-26", "--until", "2026-03-27")
        wrong = await run(url, *asked[:2], "--since", "2026-03-27", "--until", "2026-03-26")
        same = await run(url, "backtest", backtest.present, *window)
        result = await run(url, *asked)
    again = await backtest.simulator.play(
        *map(json.loads, backtest.scenario.read_text().splitlines()), playbook=backtest.present
    )

    assert [each.returncode for each in (none, unknown, much, nothing, wrong, result)] == [2, 2, 2, 0, 2, 0]
    assert {each.stdout for each in (none, unknown, much, nothing, wrong)} == {""}
    assert none.stderr == "no playbook is active: name another one, or a directory, with --against\n"
    assert unknown.stderr == '"0123" is no directory, and no published playbook\'s hash begins so\n'
    assert "more than 1 leads did something from 2026-03-25T00:00:00Z on: take a shorter time" in much.stderr
    assert nothing.stderr == "nothing is recorded from 2026-03-26T00:00:00Z to 2026-03-27T00:00:00Z\n"
    assert wrong.stderr == "--since: must be before --until, and before now\n"
    assert (same.stderr.splitlines()[-1], same.stdout.splitlines()[1]) == (
        "both playbooks are the same, so one replay is enough: nothing can come out otherwise",
        "none of 2 leads comes out otherwise",
    )
    assert result.stderr == ""
    assert result.stdout.startswith('"tried" (')
    assert "1 of 2 leads comes out otherwise (pool 1, rep 1, rule 1)" in result.stdout
    assert "Beside them 1 lead with another rep of the same pool" in result.stdout
    assert "Europe → claire of eu" in result.stdout
    assert result.stdout.index(ANNA) < result.stdout.index(lead_id_for_email(ANNA))
    assert backtest.scenario.stat().st_mode & 0o777 == 0o600
    assert again.data("lead.captured") == played.data("lead.captured")
    assert again.data("lead.assigned") == played.data("lead.assigned")


async def test_what_was_decided_before_stays_and_who_came_back_is_decided_anew(backtest: Backtest) -> None:
    verdict = {"verdict": "not_qualified", "reason": "too early"}
    history = [
        capture("10T09:00", ANNA, country="DE"),
        act("10T09:10", ANNA, "touches", kind="call"),
        capture("10T10:00", "idle@zwei.example", country="DE"),
        act("11T09:00", ANNA, "disposition", **verdict),
        capture("25T09:00", ANNA, country="DE", activity="webinar"),
    ]

    _, comparison = await backtest(*history, since="2026-03-20", until="2026-03-26")

    (anna,) = comparison.changed
    assert comparison.compared == {anna.lead_id} == {lead_id_for_email(ANNA)}
    assert [each.decision.rule for each in (anna.before, anna.after)] == ["Qualified", "Europe"]
    assert [each.score for each in (anna.before, anna.after)] == [60, 60]  # the webinar, and the demo of weeks ago


async def test_a_decline_by_somebody_who_would_not_have_had_the_lead_is_left_out(backtest: Backtest) -> None:
    history = [
        capture("25T09:00", ANNA, country="DE"),
        act("25T09:05", ANNA, "decline", reason="not my language"),
        act("25T09:20", ANNA, "touches", kind="call"),
    ]

    recorded, comparison = await backtest(*history, since="2026-03-25", until="2026-03-26")

    (anna,) = comparison.changed
    assert [(each.rep, each.moved) for each in (anna.before, anna.after)] == [("joe", 1), ("claire", 0)]
    assert (recorded.acts, comparison.before.unplaced, comparison.after.unplaced) == (2, 0, 1)


async def test_who_was_erased_is_in_no_history(backtest: Backtest) -> None:
    erase = {"at": "2026-03-25T10:00:00Z", "request": f"DELETE /ingest/v1/leads/{ANNA}"}
    history = [capture("25T09:00", who, country="DE") for who in (ANNA, "otto@acht.example")]

    _, comparison = await backtest(*history, erase, since="2026-03-25", until="2026-03-26")

    assert comparison.compared == {lead_id_for_email("otto@acht.example")}
    assert ANNA not in backtest.scenario.read_text()


async def test_accounts_and_absences_are_as_they_are_said_last(backtest: Backtest) -> None:
    account = {"id": "oak", "name": "Oak", "domains": ["oak.example"], "owner": "joe"}
    absences = [{"from": "2026-03-25T00:00:00Z", "to": "2026-03-26T00:00:00Z"}]
    history = [
        line("25T08:00", "PATCH /router/v1/reps/claire", absences=absences),
        {"at": "2026-03-25T08:00:00Z", "request": "PUT /router/v1/accounts", "body": [account]},
        capture("25T09:00", ANNA, country="DE"),
        capture("25T10:00", "bob@oak.example"),
    ]

    _, comparison = await backtest(*history, since="2026-03-25", until="2026-03-26")

    (anna,) = comparison.changed
    bob = comparison.after.leads[lead_id_for_email("bob@oak.example")]
    assert (anna.before.held, anna.after.held) == (0, 1)  # nobody else speaks for Europe
    assert (bob.decision.rep, bob.decision.rule) == ("joe", "Known account")
    assert (comparison.before.failed, comparison.after.failed) == ((), ())


async def test_where_no_router_has_been_nothing_is_recorded(database: str, backtest: Backtest) -> None:
    recorded, comparison = await backtest.of(database, since="2026-03-25", until="2026-03-26")

    assert (recorded.leads, recorded.acts, comparison.compared) == (0, 0, frozenset())


async def test_what_can_not_be_read_is_left_out_and_told(backtest: Backtest) -> None:
    history = [
        capture("25T09:00", ANNA, country="DE"),
        act("25T09:10", ANNA, "touches", kind="call"),
        capture("25T10:00", "bob@two.example", note="\x00"),
        act("25T10:05", "bob@two.example", "touches", kind="call"),
        capture("25T11:00", "lost@drei.example", country="DE"),
        capture("25T12:00", "twin@drei.example", country="DE"),
        line("25T13:00", "POST /ingest/v1/leads/twin@drei.example/merge", into=lead_id_for_email(ANNA)),
    ]
    damages = [
        ("lead.touched", ANNA, b"\xff\xfe"),
        ("lead.assigned", ANNA, b"{}"),
        ("lead.captured", "lost@drei.example", b'{"lead": {"lead_id"'),
        ("lead.merged", "twin@drei.example", b'"\xc3"'),
    ]
    window = ("--since", "2026-03-25", "--until", "2026-03-26")
    asked = ("backtest", backtest.tried, "--against", backtest.present, *window)

    async with backtest.simulator.recorded(*history, playbook=backtest.present) as (url, _):
        connection = await asyncpg.connect(url)
        for kind, email, data in damages:
            damage = "update router.timeline set data = $1 where type = $2 and lead_id = $3"
            assert await connection.execute(damage, data, kind, lead_id_for_email(email)) == "UPDATE 1"
        await connection.close()
        read, as_json = [await run(url, *asked, *more) for more in ((), ("--json",))]

    assert [(each.returncode, each.stderr) for each in (read, as_json)] == [(0, "")] * 2
    assert "4 recorded events of these leads can't be read, and are left out of this." in read.stdout
    *lines, last = map(json.loads, as_json.stdout.splitlines())
    assert (last["summary"]["leads"], last["summary"]["acts"], last["summary"]["unreadable"]) == (2, 1, 4)
    assert {each["lead_id"] for each in lines} >= {lead_id_for_email(ANNA)}


def is_recorded(scenario_line: Mapping[str, Any]) -> bool:
    """Which playbooks there were, and when somebody was paused, is not."""
    return "publish" not in scenario_line and "PATCH" not in scenario_line.get("request", "")


async def test_a_playbook_against_itself_changes_nothing(backtest: Backtest) -> None:
    """On everything that a house does: holds, declines, misses, pauses, verdicts, repeats and merges."""
    reference = shipped_playbook()
    house = [each for each in long_scenario(reference, lines=160, seed=7) if is_recorded(each)]
    worked = [each["request"].split("/")[4] for each in house if "/router/v1/leads/" in each.get("request", "")]
    more = [
        ("POST /ingest/v1/leads", {"email": "ada@late.example", "country": "DE", "activity": "demo_request"}),
        ("POST /router/v1/leads/ada@late.example/pause", {"reason": "away", "until": "2026-03-07T12:00:00Z"}),
        (f"POST /ingest/v1/leads/{worked[0]}/merge", {"into": worked[-1]}),
    ]
    house[-1:-1] = [{"at": house[-2]["at"], "request": request, "body": body} for request, body in more]
    away = {"absences": [{"from": "2026-03-05T18:00:00Z", "to": "2026-03-05T20:00:00Z"}]}
    house[:0] = [
        {"at": house[0]["at"], "request": f"PATCH /router/v1/reps/{rep}", "body": away}
        for rep in read_candidate(reference).playbook.reps
    ]
    backtest = replace(backtest, present=reference, tried=reference)

    async with backtest.simulator.recorded(*house, playbook=reference) as (url, played):
        recorded, comparison = await backtest.of(url, since="2026-03-05", until="2026-03-08")

    happened = {event["type"] for event in played.events}
    assert happened >= {
        "lead.held", "lead.declined", "lead.reassigned", "lead.disposed", "lead.paused", "lead.merged", "sla.breached",
    }  # fmt: skip
    assert len(comparison.compared) > 50
    assert comparison.changed == ()
    assert comparison.before == comparison.after
    assert {lead: outcome.rep for lead, outcome in comparison.before.leads.items()} == {
        lead: outcome.rep for lead, outcome in recorded.outcomes.leads.items()
    }  # and that is what really happened, turn by turn
    assert agreement(recorded.outcomes, comparison.before, comparison.compared) == 1.0
    assert (recorded.acts > 10, comparison.before.unplaced) == (True, 0)
