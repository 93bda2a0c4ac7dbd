"""What only the bus in memory promises: it can be told to be away, waits for its groups, and forgets by its clock."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from baton.flow.bus import BusUnavailable, TopicSpec
from baton.flow.memory import MemoryBus
from baton.kernel.clock import ManualClock
from tests.support.buses import PATIENCE, TOPIC, Reader, numbers, record

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def memory(clock: ManualClock) -> MemoryBus:
    return MemoryBus(clock)


async def reader_of(memory: MemoryBus, group: str) -> Reader:
    reader = Reader(memory.consumer(group, [TOPIC]))
    await reader.consumer.start()
    return reader


async def test_it_says_so_when_it_is_away_and_comes_back(memory: MemoryBus) -> None:
    reader = await reader_of(memory, "group")

    memory.go_away()
    with pytest.raises(BusUnavailable):
        await memory.publish([record(1)])
    with pytest.raises(BusUnavailable):
        await reader.step()
    memory.come_back()
    await memory.publish([record(2)])
    await reader.until(1)

    assert numbers(reader.got) == [2]


async def test_following_a_topic_survives_its_absence(memory: MemoryBus) -> None:
    await memory.publish([record(1)])
    following = memory.read(TOPIC, follow=True)
    first = await anext(following)

    memory.go_away()
    waiting = asyncio.ensure_future(anext(following))
    memory.come_back()
    await memory.publish([record(2)])
    async with asyncio.timeout(PATIENCE):
        second = await waiting

    assert numbers([first, second]) == [1, 2]


async def test_join_returns_when_every_group_has_handled_everything(memory: MemoryBus) -> None:
    one, other = await reader_of(memory, "one"), await reader_of(memory, "other")
    await memory.publish([record(1), record(2)])
    joining = asyncio.create_task(memory.join())

    await one.until(2)
    early = joining.done()
    await other.until(2)
    async with asyncio.timeout(PATIENCE):
        await joining

    assert not early


async def test_nothing_to_give_and_no_time_to_wait_is_an_answer_at_once(memory: MemoryBus) -> None:
    reader = await reader_of(memory, "group")

    handled = await reader.consumer.consume(reader.take, max_records=1, wait=timedelta(0))

    assert handled == 0


async def test_it_forgets_what_is_past_its_retention_and_goes_on_counting(
    memory: MemoryBus, clock: ManualClock
) -> None:
    await memory.ensure_topics([TopicSpec(TOPIC, 1, timedelta(days=1))])
    await memory.publish([record(1), record(2)])
    clock.advance(timedelta(days=1, seconds=1))
    await memory.publish([record(3)])

    forgotten = memory.trim()
    reader = await reader_of(memory, "late")
    await reader.until(1)

    assert (forgotten, numbers(reader.got), reader.got[0].offset) == (2, [3], 2)
    assert await memory.depths("late", [TOPIC]) == {TOPIC: 0}


async def test_a_compacted_topic_keeps_the_last_of_each_key(memory: MemoryBus) -> None:
    await memory.ensure_topics([TopicSpec(TOPIC, 1, None, compacted=True)])
    await memory.publish([record(1, key="a"), record(2, key="b"), record(3, key="a")])

    memory.trim()

    assert numbers([one async for one in memory.read(TOPIC, follow=False)]) == [2, 3]


async def test_it_forgets_what_every_group_has_handled_and_nothing_else(memory: MemoryBus) -> None:
    quick, slow = await reader_of(memory, "quick"), await reader_of(memory, "slow")
    await memory.publish([record(number) for number in range(3)])
    await quick.until(3)
    await slow.consumer.consume(slow.take, max_records=1, wait=timedelta(0))

    forgotten = memory.forget_handled()
    left = [each async for each in memory.read(TOPIC, follow=False)]
    await slow.until(3)
    await memory.publish([record(3)])
    await quick.until(4)
    await slow.until(4)

    assert (forgotten, numbers(left)) == (1, [1, 2])
    assert numbers(quick.got) == numbers(slow.got) == [0, 1, 2, 3]


async def test_it_keeps_what_no_group_reads(memory: MemoryBus) -> None:
    await memory.publish([record(1)])

    assert memory.forget_handled() == 0
    assert len([each async for each in memory.read(TOPIC, follow=False)]) == 1
