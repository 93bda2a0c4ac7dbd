"""What only Kafka's adapter promises: topics as asked for, lanes that go together, a session that the broker allows."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import ConsumerRecord

from baton.flow.bus import Bus, RecordTooLarge, TopicSpec
from baton.flow.kafka import KafkaBus
from baton.flow.kafka_reader import received
from baton.flow.kafka_settings import KafkaSettings
from tests.support.buses import OTHER, PARTITIONS, TOPIC, Setting, numbers, record, until


@pytest.fixture
async def setting(kafka_settings: KafkaSettings) -> AsyncIterator[Setting]:
    made = Setting("kafka", lambda: KafkaBus(kafka_settings))
    bus = await made.client()
    await bus.ensure_topics([TopicSpec(topic, PARTITIONS) for topic in (TOPIC, OTHER)])
    yield made
    await made.close()


@pytest.fixture
async def bus(setting: Setting) -> Bus:
    return setting.open[0]


async def configuration(settings: KafkaSettings, topic: str) -> dict[str, str]:
    """A topic's settings, as soon as the broker has heard of it from its controller."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.servers)
    await admin.start()
    try:
        async with asyncio.timeout(10):
            while True:
                resource = ConfigResource(ConfigResourceType.TOPIC, settings.prefix + topic)
                (answer,) = await admin.describe_configs([resource])
                ((_, _, _, _, entries),) = answer.resources
                if entries:
                    return {entry[0]: entry[1] for entry in entries}
                await asyncio.sleep(0.05)
    finally:
        await admin.close()


async def test_a_topic_is_kept_as_its_spec_says(bus: Bus, kafka_settings: KafkaSettings) -> None:
    await bus.ensure_topics([TopicSpec("kept", 1, None, compacted=True), TopicSpec("left", 1, timedelta(hours=1))])

    kept, left = [await configuration(kafka_settings, topic) for topic in ("kept", "left")]

    assert (kept["cleanup.policy"], kept["retention.ms"]) == ("compact", "-1")
    assert (left["cleanup.policy"], left["retention.ms"]) == ("delete", "3600000")


async def test_without_a_replication_a_topic_has_the_brokers(kafka_settings: KafkaSettings) -> None:
    bus = KafkaBus(dataclasses.replace(kafka_settings, replication=None))
    await bus.start()

    await bus.ensure_topics([TopicSpec("plain", 2, timedelta(hours=1))])

    assert (await configuration(kafka_settings, "plain"))["retention.ms"] == "3600000"
    await bus.stop()


async def test_a_topic_with_other_partitions_is_a_wrong_setting(bus: Bus) -> None:
    with pytest.raises(ValueError, match=r"contract\.one has 4, not 5"):
        await bus.ensure_topics([TopicSpec(TOPIC, PARTITIONS + 1)])


async def test_a_record_lies_in_the_lane_of_its_key_whatever_the_topic(setting: Setting, bus: Bus, group: str) -> None:
    await bus.publish([record(n, topic=topic) for n in range(50) for topic in (TOPIC, OTHER)])
    reader = await setting.reader(group, topics=(TOPIC, OTHER))

    got = await reader.until(100)

    assert all(one.partition == bus.lane(one.key) for one in got)


def test_what_is_null_in_a_record_of_a_stranger_is_empty() -> None:
    raw = ConsumerRecord(TOPIC, 0, 7, 0, 0, None, None, None, -1, -1, (("ce_id", None),))

    got = received(raw, "")

    assert (got.key, got.value, got.headers) == (b"", b"", (("ce_id", b""),))


async def test_a_topic_with_one_partition_takes_every_key(bus: Bus) -> None:
    await bus.ensure_topics([TopicSpec("narrow", 1)])

    await bus.publish([record(n, topic="narrow") for n in range(20)])

    assert numbers([one async for one in bus.read("narrow", follow=False)]) == list(range(20))


async def test_a_member_gets_the_same_lanes_of_all_topics(setting: Setting, bus: Bus, group: str) -> None:
    one, other = [await setting.reader(group, topics=(TOPIC, OTHER)) for _ in range(2)]
    await until(lambda: bool(one.consumer.lanes and other.consumer.lanes), one.step)
    await bus.publish([record(n, topic=topic) for n in range(50) for topic in (TOPIC, OTHER)])

    async def both() -> None:
        await one.step()
        await other.step()

    await until(lambda: len(one.got + other.got) >= 100, both)

    assert {received.partition for received in one.got} <= one.consumer.lanes
    assert not one.consumer.lanes & other.consumer.lanes


async def test_a_session_that_the_broker_refuses_becomes_one_that_it_takes(
    setting: Setting, bus: Bus, kafka_settings: KafkaSettings, group: str
) -> None:
    hasty = KafkaBus(dataclasses.replace(kafka_settings, session_timeout=timedelta(milliseconds=500)))
    await bus.publish([record(1)])

    reader = await setting.reader(group, bus=hasty)
    await reader.until(1)

    assert numbers(reader.got) == [1]


async def test_what_a_topic_of_somebody_elses_is_too_small_for_is_too_large(
    bus: Bus, kafka_settings: KafkaSettings
) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_settings.servers)
    await admin.start()
    narrow = {"max.message.bytes": "100000"}
    await admin.create_topics([NewTopic(kafka_settings.prefix + "theirs", 1, 1, topic_configs=narrow)])
    await admin.close()

    with pytest.raises(RecordTooLarge, match="theirs has more bytes than the broker allows"):
        await bus.publish([record(1, topic="theirs", value=b"x" * 200_000)])

    await bus.publish([record(2, topic="theirs")])
    assert numbers([one async for one in bus.read("theirs", follow=False)]) == [2]


async def test_a_member_with_a_new_client_goes_on_where_it_was(setting: Setting, bus: Bus, group: str) -> None:
    first = await setting.reader(group)
    await bus.publish([record(n) for n in range(30)])
    await first.until(30)
    await first.consumer.stop()
    await bus.publish([record(n) for n in range(30, 40)])

    second = await setting.reader(group)

    assert sorted(numbers(await second.until(10))) == list(range(30, 40))
