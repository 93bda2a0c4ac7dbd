"""What the router shows: the dry run, a lead's story, lists, reps, the directory, live streams; and what is erased."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi import Request
from starlette.types import Message, Scope

from baton.flow.bus import Record
from baton.kernel.ids import derived_id, lead_id_for_email
from baton.leads.decisions import Clock, Standstill
from baton.leads.events import (
    LeadAssigned,
    LeadCaptured,
    LeadErased,
    LeadMerged,
    LeadTouched,
    LeadUnmerged,
    SlaBreached,
    SlaEscalated,
    SlaMet,
    SlaMoved,
    SlaStarted,
)
from baton.leads.values import Lead
from baton.service import exporting
from baton.service.access import Access, Keys, may_still
from baton.service.paging import write_cursor
from baton_router.stream import RepStream, Wakes
from tests.support.postgres import Databases
from tests.support.router import START, Routers, migrated, running_routers, scored

pytestmark = pytest.mark.postgres

SCORE = {"tier": "mql"}


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[str]:
    url = await databases.create(migrated)
    yield url
    await databases.drop(url)


@pytest.fixture
async def router(database: str) -> AsyncIterator[Routers]:
    async with running_routers(database) as routers:
        yield routers


def clock_of(lead_id: str, *, rep: str = "mary") -> Clock:
    return Clock(
        id=f"clock of {lead_id}", policy="first-contact", rep=rep, start=START, due=START + timedelta(hours=1),
        at=START, percent=0, lateness=0,
    )  # fmt: skip


async def test_a_dry_run_says_who_and_why_and_changes_nothing(router: Routers) -> None:
    body = {"email": "a@acme.com", "country": "Germany", "shoe_size": 42, "score": SCORE}

    answers = [await router.post("/v1/route", body) for _ in range(2)]

    assert [each["assignment"]["rep"] for each in answers] == ["mary", "mary"]
    assert answers[0]["decision"] == "assign"
    assert answers[0]["trace"]["rules"][-1]["name"] == "Qualified"
    assert await router.types() == []
    assert [len(await router.fetch(f"select * from {table}")) for table in ("leads", "turns", "outbox")] == [0, 0, 0]  # noqa: S608


async def test_a_dry_run_without_a_score_says_that_it_is_unknown(router: Routers) -> None:
    answer = await router.post("/v1/route", {"email": "a@acme.com"})

    assert (answer["decision"], answer["nurture"]) == ("nurture", {"program": "newsletter"})
    assert "unknown" in answer["note"]
    assert answer["trace"]["notes"] == [answer["note"]]


async def test_a_dry_run_says_that_ingest_would_not_take_a_lead_without_an_address(router: Routers) -> None:
    anybody = await router.post("/v1/route", {"country": "Germany", "score": SCORE})
    somebody = await router.post("/v1/route", {"phone": "+49 30 1234567", "score": SCORE})

    assert (anybody["decision"], anybody["assignment"]["rep"]) == ("assign", "mary")
    assert "neither an email nor a phone" in anybody["note"]
    assert anybody["trace"]["notes"] == [anybody["note"]]
    assert "note" not in somebody


async def test_a_dry_run_of_a_known_lead_uses_its_stored_score(router: Routers) -> None:
    await router.capture("a@acme.com", tier="cold", disqualified=True)

    answer = await router.post("/v1/route", {"email": "a@acme.com"})

    assert (answer["decision"], answer["reason"]) == ("reject", "disqualified")


async def test_a_dry_run_of_an_assigned_lead_names_its_owner(router: Routers) -> None:
    await router.capture("a@acme.com")

    answer = await router.post("/v1/route", {"email": "a@acme.com", "score": SCORE})

    assert answer["assignment"]["rep"] == "mary"
    assert "stays with mary" in answer["trace"]["notes"][0]


@pytest.mark.parametrize(
    "body", [{"email": "no address"}, {"score": {"tier": "hot"}}, {"activity": {"at": "x"}}, {"score": 7}]
)
async def test_a_dry_run_of_what_can_not_be_read_is_refused(router: Routers, body: dict[str, object]) -> None:
    await router.post("/v1/route", body, status=422)


async def test_a_leads_page_has_its_story_in_order(router: Routers) -> None:
    lead_id = lead_id_for_email("a@acme.com")
    await router.tell(LeadCaptured(lead=Lead(lead_id=lead_id, email="a@acme.com"), activity=None))
    captured = await router.get(f"/v1/leads/{lead_id}")
    await router.capture("a@acme.com")
    await router.tell(SlaStarted(lead_id=lead_id, clocks=[clock_of(lead_id)]))
    await router.post(f"/v1/leads/{lead_id}/touches", {"kind": "call"})

    page = await router.get("/v1/leads/A@Acme.com")

    assert (captured["state"], captured["lead"]["email"]) == ("captured", "a@acme.com")
    assert (page["state"], page["assignment"]["rep"], page["hold"]) == ("working", "mary", None)
    assert [step["type"] for step in page["steps"]] == [
        "lead.captured", "lead.scored", "lead.assigned", "sla.started", "lead.touched",
    ]  # fmt: skip
    assert [(clock["policy"], clock["status"]) for clock in page["clocks"]] == [("first-contact", "running")]
    assert page["steps"][2]["data"]["trace"]["rules"]


async def test_a_clock_shows_the_last_that_was_told_of_it(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    await router.tell(SlaStarted(lead_id=lead_id, clocks=[clock_of(lead_id)]))
    router.clock.advance(timedelta(hours=1))

    await router.tell(SlaBreached(lead_id=lead_id, clocks=[clock_of(lead_id)]))

    [clock] = (await router.get(f"/v1/leads/{lead_id}"))["clocks"]
    assert clock["status"] == "breached"


async def test_a_step_for_whoever_has_the_lead_now_leaves_the_miss_with_who_missed_it(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    await router.tell(SlaBreached(lead_id=lead_id, clocks=[clock_of(lead_id)]), sequence=1)

    step = SlaEscalated(lead_id=lead_id, clocks=[clock_of(lead_id, rep="joe")], step="110%", do=["notify_rep"])
    await router.tell(step, sequence=2)

    [clock] = (await router.get(f"/v1/leads/{lead_id}"))["clocks"]
    assert (clock["rep"], clock["status"]) == ("mary", "breached")
    assert len(await router.fetch("select * from feeds where rep = 'joe'")) == 1


async def test_a_clock_that_stands_still_says_so_until_it_is_known_to_go_on(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    await router.tell(SlaStarted(lead_id=lead_id, clocks=[clock_of(lead_id)]))
    stopped = Standstill(since=START, until=START + timedelta(minutes=30), left=3600)
    moved = {"stopped": stopped, "due": START + timedelta(minutes=90)}

    await router.tell(SlaMoved(lead_id=lead_id, clocks=[clock_of(lead_id).model_copy(update=moved)]), sequence=2)
    [before] = (await router.get(f"/v1/leads/{lead_id}"))["clocks"]
    router.clock.advance(timedelta(minutes=30))
    [after] = (await router.get(f"/v1/leads/{lead_id}"))["clocks"]

    assert (before["status"], before["due"]) == ("running", "2026-03-25T18:30:00Z")
    assert before["stopped"] == {"since": "2026-03-25T17:00:00Z", "until": "2026-03-25T17:30:00Z", "left": 3600}
    assert after == before | {"stopped": None}


async def test_the_list_says_which_leads_are_paused(router: Routers) -> None:
    paused, running = await router.capture("a@acme.com"), await router.capture("b@brass.com")

    await router.post(f"/v1/leads/{paused}/pause", {"reason": "on holiday"})

    told = {each["lead_id"]: each["paused"] for each in (await router.get("/v1/leads"))["items"]}
    assert told == {paused: True, running: False}


async def test_a_clock_that_began_and_ended_at_one_instant_has_ended(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    clocks = [clock_of(lead_id)]

    told = [SlaStarted(lead_id=lead_id, clocks=clocks), SlaMet(lead_id=lead_id, clocks=clocks)]
    await router.send(*(router.event(each, key="acme.com") for each in told))
    await router.settle()

    page = await router.get(f"/v1/leads/{lead_id}")
    assert [clock["status"] for clock in page["clocks"]] == ["met"]
    assert [step["type"] for step in page["steps"]][-2:] == ["sla.started", "sla.met"]


async def test_a_clock_that_is_told_of_twice_at_one_instant_does_not_go_back_when_the_first_comes_again(
    router: Routers,
) -> None:
    lead_id = await router.capture("a@acme.com")
    clocks = [clock_of(lead_id)]
    await router.tell(SlaStarted(lead_id=lead_id, clocks=clocks), sequence=1)
    started = router.sent[-1]
    await router.tell(SlaBreached(lead_id=lead_id, clocks=clocks), sequence=2)

    await router.bus.publish([started])
    await router.settle()

    [clock] = (await router.get(f"/v1/leads/{lead_id}"))["clocks"]
    assert clock["status"] == "breached"


async def test_a_story_tells_what_came_twice_once(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")

    await router.bus.publish(router.sent)
    await router.settle()

    assert len((await router.get(f"/v1/leads/{lead_id}"))["steps"]) == 2


async def test_leads_are_listed_by_who_has_them_and_how_they_stand_page_by_page(router: Routers) -> None:
    for number in range(4):
        await router.capture(f"x@company{number}.com")
        router.clock.advance(timedelta(minutes=1))
    await router.capture("x@cold.com", tier="cold")

    first = await router.get("/v1/leads?state=assigned&limit=3")
    second = await router.get(f"/v1/leads?state=assigned&limit=3&cursor={first['next']}")
    marys = await router.get("/v1/leads?rep=mary&pool=sdr")
    recent = await router.get("/v1/leads?since=2026-03-25T17:03:00Z")

    listed = [each["lead"]["domain"] for page in (first, second) for each in page["items"]]
    assert listed == ["company3.com", "company2.com", "company1.com", "company0.com"]
    assert second["next"] is None
    assert [each["lead"]["domain"] for each in marys["items"]] == ["company3.com", "company0.com"]
    assert len(recent["items"]) == 2


async def test_nobody_knows_a_lead_that_never_came(router: Routers) -> None:
    await router.get("/v1/leads/nobody@acme.com", status=404)


async def test_an_erased_lead_leaves_nothing_but_its_id(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com", phone="+14155550100")
    await router.call("PATCH", "/v1/reps/mary", {"paused": True})
    await router.tell(SlaStarted(lead_id=lead_id, clocks=[clock_of(lead_id)]))
    router.clock.advance(timedelta(minutes=1))

    await router.tell(LeadErased(lead_id=lead_id))

    await router.get(f"/v1/leads/{lead_id}", status=410)
    await router.post(f"/v1/leads/{lead_id}/accept", status=410)
    tables = ("leads", "assignments", "holds", "timeline", "clocks", "feeds", "outbox", "retries", "dead_letters")
    assert [len(await router.fetch(f"select * from {table}")) for table in tables] == [0] * len(tables)  # noqa: S608
    assert [row["lead_id"] for row in await router.fetch("select * from erased")] == [lead_id]


def captured(email: str, *, test: bool = False) -> LeadCaptured:
    lead = Lead(lead_id=lead_id_for_email(email), email=email, account="acme.com")
    return LeadCaptured(lead=lead, activity=None, test=test)


async def test_who_is_captured_and_not_decided_on_yet_is_listed_for_who_asks(router: Routers) -> None:
    await router.tell(captured("decided@acme.com"))
    await router.capture("decided@acme.com")
    for email in ("a@acme.com", "b@acme.com", "a@acme.com", "c@acme.com"):
        router.clock.advance(timedelta(minutes=1))
        await router.tell(captured(email))
    await router.tell(captured("try@acme.com", test=True))

    first = await router.get("/v1/leads?state=captured&limit=2")
    second = await router.get(f"/v1/leads?state=captured&limit=2&cursor={first['next']}")

    listed = [(each["lead"]["email"], each["state"], each["rep"]) for each in first["items"] + second["items"]]
    everybody = [each["lead"]["email"] for each in (await router.get("/v1/leads"))["items"]]
    assert listed == [(f"{name}@acme.com", "captured", None) for name in "cab"]
    assert second["next"] is None
    assert everybody == ["decided@acme.com"]
    assert (await router.get("/v1/leads?state=captured&rep=mary"))["items"] == []


@pytest.mark.parametrize(
    "body", [b'{"lead": {"email": "b@ac', b"\xff", b"", b"[]", b'{"lead": {"lead_id": "\\u0000"}}']
)
async def test_a_capture_that_cannot_be_read_hides_nobody(router: Routers, body: bytes) -> None:
    for email in ("a@acme.com", "b@acme.com", "c@acme.com"):
        router.clock.advance(timedelta(minutes=1))
        await router.tell(captured(email))
    lead_id = lead_id_for_email("b@acme.com")
    await router.fetch("update timeline set data = $1 where lead_id = $2", body, lead_id)

    listed = (await router.get("/v1/leads?state=captured"))["items"]
    story = await router.get(f"/v1/leads/{lead_id}")
    async with router.browser() as browser:
        pages = [await browser.get(path) for path in ("/?state=captured", f"/leads/{lead_id}")]

    assert [each["lead_id"] for each in listed] == [lead_id_for_email(f"{name}@acme.com") for name in "cba"]
    assert (story["state"], [each["type"] for each in story["steps"]]) == ("captured", ["lead.captured"])
    assert [page.status_code for page in pages] == [200, 200]
    assert lead_id in pages[0].text


async def test_of_a_lead_that_waits_the_last_that_was_meant_and_can_be_read_is_listed(router: Routers) -> None:
    await router.tell(captured("a@acme.com"))
    for test in (False, True):
        router.clock.advance(timedelta(minutes=1))
        await router.tell(captured("a@acme.com", test=test))
    await router.fetch("update timeline set data = '{' where at = $1", START + timedelta(minutes=1))

    [listed] = (await router.get("/v1/leads?state=captured"))["items"]

    assert listed["lead"]["email"] == "a@acme.com"


async def test_many_who_only_tried_do_not_end_the_list(router: Routers) -> None:
    await router.tell(captured("first@acme.com"))
    for number in range(5):
        router.clock.advance(timedelta(minutes=1))
        await router.tell(captured(f"try{number}@acme.com", test=True))

    answer = await router.get("/v1/leads?state=captured&limit=1")

    assert ([each["lead"]["email"] for each in answer["items"]], answer["next"]) == (["first@acme.com"], None)


async def test_the_erased_are_listed_for_who_asks_with_nothing_but_id_and_instant(router: Routers) -> None:
    erased = [await router.capture(f"{name}@acme.com") for name in ("a", "b")]
    await router.capture("c@acme.com")
    for lead_id in erased:
        router.clock.advance(timedelta(minutes=1))
        await router.tell(LeadErased(lead_id=lead_id))

    first = await router.get("/v1/leads?state=erased&limit=1")
    second = await router.get(f"/v1/leads?state=erased&limit=1&cursor={first['next']}")

    listed = [(each["lead_id"], each["state"], each["lead"]) for page in (first, second) for each in page["items"]]
    assert listed == [(lead_id, "erased", None) for lead_id in reversed(erased)]
    assert second["next"] is None
    assert len((await router.get("/v1/leads"))["items"]) == 1
    assert (await router.get("/v1/leads?state=erased&rep=mary"))["items"] == []


async def test_what_was_captured_before_an_erasure_is_dropped_when_it_comes_later(router: Routers) -> None:
    lead_id = lead_id_for_email("a@acme.com")
    before = scored("a@acme.com", cause=derived_id("before"), at=START)
    router.clock.advance(timedelta(minutes=1))
    await router.tell(LeadErased(lead_id=lead_id))
    router.clock.advance(timedelta(minutes=1))

    await router.tell(before, sequence=1)
    dropped = await router.types()
    await router.capture("a@acme.com")

    assert dropped == []
    assert await router.types() == ["lead.assigned"]
    assert (await router.get(f"/v1/leads/{lead_id}"))["state"] == "assigned"


async def test_who_was_captured_anew_before_the_erasure_arrived_is_routed_anew(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    erased = router.event(LeadErased(lead_id=lead_id), key="acme.com")
    router.clock.advance(timedelta(minutes=1))
    await router.capture("a@acme.com", sequence=2)

    await router.send(erased)
    await router.settle()

    assert await router.types() == ["lead.assigned", "lead.assigned"]
    assert (await router.get(f"/v1/leads/{lead_id}"))["state"] == "assigned"


async def test_of_two_leads_that_are_one_person_the_older_assignment_stays(router: Routers) -> None:
    old = await router.capture("a@old.com")
    router.clock.advance(timedelta(minutes=1))
    new = await router.capture("a@new.com")

    await router.tell(LeadMerged(**{"from": old, "into": new}))

    page = await router.get(f"/v1/leads/{old}")
    assert (page["lead_id"], page["merged"], page["assignment"]["rep"]) == (new, [old], "mary")
    assert [step["type"] for step in page["steps"]].count("lead.merged") == 1
    assert len(await router.fetch("select * from assignments where open")) == 1
    assert len((await router.get("/v1/leads"))["items"]) == 1


@pytest.mark.parametrize("paused", ["a@old.com", "a@new.com"])
async def test_who_is_merged_while_paused_stays_paused_and_can_be_resumed(router: Routers, paused: str) -> None:
    old = await router.capture("a@old.com")
    router.clock.advance(timedelta(minutes=1))
    new = await router.capture("a@new.com")
    await router.post(f"/v1/leads/{paused}/pause", {"reason": "on holiday"})

    await router.tell(LeadMerged(**{"from": old, "into": new}))

    assert (await router.get(f"/v1/leads/{old}"))["paused"] is True
    assert (await router.post(f"/v1/leads/{new}/resume"))["paused"] is False


async def test_leads_that_are_two_again_have_what_is_their_own(router: Routers) -> None:
    old = await router.capture("a@old.com")
    router.clock.advance(timedelta(minutes=1))
    new = await router.capture("a@new.com")
    await router.tell(LeadMerged(**{"from": old, "into": new}))
    await router.post(f"/v1/leads/{new}/touches", {"kind": "call"})

    await router.tell(LeadUnmerged(**{"from": old, "into": new}))

    pages = [await router.get(f"/v1/leads/{lead_id}") for lead_id in (old, new)]
    assert [(page["lead_id"], page["state"]) for page in pages] == [(old, "working"), (new, "assigned")]
    assert [each.lead_id for each in await router.told(LeadTouched)] == [new]


async def test_what_is_said_of_a_rep_replaces_what_it_names_until_it_is_null(router: Routers) -> None:
    await router.call("PATCH", "/v1/reps/mary", {"paused": True, "caps": {"per_day": 3}})

    answer = await router.call("PATCH", "/v1/reps/mary@example.com", {"caps": None})

    assert (answer["id"], answer["paused"], answer["caps"]["per_day"]) == ("mary", True, None)
    assert await router.get("/v1/reps/mary") == answer
    assert [each["id"] for each in (await router.get("/v1/reps"))["items"]] == ["mary", "joe", "ann", "bob", "ops"]
    await router.get("/v1/reps/nobody", status=404)
    await router.call("PATCH", "/v1/reps/nobody", {"paused": True}, status=404)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/leads/%00", None),
        ("GET", "/v1/leads?rep=%00", None),
        ("GET", f"/v1/leads?cursor={write_cursor('2026-01-01T00:00:00Z', chr(0))}", None),
        ("GET", f"/v1/accounts?cursor={write_cursor(chr(0))}", None),
        ("POST", "/v1/leads/%00/accept", None),
        ("POST", "/v1/reps/mary/handover", {"to": "\0"}),
        ("PUT", "/v1/accounts", [{"id": "a\0", "name": "A"}]),
    ],
)
async def test_what_no_database_holds_is_refused(router: Routers, method: str, path: str, body: object) -> None:
    await router.call(method, path, body, status=422)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/leads?since=0001-01-01T00:00:00%2B14:00", None),
        ("POST", "/v1/leads/a@acme.com/pause", {"reason": "x", "until": "9999-12-31T23:59:59-14:00"}),
        ("PATCH", "/v1/reps/mary", {"absences": [{"from": "2026-04-01T00:00:00Z", "to": "9999-12-31T23:59:59-14:00"}]}),
        ("PUT", "/v1/accounts", [{"id": "a", "name": "A", "last_activity": "0001-01-01T00:00:00+14:00"}]),
    ],
)
async def test_an_instant_outside_of_all_calendars_is_refused(
    router: Routers, method: str, path: str, body: object
) -> None:
    await router.capture("a@acme.com")

    refused = await router.call(method, path, body, status=422)

    assert "years 1 to 9999" in str(refused)


async def test_nobody_stands_in_for_themselves(router: Routers) -> None:
    away = {"from": "2026-03-20T00:00:00Z", "to": "2026-04-01T00:00:00Z", "nominee": "mary@example.com"}

    refused = await router.call("PATCH", "/v1/reps/mary", {"absences": [away]}, status=422)

    assert refused["error"]["message"] == "absences: mary can't stand in for mary"


async def test_a_lead_of_an_absent_owner_keeps_the_rep_and_names_the_nominee(router: Routers) -> None:
    away = {"from": "2026-03-20T00:00:00Z", "to": "2026-04-01T00:00:00Z", "nominee": "joe"}
    await router.call("PATCH", "/v1/reps/ann", {"absences": [away]})
    await router.call(
        "PUT", "/v1/accounts", {"items": [{"id": "1", "name": "A", "domains": ["acme.com"], "owner": "ann"}]}
    )

    await router.capture("a@acme.com")

    [assigned] = await router.told(LeadAssigned)
    assert (assigned.assignment.rep, assigned.assignment.nominee) == ("ann", "joe")


async def test_the_directory_is_written_in_bulk_and_read_in_pages(router: Routers) -> None:
    accounts = [{"id": f"{n:03}", "name": f"Company {n}", "domains": [f"WWW.c{n}.co.uk"]} for n in range(3)]

    answer = await router.call("PUT", "/v1/accounts", accounts)
    await router.call("PUT", "/v1/accounts", [{"id": "000", "name": "New", "status": "customer"}])

    first = await router.get("/v1/accounts?limit=2")
    second = await router.get(f"/v1/accounts?limit=2&cursor={first['next']}")
    assert answer == {"accounts": 3}
    assert [(each["id"], each["name"], each["domains"]) for each in first["items"] + second["items"]] == [
        ("000", "New", []), ("001", "Company 1", ["c1.co.uk"]), ("002", "Company 2", ["c2.co.uk"]),
    ]  # fmt: skip


async def test_what_is_told_again_is_in_the_story_once(router: Routers) -> None:
    await router.capture("a@acme.com")
    before = await router.fetch("select event_id, type from timeline order by position")
    told = [record for (_, _), log in sorted(router.bus.logs.items()) for record in log]

    await router.bus.publish([Record(each.topic, each.key, each.value, each.headers) for each in told])
    await router.settle()

    assert len(before) >= 2
    assert await router.fetch("select event_id, type from timeline order by position") == before
    assert len(await router.fetch("select * from assignments")) == 1


async def test_owners_whom_the_playbook_does_not_know_are_kept_and_told_of(router: Routers) -> None:
    sent = [{"id": "1", "name": "A", "owner": "zoe"}, {"id": "2", "name": "B", "owner": "Ann", "csm": "joe"}]

    answer = await router.call("PUT", "/v1/accounts", sent)

    assert answer["accounts"] == 2
    assert answer["warnings"] == ['account 1: owner "zoe" is no rep of the playbook: its leads go on by the rules']


async def test_every_mistake_in_accounts_is_told_with_its_place_and_nothing_is_written(router: Routers) -> None:
    sent = [{"id": "1", "name": "A", "onwer": "ann"}, {"id": "2", "name": "B"}, {"id": "3", "status": "custommer"}]

    answer = await router.call("PUT", "/v1/accounts", sent, status=422)

    told = str(answer)
    assert all(place in told for place in ("accounts.0.onwer", "accounts.2.name", "accounts.2.status"))
    assert (await router.get("/v1/accounts"))["items"] == []


@pytest.mark.parametrize(
    "body", [[{"id": "1"}], {"accounts": []}, [{"id": "1", "name": "A", "domains": ["not a domain"]}],
             [{"id": "1", "name": "A"}, {"id": "1", "name": "B"}], [{"id": "1", "name": "A", "country": "Nowhere"}]],
)  # fmt: skip
async def test_accounts_that_can_not_be_read_are_refused(router: Routers, body: Any) -> None:
    await router.call("PUT", "/v1/accounts", body, status=422)


async def test_a_name_that_fits_without_a_country_waits_for_a_persons_look(router: Routers) -> None:
    await router.call("PUT", "/v1/accounts", [{"id": "1", "name": "Acme Ltd", "country": "GB", "owner": "ann"}])
    lead_id = await router.capture("a@gmail.com", free_mail=True, account=None, company="ACME Limited")

    [assigned] = await router.told(LeadAssigned)
    listed = await router.get("/v1/reviews")
    assert assigned.assignment.rep == "mary"
    assert [(each["lead_id"], each["candidates"][0]["id"]) for each in listed["items"]] == [(lead_id, "1")]


async def test_whose_account_has_become_clear_needs_no_persons_look(router: Routers) -> None:
    await router.call("PUT", "/v1/accounts", [{"id": "1", "name": "Acme Ltd", "country": "GB", "owner": "ann"}])
    lead_id = await router.capture("a@gmail.com", free_mail=True, account=None, company="ACME Limited")

    await router.call("POST", f"/v1/leads/{lead_id}/decline", {"reason": "no"})
    still_listed = await router.get("/v1/reviews")
    await router.call("PUT", "/v1/accounts", [{"id": "1", "name": "Beta Ltd", "country": "GB", "owner": "ann"}])
    await router.call("POST", f"/v1/leads/{lead_id}/decline", {"reason": "no"})
    listed = await router.get("/v1/reviews")

    assert [each["lead_id"] for each in still_listed["items"]] == [lead_id]
    assert listed["items"] == []


async def test_a_stream_begins_with_what_is_open_goes_on_live_and_can_be_resumed(router: Routers) -> None:
    await router.capture("a@acme.com")
    wakes, stopping = Wakes(router.url), asyncio.Event()
    listening = asyncio.create_task(wakes.run(stopping))
    events = RepStream(router.service.database, wakes, stopping, "mary").run(None)

    opened, first = await anext(events), await anext(events)
    await router.capture("b@acme.com")
    second = await anext(events)
    resumed = RepStream(router.service.database, wakes, stopping, "mary").run(position(first))
    await anext(resumed)
    again = await anext(resumed)

    stopping.set()
    await listening
    await resumed.aclose()
    assert [frame async for frame in events] == []
    assert opened.startswith(b": open")
    assert b"event: lead.assigned" in first
    assert data(second)["lead_id"] == lead_id_for_email("b@acme.com")
    assert again == second


async def test_a_stream_shows_the_reps_clocks_and_nobody_elses(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    await router.tell(SlaStarted(lead_id=lead_id, clocks=[clock_of(lead_id)]))
    stopping = asyncio.Event()
    wakes = Wakes(router.url)
    marys = RepStream(router.service.database, wakes, stopping, "mary").run(0)

    frames = [await anext(marys) for _ in range(3)]

    joes = await router.fetch("select * from feeds where rep = 'joe'")
    await marys.aclose()
    assert [data(frame)["type"] for frame in frames[1:]] == ["lead.assigned", "sla.started"]
    assert list(joes) == []


async def test_a_stream_ends_before_it_tells_anything_more_when_its_key_is_taken_back(
    router: Routers, tmp_path: Path
) -> None:
    file = tmp_path / "keys.json"
    file.write_text(f"[{{name: mary, scopes: [read], sha256: {sha256(b'secret').hexdigest()}}}]")
    router.app.state.access = Access(keys=Keys(file))
    headers = [(b"authorization", b"Bearer secret")]
    request = Request({"type": "http", "method": "GET", "headers": headers, "app": router.app})
    stream = RepStream(
        router.service.database, Wakes(router.url), asyncio.Event(), "mary", lambda: may_still(request, "read")
    )
    await router.capture("a@acme.com")
    events = stream.run(0)

    heard = [await anext(events), await anext(events)]
    file.write_text("[]")
    await router.capture("b@acme.com")

    assert data(heard[1])["lead_id"] == lead_id_for_email("a@acme.com")
    async with asyncio.timeout(30):
        assert [frame async for frame in events] == []


def position(frame: bytes) -> int:
    return int(next(line for line in frame.splitlines() if line.startswith(b"id: "))[4:])


def data(frame: bytes) -> Any:
    return orjson.loads(next(line for line in frame.splitlines() if line.startswith(b"data: "))[6:])


async def test_a_stream_is_served_as_server_sent_events_and_ends_with_the_service(router: Routers) -> None:
    router.app.state.stopping.set()

    async with router.browser() as browser:
        answer = await browser.get("/v1/reps/mary/stream")

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.startswith(": open")


@pytest.mark.parametrize(
    ("rep", "last", "status"),
    [("nobody", "0", 404), ("mary", "first", 422), ("mary", "²", 422), ("mary", "9" * 30, 422)],
)
async def test_a_stream_that_can_not_be_is_refused(router: Routers, rep: str, last: str, status: int) -> None:
    async with router.browser() as browser:
        answer = await browser.get(f"/v1/reps/{rep}/stream", headers=[(b"last-event-id", last.encode("latin-1"))])

    assert answer.status_code == status


async def test_who_reads_what_is_held_for_too_long_is_cut_off_and_others_have_their_turn(
    router: Routers, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/v1/leads/{await router.capture('a@acme.com')}/held"
    whole = await lines_held(router, path)
    monkeypatch.setattr(exporting, "_ALL_SECONDS", 0.5)
    sent, begun = list[bytes](), asyncio.Event()

    async def hardly_read(message: Message) -> None:
        sent.append(message.get("body", b""))
        begun.set()
        if len(sent) > 2:  # the head and the first line
            await asyncio.Event().wait()

    async def nothing_more() -> Message:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    reading = asyncio.create_task(router.app(request_to(path), nothing_more, hardly_read))
    await begun.wait()
    async with router.browser() as browser:
        meanwhile = await browser.get(path)
    await reading

    assert (meanwhile.status_code, meanwhile.headers["retry-after"]) == (429, "5")
    assert b'"rows"' not in b"".join(sent)
    assert await lines_held(router, path) == whole


async def lines_held(router: Routers, path: str) -> list[bytes]:
    async with router.browser() as browser:
        answer = await browser.get(path)
    assert answer.status_code == 200, answer.text
    return answer.content.splitlines()


def request_to(path: str) -> Scope:
    return {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path, "root_path": "",
        "raw_path": path.encode(), "query_string": b"", "headers": [], "client": ("127.0.0.1", 0),
        "server": ("localhost", 80),
    }  # fmt: skip
