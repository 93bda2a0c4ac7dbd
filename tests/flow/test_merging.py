"""Two leads turn out to be one person: what scoring makes of them, and what people see."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from baton.kernel.ids import lead_id_for_email
from baton.leads.values import TIERS
from tests.support.simulation import Played, Simulator

pytestmark = pytest.mark.postgres

AT = "2026-03-27T16:30:00Z"
OLD, NEW = "ada@old.example", "ada@new.example"
OLD_ID, NEW_ID = lead_id_for_email(OLD), lead_id_for_email(NEW)
MERGE = {"at": AT, "request": f"POST /ingest/v1/leads/{OLD}/merge", "body": {"into": NEW}}
UNMERGE = {"at": AT, "request": f"DELETE /ingest/v1/leads/{OLD}/merge"}


def capture(email: str, **more: Any) -> dict[str, Any]:
    return {"at": AT, "request": "POST /ingest/v1/leads", "body": {"email": email, **more}}


def act(email: str, kind: str, identity: str) -> dict[str, Any]:
    body = {"email": email, "kind": kind, "id": identity, "at": AT}
    return {"at": AT, "request": "POST /ingest/v1/activities", "body": body}


def ask(path: str) -> dict[str, Any]:
    return {"at": AT, "request": f"GET {path}"}


def answers(played: Played) -> list[dict[str, Any]]:
    return [line["body"] for line in played.responses if line["request"].startswith("GET")]


def _scores(played: Played) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(event, event["data"]) for event in played.events if event["type"] == "lead.scored"]


BOTH: Sequence[Mapping[str, Any]] = [
    capture(OLD, title="VP Sales", employees=300, activity={"kind": "demo_request", "id": "d1", "at": AT}),
    capture(NEW, first_name="Ada", country="US"),
    act(OLD, "webinar", "w1"),
    act(NEW, "webinar", "w1"),
    act(NEW, "pricing_page_view", "p1"),
    act(OLD, "pricing_page_view", "p2"),
]


async def test_a_merged_lead_is_known_and_scored_by_what_both_said_and_did(simulator: Simulator) -> None:
    played = await simulator.play(*BOTH, ask(f"/scoring/v1/leads/{OLD}"), MERGE, ask(f"/scoring/v1/leads/{NEW}"))

    before, after = answers(played)
    told = played.data("lead.scored")[-1]
    assert sorted(each["id"] for each in after["activities"]) == ["d1", "p1", "p2", "w1"]
    assert (after["lead_id"], after["merged"]) == (NEW_ID, [OLD_ID])
    assert {name: after["lead"][name] for name in ("email", "title", "first_name", "account")} == {
        "email": NEW, "title": "VP Sales", "first_name": "Ada", "account": "new.example",
    }  # fmt: skip
    assert after["score"]["total"] >= before["score"]["total"]
    assert (told["lead"], told["score"], told["activity"]) == (after["lead"], after["score"], None)


@pytest.mark.parametrize("place", range(len(BOTH) + 1))
async def test_whenever_they_are_merged_the_person_ends_up_the_same(simulator: Simulator, place: int) -> None:
    look = (ask(f"/scoring/v1/leads/{OLD}"), ask(f"/scoring/v1/leads/{NEW}"))

    first = await simulator.play(MERGE, *BOTH, *look)
    later = await simulator.play(*BOTH[:place], MERGE, *BOTH[place:], *look)

    told = [[{**each, "history": None} for each in answers(played)] for played in (first, later)]
    assert told[0] == told[1]
    assert told[0][0] == told[0][1]
    told_last = [played.data("lead.scored")[-1]["score"]["total"] for played in (first, later)]
    assert told_last == [told[0][0]["score"]["total"]] * 2


async def test_what_a_merged_lead_does_is_told_of_the_one_it_was_merged_into(simulator: Simulator) -> None:
    played = await simulator.play(
        capture(OLD), capture(NEW), MERGE, capture(OLD, title="CEO"), act(OLD, "demo_request", "d2")
    )

    captured, acted = played.data("lead.scored")[-2:]
    assert (captured["lead"]["lead_id"], captured["lead"]["title"]) == (NEW_ID, "CEO")
    assert (acted["lead"]["lead_id"], acted["activity"]["id"]) == (NEW_ID, "d2")


async def test_what_both_did_is_told_once(simulator: Simulator) -> None:
    played = await simulator.play(
        capture(OLD), capture(NEW), MERGE, act(OLD, "demo_request", "d2"), act(NEW, "demo_request", "d2")
    )

    assert len([each for each in played.data("lead.scored") if each["activity"] is not None]) == 1


async def test_time_takes_the_tier_of_the_person_and_of_nobody_else(simulator: Simulator) -> None:
    played = await simulator.play(*BOTH, MERGE, {"at": "2026-07-27T16:30:00Z", "run_until": True})

    by_time = [each for event, each in _scores(played) if event["at"] > AT]
    assert by_time
    assert {each["lead"]["lead_id"] for each in by_time} == {NEW_ID}
    tiers = [each["score"]["tier"] for each in by_time]
    assert sorted(tiers, key=TIERS.index, reverse=True) == tiers


async def test_who_is_unmerged_has_a_rep(simulator: Simulator) -> None:
    qualified = {"title": "VP Sales", "employees": 300, "country": "US", "state": "CA", "activity": "demo_request"}

    played = await simulator.play(
        capture(OLD, **qualified), capture(NEW, **qualified), MERGE, UNMERGE,
        ask(f"/router/v1/leads/{OLD}"), ask(f"/router/v1/leads/{NEW}"),
    )  # fmt: skip

    assert [(each["lead_id"], each["state"], each["merged"]) for each in answers(played)] == [
        (OLD_ID, "assigned", []), (NEW_ID, "assigned", []),
    ]  # fmt: skip


async def test_unmerging_restores_both(simulator: Simulator) -> None:
    look = (ask(f"/scoring/v1/leads/{OLD}"), ask(f"/scoring/v1/leads/{NEW}"))

    apart = answers(await simulator.play(*BOTH, *look))
    played = await simulator.play(*BOTH[:3], MERGE, *BOTH[3:], UNMERGE, *look)

    assert [{**each, "history": None} for each in answers(played)] == [{**each, "history": None} for each in apart]
    told = {each["lead"]["lead_id"]: each["score"]["total"] for each in played.data("lead.scored")[-2:]}
    assert told == {each["lead_id"]: each["score"]["total"] for each in apart}


async def test_a_merged_lead_is_erased_under_both_ids(simulator: Simulator) -> None:
    played = await simulator.play(
        *BOTH, MERGE,
        {"at": "2026-03-27T16:31:00Z", "request": f"DELETE /ingest/v1/leads/{OLD}"},
        *({**ask(f"/{service}/v1/leads/{lead}"), "at": "2026-03-27T16:31:00Z"}
          for service in ("scoring", "router") for lead in (OLD, NEW)),
    )  # fmt: skip

    assert [line["response"] for line in played.responses[-4:]] == [410] * 4
