"""sla-monitor on a real PostgreSQL: facts in from the bus, clocks in tables, events out."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from prometheus_client import REGISTRY

from baton.flow.bus import Received, Record
from baton.flow.database import Database, Overtaken
from baton.flow.deliveries import Delivery, read_delivery
from baton.flow.memory import MemoryBus
from baton.flow.unit_of_work import UnitOfWork
from baton.flow.writes import Writes
from baton.kernel.clock import ManualClock
from baton.kernel.ids import derived_id, lead_id_for_email
from baton.leads.decisions import Assignment, Disposition, Touch, Trace
from baton.leads.envelope import Event, decode, encode
from baton.leads.events import (
    EventData,
    LeadActivity,
    LeadAssigned,
    LeadCaptured,
    LeadDisposed,
    LeadErased,
    LeadMerged,
    LeadPaused,
    LeadTouched,
    SlaBreached,
    SlaCancelled,
    SlaEvent,
    SlaMet,
)
from baton.leads.topics import Topic
from baton.leads.values import Activity, Lead
from baton.service.chains import Chain
from baton.service.migrations import check, downgrade, upgrade
from baton.service.playbooks import publish
from baton.service.service import Service, next_dues
from baton.service.settings import Settings
from baton_sla_monitor import repository
from baton_sla_monitor.app import create_app
from baton_sla_monitor.handlers import KeepClocks
from baton_sla_monitor.shelf import TermsShelf
from baton_sla_monitor.timers import ClockTimer
from tests.support.postgres import somebody_waits

pytestmark = pytest.mark.postgres

START = datetime(2026, 3, 25, 10, tzinfo=UTC)
ANN = lead_id_for_email("ann@acme.com")
PLAYBOOK = b"""
teams:
  reps:
    - {id: mary, name: Mary, email: mary@example.com}
    - {id: ops, name: Ops, email: ops@example.com}
  pools: {sdr: {members: [mary]}}
routing: [{name: All, pool: sdr}]
catch_all: {rep: ops}
calendars:
  office: {time_zone: America/Los_Angeles, hours: {mon-fri: ["09:00-18:00"]}}
sla:
  route: {from: captured, to: assigned, target: 5m, clock: always}
  first-contact: {from: assigned, to: first_touch, target: 1h, clock: rep, warn: [50%], on_breach: [notify_rep]}
