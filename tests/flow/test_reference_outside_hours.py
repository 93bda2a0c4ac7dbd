"""The reference playbook while nobody works: no lead is sent around."""

from typing import Any

import pytest

from tests.support.simulation import Played, Simulator

pytestmark = pytest.mark.postgres

QUALIFIED = {
    "email": "ada@pacific.example", "country": "US", "state": "CA", "title": "VP Sales", "employees": 300,
    "activity": "demo_request",
}  # fmt: skip
"""Everybody whom the playbook knows rests on the 28th and 29th of March 2026, a Saturday and a Sunday."""


def line(at: str, request: str, **body: Any) -> dict[str, Any]:
    return {"at": f"2026-03-{at}Z", "request": request, "body": body}


def until(at: str) -> dict[str, Any]:
    return {"at": f"2026-03-{at}Z", "run_until": True}


def given_at(played: Played) -> list[tuple[str, str]]:
    """Each time the lead changed hands, and who has it since."""
    told = played.data("lead.assigned") + played.data("lead.reassigned")
    return [(each["assignment"]["at"], each["assignment"]["rep"]) for each in told]


async def test_the_catch_all_keeps_a_lead_over_the_night_and_hands_it_on_after_a_working_hour(
    simulator: Simulator,
) -> None:
    in_the_evening = line(
        "25T22:30:00", "POST /router/v1/leads/ada@pacific.example/reassign", rep="ops", reason="nobody else"
    )

    played = await simulator.play(
        line("25T22:00:00", "POST /ingest/v1/leads", **QUALIFIED), in_the_evening, until("26T14:30:00")
    )

    _, to_the_catch_all, *later = given_at(played)
    assert to_the_catch_all == ("2026-03-25T22:30:00Z", "ops")
    assert [at for at, _ in later] == ["2026-03-26T14:00:00Z"]


async def test_a_lead_of_the_weekend_changes_hands_once_before_monday_after_a_day_on_the_wall_clock(
    simulator: Simulator,
) -> None:
    played = await simulator.play(line("28T10:00:00", "POST /ingest/v1/leads", **QUALIFIED), until("30T13:00:00"))

    (came, _), *later = given_at(played)
    assert came == "2026-03-28T10:00:00Z"
    assert later == [("2026-03-29T10:00:00Z", "ops")]
