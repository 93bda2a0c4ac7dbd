"""The reference playbook while nobody works: a lead stays with whoever has it until they had their working hour."""

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


async def test_a_lead_of_the_weekend_stays_with_its_rep_until_they_had_their_hour_on_monday(
    simulator: Simulator,
) -> None:
    played = await simulator.play(line("28T10:00:00", "POST /ingest/v1/leads", **QUALIFIED), until("31T16:00:00"))

    assert [at for at, _ in given_at(played)][:2] == ["2026-03-28T10:00:00Z", "2026-03-30T17:00:00Z"]
    assert [rep for _, rep in given_at(played)].count("ops") == 1


async def test_a_lead_of_friday_afternoon_goes_on_to_nobody_between_closing_time_and_monday(
    simulator: Simulator,
) -> None:
    friday = line("27T23:30:00", "POST /ingest/v1/leads", **QUALIFIED)

    played = await simulator.play(friday, until("31T16:00:00"))

    assert [at for at, _ in given_at(played) if "2026-03-28T01:00" <= at < "2026-03-30T16:00"] == []
