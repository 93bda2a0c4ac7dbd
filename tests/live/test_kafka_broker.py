import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.support.kafka import KafkaBroker

pytestmark = pytest.mark.slow


async def create_topic(servers: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def produce(servers: str, topic: str, *values: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        async with asyncio.timeout(30):
            for value in values:
                await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def consume(servers: str, topic: str, *, group: str, count: int) -> list[bytes | None]:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=servers, group_id=group, auto_offset_reset="earliest",
        enable_auto_commit=False, session_timeout_ms=1_000, heartbeat_interval_ms=300,
    )  # fmt: skip
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            values = [(await consumer.getone()).value for _ in range(count)]
            await consumer.commit()
            return values
    finally:
        await consumer.stop()


async def test_a_broker_killed_and_restarted_keeps_records_and_offsets(
    kafka_broker: KafkaBroker, topic_prefix: str
) -> None:
    topic, group = f"{topic_prefix}leads", f"{topic_prefix}group"
    await create_topic(kafka_broker.servers, topic)
    await produce(kafka_broker.servers, topic, b"1", b"2")
    assert await consume(kafka_broker.servers, topic, group=group, count=1) == [b"1"]

    kafka_broker.kill()
    await asyncio.to_thread(kafka_broker.start)
    await produce(kafka_broker.servers, topic, b"3")

    assert await consume(kafka_broker.servers, topic, group=group, count=2) == [b"2", b"3"]


async def test_a_broker_restarts_cleanly_at_the_same_address(kafka_broker: KafkaBroker, topic_prefix: str) -> None:
    topic, address = f"{topic_prefix}leads", kafka_broker.servers
    await create_topic(address, topic)
    await produce(address, topic, b"1")

    await asyncio.to_thread(kafka_broker.restart)

    assert kafka_broker.servers == address
    assert await consume(address, topic, group=topic_prefix, count=1) == [b"1"]


async def test_tests_share_a_broker_under_prefixes_of_their_own(kafka_bootstrap: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}leads"
    await create_topic(kafka_bootstrap, topic)

    await produce(kafka_bootstrap, topic, b"mine")

    assert await consume(kafka_bootstrap, topic, group=topic_prefix, count=1) == [b"mine"]
