"""Test deliveries: the answer says what would happen, and nothing of it does."""

from typing import Any

import pytest

from tests.support.simulation import Played, Simulator

pytestmark = pytest.mark.postgres

ADA = {"email": "ada@acme.example", "title": "VP Sales", "country": "US", "state": "CA", "activity": "demo_request"}
AT = "2026-03-27T16:30:00Z"


def post(path: str, body: object, *, at: str = AT) -> dict[str, Any]:
    return {"at": at, "request": f"POST {path}", "body": body}


def capture(at: str = AT, **lead: object) -> dict[str, Any]:
    return post("/ingest/v1/leads", {**ADA, **lead}, at=at)


def bodies(played: Played) -> list[dict[str, Any]]:
    return [response["body"] for response in played.responses]


async def test_a_test_is_answered_with_what_scoring_and_the_router_answer(simulator: Simulator) -> None:
    played = await simulator.play(capture(test=True))

    (told,), (event,) = bodies(played), played.data("lead.scored")
    activity = event["activity"]
    scored, routed = bodies(
        await simulator.play(
            post("/scoring/v1/score", {"lead": ADA, "activities": [activity]}),
            post("/router/v1/route", {**ADA, "activity": activity, "score": event["score"]}),
        )
    )
    assert told == {
        "lead_id": event["lead"]["lead_id"], "duplicate": False, "score": scored["score"],
        **routed,
    }  # fmt: skip
    assert told["score"] == event["score"]
    assert (told["decision"], told["assignment"]["rule"]) == ("assign", "Demo request")


async def test_after_a_test_there_is_no_assignment_no_clock_and_no_turn(simulator: Simulator) -> None:
    real = capture("2026-03-27T16:31:00Z", email="bob@beta.example")

    alone = await simulator.play(real)
    after = await simulator.play(capture(test=True), capture(email="eve@gamma.example", test=True), real)

    assert [event["type"] for event in after.events[:4]] == ["lead.captured", "lead.scored"] * 2
    assert [event["data"]["test"] for event in after.events[:4]] == [True] * 4
    assert after.events[4:] == alone.events
    told = bodies(after)
    (given,) = after.data("lead.assigned")
    assert {each["assignment"]["rep"] for each in told[:2]} == {given["assignment"]["rep"]}


async def test_a_test_of_a_known_lead_says_with_whom_it_would_stay(simulator: Simulator) -> None:
    played = await simulator.play(capture(), capture("2026-03-27T17:00:00Z", test=True))

    (given,) = played.data("lead.assigned")
    assert bodies(played)[1]["assignment"] == given["assignment"]


async def test_a_test_of_a_competitor_is_told_that_it_would_be_rejected(simulator: Simulator) -> None:
    (told,) = bodies(await simulator.play(capture(email="ada@rivalroute.example", test=True)))

    assert (told["decision"], told["reason"]) == ("reject", "disqualified")
    assert "assignment" not in told


async def test_a_repeated_test_is_answered_as_repeats_are(simulator: Simulator) -> None:
    played = await simulator.play(capture(test=True), capture(test=True))

    first, second = bodies(played)
    assert second == {"lead_id": first["lead_id"], "duplicate": True}
    assert len(played.events) == 2


async def test_a_vendor_whose_sender_reads_our_json_is_told_too(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKETO_WEBHOOK_SECRET", "try")
    sent = {"event": "demo_request", "lead_id": "88123", "email": "kai@birch.example", "test": "true"}

    played = await simulator.play(
        {**post("/ingest/v1/sources/marketo", sent), "headers": {"authorization": "Bearer try"}}
    )

    (told,) = bodies(played)
    assert (told["status"], told["trace"]["playbook"]) == ("accepted", told["score"]["model"])
    assert played.data("lead.assigned") == []


async def test_of_several_leads_only_the_tests_are_told(simulator: Simulator) -> None:
    leads = [ADA, {"email": "nobody"}, {**ADA, "email": "bob@beta.example", "test": True}]

    (told,) = bodies(await simulator.play(post("/ingest/v1/leads", leads)))

    assert ["trace" in result for result in told["results"]] == [False, False, True]
    assert told["results"][2]["decision"] == "assign"


async def test_who_proves_nothing_is_not_told_of_people_and_accounts(simulator: Simulator) -> None:
    (told,) = bodies(await simulator.play(post("/ingest/v1/sources/demo-form", {**ADA, "test": True})))

    assert (told["duplicate"], told["trace"]) == (False, None)
    assert "the sender proved nothing" in told["why"]
    assert told.keys() == {"lead_id", "duplicate", "trace", "why"}


async def test_the_answers_to_tests_are_the_same_each_time(simulator: Simulator) -> None:
    lines = [capture(), capture("2026-03-27T16:31:00Z", email="bob@beta.example", test=True)]

    assert (await simulator.play(*lines)).raw == (await simulator.play(*lines)).raw
