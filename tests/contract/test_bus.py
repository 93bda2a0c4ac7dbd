"""One suite over the three buses: what every adapter promises, on real parts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import pytest

from baton.flow.bus import Bus, BusUnavailable, Consumer, Received, Record, TopicSpec
from baton.flow.database import Database
from baton.flow.kafka import KafkaBus
from baton.flow.kafka_settings import KafkaSettings
from baton.flow.memory import MemoryBus
from baton.flow.postgres_log import PostgresBus
from baton.kernel.clock import SystemClock

PARTITIONS = 4
TOPIC, OTHER = "contract.one", "contract.two"
WAIT = timedelta(milliseconds=250)
PATIENCE = 30.0


@dataclass
class Setting:
    """A bus under test, and a way to get another client of the same bus."""

    kind: Literal["memory", "postgres", "kafka"]
    connect: Callable[[], Bus]
    open: list[Bus] = field(default_factory=list)

    async def client(self) -> Bus:
        """One more process' worth of bus."""
        bus = self.connect()
        await bus.start()
        self.open.append(bus)
        return bus


@pytest.fixture
async def setting(made: Setting) -> AsyncIterator[Setting]:
    bus = await made.client()
    specs = [TopicSpec(topic, PARTITIONS, timedelta(days=1)) for topic in (TOPIC, OTHER)]
    await bus.ensure_topics(specs)
    yield made
    for client in made.open:
        await client.stop()


@pytest.fixture(params=["memory", "postgres", "kafka"])
def made(request: pytest.FixtureRequest) -> Setting:
    match request.param:
        case "memory":
            memory = MemoryBus(SystemClock(), partitions=PARTITIONS)
            return Setting("memory", lambda: memory)
        case "postgres":
            url = request.getfixturevalue("database")
            return Setting("postgres", lambda: PostgresBus(url, clock=SystemClock()))
        case _:
            servers, prefix = request.getfixturevalue("kafka_bootstrap"), request.getfixturevalue("topic_prefix")
            settings = KafkaSettings(servers=servers, partitions=PARTITIONS, replication=1, prefix=prefix)
            return Setting("kafka", lambda: KafkaBus(settings))


@pytest.fixture
async def bus(setting: Setting) -> Bus:
    return setting.open[0]


@pytest.fixture
def group(topic_prefix: str) -> str:
    return f"{topic_prefix}group"


def record(number: int, *, key: str | None = None, topic: str = TOPIC, value: bytes | None = None) -> Record:
    body = f"{number}".encode() if value is None else value
    return Record(topic=topic, key=(key or f"k{number % 7}").encode(), value=body)


async def until(done: Callable[[], bool], act: Callable[[], Awaitable[object]]) -> None:
    """Act until it is done, within a bound."""
    async with asyncio.timeout(PATIENCE):
        while not done():
            await act()


@dataclass
class Reader:
    """Consumes into a list."""

    consumer: Consumer
    got: list[Received] = field(default_factory=list)

    async def take(self, records: Sequence[Received]) -> None:
        self.got.extend(records)

    async def step(self) -> int:
        return await self.consumer.consume(self.take, max_records=500, wait=WAIT)

    async def until(self, count: int) -> list[Received]:
        await until(lambda: len(self.got) >= count, self.step)
        return self.got


_joined: list[Consumer] = []


@pytest.fixture(autouse=True)
async def leave_groups() -> AsyncIterator[None]:
    """Whoever joined a group in a test leaves it at its end."""
    yield
    await asyncio.gather(*(consumer.stop() for consumer in _joined))
    _joined.clear()


async def reader_of(bus: Bus, group: str, *, topics: Sequence[str] = (TOPIC,)) -> Reader:
    consumer = bus.consumer(group, topics)
    _joined.append(consumer)
    await consumer.start()
    return Reader(consumer)


def values_by_key(records: Sequence[Received]) -> dict[bytes, list[int]]:
    found: dict[bytes, list[int]] = {}
    for one in records:
        found.setdefault(one.key, []).append(int(one.value))
    return found


