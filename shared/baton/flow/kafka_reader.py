"""Reading a topic of Kafka outside any group."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog

from baton.flow.bus import BusUnavailable, Received
from baton.flow.kafka_calls import KafkaFailure, bounded
from baton.flow.kafka_clients import START_SECONDS, ConsumerClient, Place, Raw, end, new_reader
from baton.flow.kafka_settings import KafkaSettings

log = structlog.get_logger()

_SECONDS: Final = 5.0
_POLL_MS: Final = 500
_PAUSE_SECONDS: Final = 0.3


@dataclass(slots=True)
class TopicReader:
    """Goes through a topic, by another client whenever one fails, and never gives a record twice."""

    settings: KafkaSettings
    topic: str
    follow: bool
    from_end: bool
    places: dict[Place, int] = field(default_factory=dict)
    """The next offset of each partition."""
    ends: dict[Place, int] = field(default_factory=dict)
    """Where each partition ended when reading began."""

    async def records(self) -> AsyncIterator[Received]:
        """What is there, and with `follow` all that comes.

        Raises:
            BusUnavailable: the cluster is away; never with `follow`.
        """
        while True:
            client = new_reader(self.settings, self.settings.prefix + self.topic, follow=self.follow)
            try:
                await self._open(client)
                while self.follow or self._is_behind():
                    for record in await self._poll(client):
                        yield record
                return
            except KafkaFailure as failure:
                if not self.follow:
                    raise BusUnavailable(str(failure)) from failure
                log.warning("reader_waits", topic=self.topic, error=str(failure))
            finally:
                await end(client)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _open(self, client: ConsumerClient) -> None:
        await bounded(client.start(), START_SECONDS)
        partitions = sorted(client.assignment(), key=lambda place: place.partition)
        begins = await bounded(client.beginning_offsets(partitions), _SECONDS)
        ends = await bounded(client.end_offsets(partitions), _SECONDS)
        for place in partitions:
            self.ends.setdefault(place, ends[place])
            start = ends[place] if self.from_end else begins[place]
            client.seek(place, self.places.setdefault(place, start))

    async def _poll(self, client: ConsumerClient) -> list[Received]:
        polled = await bounded(client.getmany(timeout_ms=_POLL_MS), _SECONDS)
        found: list[Received] = []
        for place, raws in polled.items():
            found += [received(raw, self.settings.prefix) for raw in raws if raw.offset >= self.places.get(place, 0)]
        # By its own account, not by the records: compaction leaves gaps, at the end too.
        for place in client.assignment():
            position = await bounded(client.position(place), _SECONDS)
            self.places[place] = max(position, self.places.get(place, 0))
        return found

    def _is_behind(self) -> bool:
        return any(self.places[place] < last for place, last in self.ends.items())


def received(raw: Raw, prefix: str) -> Received:
    """A record of aiokafka's as ours. Kafka knows keys, values and headers of nothing; for us they are empty."""
    return Received(
        topic=raw.topic.removeprefix(prefix),
        partition=raw.partition,
        offset=raw.offset,
        key=raw.key or b"",
        value=raw.value or b"",
        headers=tuple((name, content or b"") for name, content in raw.headers),
        at=datetime.fromtimestamp(raw.timestamp / 1000, UTC),
    )
