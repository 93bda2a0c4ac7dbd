"""One suite over the three buses: what every adapter promises, on real parts."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from baton.flow.bus import MAX_RECORD_BYTES, Bus, Received, Record, RecordTooLarge
from tests.support.buses import (
    OTHER,
    PARTITIONS,
    PATIENCE,
    TOPIC,
    WAIT,
    Setting,
    numbers,
    record,
    until,
    values_by_key,
)


async def test_what_is_published_comes_in_the_order_of_its_key(setting: Setting, bus: Bus, group: str) -> None:
    await bus.publish([record(n) for n in range(100)])

    got = await (await setting.reader(group, bus=bus)).until(100)

    assert all(told == sorted(told) for told in values_by_key(got).values())
    assert sorted(numbers(got)) == list(range(100))


async def test_headers_and_keys_come_back_byte_by_byte(setting: Setting, bus: Bus, group: str) -> None:
    headers = (("empty", b""), ("binary", bytes(range(256))), ("text", "ü".encode()))
    await bus.publish([Record(topic=TOPIC, key="schlüssel".encode(), value=b"\x00\xff", headers=headers)])

    (got,) = await (await setting.reader(group, bus=bus)).until(1)

    assert (got.key, got.value, got.headers) == ("schlüssel".encode(), b"\x00\xff", headers)


async def test_a_large_batch_and_a_large_value_pass(setting: Setting, bus: Bus, group: str) -> None:
    await bus.publish([record(n) for n in range(5000)])
    await bus.publish([record(0, key="large", value=b"x" * 900_000)])

    got = await (await setting.reader(group, bus=bus)).until(5001)

    assert max(len(one.value) for one in got) == 900_000


async def test_what_is_too_large_for_every_bus_is_refused_and_stops_nothing_else(bus: Bus) -> None:
    with pytest.raises(RecordTooLarge, match=r"contract\.one has 8,388,609 bytes, and at most 8,388,608 go"):
        await bus.publish([record(1, key="k", value=b"x" * (MAX_RECORD_BYTES))])

    await bus.publish([record(2, key="k", value=b"2" + b" " * (MAX_RECORD_BYTES - 2))])

    assert numbers([one async for one in bus.read(TOPIC, follow=False)]) == [2]


async def test_records_whose_handling_fails_come_again(setting: Setting, bus: Bus, group: str) -> None:
    await bus.publish([record(n, key="k") for n in range(10)])
    reader = await setting.reader(group, bus=bus)
    failed: list[int] = []

    async def fail(records: Sequence[Received]) -> None:
        failed.extend(numbers(records))
        raise ZeroDivisionError

    async def failing_step() -> None:
        with suppress(ZeroDivisionError):
            await reader.consumer.consume(fail, max_records=500, wait=WAIT)

    await until(lambda: bool(failed), failing_step)
    got = await reader.until(10)

    assert numbers(got) == list(range(10))


async def test_a_record_that_fails_once_does_not_block_those_behind_it(setting: Setting, bus: Bus, group: str) -> None:
    await bus.publish([record(n, key="k") for n in range(3)])
    reader = await setting.reader(group, bus=bus)
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

    assert numbers(reader.got) == [0, 1, 2]


async def test_a_member_that_dies_before_marking_leaves_its_records_to_the_next(
    setting: Setting, bus: Bus, group: str
) -> None:
    await bus.publish([record(n, key="k") for n in range(20)])
    first = await setting.reader(group)
    seen: list[int] = []

    async def die(records: Sequence[Received]) -> None:
        seen.extend(numbers(records))
        raise KeyboardInterrupt

    async def step() -> None:
        try:
            await first.consumer.consume(die, max_records=500, wait=WAIT)
        except KeyboardInterrupt:
            await first.consumer.stop()

    await until(lambda: bool(seen), step)
    got = await (await setting.reader(group)).until(20)

    assert numbers(got) == list(range(20))


async def test_a_member_that_leaves_hands_over_without_repeating(setting: Setting, bus: Bus, group: str) -> None:
    first = await setting.reader(group)
    await bus.publish([record(n) for n in range(50)])
    await first.until(50)
    await first.consumer.stop()
    await bus.publish([record(n) for n in range(50, 80)])

    got = await (await setting.reader(group)).until(30)

    assert sorted(numbers(got)) == list(range(50, 80))


async def test_members_that_come_and_go_lose_nothing_and_keep_the_order_of_keys(
    setting: Setting, bus: Bus, group: str
) -> None:
    first, second = await setting.reader(group), await setting.reader(group)
    second.got = got = first.got

    running = asyncio.create_task(first.run())
    await bus.publish([record(n) for n in range(100)])
    joining = asyncio.create_task(second.run())
    for start in range(100, 300, 10):
        await bus.publish([record(n) for n in range(start, start + 10)])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await first.consumer.stop()
    await until(lambda: set(numbers(got)) == set(range(300)), lambda: asyncio.sleep(0.01))
    joining.cancel()

    firsts = {key: list(dict.fromkeys(told)) for key, told in values_by_key(got).items()}
    assert all(told == sorted(told) for told in firsts.values())


async def test_a_newcomer_waits_for_the_batch_in_hand(setting: Setting, bus: Bus, group: str) -> None:
    first = await setting.reader(group)
    await bus.publish([record(n) for n in range(50)])
    in_hand, release, in_hands = asyncio.Event(), asyncio.Event(), set[int]()

    async def hold(records: Sequence[Received]) -> None:
        in_hands.update(numbers(records))
        in_hand.set()
        await release.wait()
        first.got.extend(records)

    async def hold_on() -> None:
        await first.consumer.consume(hold, max_records=500, wait=WAIT)

    holding = asyncio.create_task(until(in_hand.is_set, hold_on))
    await in_hand.wait()
    second = await setting.reader(group)
    for _ in range(5):
        await second.step()
    early = in_hands & set(numbers(second.got))
    release.set()
    await holding
    running = [asyncio.create_task(reader.run()) for reader in (first, second)]
    await until(lambda: len(first.got + second.got) >= 50, lambda: asyncio.sleep(0.01))
    await bus.publish([record(n) for n in range(50, 100)])
    await until(lambda: len(first.got + second.got) >= 100, lambda: asyncio.sleep(0.01))
    for task in running:
        task.cancel()

    assert not early
    assert sorted(numbers(first.got + second.got)) == list(range(100))


async def test_every_lane_has_exactly_one_owner(setting: Setting, group: str) -> None:
    readers = [await setting.reader(group, topics=(TOPIC, OTHER)) for _ in range(2)]
    whole = frozenset({0}) if setting.kind == "postgres" else frozenset(range(PARTITIONS))

    async def step() -> None:
        await asyncio.gather(*(reader.step() for reader in readers))

    def settled() -> bool:
        owned = [lane for reader in readers for lane in reader.consumer.lanes]
        shared = setting.kind == "postgres" or all(reader.consumer.lanes for reader in readers)
        return shared and sorted(owned) == sorted(whole)

    await until(settled, step)


async def test_two_groups_both_get_everything_from_the_earliest(setting: Setting, bus: Bus, group: str) -> None:
    await bus.publish([record(n) for n in range(5)])

    got = [await (await setting.reader(group + name, bus=bus)).until(5) for name in ("a", "b")]

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


async def test_depths_count_what_a_group_has_not_handled(setting: Setting, bus: Bus, group: str) -> None:
    await bus.publish([record(n) for n in range(8)])
    before = await bus.depths(group, [TOPIC, OTHER])
    reader = await setting.reader(group, topics=(TOPIC, OTHER), bus=bus)
    await reader.until(8)
    await reader.consumer.stop()

    after = await bus.depths(group, [TOPIC, OTHER])

    assert (before, after) == ({TOPIC: 8, OTHER: 0}, {TOPIC: 0, OTHER: 0})