async def test_what_is_published_comes_in_the_order_of_its_key(bus: Bus, group: str) -> None:
    await bus.publish([record(n) for n in range(100)])

    got = await (await reader_of(bus, group)).until(100)

    assert all(numbers == sorted(numbers) for numbers in values_by_key(got).values())
    assert sorted(int(one.value) for one in got) == list(range(100))


async def test_headers_and_keys_come_back_byte_by_byte(bus: Bus, group: str) -> None:
    headers = (("empty", b""), ("binary", bytes(range(256))), ("text", "ü".encode()))
    await bus.publish([Record(topic=TOPIC, key="schlüssel".encode(), value=b"\x00\xff", headers=headers)])

    (got,) = await (await reader_of(bus, group)).until(1)

    assert (got.key, got.value, got.headers) == ("schlüssel".encode(), b"\x00\xff", headers)


async def test_a_large_batch_and_a_large_value_pass(bus: Bus, group: str) -> None:
    await bus.publish([record(n) for n in range(5000)])
    await bus.publish([record(0, key="large", value=b"x" * 900_000)])

    got = await (await reader_of(bus, group)).until(5001)

    assert max(len(one.value) for one in got) == 900_000


async def test_records_whose_handling_fails_come_again(bus: Bus, group: str) -> None:
    await bus.publish([record(n, key="k") for n in range(10)])
    reader = await reader_of(bus, group)
    failed: list[int] = []

    async def fail(records: Sequence[Received]) -> None:
        failed.extend(int(one.value) for one in records)
        raise ZeroDivisionError

    async def failing_step() -> None:
        with suppress(ZeroDivisionError):
            await reader.consumer.consume(fail, max_records=500, wait=WAIT)

    await until(lambda: bool(failed), failing_step)
    got = await reader.until(10)

    assert [int(one.value) for one in got] == list(range(10))


async def test_a_record_that_fails_once_does_not_block_those_behind_it(bus: Bus, group: str) -> None:
    await bus.publish([record(n, key="k") for n in range(3)])
    reader = await reader_of(bus, group)
    poisoned = [True]

    async def take(records: Sequence[Received]) -> None:
        if poisoned and any(one.value == b"1" for one in records):
            poisoned.clear()
            raise ValueError("poison")
        reader.got.extend(records)

    async def step() -> None:
        try:
            await reader.consumer.consume(take, max_records=500, wait=WAIT)
        except ValueError:
            assert not poisoned

    await until(lambda: len(reader.got) >= 3, step)

    assert [int(one.value) for one in reader.got] == [0, 1, 2]


async def test_a_member_that_dies_before_marking_leaves_its_records_to_the_next(
    setting: Setting, bus: Bus, group: str
) -> None:
    await bus.publish([record(n, key="k") for n in range(20)])
    first = await reader_of(await setting.client(), group)
    seen: list[int] = []

    async def die(records: Sequence[Received]) -> None:
        seen.extend(int(one.value) for one in records)
        raise KeyboardInterrupt

    async def step() -> None:
        try:
            await first.consumer.consume(die, max_records=500, wait=WAIT)
        except KeyboardInterrupt:
            await first.consumer.stop()

    await until(lambda: bool(seen), step)
    got = await (await reader_of(await setting.client(), group)).until(20)

    assert [int(one.value) for one in got] == list(range(20))


async def test_a_member_that_leaves_hands_over_without_repeating(setting: Setting, bus: Bus, group: str) -> None:
    first = await reader_of(await setting.client(), group)
    await bus.publish([record(n) for n in range(50)])
    await first.until(50)
    await first.consumer.stop()
    await bus.publish([record(n) for n in range(50, 80)])

    got = await (await reader_of(await setting.client(), group)).until(30)

    assert sorted(int(one.value) for one in got) == list(range(50, 80))


