"""The bus on Apache Kafka, by aiokafka.

Every await on aiokafka has a bound: with a dead broker its `stop()` and `commit()` may wait for ever, or raise a
`CancelledError` that nobody sent, and an idempotent producer's send never times out. A client that fails is thrown away
and built anew when next needed, so that a broker may die and return without a restart here.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

from baton.flow.bus import BusUnavailable, Consumer, Received, Record, TopicSpec
from baton.flow.database import Connection
from baton.flow.kafka_calls import KafkaFailure, bounded, discard, in_background
from baton.flow.kafka_consumer import KafkaConsumer, received
from baton.flow.kafka_settings import KafkaSettings
from baton.kernel.murmur import murmur2

log = structlog.get_logger()

_SECONDS: Final = 5.0
_CREATE_SECONDS: Final = 15.0
_FETCH_WAIT_MS: Final = 100
"""How long the broker may hold an empty fetch: short, because a partition sought back waits for the one in flight."""
_BATCH_BYTES: Final = 256 * 1024
"""The default of 16 KiB caps at 13,000-21,000 records a second, this gave 41,000-67,000."""
_MAX_RECORD_BYTES: Final = 8 * 1024 * 1024
_PAUSE_SECONDS: Final = 0.3


class KafkaBus:
    """Publishes, makes topics, and hands out consumers."""

    appends_in_transaction: Final = False

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: Any = None
        self._inspector: Any = None
        self._building = asyncio.Lock()

    async def start(self) -> None:
        """Clients are made when first needed."""

    async def stop(self) -> None:
        producer, inspector, self._producer, self._inspector = self._producer, self._inspector, None, None
        await asyncio.gather(*(discard(client) for client in (producer, inspector) if client is not None))

    async def check(self) -> None:
        await self._ask("topics")

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        there = await self._partitions()
        wrong = [t for t in topics if there.get(self._full(t.name), t.partitions) != t.partitions]
        if wrong:
            told = ", ".join(f"{t.name} has {there[self._full(t.name)]}, not {t.partitions}" for t in wrong)
            raise ValueError(f"partitions differ from BATON_PARTITIONS: {told}")
        missing = [t for t in topics if self._full(t.name) not in there]
        if missing:
            await self._create(missing)

    def lane(self, key: bytes) -> int:
        return murmur2(key) % self._settings.partitions

    async def publish(self, records: Sequence[Record]) -> None:
        if not records:
            return
        producer = await self._open_producer()
        try:
            await bounded(self._send(producer, records), _SECONDS)
        except KafkaFailure as failure:
            self._forget_producer(producer)
            raise BusUnavailable(str(failure)) from failure

    async def append(self, connection: Connection, records: Sequence[Record]) -> None:
        raise NotImplementedError("Kafka takes part in no transaction of the database: use the outbox")

    def announce(self) -> None:
        """Nothing is ever appended."""

    def consumer(self, group: str, topics: Sequence[str]) -> Consumer:
        return KafkaConsumer(self._settings, group=group, topics=topics)

    async def read(self, topic: str, *, follow: bool, from_end: bool = False) -> AsyncIterator[Received]:
        places: dict[Any, int] = {}
        while True:
            consumer = AIOKafkaConsumer(
                self._full(topic),
                **self._settings.connection,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_max_wait_ms=_FETCH_WAIT_MS,
                max_partition_fetch_bytes=_MAX_RECORD_BYTES,
            )
            try:
                async for record in _read_on(consumer, places, follow=follow, from_end=from_end):
                    yield received(record, self._settings.prefix)
                return
            except KafkaFailure as failure:
                if not follow:
                    raise BusUnavailable(str(failure)) from failure
                log.warning("reader_waits", topic=topic, error=str(failure)[:200])
                await asyncio.sleep(_PAUSE_SECONDS)
            finally:
                in_background(discard(consumer))

    async def depths(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        handled = await self._handled(group)
        places = [TopicPartition(self._full(t), n) for t in topics for n in range(self._settings.partitions)]
        ends = await self._ask("end_offsets", places)
        return {
            topic: sum(end - handled.get(place, 0) for place, end in ends.items() if place.topic == self._full(topic))
            for topic in topics
        }

    async def _handled(self, group: str) -> Mapping[Any, int]:
        offsets = await self._administer("list_consumer_group_offsets", group)
        return {place: meta.offset for place, meta in offsets.items() if meta.offset > 0}

    async def _send(self, producer: Any, records: Sequence[Record]) -> None:
        pending = [
            await producer.send(
                self._full(record.topic),
                value=record.value,
                key=record.key,
                partition=self._partition(record),
                headers=list(record.headers),
            )
            for record in records
        ]
        await asyncio.gather(*pending)

    def _partition(self, record: Record) -> int | None:
        """The lane, on every topic but the one that has a single partition."""
        return 0 if record.topic == "baton.playbook" else self.lane(record.key)

    async def _open_producer(self) -> Any:
        async with self._building:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._settings.connection,
                    acks="all",
                    enable_idempotence=True,
                    max_batch_size=_BATCH_BYTES,
                    max_request_size=_MAX_RECORD_BYTES,
                )
                self._producer = await self._started(producer)
            return self._producer

    def _forget_producer(self, producer: Any) -> None:
        if self._producer is producer:
            self._producer = None
        in_background(discard(producer))

    async def _started(self, client: Any) -> Any:
        try:
            await bounded(client.start(), _SECONDS)
        except KafkaFailure as failure:
            in_background(discard(client))
            raise BusUnavailable(str(failure)) from failure
        return client

    async def _ask(self, method: str, *arguments: Any) -> Any:
        """Ask the cluster through a consumer that belongs to no group."""
        async with self._building:
            if self._inspector is None:
                self._inspector = await self._started(AIOKafkaConsumer(**self._settings.connection))
        inspector = self._inspector
        try:
            return await bounded(getattr(inspector, method)(*arguments), _SECONDS)
        except KafkaFailure as failure:
            self._inspector = None
            in_background(discard(inspector))
            raise BusUnavailable(str(failure)) from failure

    async def _partitions(self) -> Mapping[str, int]:
        told = await self._administer("describe_topics")
        return {topic["topic"]: len(topic["partitions"]) for topic in told}

    async def _administer(self, method: str, *arguments: Any) -> Any:
        admin = AIOKafkaAdminClient(**self._settings.connection)
        try:
            await bounded(admin.start(), _SECONDS)
            return await bounded(getattr(admin, method)(*arguments), _CREATE_SECONDS)
        except KafkaFailure as failure:
            raise BusUnavailable(str(failure)) from failure
        finally:
            await discard(admin, method="close")

    async def _create(self, topics: Sequence[TopicSpec]) -> None:
        replication = -1 if self._settings.replication is None else self._settings.replication
        new = [NewTopic(self._full(t.name), t.partitions, replication, topic_configs=_configuration(t)) for t in topics]
        answer = await self._administer("create_topics", new)
        for name, code, *rest in answer.topic_errors:
            if code not in (0, TopicAlreadyExistsError.errno):
                raise BusUnavailable(f"topic {name} can't be created: error {code} {rest}")
        log.info("topics_created", count=len(topics))

    def _full(self, topic: str) -> str:
        return self._settings.prefix + topic


async def _read_on(consumer: Any, places: dict[Any, int], *, follow: bool, from_end: bool) -> AsyncIterator[Any]:
    """Read from where `places` says, keeping them up to date."""
    await bounded(consumer.start(), _SECONDS)
    partitions = sorted(consumer.assignment())
    ends = await bounded(consumer.end_offsets(partitions), _SECONDS)
    begins = await bounded(consumer.beginning_offsets(partitions), _SECONDS)
    for place in partitions:
        places.setdefault(place, ends[place] if from_end else begins[place])
        consumer.seek(place, places[place])
    while follow or any(places[place] < ends[place] for place in partitions):
        polled = await bounded(consumer.getmany(timeout_ms=500), _SECONDS)
        for place, records in polled.items():
            for record in records:
                places[place] = record.offset + 1
                yield record


def _configuration(topic: TopicSpec) -> dict[str, str]:
    retention = -1 if topic.retention is None else int(topic.retention.total_seconds() * 1000)
    return {
        "retention.ms": str(retention),
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "max.message.bytes": str(_MAX_RECORD_BYTES),
    }
