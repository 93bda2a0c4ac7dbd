"""The bus on Apache Kafka, by aiokafka.

Every await on aiokafka has a bound: with a dead broker its `stop()` and `commit()` may wait for ever, or raise a
`CancelledError` that nobody sent, and an idempotent producer's send never times out. A client that fails is torn down
and made anew behind the scenes, so that a broker may die and return without a restart here.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final

from baton.flow.bus import Consumer, Received, Record, TopicSpec
from baton.flow.database import Connection
from baton.flow.kafka_calls import background_finished
from baton.flow.kafka_cluster import KafkaCluster
from baton.flow.kafka_consumer import KafkaConsumer
from baton.flow.kafka_producer import KafkaPublisher
from baton.flow.kafka_reader import TopicReader
from baton.flow.kafka_settings import KafkaSettings
from baton.flow.writes import Writes
from baton.kernel.murmur import murmur2


class KafkaBus:
    """Publishes, makes topics, and hands out consumers."""

    appends_in_transaction: Final = False

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._publisher = KafkaPublisher(settings)
        self._cluster = KafkaCluster(settings)

    async def start(self) -> None:
        self._publisher.start()

    async def stop(self) -> None:
        await self._publisher.stop()
        await self._cluster.stop()
        await background_finished()

    async def check(self) -> None:
        await self._cluster.check()

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        there = await self._cluster.topics([topic.name for topic in topics])
        wrong = [topic for topic in topics if there.get(topic.name, topic.partitions) != topic.partitions]
        if wrong:
            told = ", ".join(f"{topic.name} has {there[topic.name]}, not {topic.partitions}" for topic in wrong)
            raise ValueError(f"partitions differ from BATON_PARTITIONS: {told}")
        missing = [topic for topic in topics if topic.name not in there]
        if missing:
            await self._cluster.create(missing)

    def lane(self, key: bytes) -> int:
        return murmur2(key) % self._settings.partitions

    async def publish(self, records: Sequence[Record]) -> None:
        if records:
            await self._publisher.publish(records)

    async def append(self, connection: Connection, records: Sequence[Record], *, writes: Writes) -> None:
        raise NotImplementedError("Kafka takes part in no transaction of the database: use the outbox")

    def announce(self, topics: Collection[str]) -> None:
        """Nothing is ever appended."""

    def consumer(self, group: str, topics: Sequence[str], *, gather: timedelta = timedelta(0)) -> Consumer:
        return KafkaConsumer(self._settings, group=group, topics=topics, gather=gather)

    def read(self, topic: str, *, follow: bool, from_end: bool = False) -> AsyncIterator[Received]:
        return TopicReader(self._settings, topic, follow=follow, from_end=from_end).records()

    async def depths(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        return await self._cluster.depths(group, topics)
