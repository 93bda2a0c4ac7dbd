"""Publishing on Kafka: acknowledged by all replicas in sync, in order, within a bound."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from baton.flow.bus import BusUnavailable, Record, RecordTooLarge, refuse_too_large
from baton.flow.kafka_calls import KafkaFailure, bounded, in_background
from baton.flow.kafka_clients import START_SECONDS, ProducerClient, end, new_producer, tear_down, too_large
from baton.flow.kafka_settings import KafkaSettings
from baton.kernel.murmur import murmur2

log = structlog.get_logger()

_SECONDS: Final = 5.0
"""For an acknowledgement. An idempotent producer by itself tries for ever."""
_PAUSE_SECONDS: Final = 0.2


class KafkaPublisher:
    """One producer at a time. One that didn't answer is torn down with what it held, so that nothing stale arrives
    long after its sender gave up, and another is made behind the scenes until the cluster takes it.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: ProducerClient | None = None
        self._problem: str | None = None
        """Why there is no producer; None while the first attempt is under way, too."""
        self._building: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._producer is None and (self._building is None or self._building.done()):
            self._building = asyncio.create_task(self._build())

    async def stop(self) -> None:
        """Send what is in hand, within a bound."""
        if self._building is not None:
            self._building.cancel()
            await asyncio.gather(self._building, return_exceptions=True)
        producer, self._producer = self._producer, None
        if producer is not None:
            await end(producer)

    async def publish(self, records: Sequence[Record]) -> None:
        """As `Bus.publish`. At once unavailable while the cluster is known to be away."""
        refuse_too_large(records)
        producer = await self._ready()
        try:
            await bounded(self._send(producer, records), _SECONDS)
        except KafkaFailure as failure:
            if isinstance(failure.cause, too_large):
                # The cluster is well, so the next call waits for a new producer: this one's numbers have a gap now.
                self._give_up(producer, failure, problem=None)
                raise RecordTooLarge(" or ".join(sorted({record.topic for record in records}))) from failure
            self._give_up(producer, failure, problem=str(failure))
            raise BusUnavailable(str(failure)) from failure

    async def _send(self, producer: ProducerClient, records: Sequence[Record]) -> None:
        counts = {topic: await self._partitions(producer, topic) for topic in {record.topic for record in records}}
        pending = [
            await producer.send(
                self._settings.prefix + record.topic,
                value=record.value,
                key=record.key,
                partition=murmur2(record.key) % counts[record.topic],
                headers=list(record.headers),
            )
            for record in records
        ]
        await asyncio.gather(*pending)

    async def _partitions(self, producer: ProducerClient, topic: str) -> int:
        return len(await producer.partitions_for(self._settings.prefix + topic))

    async def _ready(self) -> ProducerClient:
        if self._producer is None:
            self.start()
            if self._problem is None and self._building is not None:
                await asyncio.wait([self._building], timeout=_SECONDS)
        if self._producer is None:
            raise BusUnavailable(self._problem or "there is no producer yet")
        return self._producer

    async def _build(self) -> None:
        while self._producer is None:
            producer = new_producer(self._settings)
            try:
                await bounded(producer.start(), START_SECONDS)
            except KafkaFailure as failure:
                self._problem = str(failure)
                in_background(tear_down(producer))
                await asyncio.sleep(_PAUSE_SECONDS)
            except asyncio.CancelledError:
                await tear_down(producer)
                raise
            else:
                self._producer, self._problem = producer, None

    def _give_up(self, producer: ProducerClient, failure: KafkaFailure, *, problem: str | None) -> None:
        if self._producer is producer:
            log.warning("producer_given_up", error=str(failure))
            self._producer, self._problem = None, problem
            in_background(tear_down(producer))
            self.start()