async def test_members_that_come_and_go_lose_nothing_and_keep_the_order_of_keys(
    setting: Setting, bus: Bus, group: str
) -> None:
    got: list[Received] = []
    readers: list[Reader] = []

    async def join() -> "asyncio.Task[None]":
        reader = await reader_of(await setting.client(), group)
        reader.got = got
        readers.append(reader)

        async def run() -> None:
            while True:
                await reader.step()

        return asyncio.create_task(run())

    first = await join()
    for start in range(0, 150, 10):
        await bus.publish([record(n) for n in range(start, start + 10)])
    second = await join()
    for start in range(150, 300, 10):
        await bus.publish([record(n) for n in range(start, start + 10)])
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await readers[0].consumer.stop()
    await until(lambda: {int(one.value) for one in got} == set(range(300)), lambda: asyncio.sleep(0.01))
    second.cancel()

    firsts = {key: list(dict.fromkeys(numbers)) for key, numbers in values_by_key(got).items()}
    assert all(numbers == sorted(numbers) for numbers in firsts.values())


async def test_every_lane_has_exactly_one_owner(setting: Setting, group: str) -> None:
    readers = [await reader_of(await setting.client(), group, topics=(TOPIC, OTHER)) for _ in range(2)]
    whole = frozenset({0}) if setting.kind == "postgres" else frozenset(range(PARTITIONS))

    async def step() -> None:
        await asyncio.gather(*(reader.step() for reader in readers))

    def settled() -> bool:
        owned = [lane for reader in readers for lane in reader.consumer.lanes]
        shared = setting.kind == "postgres" or all(reader.consumer.lanes for reader in readers)
        return shared and sorted(owned) == sorted(whole)

    await until(settled, step)


async def test_two_groups_both_get_everything_from_the_earliest(bus: Bus, group: str) -> None:
    await bus.publish([record(n) for n in range(5)])

    got = [await (await reader_of(bus, group + name)).until(5) for name in ("a", "b")]

    assert [len(records) for records in got] == [5, 5]


async def test_reading_outside_a_group_gives_all_then_what_comes(bus: Bus) -> None:
    await bus.publish([record(n, key="k") for n in range(5)])

    so_far = [int(one.value) async for one in bus.read(TOPIC, follow=False)]
    following = bus.read(TOPIC, follow=True)
    async with asyncio.timeout(PATIENCE):
        first = [int((await anext(following)).value) for _ in range(5)]
        await bus.publish([record(5, key="k")])
        then = int((await anext(following)).value)

    assert (so_far, first, then) == (list(range(5)), list(range(5)), 5)


async def test_depths_count_what_a_group_has_not_handled(bus: Bus, group: str) -> None:
    await bus.publish([record(n) for n in range(8)])
    before = await bus.depths(group, [TOPIC, OTHER])
    reader = await reader_of(bus, group, topics=(TOPIC, OTHER))
    await reader.until(8)
    await reader.consumer.stop()

    after = await bus.depths(group, [TOPIC, OTHER])

    assert (before, after) == ({TOPIC: 8, OTHER: 0}, {TOPIC: 0, OTHER: 0})


async def test_an_append_is_part_of_the_callers_transaction(database: str, group: str) -> None:
    bus = PostgresBus(database, clock=SystemClock())
    await bus.start()
    await bus.ensure_topics([TopicSpec(TOPIC, 1)])
    db = Database(database, schema="public")
    await db.start()

    async def undone() -> None:
        async with db.transaction() as connection:
            await bus.append(connection, [record(1)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await undone()
    async with db.transaction() as connection:
        await bus.append(connection, [record(2)])
    bus.announce()
    got = await (await reader_of(bus, group)).until(1)

    assert [one.value for one in got] == [b"2"]
    await bus.stop()
    await db.stop()


async def test_positions_in_the_log_follow_the_order_of_commits(database: str) -> None:
    bus = PostgresBus(database, clock=SystemClock())
    await bus.start()
    await bus.ensure_topics([TopicSpec(TOPIC, 1)])

    await asyncio.gather(*(bus.publish([record(n), record(n)]) for n in range(40)))
    offsets = [one.offset async for one in bus.read(TOPIC, follow=False)]

    assert offsets == list(range(80))
    await bus.stop()


async def test_a_memory_bus_that_is_away_says_so_and_comes_back(group: str) -> None:
    bus = MemoryBus(SystemClock())
    bus.go_away()
    with pytest.raises(BusUnavailable):
        await bus.publish([record(1)])

    bus.come_back()
    await bus.publish([record(1)])
    reader = await reader_of(bus, group)
    await reader.until(1)

    await bus.join()
    assert [one.value for one in reader.got] == [b"1"]