"""
STRICTER = PLAYBOOK.replace(b"target: 1h", b"target: 10m")


@dataclass
class World:
    """One monitor, driven by hand."""

    app: FastAPI
    bus: MemoryBus
    clock: ManualClock
    database: Database
    sent: list[Record] = field(default_factory=list)

    @property
    def service(self) -> Service:
        service: Service = self.app.state.service
        return service

    @property
    def timer(self) -> ClockTimer:
        timer = self.service.timers[0]
        assert isinstance(timer, ClockTimer)
        return timer

    async def say(self, *told: EventData, name: str = "", sequence: int | None = None) -> None:
        """Publish facts that are told now, and let everything settle."""
        self.sent += [self.record(data, name, str(number), sequence=sequence) for number, data in enumerate(told)]
        await self.bus.publish(self.sent[-len(told) :])
        await self.settle()

    def record(self, data: EventData, *name: str, sequence: int | None = None) -> Record:
        """A fact that is told now."""
        identity = derived_id(data.type, *name, self.clock.now().isoformat())
        event = Event(id=identity, source="/test", time=self.clock.now(), key="acme.com", data=data, sequence=sequence)
        headers, value = encode(event)
        return Record(topic=data.topic, key=b"acme.com", value=value, headers=headers)

    async def handle(self, record: Record, unit: UnitOfWork) -> None:
        """What a monitor does with a fact, but for writing it."""
        received = Received(record.topic, 0, 0, record.key or b"", record.value, record.headers, self.clock.now())
        delivery = read_delivery(received)
        assert isinstance(delivery, Delivery)
        await KeepClocks(self.service.feed.current, TermsShelf())([delivery], unit)

    async def settle(self) -> None:
        while await self.service.step() + sum([await timer.step() for timer in self.service.timers]):
            pass
        await self.service.relay.publish()

    async def wait_until(self, moment: datetime) -> None:
        """Let time pass; what is due fires at its own instant."""
        timer = self.timer
        while (due := (await next_dues(self.service.database, [timer]))[0]) is not None and due <= moment:
            self.clock.set(max(due, self.clock.now()))
            await self.settle()
        self.clock.set(moment)

    async def events(self) -> list[Event]:
        return [decode(each.headers, each.value) async for each in self.bus.read(Topic.SLA, follow=False)]

    async def types(self) -> list[str]:
        return [event.type for event in await self.events()]

    async def told(self, kind: type[SlaEvent]) -> list[SlaEvent]:
        return [event.data for event in await self.events() if isinstance(event.data, kind)]

    async def rows(self, table: str) -> int:
        async with self.database.connection() as connection:
            count: int = await connection.fetchval(f"select count(*) from {table}")  # noqa: S608 - a test's own word
        return count

    def browser(self) -> AsyncClient:
        return AsyncClient(transport=ASGITransport(self.app), base_url="http://localhost")


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    clock = ManualClock(START)
    bus = MemoryBus(clock, partitions=4)
    tables = Database(database, schema="sla")
    app = create_app(settings=Settings(), bus=bus, clock=clock, database=tables)
    app.state.access.trust_all = True
    await publish(bus, {"playbook.yaml": PLAYBOOK}, clock=clock)
    world = World(app, bus, clock, tables)
    await world.service.open()
    yield world
    await world.service.close()


def captured(lead: str = ANN, *, test: bool = False) -> LeadCaptured:
    return LeadCaptured(lead=Lead(lead_id=lead, source="web"), activity=None, test=test)


def assigned(at: datetime, identity: str = "a1", lead: str = ANN, calendar: str | None = None) -> LeadAssigned:
    assignment = Assignment(
        id=identity, rep="mary", pool="sdr", rule="All", reason="next in turn", at=at, calendar=calendar
    )
    trace = Trace(playbook="p", rules=[], candidates=[])
    return LeadAssigned(lead=Lead(lead_id=lead, source="web"), score=None, assignment=assignment, trace=trace)


def touched(at: datetime, lead: str = ANN) -> LeadTouched:
    return LeadTouched(lead_id=lead, assignment_id="a1", touch=Touch(kind="call", at=at, by="mary"))


async def test_a_breach_is_told_at_the_exact_second(world: World) -> None:
    await world.say(captured())
    await world.say(assigned(START))

    await world.wait_until(START + timedelta(hours=3))

    assert await world.types() == [
        "sla.started", "sla.met", "sla.started", "sla.warned", "sla.breached", "sla.escalated",
    ]  # fmt: skip
    [breached] = await world.told(SlaBreached)
    clock = breached.clocks[0]
    assert (clock.at, clock.lateness, clock.percent, clock.rep) == (START + timedelta(hours=1), 0, 100, "mary")


async def test_events_carry_key_version_and_a_deterministic_id(world: World) -> None:
    await world.say(assigned(START))

    [event] = await world.events()

    assert (event.key, event.source, event.sequence) == ("acme.com", "/baton/sla-monitor", 1)
    assert event.id == derived_id("sla.started", decode(*_parts(world.sent[0])).id, event.data.clocks[0].id)  # type: ignore[attr-defined]


async def test_what_comes_in_one_batch_is_told_in_the_order_in_which_it_happened(world: World) -> None:
    await world.say(captured(), assigned(START))

    assert await world.types() == ["sla.started", "sla.met", "sla.started"]


async def test_a_redelivered_batch_changes_nothing(world: World) -> None:
    await world.say(captured())
    await world.say(assigned(START))
    await world.say(touched(START))
    before = await world.events()

    await world.bus.publish(world.sent)
    await world.settle()

    assert await world.events() == before
    assert await world.rows("clocks") == 2


async def test_facts_in_any_order_of_topics_end_the_same(world: World) -> None:
    later = START + timedelta(minutes=1)
    await world.say(touched(later))
    await world.say(assigned(later))

    await world.say(captured())

    async with world.database.connection() as connection:
        rows = await connection.fetch("select policy, status from clocks order by policy")
    assert [tuple(row) for row in rows] == [("first-contact", "met"), ("route", "met")]


@pytest.mark.parametrize(("meanwhile", "met"), [("paused", 1), ("warned", 1), ("merged", 1), ("erased", 0)])
async def test_what_was_read_without_locks_is_not_written_over_what_happens_meanwhile(
    world: World, meanwhile: str, met: int
) -> None:
    await world.say(assigned(START))
    record = world.record(touched(START))

    with pytest.raises(Overtaken):
        await _handle_late(world, record, meanwhile)
    await world.bus.publish([record])
    await world.settle()

    assert len(await world.told(SlaMet)) == met


@pytest.mark.parametrize(("meanwhile", "started"), [("paused", 1), ("merged", 1), ("erased", 0)])
async def test_a_stranger_of_whom_something_is_told_meanwhile_is_handled_again(
    world: World, meanwhile: str, started: int
) -> None:
    await world.settle()  # for the playbook
    record = world.record(assigned(START))

    with pytest.raises(Overtaken):
        await _handle_late(world, record, meanwhile)
    await world.bus.publish([record])
    await world.settle()

    assert await world.rows("clocks") == started


async def _handle_late(world: World, record: Record, meanwhile: str = "") -> None:
    """Without locks; something happens between reading and writing."""
    async with world.service.units.begin_late() as unit:
        await world.handle(record, unit)
        await _happen(world, meanwhile)


async def _happen(world: World, what: str) -> None:
    match what:
        case "":
            pass
        case "paused":
            await world.say(LeadPaused(lead_id=ANN, reason="on leave", until=None))
        case "warned":
            await world.wait_until(START + timedelta(minutes=30))
        case "merged":
            await world.say(LeadMerged(from_="another", into=ANN))
        case _:
            await world.say(LeadErased(lead_id=ANN))


async def test_who_is_merged_while_a_batch_writes_without_locks_is_not_written_alone(world: World) -> None:
    await world.say(assigned(START))
    database, record = world.service.database, world.record(touched(START))

    async with database.connection() as looker:
        async with database.transaction() as merging:
            await repository.be_alone(merging)
            await repository.load_leads(merging, [ANN])
            writing = asyncio.create_task(_handle_late(world, record))
            await somebody_waits(looker)
            await repository.save_merges(merging, [("another", ANN)])
        with pytest.raises(Overtaken):
            await writing


async def test_who_merges_waits_for_who_has_a_lead_in_hand_and_keeps_nobody_from_writing(world: World) -> None:
    await world.say(assigned(START))

    async with world.service.database.connection() as looker:
        async with world.service.units.begin() as unit:
            await world.handle(world.record(touched(START)), unit)
            merging = asyncio.create_task(world.say(LeadMerged(from_="another", into=ANN)))
            await somebody_waits(looker)
        await merging

    assert await world.types() == ["sla.started", "sla.met"]
    assert await world.rows("merges") == 1


async def test_clocks_that_were_waited_for_are_known_as_they_are_then(world: World) -> None:
    await world.say(assigned(START))
    database = world.service.database

    async def save() -> None:
        async with database.transaction() as connection:
            clocks, _ = await repository.load_clocks(connection, [ANN])
            repository.save_clocks(writes := Writes(), clocks.values())
            await writes.send(connection)

    async with database.connection() as looker:
        async with database.transaction() as other:
            await other.execute("update clocks set version = 7")
            saving = asyncio.create_task(save())
            await somebody_waits(looker)
        await saving
        kept = await looker.fetchval("select version from clocks")

    assert kept == 7


async def test_two_timers_fire_a_clock_once(world: World) -> None:
    await world.say(*(assigned(START, f"a-{number}", lead=f"lead-{number}") for number in range(20)))
    other = ClockTimer(world.service.units, TermsShelf())
    timer = world.timer
    world.clock.advance(timedelta(hours=2))

    await asyncio.gather(timer.step(), other.step())
    await world.settle()

    breached = await world.told(SlaBreached)
    assert sorted(each.lead_id for each in breached) == sorted(f"lead-{number}" for number in range(20))


async def test_a_timer_leaves_alone_what_another_has_in_hand(world: World) -> None:
    await world.say(assigned(START))
    world.clock.advance(timedelta(hours=2))
    timer = world.timer

    async with world.database.transaction() as connection:
        await connection.fetch("select * from clocks for update")
        meanwhile = await timer.step()

    assert meanwhile == 0
    assert await timer.step() == 1


async def test_the_longest_overdue_is_measured_and_nothing_once_somebody_acts(world: World) -> None:
    await world.say(assigned(START))
    await world.wait_until(START + timedelta(hours=3))
    await world.settle()
    overdue = REGISTRY.get_sample_value("baton_sla_oldest_overdue_seconds")

    await world.say(touched(world.clock.now()))
    world.clock.advance(timedelta(seconds=10))
    await world.settle()

    assert (overdue, REGISTRY.get_sample_value("baton_sla_oldest_overdue_seconds")) == (7200.0, 0.0)


async def test_a_late_report_corrects_the_breach(world: World) -> None:
    await world.say(assigned(START))
    await world.wait_until(START + timedelta(minutes=70))

    await world.say(touched(START + timedelta(minutes=59)))

    [met] = await world.told(SlaMet)
    assert isinstance(met, SlaMet)
    assert met.corrected


async def test_a_test_delivery_starts_nothing(world: World) -> None:
    await world.say(captured(test=True))

    assert (await world.types(), await world.rows("leads")) == ([], 0)


async def test_what_changes_no_clock_leaves_no_trace(world: World) -> None:
    viewed = Activity(id="1", kind="page_view", at=START, source="web")

    await world.say(LeadActivity(lead_id=ANN, account=None, activity=viewed))

    assert (await world.types(), await world.rows("inbox")) == ([], 0)


async def test_a_clock_keeps_the_terms_it_began_with(world: World) -> None:
    await world.say(assigned(START))

    await publish(world.bus, {"playbook.yaml": STRICTER}, clock=world.clock)
    await world.say(LeadPaused(lead_id=ANN, reason="on leave", until=START + timedelta(minutes=5)))
    await world.say(assigned(START, "b1", lead="another"), name="again")

    async with world.database.connection() as connection:
        rows = await connection.fetch("select assignment_id, due_at from clocks")
    due = {row["assignment_id"]: row["due_at"] for row in rows}
    assert due == {"a1": START + timedelta(minutes=65), "b1": START + timedelta(minutes=10)}


async def test_a_monitor_that_starts_again_reads_the_terms_it_wrote(world: World) -> None:
    await world.say(assigned(START, calendar="office"))
    world.service.timers[:] = [ClockTimer(world.service.units, TermsShelf())]

    await world.wait_until(START + timedelta(days=1))

    # 10:00 UTC is 03:00 in Los Angeles: the hour begins at 09:00 there.
    assert [each.clocks[0].at for each in await world.told(SlaBreached)] == [START + timedelta(hours=7)]


async def test_an_erasure_leaves_the_id_and_the_instant(world: World) -> None:
    await world.say(captured())
    await world.say(assigned(START))

    await world.say(LeadErased(lead_id=ANN))

    [cancelled] = await world.told(SlaCancelled)
    assert isinstance(cancelled, SlaCancelled)
    assert cancelled.reason == "erased"
    assert [await world.rows(table) for table in ("leads", "clocks", "outbox", "erased")] == [0, 0, 0, 1]


async def test_what_was_told_before_an_erasure_is_dropped_and_a_later_capture_starts_anew(world: World) -> None:
    await world.say(LeadErased(lead_id=ANN))
    await world.say(captured(), name="before")
    dropped = await world.rows("clocks")
    world.clock.advance(timedelta(seconds=1))

    await world.say(captured(), name="after")

    assert (dropped, await world.rows("clocks")) == (0, 1)


async def test_merged_leads_share_their_clocks(world: World) -> None:
    await world.say(assigned(START, "a1", lead="one"))
    world.clock.advance(timedelta(minutes=1))
    await world.say(assigned(world.clock.now(), "a2", lead="two"))

    world.clock.advance(timedelta(minutes=1))
    await world.say(LeadMerged(from_="one", into="two"))

    [cancelled] = await world.told(SlaCancelled)
    assert isinstance(cancelled, SlaCancelled)
    assert (cancelled.reason, cancelled.lead_id, cancelled.assignment_id) == ("merged", "two", "a2")


async def test_the_list_of_clocks_is_filtered_and_paged(world: World) -> None:
    await world.say(*(assigned(START, f"a{number}", lead=f"lead-{number}") for number in range(3)))
    await world.say(captured())

    async with world.browser() as browser:
        first = (await browser.get("/v1/clocks", params={"policy": "first-contact", "limit": 2})).json()
        rest = (await browser.get("/v1/clocks", params={"policy": "first-contact", "cursor": first["next"]})).json()
        of_ann = (await browser.get("/v1/clocks", params={"lead": " Ann@Acme.com"})).json()
        soon = (await browser.get("/v1/clocks", params={"due_before": "2026-03-25T10:30:00Z"})).json()
        met = (await browser.get("/v1/clocks", params={"status": "met"})).json()

    assert [len(first["items"]), len(rest["items"]), rest["next"]] == [2, 1, None]
    assert {each["lead_id"] for each in first["items"] + rest["items"]} == {"lead-0", "lead-1", "lead-2"}
    assert [each["policy"] for each in of_ann["items"]] == ["route"]
    assert [each["due"] for each in soon["items"]] == ["2026-03-25T10:05:00Z"]
    assert met["items"] == []


async def test_clocks_that_run_and_clocks_that_ended_are_one_list(world: World) -> None:
    await world.say(captured(), captured("bob"))
    await world.say(assigned(START))

    found: list[tuple[str, str, str]] = []
    async with world.browser() as browser:
        cursor: str | None = ""
        while cursor is not None:
            given = {"status": "any", "limit": "1"} | ({"cursor": cursor} if cursor else {})
            page = (await browser.get("/v1/clocks", params=given)).json()
            found += [(each["due"], each["policy"], each["status"]) for each in page["items"]]
            cursor = page["next"]
        by_status = {
            status: len((await browser.get("/v1/clocks", params={"status": status})).json()["items"])
            for status in ("running", "met", "breached", "overdue", "cancelled")
        }

    assert found == sorted(found, key=lambda each: each[0])
    assert Counter(status for _, _, status in found) == {status: count for status, count in by_status.items() if count}
    assert by_status["met"] == 1


async def test_clocks_that_stand_still_come_last_in_the_list(world: World) -> None:
    await world.say(*(assigned(START, f"a{number}", lead=f"lead-{number}") for number in range(3)))
    await world.say(LeadPaused(lead_id="lead-0", reason="waits"), LeadPaused(lead_id="lead-1", reason="waits"))

    found: list[str] = []
    async with world.browser() as browser:
        cursor: str | None = ""
        while cursor is not None:
            given = {"limit": 1} | ({"cursor": cursor} if cursor else {})
            page = (await browser.get("/v1/clocks", params=given)).json()
            found += [each["lead_id"] for each in page["items"]]
            cursor = page["next"]

    assert found[0] == "lead-2"
    assert sorted(found) == ["lead-0", "lead-1", "lead-2"]


async def test_the_summary_counts_what_clocks_came_to(world: World) -> None:
    await world.say(*(assigned(START, f"a{number}", lead=f"lead-{number}") for number in range(5)))
    world.clock.advance(timedelta(minutes=10))
    await world.say(touched(world.clock.now(), lead="lead-0"))
    await world.wait_until(START + timedelta(minutes=70))
    await world.say(touched(world.clock.now(), lead="lead-1"), name="late")
    await world.say(touched(START + timedelta(minutes=59), lead="lead-2"), name="corrects")
    await world.say(
        LeadDisposed(lead_id="lead-3", assignment_id="a3", disposition=Disposition(verdict="sql", reason="fits"))
    )
    await world.say(assigned(world.clock.now(), "a9", lead="lead-9"))

    async with world.browser() as browser:
        told = (await browser.get("/v1/summary")).json()
        guarded = (await browser.get("/v1/summary", params={"min_volume": 10})).json()

    expected = {
        "attainment": 0.4, "volume": 5, "met": 1, "met_late": 1, "corrected": 1, "breached": 3, "cancelled": 0,
        "running": 1, "overdue": 1,
    }  # fmt: skip
    assert told["policies"] == [{"policy": "first-contact", **expected}]
    assert told["reps"] == [{"policy": "first-contact", "rep": "mary", **expected}]
    assert told["teams"] == [{"policy": "first-contact", "team": "sdr", **expected}]
    assert told["sources"] == [{"policy": "first-contact", "source": "web", **expected}]
    assert guarded["policies"][0]["attainment"] is None


PAUSED_FROM_ONE_TO_TWO = {"from": "2026-03-28T01:00:00Z", "to": "2026-03-28T02:00:00Z"}


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ({"target": "1h", "calendar": "always"}, "2026-03-28T01:30:00Z"),
        ({"target": "1h", "calendar": "office"}, "2026-03-30T16:30:00Z"),
        ({"target": "1h", "calendar": {"hours": {"sat": ["10:00-12:00"]}}}, "2026-03-28T11:00:00Z"),
        ({"target": "1h", "calendar": "always", "pauses": [PAUSED_FROM_ONE_TO_TWO]}, "2026-03-28T02:30:00Z"),
        ({"target": "1h", "calendar": "always", "pauses": [{"from": "2026-03-28T01:00:00Z"}]}, None),
    ],
)
async def test_due_tells_when_a_target_has_passed(world: World, asked: dict[str, object], due: str | None) -> None:
    await world.settle()

    async with world.browser() as browser:
        answer = await browser.post("/v1/due", json={"start": "2026-03-27T17:30:00-07:00", **asked})

    assert answer.json() == {"due": due}


async def test_elapsed_tells_the_open_seconds_between(world: World) -> None:
    await world.settle()
    asked = {"start": "2026-03-28T00:30:00Z", "end": "2026-03-30T16:30:00Z", "calendar": "office"}

    async with world.browser() as browser:
        answer = await browser.post("/v1/elapsed", json=asked)

    assert answer.json() == {"elapsed": 3600.0}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"target": "an hour"}, "not a duration"),
        ({"target": "1d", "calendar": "office"}, "ambiguous in business time"),
        ({"calendar": "offce"}, "did you mean"),
        ({"calendar": {"hours": {"mon-fri": ["9-5"]}}}, "window"),
        ({"calendar": {"hours": {"mon": ["09:00-10:00"] * 25}}}, "at most 24"),
        ({"start": "2026-03-27T17:30:00"}, "timezone"),
        ({"start": "0001-01-01T00:00:00+14:00"}, "years 1 to 9999"),
        ({"pauses": [{"from": "2026-03-28T02:00:00Z", "to": "2026-03-28T01:00:00Z"}]}, "can't end"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(world: World, wrong: dict[str, object], said: str) -> None:
    await world.settle()
    asked = {"start": "2026-03-27T17:30:00Z", "target": "1h", "calendar": "always"} | wrong

    async with world.browser() as browser:
        answer = await browser.post("/v1/due", json=asked)

    assert answer.status_code == 422
    assert said in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/v1/clocks?rep=%00",
        "/v1/clocks?due_before=0001-01-01T00:00:00%2B14:00",
        "/v1/summary?until=0001-01-01T00:00:00Z",
    ],
)
async def test_what_no_database_holds_is_refused(world: World, path: str) -> None:
    await world.settle()

    async with world.browser() as browser:
        answer = await browser.get(path)

    assert answer.status_code == 422


async def test_migrations_go_up_down_and_up_and_agree_with_the_models(database: str) -> None:
    chain = Chain("baton_sla_monitor")

    await upgrade(database, chain)
    differences: Sequence[str] = await check(database, chain)
    await downgrade(database, chain)
    await upgrade(database, chain)

    assert differences == []


def _parts(record: Record) -> tuple[tuple[tuple[str, bytes], ...], bytes]:
    return record.headers, record.value
