"""The router on a real PostgreSQL: who gets which lead, once, in turn, and whatever comes twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from baton.flow.database import Connection, Overtaken
from baton.flow.deliveries import read_delivery
from baton.flow.writes import Writes
from baton.kernel.ids import derived_id, lead_id_for_email
from baton.leads.decisions import Clock, Touch
from baton.leads.events import (
    LeadActivity,
    LeadAssigned,
    LeadErased,
    LeadMerged,
    LeadNurtured,
    LeadReassigned,
    LeadRejected,
    SlaBreached,
    SlaEscalated,
    SlaMet,
)
from baton.leads.values import Activity
from baton.service.chains import Chain
from baton.service.migrations import check, downgrade, upgrade
from baton_router import SCHEMA, repository
from baton_router.desk import Desk
from baton_router.lead_file import Cause, EarlyTouch, LeadFile
from tests.support.postgres import Databases, somebody_waits
from tests.support.router import PLAYBOOK, START, Routers, migrated, running_routers, scored

pytestmark = pytest.mark.postgres

PAGE_VIEW = Activity(id="v1", kind="page_view", at=START, source="web")


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[str]:
    url = await databases.create(migrated)
    yield url
    await databases.drop(url)


@pytest.fixture
async def router(database: str) -> AsyncIterator[Routers]:
    async with running_routers(database) as routers:
        yield routers


async def test_the_tables_are_as_the_models_say_up_and_down(database: str) -> None:
    chain = Chain("baton_router")

    differences = await check(database, chain)
    await downgrade(database, chain)
    await upgrade(database, chain)

    assert differences == []
    assert chain.schema == SCHEMA


async def test_what_asks_nothing_of_the_router_is_passed_over_without_a_trace(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    before = await router.fetch("select event_id from inbox where consumer = 'baton-router'")

    await router.tell(SlaMet(lead_id=lead_id, clocks=[]))
    await router.tell(LeadActivity(lead_id=lead_id, account=None, activity=PAGE_VIEW))

    assert len(before) == 1
    assert await router.fetch("select event_id from inbox where consumer = 'baton-router'") == before


async def test_a_scored_lead_is_assigned_with_the_reason(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")

    [told] = await router.events()
    assert isinstance(told.data, LeadAssigned)
    assert told.data.lead.lead_id == lead_id
    assert told.data.assignment.rep == "mary"
    assert told.data.assignment.rule == "Qualified"
    assert [rule.name for rule in told.data.trace.rules if rule.matched] == ["Qualified"]
    assert {candidate.rep for candidate in told.data.trace.candidates} == {"mary", "joe", "ann"}
    assert told.key == "acme.com"
    assert told.sequence == 1


async def test_a_delivery_that_comes_again_changes_nothing(router: Routers) -> None:
    await router.capture("a@acme.com")

    await router.bus.publish(router.sent)
    await router.settle()

    assert await router.types() == ["lead.assigned"]


async def test_a_lead_that_is_captured_again_stays_with_its_owner(router: Routers) -> None:
    await router.capture("a@acme.com")

    await router.capture("a@acme.com", sequence=2)

    assert await router.types() == ["lead.assigned"]


async def test_turns_go_round(router: Routers) -> None:
    for number in range(6):
        await router.capture(f"x@company{number}.com")

    assigned = await router.told(LeadAssigned)

    assert [each.assignment.rep for each in assigned] == ["mary", "joe", "ann"] * 2


async def test_a_companys_next_lead_goes_to_the_same_rep_in_one_batch_too(router: Routers) -> None:
    await router.capture("a@acme.com")
    await router.send(
        *(
            router.event(scored(f"{name}@acme.com", cause=derived_id(name), at=START), key="acme.com", sequence=1)
            for name in ("b", "c")
        )
    )
    await router.settle()

    assigned = await router.told(LeadAssigned)

    assert [each.assignment.rep for each in assigned] == ["mary"] * 3
    assert "keep_together" in [rule.name for rule in assigned[1].trace.rules]


async def test_every_capture_gets_its_answer_but_an_equal_decision_is_otherwise_silent(router: Routers) -> None:
    await router.capture("a@acme.com", tier="cold")
    await router.tell(scored("a@acme.com", cause=derived_id("visit"), at=None, tier="cold"), sequence=2)
    await router.capture("a@acme.com", tier="cold", sequence=3)

    nurtured = await router.told(LeadNurtured)

    assert [each.nurture.program for each in nurtured] == ["newsletter"] * 2


async def test_a_nurtured_lead_is_decided_anew_when_it_rises(router: Routers) -> None:
    await router.capture("a@acme.com", tier="cold")

    await router.tell(scored("a@acme.com", cause=derived_id("visit"), at=None, tier="sql"), sequence=2)

    assert await router.types() == ["lead.nurtured", "lead.assigned"]


async def test_an_older_score_that_comes_late_does_not_replace_the_newer(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com", sequence=5, company="New")

    await router.capture("a@acme.com", sequence=4, company="Old")

    lead = await router.get(f"/v1/leads/{lead_id}")
    assert lead["lead"]["company"] == "New"


async def test_a_rejected_lead_is_told_with_the_reason(router: Routers) -> None:
    await router.capture("a@acme.com", disqualified=True)

    [rejected] = await router.told(LeadRejected)

    assert rejected.reason == "disqualified"


async def test_a_test_delivery_takes_no_turn(router: Routers) -> None:
    await router.capture("a@acme.com", test=True)
    await router.capture("b@beta.com")

    [assigned] = await router.told(LeadAssigned)

    assert assigned.assignment.rep == "mary"


async def test_an_escalation_gives_the_lead_to_somebody_else_and_the_turn_back(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    [first] = await router.told(LeadAssigned)

    await router.tell(
        SlaEscalated(
            lead_id=lead_id, assignment_id=first.assignment.id, clocks=[], step="100%", do=["notify_rep", "reassign"]
        )
    )

    [second] = await router.told(LeadReassigned)
    turns = {row["rep"]: row["count"] for row in await router.fetch("select * from turns")}
    assert second.assignment.rep == "joe"
    assert second.assignment.previous is not None
    assert (second.assignment.previous.rep, second.assignment.previous.why) == ("mary", "missed")
    assert turns == {"mary": 0, "joe": 1, "ann": 0}


async def test_an_escalation_of_an_assignment_that_is_over_changes_nothing(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")

    await router.tell(SlaEscalated(lead_id=lead_id, assignment_id="another", clocks=[], step="100%", do=["reassign"]))

    assert await router.types() == ["lead.assigned"]


async def test_an_escalation_of_a_promise_that_does_not_restart_holds_for_the_present_rep(database: str) -> None:
    policy = "  absolute-max: {from: assigned, restart: false, to: first_touch, target: 24h, clock: always}\n"
    async with running_routers(database, playbook=PLAYBOOK + policy) as routers:
        lead_id = await routers.capture("a@acme.com")
        [first] = await routers.told(LeadAssigned)
        await routers.post(f"/v1/leads/{lead_id}/decline", {"reason": "no"})
        clock = Clock(
            id="clock", policy="absolute-max", rep="joe", start=START, due=START, at=START, percent=100, lateness=0
        )

        await routers.tell(
            SlaEscalated(
                lead_id=lead_id, assignment_id=first.assignment.id, clocks=[clock], step="100%",
                do=["notify_manager", {"assign": "catch_all"}],
            )
        )  # fmt: skip

        assert [each.assignment.rep for each in await routers.told(LeadReassigned)] == ["joe", "ops"]


async def test_an_escalation_may_name_the_catch_all(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")

    await router.tell(SlaEscalated(lead_id=lead_id, clocks=[], step="100%", do=[{"assign": "catch_all"}]))

    [reassigned] = await router.told(LeadReassigned)
    assert reassigned.assignment.rep == "ops"


async def test_who_misses_too_often_is_benched(router: Routers) -> None:
    for number in range(2):
        clock = Clock(
            id=f"clock {number}", policy="first-contact", rep="mary", start=START, due=START, at=START, percent=100,
            lateness=0,
        )  # fmt: skip
        await router.tell(SlaBreached(lead_id="somebody", clocks=[clock]))

    await router.capture("a@acme.com")

    [assigned] = await router.told(LeadAssigned)
    assert assigned.assignment.rep == "joe"
    assert {c.rep: c.code for c in assigned.trace.candidates}["mary"] == "benched"


async def test_four_routers_share_the_turns_exactly_though_one_is_stopped_under_way(database: str) -> None:
    playbook = """
