"""Imported leads on the simulator: they leave by the clock, and their promises begin as they do."""

from typing import Any

import pytest

from tests.support.simulation import Simulator

pytestmark = pytest.mark.postgres

AT = "2026-03-25T16:30:00Z"
LATER = "2026-03-25T16:31:00Z"


def ask(body: Any) -> dict[str, Any]:
    return {"at": AT, "request": "POST /ingest/v1/imports", "body": body}


async def test_they_leave_in_time_and_what_is_live_goes_ahead(simulator: Simulator) -> None:
    rows = [{"email": f"p{number}@acme{number}.example", "activity": "demo_request"} for number in range(45)]
    live = {"at": f"{AT[:-1]}.050000Z", "request": "POST /ingest/v1/leads", "body": {"email": "ada@beta.example"}}

    played = await simulator.play(ask(rows), live, {"at": LATER, "run_until": True})

    told = [event for event in played.events if event["type"] == "lead.captured"]
    emails = [event["data"]["lead"]["email"] for event in told]
    captured = {event["data"]["lead"]["lead_id"]: event["at"] for event in told}
    started = {
        clocks["lead_id"]: clock["start"]
        for clocks in played.data("sla.started")
        for clock in clocks["clocks"]
        if clock["policy"] == "route"
    }
    assert emails == [*(row["email"] for row in rows[:20]), "ada@beta.example", *(row["email"] for row in rows[20:])]
    assert [event["at"][19:] for event in told] == ["Z"] * 20 + [".050000Z"] + [".100000Z"] * 20 + [".200000Z"] * 5
    assert len(started) == len(told)
    assert started == captured
    assert len(played.data("lead.assigned")) == len(rows)


async def test_the_same_import_plays_the_same_each_time(simulator: Simulator) -> None:
    lines = (ask([{"email": f"p{number}@acme.example"} for number in range(30)]), {"at": LATER, "run_until": True})

    assert (await simulator.play(*lines)).raw == (await simulator.play(*lines)).raw
