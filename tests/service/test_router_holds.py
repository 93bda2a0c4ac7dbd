"""Leads that wait: for opening hours, for somebody who is back, for the catch-all; and leads that are moved."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from baton.kernel.ids import derived_id
from baton.kernel.instants import format_instant
from baton.leads.events import LeadAssigned, LeadHeld, LeadReassigned, LeadResumed
from baton_router import staff_repository
from baton_router.deciding.values import RepState
from baton_router.desk import Desk
from baton_router.lead_file import Cause
from tests.support.postgres import Databases, somebody_waits
from tests.support.router import PLAYBOOK, START, Routers, migrated, running_routers, scored

pytestmark = pytest.mark.postgres

_EVENING = START + timedelta(hours=10)
_MORNING = START + timedelta(hours=23)
ANNS: Final = {"id": "acme", "name": "Acme", "domains": ["acme.com"], "owner": "ann"}


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[str]:
    url = await databases.create(migrated)
    yield url
    await databases.drop(url)


@pytest.fixture
async def router(database: str) -> AsyncIterator[Routers]:
    async with running_routers(database) as routers:
        yield routers


async def test_a_lead_outside_hours_is_held_and_leaves_at_the_opening(router: Routers) -> None:
    router.clock.set(_EVENING)
    lead_id = await router.capture("a@acme.com", channel="event")
    held = await router.get(f"/v1/leads/{lead_id}")

    await router.wait_until(_MORNING)

    [told] = await router.told(LeadHeld)
    [assigned] = await router.told(LeadAssigned)
    assert (held["state"], held["hold"]["pool"]) == ("held", "closed")
    assert told.hold.reason == "outside working hours"
    assert assigned.assignment.rep == "joe"
    assert assigned.assignment.at == _MORNING


async def test_held_leads_leave_in_order_of_arrival_and_before_a_new_one(router: Routers) -> None:
    await router.call("PATCH", "/v1/reps/mary", {"paused": True})
    for name in ("one", "two", "three"):
        await router.capture(f"x@{name}.com", channel="partner")
    await router.send(
        router.event(scored("x@new.com", cause=derived_id("new"), at=START, channel="partner"), key="new.com")
    )
    async with router.browser() as browser:  # nobody settles between the return and the new lead
        await browser.patch("/v1/reps/mary", json={"paused": False})
    await router.service.workers[0].step()

    await router.settle()

    assigned = [each.lead.domain for each in await router.told(LeadAssigned)]
    assert assigned == ["one.com", "two.com", "three.com", "new.com"]


async def test_after_its_deadline_the_catch_all_has_a_held_lead(router: Routers) -> None:
    await router.call("PATCH", "/v1/reps/mary", {"paused": True})
    await router.capture("a@acme.com", channel="partner")

    await router.wait_until(START + timedelta(hours=24))

    [held] = await router.told(LeadHeld)
    [assigned] = await router.told(LeadAssigned)
    assert held.hold.until == START + timedelta(hours=24)
    assert assigned.assignment.rep == "ops"


async def test_a_capture_of_a_held_lead_is_answered_again_with_the_first_deadline(router: Routers) -> None:
    await router.call("PATCH", "/v1/reps/mary", {"paused": True})
    await router.capture("a@acme.com", channel="partner")
    router.clock.advance(timedelta(hours=1))

    await router.capture("a@acme.com", channel="partner", sequence=2)

    first, second = await router.told(LeadHeld)
    assert first.hold == second.hold


async def test_other_rules_are_tried_on_held_leads_at_once(router: Routers) -> None:
    await router.call("PATCH", "/v1/reps/mary", {"paused": True})
    await router.capture("a@acme.com", channel="partner")

    await router.publish(PLAYBOOK.replace("one: {members: [mary]", "one: {members: [joe]"))

    [assigned] = await router.told(LeadAssigned)
    assert assigned.assignment.rep == "joe"


async def test_on_a_decline_that_finds_nobody_the_rep_keeps_the_lead_while_it_is_held(database: str) -> None:
    playbook = PLAYBOOK.replace("one: {members: [mary]", "one: {members: [mary, joe]")
    async with running_routers(database, playbook=playbook) as router:
        await router.call("PATCH", "/v1/reps/joe", {"paused": True})
        lead_id = await router.capture("a@acme.com", channel="partner")
        answer = await router.post(f"/v1/leads/{lead_id}/decline", {"reason": "not mine"})
        await router.call("PATCH", "/v1/reps/joe", {"paused": None})

        [held] = await router.told(LeadHeld)
        [reassigned] = await router.told(LeadReassigned)
        assert (answer["state"], answer["assignment"]["rep"]) == ("held", "mary")
        assert held.previous is not None
        assert held.previous.why == "declined"
        assert reassigned.assignment.rep == "joe"


async def test_a_lead_that_is_held_with_its_rep_says_why_and_stays_held_whatever_they_do(router: Routers) -> None:
    for rep in ("joe", "ann"):
        await router.call("PATCH", f"/v1/reps/{rep}", {"paused": True})
    lead_id = await router.capture("a@acme.com")
    await router.post(f"/v1/leads/{lead_id}/reassign", {"reason": "not hers"})

    refused = await router.post(f"/v1/leads/{lead_id}/decline", {"reason": "not mine"}, status=409)
    await router.post(f"/v1/leads/{lead_id}/accept")
    await router.post(f"/v1/leads/{lead_id}/touches", {"kind": "call"})

    told = await router.get(f"/v1/leads/{lead_id}")
    assert "being taken from mary already (reassigned)" in refused["error"]["message"]
    assert (told["state"], told["assignment"]["rep"], told["hold"]["why"]) == ("held", "mary", "reassigned")
    assert "lead.declined" not in await router.types()


async def test_who_is_named_for_a_lead_that_they_declined_before_may_decline_it_again(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    await router.post(f"/v1/leads/{lead_id}/decline", {"reason": "no"})
    await router.post(f"/v1/leads/{lead_id}/reassign", {"rep": "mary", "reason": "please"})

    answer = await router.post(f"/v1/leads/{lead_id}/decline", {"reason": "no, really"})

    assert (answer["state"], answer["assignment"]["rep"]) == ("assigned", "joe")


async def test_a_pause_ends_by_itself(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    until = START + timedelta(days=2)
    await router.post(f"/v1/leads/{lead_id}/pause", {"reason": "on holiday", "until": format_instant(until)})

    await router.wait_until(until)

    assert [each.lead_id for each in await router.told(LeadResumed)] == [lead_id]
    assert (await router.events())[-1].time == until


async def test_when_a_rep_is_deactivated_only_untouched_leads_move(router: Routers) -> None:
    touched = await router.capture("a@acme.com")
    await router.capture("b@beta.com")
    await router.capture("c@gamma.com")
    untouched = await router.capture("d@delta.com")
    await router.post(f"/v1/leads/{touched}/touches", {"kind": "call"})

    await router.call("PATCH", "/v1/reps/mary", {"active": False})

    [moved] = await router.told(LeadReassigned)
    assert moved.lead.lead_id == untouched
    assert moved.assignment.rep != "mary"
    assert moved.assignment.previous is not None
    assert moved.assignment.previous.why == "inactive"


@pytest.mark.parametrize(("on_absence", "moved"), [("keep", 0), ("reassign", 1)])
async def test_an_absence_that_begins_moves_leads_where_the_playbook_says_so(
    database: str, on_absence: str, moved: int
) -> None:
    async with running_routers(database, playbook=f"on_absence: {on_absence}\n{PLAYBOOK}") as router:
        await router.capture("a@acme.com")
        away = {"from": format_instant(START + timedelta(days=1)), "to": format_instant(START + timedelta(days=9))}
        await router.call("PATCH", "/v1/reps/mary", {"absences": [away]})
        before = len(await router.told(LeadReassigned))

        await router.wait_until(START + timedelta(days=2))

        assert before == 0
        assert len(await router.told(LeadReassigned)) == moved


async def test_who_is_back_keeps_a_lead_that_nobody_else_could_have_also_at_a_cap(database: str) -> None:
    async with running_routers(database, playbook=f"on_absence: reassign\n{PLAYBOOK}") as router:
        lead_id = await router.capture("a@acme.com", channel="partner")
        away = {"from": format_instant(START + timedelta(hours=1)), "to": format_instant(START + timedelta(hours=2))}
        await router.call("PATCH", "/v1/reps/mary", {"absences": [away], "caps": {"open": 1}})
        await router.wait_until(START + timedelta(hours=1))
        before = await router.get(f"/v1/leads/{lead_id}")

        await router.wait_until(START + timedelta(hours=2))

        after = await router.get(f"/v1/leads/{lead_id}")
        assert [(each["state"], each["assignment"]["rep"]) for each in (before, after)] == [
            ("held", "mary"), ("assigned", "mary")
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/leads/{lead}/disposition", {"verdict": "sql", "reason": "budget"}),
        ("PATCH", "/v1/reps/mary", {"caps": {"open": 2}}),
    ],
)
async def test_a_place_that_comes_free_while_it_is_decided_that_a_lead_waits_is_given_to_it(
    router: Routers, method: str, path: str, body: dict[str, object]
) -> None:
    await router.call("PATCH", "/v1/reps/mary", {"caps": {"open": 1}})
    first = await router.capture("a@acme.com", channel="partner")
    await router.capture("b@oak.com", channel="partner")
    await router.fetch("update holds set look_at = $1", router.clock.now())

    async with router.browser() as browser, router.service.units.begin() as unit:
        desk = await Desk.open(unit, router.service.feed.current(), ())
        await desk.counters.have({"one"})
        await desk.answer_held()
        call = asyncio.create_task(browser.request(method, path.format(lead=first), json=body))
        await asyncio.wait([call], timeout=0.3)
        await desk.save()
    await router.settle()

    assert (await call).status_code == 200
    await router.settle()
    assert [told.assignment.rep for told in await router.told(LeadAssigned)] == ["mary", "mary"]


async def test_a_rep_who_is_paused_before_a_pick_is_locked_is_not_picked(router: Routers) -> None:
    await router.call("PATCH", "/v1/reps/joe", {"paused": True})

    async with router.service.units.begin() as unit:
        desk = await Desk.open(unit, router.service.feed.current(), ())
        await router.call("PATCH", "/v1/reps/mary", {"paused": True})
        await desk.counters.have({"sdr"})

        assert desk.counters.states["mary"].paused


async def test_a_rep_who_leaves_while_a_rule_names_them_does_not_get_the_lead(router: Routers) -> None:
    await router.call("PUT", "/v1/accounts", [ANNS])
    named = scored("a@acme.com", cause=derived_id("named"), at=router.clock.now())
    await router.send(router.event(named, key="acme.com"))

    async with router.service.database.connection() as looker:
        async with router.service.units.begin() as unit:
            row = await staff_repository.load_rep(unit.connection, "ann")
            await unit.begin(locks=staff_repository.rep_locks(["ann"]))
            routing = asyncio.create_task(router.service.workers[0].step())
            await somebody_waits(looker)
            await staff_repository.save_rep(unit.connection, replace(row, state=RepState(active=False)))
        await routing
    await router.settle()

    [told] = await router.told(LeadAssigned)
    assert (told.assignment.rep, told.assignment.pool) == ("mary", "sdr")
    assert [rule.unresolved for rule in told.trace.rules if rule.name == "Owned"] == ["ann: no longer works leads"]


async def test_what_a_rep_who_leaves_was_named_for_just_then_moves_on(router: Routers) -> None:
    await router.call("PUT", "/v1/accounts", [ANNS])
    told = scored("a@acme.com", cause=derived_id("named"), at=router.clock.now())

    async with router.browser() as browser, router.service.database.connection() as looker:
        async with router.service.units.begin() as unit:
            desk = await Desk.open(unit, router.service.feed.current(), ())
            file, cause = desk.file(told.lead.lead_id, key="acme.com"), Cause(told.cause, is_capture=True)
            file.lead, file.score, file.changed = told.lead, told.score, True
            await desk.prepare([(file, cause)])
            leaving = asyncio.create_task(browser.patch("/v1/reps/ann", json={"active": False}))
            await somebody_waits(looker)
            await desk.answer(file, cause)
            await desk.save()
        assert (await leaving).status_code == 200
    await router.settle()

    [assigned], [moved] = await router.told(LeadAssigned), await router.told(LeadReassigned)
    assert (assigned.assignment.rep, moved.assignment.rep) == ("ann", "mary")
    assert moved.assignment.previous is not None
    assert moved.assignment.previous.why == "inactive"


async def test_a_rep_whom_the_playbook_drops_keeps_no_untouched_leads(router: Routers) -> None:
    await router.capture("a@acme.com")

    await router.publish(PLAYBOOK.replace("{id: mary, name: Mary,", "{id: mary, active: false, name: Mary,"))

    [moved] = await router.told(LeadReassigned)
    assert moved.assignment.previous is not None
    assert moved.assignment.previous.rep == "mary"


async def test_a_handover_moves_all_open_leads(router: Routers) -> None:
    first = await router.capture("a@acme.com")
    await router.post(f"/v1/leads/{first}/touches", {"kind": "call"})
    await router.capture("b@acme.com")

    answer = await router.post("/v1/reps/mary/handover", {"to": "ann"})

    assert answer == {"rep": "mary", "to": "ann", "moved": 2, "left": 0}
    assert [each.assignment.rep for each in await router.told(LeadReassigned)] == ["ann", "ann"]


async def test_a_handover_to_a_pool_stays_in_it_whoever_has_the_companys_other_leads(router: Routers) -> None:
    await router.capture("a@acme.com")
    other = await router.capture("b@acme.com")
    await router.post(f"/v1/leads/{other}/reassign", {"rep": "ops", "reason": "a friend"})

    await router.post("/v1/reps/mary/handover", {"to": "sdr"})

    moved = (await router.told(LeadReassigned))[-1]
    assert (moved.lead.email, moved.assignment.rep) == ("a@acme.com", "joe")


@pytest.mark.parametrize(
    ("rep", "to", "status"), [("nobody", "ann", 404), ("mary", "nowhere", 422), ("mary", "mary@us.example", 422)]
)
async def test_a_handover_names_people_who_exist(router: Routers, rep: str, to: str, status: int) -> None:
    answer = await router.post(f"/v1/reps/{rep}/handover", {"to": to}, status=status)

    assert answer["error"]["message"]


async def test_a_rep_who_returns_from_a_pause_is_neither_flooded_nor_owed(router: Routers) -> None:
    await router.call("PATCH", "/v1/reps/ann", {"paused": True})
    for number in range(20):
        await router.capture(f"x@before{number}.com")
    await router.call("PATCH", "/v1/reps/ann", {"paused": False})

    for number in range(3):
        await router.capture(f"x@after{number}.com")

    last = [each.assignment.rep for each in await router.told(LeadAssigned)][-3:]
    assert sorted(last) == ["ann", "joe", "mary"]