teams:
  reps: [{id: a, name: A, email: a@x.com}, {id: b, name: B, email: b@x.com},
         {id: c, name: C, email: c@x.com}, {id: d, name: D, email: d@x.com}, {id: ops, name: O, email: o@x.com}]
  pools: {all: {members: [a, b, c, d]}}
routing: [{name: All, pool: all}]
catch_all: {rep: ops}
"""
    async with running_routers(database, count=4, partitions=12, playbook=playbook) as routers:
        await routers.send(
            *(
                routers.event(
                    scored(f"x@company{n}.com", cause=derived_id("c", str(n)), at=START), key=f"company{n}.com"
                )
                for n in range(400)
            )
        )
        victim = asyncio.create_task(routers.services[3].workers[0].step())
        await asyncio.gather(*(service.workers[0].step() for service in routers.services[:3]))
        victim.cancel()
        await asyncio.gather(victim, return_exceptions=True)
        await routers.services[3].workers[0].consumer.stop()

        await routers.settle()

        shares = Counter(each.assignment.rep for each in await routers.told(LeadAssigned))
        assert shares == {"a": 100, "b": 100, "c": 100, "d": 100}


@pytest.mark.parametrize("becomes", ["erased", "merged", "touched"])
async def test_a_stranger_of_whom_something_becomes_known_meanwhile_is_routed_again_under_locks(
    router: Routers, becomes: str
) -> None:
    lead = lead_id_for_email("ada@acme.com")
    async with router.service.database.connection() as connection, router.service.database.connection() as other:
        assert (await repository.glance(connection, [lead])).only_strangers
        repository.check_strangers(writes := Writes(), [lead])
        repository.save_leads(writes, [LeadFile(lead, "acme.com", version=1, changed_at=START)])
        async with other.transaction():
            await repository.be_alone(other)
            await _become(other, lead, becomes)
            writing = asyncio.create_task(writes.send(connection))
            await asyncio.sleep(0)
        with pytest.raises(Overtaken):
            await writing

        assert not await connection.fetchval("select exists (select from leads)")


async def _become(connection: Connection, lead: str, becomes: str) -> None:
    match becomes:
        case "erased":
            await repository.erase(connection, lead, at=START)
        case "merged":
            await repository.add_alias(connection, lead, into="another", at=START)
        case _:
            early = EarlyTouch(derived_id("touch", lead), Touch(kind="call", at=START), START)
            await repository.save_early(connection, [(lead, early)], told=[])


@pytest.mark.parametrize("what", ["merged", "erased with others"])
async def test_who_merges_or_erases_and_who_routes_do_not_wait_for_each_other(database: str, what: str) -> None:
    async with running_routers(database, count=2) as routers:
        one, other = [await routers.capture(email) for email in ("a@acme.com", "b@acme.com")]
        if what == "merged":
            await routers.send(routers.event(LeadMerged(**{"from": one, "into": other}), key="acme.com"))
        else:
            later = scored("c@acme.com", cause=derived_id("later"), at=START)
            erased = LeadErased(lead_id=one)
            await routers.send(*(routers.event(data, key="acme.com") for data in (later, erased)))
        told = scored("d@else.com", cause=derived_id("told"), at=START)
        stranger = told.lead.lead_id

        service = routers.services[1]
        async with service.database.connection() as looker:
            async with service.units.begin() as unit:
                desk = await Desk.open(unit, service.feed.current(), [stranger])
                await desk.counters.have({"sdr"})
                changing = asyncio.create_task(routers.service.workers[0].step())
                await somebody_waits(looker)
                file = desk.file(stranger, key="else.com")
                file.lead, file.score, file.changed = told.lead, told.score, True
                await desk.answer(file, Cause(told.cause))
                await desk.save()
            await changing

        await routers.settle()
        owned = {row["lead_id"] for row in await routers.fetch("select lead_id from assignments where open")}
        assert stranger in owned
        assert one not in owned or what == "merged"
        assert not await routers.fetch("select from dead_letters")


async def test_who_opens_a_lead_that_another_changes_finds_what_became_of_it(database: str) -> None:
    async with running_routers(database, count=2) as routers:
        lead, playbook = await routers.capture("a@acme.com"), routers.service.feed.current()
        async with routers.service.database.connection() as looker, routers.service.units.begin() as unit:
            desk = await Desk.open(unit, playbook, [lead])
            async with routers.services[1].units.begin() as later:
                opening = asyncio.create_task(Desk.open(later, playbook, [lead]))
                await somebody_waits(looker)
                desk.mark(desk.files[lead], touched_at=START)
                desk.files[lead].raised()
                await desk.save()
                await unit.writes.send(unit.connection)
                await unit.connection.execute("commit; begin")

                file = (await opening).files[lead]

        assert file.known_version == 2
        assert file.given is not None
        assert file.given.touched_at == START


async def test_two_handlers_with_the_same_lead_assign_it_once(database: str) -> None:
    async with running_routers(database, count=2) as routers:
        events = [
            routers.event(scored("a@acme.com", cause=derived_id(str(n)), at=START), key="acme.com") for n in range(2)
        ]
        await routers.send(*events)
        log = routers.bus.logs["baton.leads.scored", 0]
        deliveries = [read_delivery(record) for record in log]

        processors = [service.workers[0]._processor for service in routers.services]
        await asyncio.gather(
            *(
                processor.settle([delivery])  # type: ignore[list-item]
                for processor, delivery in zip(processors, deliveries, strict=True)
            ),
            return_exceptions=True,
        )
        await routers.settle()

        assert await routers.types() == ["lead.assigned"]
        assert len(await routers.fetch("select * from assignments where open")) == 1


@pytest.mark.parametrize("company", [["a@acme.com"], ["a@acme.com", "b@acme.com"]], ids=["alone", "one of a company"])
async def test_a_better_tier_sends_a_lead_on_where_the_playbook_says_so(database: str, company: list[str]) -> None:
    playbook = """
