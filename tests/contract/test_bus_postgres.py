"""What only the log in PostgreSQL promises: positions in the order of commits, one owner a group, a short log."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from baton.flow import postgres_consumer, postgres_trimming
from baton.flow.bus import BusUnavailable, Record, TopicSpec
from baton.flow.database import Database
from baton.flow.postgres_log import PostgresBus
from baton.flow.writes import Writes
from baton.kernel.clock import ManualClock, SystemClock
from tests.support.buses import OTHER, TOPIC, Setting, numbers, record, until


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
async def setting(database: str, clock: ManualClock) -> AsyncIterator[Setting]:
    made = Setting("postgres", lambda: PostgresBus(database, clock=clock))
    bus = await made.client()
    await bus.ensure_topics([TopicSpec(topic, 1, timedelta(days=1)) for topic in (TOPIC, OTHER)])
    yield made
    await made.close()


@pytest.fixture
async def bus(setting: Setting) -> PostgresBus:
    (bus,) = setting.open
    assert isinstance(bus, PostgresBus)
    return bus


@pytest.fixture
async def service(database: str) -> AsyncIterator[Database]:
    """The database as a service has it, with a schema of its own."""
    service = Database(database, schema="public")
    await service.start()
    yield service
    await service.stop()


@pytest.fixture
async def behind(database: str, clock: ManualClock) -> AsyncIterator[PostgresBus]:
    """Another process of the same machine, as it were, with a clock that is an hour late."""
    behind = PostgresBus(database, clock=ManualClock(clock.now() - timedelta(hours=1)))
    await behind.start()
    yield behind
    await behind.stop()


@pytest.fixture
def thin_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_trimming, "SLICE", 3)


async def offsets(bus: PostgresBus, topic: str) -> list[int]:
    return [one.offset async for one in bus.read(topic, follow=False)]


async def test_an_append_is_part_of_the_callers_transaction(
    setting: Setting, bus: PostgresBus, service: Database, group: str
) -> None:
    async def undone() -> None:
        async with service.transaction() as connection:
            await bus.append(connection, [record(1)], writes=Writes())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await undone()
    async with service.transaction() as connection:
        await bus.append(connection, [record(2)], writes=Writes())
    bus.announce({TOPIC})
    reader = await setting.reader(group, bus=bus)

    assert numbers(await reader.until(1)) == [2]


async def test_without_a_transaction_writes_and_records_are_there_together_or_not_at_all(
    bus: PostgresBus, service: Database
) -> None:
    writes = Writes()
    async with service.connection() as connection:
        await connection.execute("create table notes (said text)")
        writes.add("insert into notes select $1::text", "undone")
        with pytest.raises(BusUnavailable, match="no topic"):
            await bus.append(connection, [record(1), record(1, topic="nowhere")], writes=writes)
        writes.add("insert into notes select $1::text", "done")
        await bus.append(connection, [record(2)], writes=writes)
        said = await connection.fetch("select said from notes")

    assert [row["said"] for row in said] == ["done"]
    assert await offsets(bus, TOPIC) == [0]


async def test_positions_follow_the_order_of_commits_without_gaps(bus: PostgresBus) -> None:
    await asyncio.gather(*(bus.publish([record(n), record(n, topic=OTHER), record(n)]) for n in range(40)))

    assert await offsets(bus, TOPIC) == list(range(80))
    assert await offsets(bus, OTHER) == list(range(40))


async def test_appends_to_several_topics_never_wait_for_each_other_in_a_circle(bus: PostgresBus) -> None:
    one_way = [record(1, topic=TOPIC), record(2, topic=OTHER)]

    await asyncio.gather(*(bus.publish(one_way if n % 2 else one_way[::-1]) for n in range(60)))

    assert (await offsets(bus, TOPIC), await offsets(bus, OTHER)) == (list(range(60)), list(range(60)))


async def test_a_clock_that_goes_back_hides_no_record(
    setting: Setting, bus: PostgresBus, behind: PostgresBus, group: str
) -> None:
    await bus.publish([record(0)])
    await behind.publish([record(1), record(2), record(3, topic=OTHER), record(4, topic=OTHER)])
    reader = await setting.reader(group, topics=(TOPIC, OTHER), bus=bus)

    async def two_at_a_time() -> None:
        await reader.consumer.consume(reader.take, max_records=2, wait=timedelta(0))

    await until(lambda: len(reader.got) >= 5, two_at_a_time)

    assert [int(one.value) for one in reader.got if one.topic == TOPIC] == [0, 1, 2]
    assert sorted(numbers(reader.got)) == list(range(5))


async def test_large_records_come_in_batches_that_fit_into_memory(
    setting: Setting, bus: PostgresBus, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_consumer, "_POLL_BYTES", 2500)
    await bus.publish([record(n, value=b"%04d" % n * 250) for n in range(10)])
    reader = await setting.reader(group, bus=bus)

    await reader.until(1)

    assert len(reader.got) == 3


async def test_a_stand_by_takes_over_when_the_owners_connection_ends(
    setting: Setting, bus: PostgresBus, database: str, group: str
) -> None:
    await bus.publish([record(1)])
    owner, stand_by = await setting.reader(group), await setting.reader(group)
    await owner.until(1)
    await stand_by.step()
    idle = stand_by.consumer.lanes

    await cut_off(database, group)
    await bus.publish([record(2)])
    await stand_by.until(1)

    assert (idle, stand_by.consumer.lanes, owner.consumer.lanes) == (frozenset(), frozenset({0}), frozenset())
    assert numbers(stand_by.got) == [2]


async def test_an_owner_that_lost_its_lock_marks_nothing(
    setting: Setting, bus: PostgresBus, database: str, group: str
) -> None:
    await bus.publish([record(1)])
    owner, heir = await setting.reader(group), await setting.reader(group)

    async def be_cut_off(_: object) -> None:
        await cut_off(database, group)

    async def step() -> None:
        await owner.consumer.consume(be_cut_off, max_records=1, wait=timedelta(seconds=1))

    with pytest.raises(BusUnavailable):
        await until(lambda: False, step)
    await heir.until(1)

    assert numbers(heir.got) == [1]


async def test_a_topic_that_is_not_there_is_said_to_be_missing(bus: PostgresBus) -> None:
    with pytest.raises(BusUnavailable, match=r"contract\.none"):
        await bus.publish([record(1, topic="contract.none")])


async def test_several_processes_may_make_the_tables_at_once(database: str) -> None:
    buses = [PostgresBus(database, clock=SystemClock()) for _ in range(4)]
    for bus in buses:
        await bus.start()

    await asyncio.gather(*(bus.ensure_topics([TopicSpec(TOPIC, 1)]) for bus in buses))

    await buses[0].publish([record(1)])
    assert await offsets(buses[3], TOPIC) == [0]
    await asyncio.gather(*(bus.stop() for bus in buses))


@pytest.mark.usefixtures("thin_slices")
async def test_records_past_their_retention_go_slice_by_slice_and_positions_go_on(
    setting: Setting, bus: PostgresBus, clock: ManualClock, group: str
) -> None:
    await bus.publish([record(n) for n in range(10)])
    clock.advance(timedelta(days=1, seconds=1))

    deleted = await bus.trim()
    await bus.publish([record(10)])
    waiting = await bus.depths(group, [TOPIC])
    reader = await setting.reader(group, bus=bus)
    await reader.until(1)

    assert (deleted, waiting, numbers(reader.got), reader.got[0].offset) == (10, {TOPIC: 1}, [10], 10)


async def test_what_is_within_its_retention_stays(bus: PostgresBus, clock: ManualClock) -> None:
    await bus.publish([record(1)])
    clock.advance(timedelta(hours=23))

    assert await bus.trim() == 0


async def test_a_compacted_topic_keeps_the_last_of_each_key(bus: PostgresBus) -> None:
    await bus.ensure_topics([TopicSpec(TOPIC, 1, None, compacted=True)])
    await bus.publish([Record(TOPIC, key, b"%d" % n) for n, key in enumerate([b"a", b"b", b"a", b"c", b"b"])])

    deleted = await bus.trim()

    assert (deleted, await offsets(bus, TOPIC)) == (2, [2, 3, 4])


async def test_records_of_another_process_wake_who_waits_for_them(
    setting: Setting, bus: PostgresBus, group: str
) -> None:
    waiting = await setting.reader(group)
    await waiting.step()

    await bus.publish([record(1)])

    assert numbers(await waiting.until(1)) == [1]


async def cut_off(database: str, group: str) -> None:
    """End the session that owns the group, as a machine that dies would."""
    connection = await asyncpg.connect(database)
    await connection.execute(
        "select pg_terminate_backend(a.pid) from pg_stat_activity a join pg_locks l on l.pid = a.pid"
        " where l.locktype = 'advisory' and l.granted and a.application_name = $1",
        f"baton-bus-{group}",
    )
    await connection.close()
