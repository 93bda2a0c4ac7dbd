"""A member of a consumer group on Kafka: explicit offsets, and a rebalance that waits for the batch in hand."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import InvalidSessionTimeoutError

from baton.flow.bus import BusUnavailable, Handle, Received
from baton.flow.kafka_calls import KafkaFailure, bounded, discard, in_background
from baton.flow.kafka_settings import KafkaSettings

log = structlog.get_logger()

_SECONDS: Final = 5.0
_START_SECONDS: Final = 10.0
_HEARTBEAT_MS: Final = 500
_FETCH_WAIT_MS: Final = 100
"""How long the broker may hold an empty fetch: short, because a partition sought back waits for the one in flight."""
_MAX_FETCH_BYTES: Final = 8 * 1024 * 1024
_COMMIT_SECONDS: Final = 0.1
"""Offsets are committed so often at most. What a crash repeats, the inbox knows."""
_DRAIN_SECONDS: Final = 10.0
"""How long a rebalance waits for the batch in hand."""
FALLBACK_SESSION: Final = timedelta(seconds=6)
"""Kafka's own floor, where the broker allows no less."""


class KafkaConsumer:
    """Builds its client when first needed, and anew after a failure."""

    def __init__(self, settings: KafkaSettings, *, group: str, topics: Sequence[str]) -> None:
        self._settings = settings
        self._group = group
        self._topics = [settings.prefix + topic for topic in topics]
        self._session = settings.session_timeout
        self._client: Any = None
        self._lanes: frozenset[int] = frozenset()
        self._handling = asyncio.Lock()
        self._handled: dict[Any, int] = {}
        self._committed_at = 0.0

    @property
    def lanes(self) -> frozenset[int]:
        return self._lanes

    async def start(self) -> None:
        """Nothing yet: `consume` joins, and joins again whenever it has to."""

    async def stop(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        async with self._handling:
            await self._commit(client)
        self._lanes = frozenset()
        await discard(client)

    async def consume(self, handle: Handle, *, max_records: int, wait: timedelta) -> int:
        client = await self._joined()
        async with self._handling:
            try:
                milliseconds = int(wait.total_seconds() * 1000)
                polled = await bounded(client.getmany(timeout_ms=milliseconds, max_records=max_records), _SECONDS)
            except KafkaFailure as failure:
                self._give_up(client, failure)
                raise BusUnavailable(str(failure)) from failure
            records = [received(record, self._settings.prefix) for batch in polled.values() for record in batch]
            if records:
                await self._handle(client, handle, polled, records)
            await self._commit_now_and_then(client)
        return len(records)

    async def revoked(self) -> None:
        """A rebalance begins: wait for the batch in hand, commit, and let go of the lanes."""
        try:
            async with asyncio.timeout(_DRAIN_SECONDS), self._handling:
                if self._client is not None:
                    await self._commit(self._client)
        except TimeoutError:
            log.warning("rebalance_did_not_wait", group=self._group)
        self._lanes = frozenset()
        self._handled.clear()

    def assigned(self, partitions: Sequence[Any]) -> None:
        """A rebalance ended: these are ours."""
        self._lanes = frozenset(place.partition for place in partitions)
        log.info("lanes_assigned", group=self._group, lanes=len(self._lanes))

    async def _joined(self) -> Any:
        if self._client is None:
            client = self._build()
            try:
                await bounded(client.start(), _START_SECONDS)
            except KafkaFailure as failure:
                self._give_up(client, failure)
                raise BusUnavailable(str(failure)) from failure
            self._client = client
        return self._client

    def _build(self) -> Any:
        client = AIOKafkaConsumer(
            **self._settings.connection,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(self._session.total_seconds() * 1000),
            heartbeat_interval_ms=_HEARTBEAT_MS,
            rebalance_timeout_ms=int(_DRAIN_SECONDS * 1000) + 5000,
            max_poll_interval_ms=120_000,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            max_partition_fetch_bytes=_MAX_FETCH_BYTES,
            # One assignor: a second costs a join round. Range: the same lane of every topic goes to the same member.
            partition_assignment_strategy=(RangePartitionAssignor,),
        )
        client.subscribe(self._topics, listener=_Listener(self))
        return client

    async def _handle(
        self, client: Any, handle: Handle, polled: dict[Any, list[Any]], records: Sequence[Received]
    ) -> None:
        try:
            await handle(records)
        except BaseException:
            for place, batch in polled.items():
                if place in client.assignment():
                    client.seek(place, batch[0].offset)
            raise
        self._handled.update({place: batch[-1].offset + 1 for place, batch in polled.items()})

    async def _commit_now_and_then(self, client: Any) -> None:
        if self._handled and time.monotonic() - self._committed_at > _COMMIT_SECONDS:
            await self._commit(client)

    async def _commit(self, client: Any) -> None:
        """Commit what was handled. A failure costs a repetition after a crash, no more: the next one carries it too."""
        handled = {place: offset for place, offset in self._handled.items() if place in client.assignment()}
        if not handled:
            return
        self._committed_at = time.monotonic()
        try:
            await bounded(client.commit(handled), _SECONDS)
            self._handled.clear()
        except KafkaFailure as failure:
            log.warning("offsets_not_committed", group=self._group, error=str(failure)[:200])

    def _give_up(self, client: Any, failure: KafkaFailure) -> None:
        if isinstance(failure.cause, InvalidSessionTimeoutError) and self._session < FALLBACK_SESSION:
            log.warning("session_timeout_refused", asked=str(self._session), now=str(FALLBACK_SESSION))
            self._session = FALLBACK_SESSION
        self._client = None
        self._lanes = frozenset()
        self._handled.clear()
        in_background(discard(client))


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Passes aiokafka's calls on."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: object) -> None:
        del revoked
        await self._consumer.revoked()

    async def on_partitions_assigned(self, assigned: Sequence[Any]) -> None:
        self._consumer.assigned(assigned)


def received(record: Any, prefix: str) -> Received:
    """A record of aiokafka's as ours."""
    return Received(
        topic=record.topic.removeprefix(prefix),
        partition=record.partition,
        offset=record.offset,
        key=record.key or b"",
        value=record.value or b"",
        headers=tuple(record.headers),
        at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
    )