reroute_on: [tier]
teams:
  reps: [{id: s, name: S, email: s@x.com}, {id: a, name: A, email: a@x.com}, {id: ops, name: O, email: o@x.com}]
  pools: {sdr: {members: [s]}, ae: {members: [a]}}
routing: [{name: Hot, when: {score.tier: sql}, pool: ae}, {name: All, pool: sdr}]
catch_all: {rep: ops}
"""
    async with running_routers(database, playbook=playbook) as routers:
        for email in company:
            await routers.capture(email)

        await routers.tell(scored("a@acme.com", cause=derived_id("visit"), at=None, tier="sql"), sequence=2)

        [reassigned] = await routers.told(LeadReassigned)
        assert reassigned.assignment.rep == "a"
        assert reassigned.assignment.previous is not None
        assert reassigned.assignment.previous.why == "rerouted"


_COLD_ONES_LOSE_THEIR_REP = """
reroute_on: [tier]
teams:
  reps: [{id: s, name: S, email: s@x.com}, {id: t, name: T, email: t@x.com}]
  pools: {sdr: {members: [s, t]}}
routing: [{name: Cold, when: {score.tier: cold}, nurture: newsletter}, {name: All, pool: sdr}]
catch_all: {rep: s}
"""


async def test_a_lead_that_lost_its_rep_follows_its_company_in_the_same_batch(database: str) -> None:
    async with running_routers(database, playbook=_COLD_ONES_LOSE_THEIR_REP) as routers:
        for email in ("b@acme.com", "a@acme.com"):
            await routers.capture(email)

        cooled = scored("a@acme.com", cause=derived_id("cooled"), at=None, tier="cold")
        again = scored("a@acme.com", cause=derived_id("again"), at=START)
        await routers.send(
            *(routers.event(data, key="acme.com", sequence=n) for n, data in enumerate((cooled, again), 2))
        )
        await routers.settle()

        *_, assigned = await routers.told(LeadAssigned)
        assert await routers.types() == ["lead.assigned", "lead.assigned", "lead.nurtured", "lead.assigned"]
        assert assigned.assignment.rule == "keep_together"


async def test_nobody_follows_a_lead_that_lost_its_rep_in_the_same_batch(database: str) -> None:
    async with running_routers(database, playbook=_COLD_ONES_LOSE_THEIR_REP) as routers:
        await routers.capture("a@acme.com")

        cooled = scored("a@acme.com", cause=derived_id("cooled"), at=None, tier="cold")
        other = scored("b@acme.com", cause=derived_id("other"), at=START)
        await routers.send(*(routers.event(data, key="acme.com", sequence=2) for data in (cooled, other)))
        await routers.settle()

        *_, assigned = await routers.told(LeadAssigned)
        assert assigned.lead.email == "b@acme.com"
        assert assigned.assignment.rule == "All"


async def test_a_cap_of_an_hour_frees_up_by_itself(database: str) -> None:
    playbook = """
