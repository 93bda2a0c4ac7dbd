"""What a Kafka cluster knows: whether it is there, its topics, and how far groups are."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

import structlog

from baton.flow.bus import BusUnavailable, TopicSpec
from baton.flow.kafka_calls import KafkaFailure, bounded, in_background
from baton.flow.kafka_clients import (
    MAX_REQUEST_BYTES,
    START_SECONDS,
    AdminClient,
    Client,
    ConsumerClient,
    Place,
    end,
    new_reader,
    place_of,
    tear_down,
)
from baton.flow.kafka_settings import KafkaSettings

T = TypeVar("T")
C = TypeVar("C", bound=Client)

log = structlog.get_logger()

_SECONDS: Final = 5.0
_CREATE_SECONDS: Final = 15.0


class KafkaCluster:
    """Asks by two clients that are made when first needed, and anew after a failure."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._reader: ConsumerClient | None = None
        self._admin: AdminClient | None = None
        self._one_at_a_time = asyncio.Lock()

    async def stop(self) -> None:
        clients = [client for client in (self._reader, self._admin) if client is not None]
        self._reader = self._admin = None
        await asyncio.gather(*map(end, clients))

    async def check(self) -> None:
        """Ask a broker for a sign of life. Raises BusUnavailable."""
        await self.topics([])

    async def topics(self, named: Sequence[str]) -> Mapping[str, int]:
        """Those of `named` that are there, with how many partitions they have. Raises BusUnavailable."""
        full = [self._settings.prefix + topic for topic in named]
        async with self._one_at_a_time:
            told = await self._ask_admin(lambda admin: admin.topics(full))
        return {topic.removeprefix(self._settings.prefix): count for topic, count in told.items()}

    async def create(self, topics: Sequence[TopicSpec]) -> None:
        """Make topics that are missing.

        Raises:
            BusUnavailable: the cluster is away, or refuses.
        """
        async with self._one_at_a_time:
            for topic in topics:
                await self._ask_admin(partial(self._make, topic), _CREATE_SECONDS)
        log.info("topics_created", topics=[topic.name for topic in topics])

    async def depths(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        """How many records of each topic a group has not handled; of those that are still there."""
        counts = await self.topics(topics)
        places = [self._place(topic, number) for topic in topics for number in range(counts.get(topic, 0))]
        async with self._one_at_a_time:
            committed = await self._ask_admin(lambda admin: admin.committed(group))
            begins, ends = await self._ask_reader(lambda reader: _ranges(reader, places))
        found = dict.fromkeys(topics, 0)
        for place, last in ends.items():
            found[place.topic.removeprefix(self._settings.prefix)] += last - max(committed.get(place, 0), begins[place])
        return found

    def _place(self, topic: str, number: int) -> Place:
        return place_of(self._settings.prefix + topic, number)

    async def _make(self, topic: TopicSpec, admin: AdminClient) -> None:
        replication = self._settings.replication
        await admin.create(
            self._settings.prefix + topic.name,
            partitions=topic.partitions,
            replication=-1 if replication is None else replication,
            configuration=configuration(topic, replication),
        )

    async def _ask_admin(self, question: Callable[[AdminClient], Awaitable[T]], seconds: float = _SECONDS) -> T:
        if self._admin is None:
            self._admin = await _started(AdminClient(self._settings))
        try:
            return await bounded(question(self._admin), seconds)
        except KafkaFailure as failure:
            admin, self._admin = self._admin, None
            in_background(tear_down(admin))
            raise BusUnavailable(str(failure)) from failure

    async def _ask_reader(self, question: Callable[[ConsumerClient], Awaitable[T]]) -> T:
        if self._reader is None:
            self._reader = await _started(new_reader(self._settings))
        try:
            return await bounded(question(self._reader), _SECONDS)
        except KafkaFailure as failure:
            reader, self._reader = self._reader, None
            in_background(tear_down(reader))
            raise BusUnavailable(str(failure)) from failure


async def _started(client: C) -> C:
    try:
        await bounded(client.start(), START_SECONDS)
    except KafkaFailure as failure:
        in_background(tear_down(client))
        raise BusUnavailable(str(failure)) from failure
    except asyncio.CancelledError:
        in_background(tear_down(client))
        raise
    return client


async def _ranges(reader: ConsumerClient, places: Sequence[Place]) -> tuple[Mapping[Place, int], Mapping[Place, int]]:
    return await reader.beginning_offsets(places), await reader.end_offsets(places)


def configuration(topic: TopicSpec, replication: int | None) -> Mapping[str, str]:
    """How Kafka is to keep a topic. With three copies two have to have a record before it counts as published."""
    retention = -1 if topic.retention is None else int(topic.retention.total_seconds() * 1000)
    return {
        "retention.ms": str(retention),
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "max.message.bytes": str(MAX_REQUEST_BYTES),
        "message.timestamp.type": "LogAppendTime",
    } | ({"min.insync.replicas": "2"} if replication is not None and replication >= 3 else {})
