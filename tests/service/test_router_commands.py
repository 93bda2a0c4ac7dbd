"""What people do with leads: each command once, guarded, and told."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from baton.kernel.ids import derived_id, lead_id_for_email
from baton.kernel.instants import format_instant
from baton.leads.events import (
    LeadAccepted,
    LeadActivity,
    LeadAssigned,
    LeadDeclined,
    LeadDisposed,
    LeadReassigned,
    LeadTouched,
    Meeting,
    MeetingBooked,
    SlaEscalated,
)
from baton.leads.values import Activity
from baton_router import staff_repository
from baton_router.deciding.values import RepState
from tests.support.postgres import Databases, somebody_waits
from tests.support.router import START, Routers, migrated, running_routers, scored

pytestmark = pytest.mark.postgres


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[str]:
    url = await databases.create(migrated)
    yield url
    await databases.drop(url)


@pytest.fixture
async def router(database: str) -> AsyncIterator[Routers]:
    async with running_routers(database) as routers:
        yield routers


def call(lead_id: str, *, by: str | None = "mary@example.com", kind: str = "call", number: int = 1) -> LeadActivity:
    activity = Activity(id=f"call {number}", kind=kind, at=START, source="crm")
    return LeadActivity(lead_id=lead_id, account="acme.com", activity=activity, by=by)


async def test_a_rep_accepts_once_however_often_the_button_is_pressed(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")

    await router.post("/v1/leads/a@acme.com/accept")
    answer = await router.post("/v1/leads/a@acme.com/accept")

    [accepted] = await router.told(LeadAccepted)
    assert (answer["lead_id"], answer["state"]) == (lead_id, "accepted")
    assert (accepted.by, accepted.assignment_id) == ("mary", answer["assignment"]["id"])


async def test_a_declined_lead_goes_to_the_next_and_costs_no_turn(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")

    answer = await router.post(f"/v1/leads/{lead_id}/decline", {"reason": "I know them", "by": "mary@example.com"})

    [declined], [reassigned] = await router.told(LeadDeclined), await router.told(LeadReassigned)
    turns = {row["rep"]: row["count"] for row in await router.fetch("select * from turns")}
    assert (declined.by, declined.reason) == ("mary", "I know them")
    assert answer["assignment"]["rep"] == reassigned.assignment.rep == "joe"
    assert {c.rep: c.code for c in reassigned.trace.candidates}["mary"] == "declined"
    assert turns["mary"] == 0


async def test_when_all_have_declined_the_catch_all_has_it(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")

    answers = [await router.post(f"/v1/leads/{lead_id}/decline", {"reason": "no"}) for _ in range(3)]

    assert [each["assignment"]["rep"] for each in answers] == ["joe", "ann", "ops"]


async def test_an_owner_who_declined_is_not_named_again(router: Routers) -> None:
    account = {"id": "acme", "name": "Acme", "domains": ["acme.com"], "status": "customer", "owner": "ann"}
    await router.call("PUT", "/v1/accounts", [account])
    lead_id = await router.capture("a@acme.com")

    answer = await router.post(f"/v1/leads/{lead_id}/decline", {"reason": "no"})

    [assigned] = await router.told(LeadAssigned)
    assert (assigned.assignment.rep, assigned.assignment.account) == ("ann", "acme")
    assert answer["assignment"]["rep"] == "mary"


async def test_a_manager_may_name_who_is_to_have_it(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")

    answer = await router.post(f"/v1/leads/{lead_id}/reassign", {"rep": "ann@example.com", "reason": "knows them"})

    assert answer["assignment"]["rep"] == "ann"
    assert answer["assignment"]["previous"]["rep"] == "mary"


@pytest.mark.parametrize(
    ("rep", "status"), [("nobody", 422), ("bob", 409)], ids=["unknown to the playbook", "no longer active"]
)
async def test_a_lead_is_not_given_to_who_can_not_have_it(router: Routers, rep: str, status: int) -> None:
    lead_id = await router.capture("a@acme.com")

    await router.post(f"/v1/leads/{lead_id}/reassign", {"rep": rep, "reason": "x"}, status=status)

    assert await router.types() == ["lead.assigned"]


async def test_a_touch_makes_it_work_in_progress(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    router.clock.advance(timedelta(minutes=20))
    at = router.clock.now() - timedelta(minutes=15)

    answer = await router.post(f"/v1/leads/{lead_id}/touches", {"kind": "call", "at": format_instant(at), "note": "hi"})

    [touched] = await router.told(LeadTouched)
    assert answer["state"] == "working"
    assert (touched.touch.at, touched.touch.by, touched.touch.note) == (at, "mary", "hi")


async def test_a_touch_in_the_second_of_the_assignment_told_in_whole_seconds_is_one_of_it(router: Routers) -> None:
    router.clock.advance(timedelta(milliseconds=700))
    lead_id = await router.capture("a@acme.com")
    at = router.clock.now().replace(microsecond=0)

    answer = await router.post(f"/v1/leads/{lead_id}/touches", {"kind": "call", "at": format_instant(at)})

    assert answer["state"] == "working"


async def test_a_touch_that_is_told_again_with_its_instant_is_one(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    called = {"kind": "call", "at": format_instant(router.clock.now()), "note": "hi"}

    for body in (called, called, called | {"note": "again"}):
        await router.post(f"/v1/leads/{lead_id}/touches", body)

    told = [event.id for event in await router.events() if isinstance(event.data, LeadTouched)]
    story = await router.get(f"/v1/leads/{lead_id}")
    assert (told[0], len(set(told))) == (told[1], 2)
    assert [step["type"] for step in story["steps"]].count("lead.touched") == 2


@pytest.mark.parametrize("minutes", [-16, 6])
async def test_a_touch_of_another_time_is_refused(router: Routers, minutes: int) -> None:
    lead_id = await router.capture("a@acme.com")
    at = format_instant(START + timedelta(minutes=minutes))

    await router.post(f"/v1/leads/{lead_id}/touches", {"kind": "call", "at": at}, status=422)


async def test_a_verdict_ends_the_assignment_and_the_next_capture_is_a_new_one(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    body = {"verdict": "not_qualified", "reason": "a student"}

    answer = await router.post(f"/v1/leads/{lead_id}/disposition", body)
    router.clock.advance(timedelta(days=1))
    await router.capture("a@acme.com", sequence=2)

    [disposed] = await router.told(LeadDisposed)
    assert answer["state"] == "disposed"
    assert disposed.disposition.reason == "a student"
    assert [each.assignment.rep for each in await router.told(LeadAssigned)] == ["mary", "mary"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("accept", {}),
        ("decline", {"reason": "x"}),
        ("reassign", {"reason": "x"}),
        ("touches", {"kind": "call"}),
        ("disposition", {"verdict": "sql", "reason": "x"}),
    ],
)
async def test_a_command_on_a_lead_that_nobody_has_is_a_conflict(router: Routers, path: str, body: Any) -> None:
    lead_id = await router.capture("a@acme.com", tier="cold")

    answer = await router.post(f"/v1/leads/{lead_id}/{path}", body, status=409)

    assert "nurtured" in answer["error"]["message"]
    assert await router.types() == ["lead.nurtured"]


@pytest.mark.parametrize("path", ["decline", "reassign", "disposition", "pause"])
async def test_what_takes_a_lead_from_somebody_needs_a_reason(router: Routers, path: str) -> None:
    lead_id = await router.capture("a@acme.com")
    body = {"verdict": "sql"} if path == "disposition" else {}

    answer = await router.post(f"/v1/leads/{lead_id}/{path}", body, status=422)

    assert "reason" in str(answer)


async def test_a_guard_that_is_no_longer_current_is_a_conflict(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    [first] = await router.told(LeadAssigned)
    await router.post(f"/v1/leads/{lead_id}/decline", {"reason": "x", "assignment_id": first.assignment.id})

    answer = await router.post(f"/v1/leads/{lead_id}/accept", {"assignment_id": first.assignment.id}, status=409)

    assert "joe has it" in answer["error"]["message"]


async def test_a_lead_is_paused_once_and_resumed_once(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    await router.post(f"/v1/leads/{lead_id}/resume", status=409)
    await router.post(f"/v1/leads/{lead_id}/pause", {"reason": "on holiday"})
    await router.post(f"/v1/leads/{lead_id}/pause", {"reason": "still"}, status=409)

    answer = await router.post(f"/v1/leads/{lead_id}/resume", {"reason": "back"})

    assert answer["paused"] is False
    assert await router.types() == ["lead.assigned", "lead.paused", "lead.resumed"]


async def test_a_lead_that_nobody_knows_is_not_found(router: Routers) -> None:
    await router.post("/v1/leads/nobody@acme.com/accept", status=404)


async def test_a_misspelled_field_is_refused(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")

    answer = await router.post(f"/v1/leads/{lead_id}/touches", {"kind": "call", "notes": "hi"}, status=422)

    assert answer["error"]["details"][0]["field"] == "body.notes"


async def test_a_call_that_a_crm_reports_is_a_touch(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")

    await router.tell(call(lead_id))
    await router.tell(call(lead_id, by=None, number=2))
    await router.tell(call(lead_id, kind="page_view", number=3))

    [touched] = await router.told(LeadTouched)
    assert (touched.touch.kind, touched.touch.by) == ("call", "mary")
    assert touched.assignment_id is not None


async def test_a_meeting_that_the_lead_or_somebody_unknown_booked_with_a_rep_is_no_touch(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    meeting = Meeting(id="m", at=START + timedelta(days=3), host="mary@example.com")

    await router.tell(MeetingBooked(lead_id=lead_id, meeting=meeting))
    await router.tell(MeetingBooked(lead_id=lead_id, meeting=meeting, by="assistant@acme.com"))

    assert await router.told(LeadTouched) == []


async def test_a_meeting_that_a_rep_booked_is_a_touch(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    meeting = Meeting(id="m", at=START + timedelta(days=3), host="joe@example.com")

    await router.tell(MeetingBooked(lead_id=lead_id, meeting=meeting, by="mary@example.com"))

    [touched] = await router.told(LeadTouched)
    assert (touched.touch.kind, touched.touch.at, touched.touch.by) == ("meeting", START, "mary")
    assert "note" in touched.touch.model_dump(exclude_unset=True)  # as with every other touch


async def test_a_touch_that_comes_before_its_assignment_is_told_with_it(router: Routers) -> None:
    lead_id = lead_id_for_email("a@acme.com")
    await router.tell(call(lead_id))
    before = await router.types()

    await router.capture("a@acme.com")

    [touched], [assigned] = await router.told(LeadTouched), await router.told(LeadAssigned)
    assert before == []
    assert touched.assignment_id == assigned.assignment.id
    assert (await router.get(f"/v1/leads/{lead_id}"))["state"] == "working"


async def test_a_touch_that_is_reported_late_belongs_to_the_assignment_of_its_time(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    [first] = await router.told(LeadAssigned)
    router.clock.advance(timedelta(hours=2))
    await router.post(f"/v1/leads/{lead_id}/decline", {"reason": "x"})

    await router.tell(call(lead_id))

    [touched] = await router.told(LeadTouched)
    assert touched.assignment_id == first.assignment.id


async def test_an_activity_after_a_verdict_is_no_new_assignment(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    await router.post(f"/v1/leads/{lead_id}/disposition", {"verdict": "sql", "reason": "fits"})

    await router.tell(scored("a@acme.com", cause=derived_id("visit"), at=None), sequence=2)

    assert len(await router.told(LeadAssigned)) == 1


async def test_a_rep_who_works_a_lead_that_waits_for_somebody_else_after_a_miss_keeps_it(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    for rep in ("joe", "ann"):
        await router.call("PATCH", f"/v1/reps/{rep}", {"paused": True})
    await router.tell(SlaEscalated(lead_id=lead_id, clocks=[], step="100%", do=["reassign"]))
    held = await router.get(f"/v1/leads/{lead_id}")

    await router.post(f"/v1/leads/{lead_id}/touches", {"kind": "call"})
    await router.call("PATCH", "/v1/reps/joe", {"paused": False})

    kept = await router.get(f"/v1/leads/{lead_id}")
    assert (held["state"], held["assignment"]["rep"]) == ("held", "mary")
    assert (kept["state"], kept["assignment"]["rep"], kept["hold"]) == ("working", "mary", None)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/leads/a@acme.com/decline", {"reason": "not mine"}),
        ("/v1/leads/a@acme.com/reassign", {"reason": "not theirs"}),
        ("/v1/reps/mary/handover", {"to": "sdr"}),
    ],
)
async def test_a_command_before_which_something_is_said_of_a_rep_acts_on_what_was_said(
    router: Routers, path: str, body: Any
) -> None:
    await router.capture("a@acme.com")
    await router.call("PUT", "/v1/accounts", [{"id": "acme", "name": "Acme", "domains": ["acme.com"], "owner": "ann"}])

    async with router.service.database.connection() as looker:
        async with router.service.units.begin() as unit:
            await unit.begin(locks=staff_repository.rep_locks(["ann"]))
            acting = asyncio.create_task(router.post(path, body, key="k"))
            await somebody_waits(looker)
            row = await staff_repository.load_rep(unit.connection, "ann")
            await staff_repository.save_rep(unit.connection, replace(row, state=RepState(paused=True)))
        answer = await acting

    assert "duplicate" not in answer
    [moved] = await router.told(LeadReassigned)
    assert moved.assignment.rep == "joe"
    assert await router.post(path, body, key="k") == {**answer, "duplicate": True}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/leads/a@acme.com/reassign", {"rep": "ann", "reason": "hers"}, 409),
        ("/v1/reps/mary/handover", {"to": "ann"}, 200),
    ],
)
async def test_nobody_is_given_a_lead_by_name_who_pauses_in_that_moment(
    router: Routers, path: str, body: Any, status: int
) -> None:
    await router.capture("a@acme.com")

    async with router.service.database.connection() as looker:
        async with router.service.units.begin() as unit:
            await unit.begin(locks=staff_repository.rep_locks(["ann"]))
            acting = asyncio.create_task(router.post(path, body, status=status))
            await somebody_waits(looker)
            row = await staff_repository.load_rep(unit.connection, "ann")
            await staff_repository.save_rep(unit.connection, replace(row, state=RepState(paused=True)))
        await acting

    kept = await router.get("/v1/leads/a@acme.com")
    assert (kept["state"], kept["assignment"]["rep"]) == ("assigned", "mary")