teams:
  reps: [{id: a, name: A, email: a@x.com}, {id: ops, name: O, email: o@x.com}]
  pools: {one: {members: [a], caps: {per_hour: 1}}}
routing: [{name: All, pool: one}]
catch_all: {rep: ops}
"""
    async with running_routers(database, playbook=playbook) as routers:
        await routers.capture("x@one.com")
        await routers.capture("x@two.com")
        held = await routers.types()

        await routers.wait_until(START + timedelta(minutes=61))

        assert held == ["lead.assigned", "lead.held"]
        assert [each.assignment.rep for each in await routers.told(LeadAssigned)] == ["a", "a"]


async def test_an_overflow_that_shares_by_load_counts_what_was_given_before_and_in_the_same_batch(
    database: str,
) -> None:
    playbook = """
teams:
  reps: [{id: a, name: A, email: a@x.com}, {id: b, name: B, email: b@x.com}, {id: c, name: C, email: c@x.com},
         {id: ops, name: O, email: o@x.com}]
  pools:
    first: {members: [a], caps: {open: 2}, overflow: rest}
    rest: {strategy: least_loaded, members: [b, c, a]}
routing: [{name: All, pool: first}]
catch_all: {rep: ops}
"""
    async with running_routers(database, playbook=playbook) as routers:
        for number in range(3):
            await routers.capture(f"x@early{number}.com")
        events = [
            routers.event(scored(f"x@late{n}.com", cause=derived_id("c", str(n)), at=START), key=f"late{n}.com")
            for n in range(4)
        ]
        await routers.send(*events)
        await routers.settle()

        told = await routers.told(LeadAssigned)
    assert [each.assignment.rep for each in told] == ["a", "a", "b", "c", "b", "c", "a"]
    counters = {each.rep: each.counters for each in told[-1].trace.candidates if each.counters}
    assert {rep: found["open"] for rep, found in counters.items()} == {"a": 2, "b": 2, "c": 2}
