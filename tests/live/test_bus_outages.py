"""A bus that dies and returns: nothing is lost, nobody has to restart."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest

from baton.flow.bus import Bus, BusUnavailable, Consumer, Received, Record, TopicSpec
from baton.flow.kafka import KafkaBus
from baton.flow.kafka_settings import KafkaSettings
from baton.flow.postgres_log import PostgresBus
from baton.kernel.clock import SystemClock
from tests.support.kafka import KafkaBroker
from tests.support.postgres import PostgresServer

TOPIC = "outage"
PATIENCE = 60.0


def record(number: int) -> Record:
    return Record(topic=TOPIC, key=b"k", value=b"%d" % number)


async def take_until(consumer: Consumer, got: list[int], count: int) -> None:
    async def take(records: Sequence[Received]) -> None:
        got.extend(int(one.value) for one in records)

    async with asyncio.timeout(PATIENCE):
        while len(set(got)) < count:
            try:
                await consumer.consume(take, max_records=100, wait=timedelta(milliseconds=250))
            except BusUnavailable:
                await asyncio.sleep(0.05)


async def publish_at_last(bus: Bus, number: int) -> int:
    """Publish as the relay does: again until it is taken. Gives how often it failed."""
    failures = 0
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await bus.publish([record(number)])
            except BusUnavailable:
                failures += 1
                await asyncio.sleep(0.05)
            else:
                return failures


async def survives(bus: Bus, kill: Callable[[], object], start: Callable[[], Awaitable[object]]) -> list[int]:
    """Publish and consume, with an outage in the middle. Gives what was consumed, first appearances only."""
    await bus.start()
    await bus.ensure_topics([TopicSpec(TOPIC, 4)])
    consumer = bus.consumer("group", [TOPIC])
    await consumer.start()
    got: list[int] = []
    await bus.publish([record(n) for n in range(10)])
    await take_until(consumer, got, 10)

    await asyncio.to_thread(kill)
    with pytest.raises(BusUnavailable):
        await bus.publish([record(10)])
    with pytest.raises(BusUnavailable):
        await bus.check()
    await start()

    await publish_at_last(bus, 10)
    await take_until(consumer, got, 11)
    await consumer.stop()
    await bus.stop()
    return list(dict.fromkeys(got))


async def test_a_broker_that_was_killed_and_returned_is_used_again(kafka_broker: KafkaBroker) -> None:
    bus = KafkaBus(KafkaSettings(servers=kafka_broker.servers, partitions=4, replication=1))

    got = await survives(bus, kafka_broker.kill, lambda: asyncio.to_thread(kafka_broker.start))

    assert got == list(range(11))


async def test_a_postgresql_that_was_killed_and_returned_is_used_again(postgres_server: PostgresServer) -> None:
    bus = PostgresBus(postgres_server.url, clock=SystemClock())

    got = await survives(bus, postgres_server.kill, lambda: asyncio.to_thread(postgres_server.start))

    assert got == list(range(11))


async def test_without_a_broker_stopping_takes_no_longer_than_its_bound(kafka_broker: KafkaBroker) -> None:
    bus = KafkaBus(KafkaSettings(servers=kafka_broker.servers, partitions=4, replication=1))
    await bus.ensure_topics([TopicSpec(TOPIC, 4)])
    consumer = bus.consumer("group", [TOPIC])
    await bus.publish([record(n) for n in range(3)])
    await take_until(consumer, [], 3)
    await asyncio.to_thread(kafka_broker.kill)

    began = time.monotonic()
    async with asyncio.timeout(PATIENCE):
        await consumer.stop()
        await bus.stop()

    assert time.monotonic() - began < PATIENCE
