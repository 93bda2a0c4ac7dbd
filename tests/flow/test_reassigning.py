"""A lead that its rep is not to have any longer goes to the next of its pool: it is never turned away for that."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.simulation import Simulator

pytestmark = pytest.mark.postgres

WARM = {"email": "ada@example.sg", "country": "SG", "activity": "demo_request"}
"""Only the demo request sends it to sales: its score alone would not."""


def line(at: str, request: str, **body: Any) -> dict[str, Any]:
    return {"at": f"2026-03-25T{at}Z", "request": request, "body": body}


async def test_a_declined_demo_request_goes_to_the_next_of_the_same_pool(simulator: Simulator) -> None:
    decline = line("02:05:00", "POST /router/v1/leads/ada@example.sg/decline", reason="no time")

    played = await simulator.play(line("02:00:00", "POST /ingest/v1/leads", **WARM), decline)

    (given,), (again,) = played.data("lead.assigned"), played.data("lead.reassigned")
    assert again["assignment"]["pool"] == given["assignment"]["pool"]
    assert again["assignment"]["rep"] != given["assignment"]["rep"]
    assert again["assignment"]["previous"]["rep"] == given["assignment"]["rep"]
    assert played.data("lead.nurtured") == []


async def test_a_lead_that_everybody_of_its_pool_declined_is_held_or_caught(simulator: Simulator) -> None:
    declines = [
        line(f"02:{minute:02}:00", "POST /router/v1/leads/ada@example.sg/decline", reason="no")
        for minute in range(1, 8)
    ]

    played = await simulator.play(line("02:00:00", "POST /ingest/v1/leads", **WARM), *declines)

    assert played.data("lead.nurtured") == []
    assert played.data("lead.rejected") == []


async def test_a_clock_that_goes_on_through_a_reassignment_is_the_present_reps_everywhere_from_then_on(
    simulator: Simulator,
) -> None:
    decline = line("02:05:00", "POST /router/v1/leads/ada@example.sg/decline", reason="no time")
    asked = [
        line("02:06:00", f"GET /{where}")
        for where in ("sla/v1/clocks?policy=absolute-max", "router/v1/leads/ada@example.sg")
    ]

    played = await simulator.play(line("02:00:00", "POST /ingest/v1/leads", **WARM), decline, *asked)

    before, after = (played.data(f"lead.{word}")[0]["assignment"]["rep"] for word in ("assigned", "reassigned"))
    [monitored] = played.responses[-2]["body"]["items"]
    [shown] = [clock for clock in played.responses[-1]["body"]["clocks"] if clock["policy"] == "absolute-max"]
    [moved] = played.data("sla.moved")
    assert before != after
    assert [each["rep"] for each in (monitored, shown, *moved["clocks"])] == [after] * 3
    assert (moved["clocks"][0]["due"], moved["clocks"][0]["at"]) == (shown["due"], "2026-03-25T02:05:00Z")


LADDER = """
teams:
  reps: [{id: ann, name: Ann, email: ann@x.com}, {id: ops, name: Ops, email: ops@x.com}]
  pools: {all: {members: [ann]}}
routing: [{name: Everyone, pool: all}]
catch_all: {rep: ops}
sla:
  absolute-max:
    from: assigned
    restart: false
    to: first_touch
    target: 1h
    steps: [{after: 100%, do: [notify_rep, {assign: catch_all}]}, {after: 150%, do: [notify_rep]}]
"""


async def test_after_a_breach_that_hands_a_lead_on_the_next_step_is_for_who_has_it(
    simulator: Simulator, tmp_path: Path
) -> None:
    (tmp_path / "playbook.yaml").write_text(LADDER)
    until = {"at": "2026-03-25T04:00:00Z", "run_until": True}

    played = await simulator.play(line("02:00:00", "POST /ingest/v1/leads", **WARM), until, playbook=tmp_path)

    assert [each["assignment"]["rep"] for each in played.data("lead.reassigned")] == ["ops"]
    assert [(each["step"], each["clocks"][0]["rep"]) for each in played.data("sla.escalated")] == [
        ("100%", "ann"), ("150%", "ops")
    ]  # fmt: skip
