"""A bus of each kind, for the suites over all of them."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from baton.flow.bus import Bus, TopicSpec
from baton.flow.kafka import KafkaBus
from baton.flow.kafka_settings import KafkaSettings
from baton.flow.memory import MemoryBus
from baton.flow.postgres_log import PostgresBus
from baton.kernel.clock import SystemClock
from tests.support.buses import OTHER, PARTITIONS, TOPIC, Setting


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
            settings = request.getfixturevalue("kafka_settings")
            return Setting("kafka", lambda: KafkaBus(settings))


@pytest.fixture
async def setting(made: Setting) -> AsyncIterator[Setting]:
    bus = await made.client()
    await bus.ensure_topics([TopicSpec(topic, PARTITIONS, timedelta(days=1)) for topic in (TOPIC, OTHER)])
    yield made
    await made.close()


@pytest.fixture
async def bus(setting: Setting) -> Bus:
    return setting.open[0]


@pytest.fixture
def group(topic_prefix: str) -> str:
    return f"{topic_prefix}group"


@pytest.fixture
def kafka_settings(kafka_bootstrap: str, topic_prefix: str) -> KafkaSettings:
    """The shared broker, under a prefix of the test's own."""
    return KafkaSettings(servers=kafka_bootstrap, partitions=PARTITIONS, replication=1, prefix=topic_prefix)
