"""When leads arrive at the end of a pipeline: a reader outside any group, on the topic of assignments."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer

from baton.flow.postgres_log import PostgresBus
from baton.kernel.clock import SystemClock
from baton.leads.topics import Topic

Seen = Sequence[tuple[str, int]]
"""Leads that arrived together, each with its lane."""
Source = Callable[[asyncio.Event], AsyncIterator[Seen]]
"""What comes from now on; the event is set as soon as nothing more can be missed."""


def baton_lead(record: Any) -> str:
    """The lead of an event of Baton's."""
    return str(dict(record.headers)["ce_subject"].decode())


def bare_lead(record: Any) -> str:
    """The lead of a record of the bare pipeline."""
    return str(UUID(bytes=record.key[:16]))


@dataclass(slots=True)
class Arrivals:
    """First arrivals by lead, and all arrivals by lane, on the machine's monotonic clock."""

    source: Source
    at: dict[str, float] = field(default_factory=dict)
    lanes: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    _task: "asyncio.Task[None] | None" = None

    async def start(self) -> None:
        """Follow the topic from now on. Raises what the reading raises."""
        ready = asyncio.Event()
        self._task = asyncio.create_task(self._follow(ready))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({self._task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        self._raise_failure()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def wait_for(self, leads: set[str], *, seconds: float) -> set[str]:
        """Wait until all of them arrived, so long at most. Gives those that did not."""
        deadline = time.monotonic() + seconds
        while (missing := leads - self.at.keys()) and time.monotonic() < deadline:
            self._raise_failure()
            await asyncio.sleep(0.05)
        return missing

    async def _follow(self, ready: asyncio.Event) -> None:
        async for seen in self.source(ready):
            now = time.monotonic()
            for lead, lane in seen:
                self.at.setdefault(lead, now)
                self.lanes[lane].append(now)

    def _raise_failure(self) -> None:
        if self._task is not None and self._task.done():
            self._task.result()


def from_kafka(servers: str, topic: str, lead_of: Callable[[Any], str]) -> Source:
    """The records of a topic of Kafka's."""

    async def follow(ready: asyncio.Event) -> AsyncIterator[Seen]:
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=servers, auto_offset_reset="latest", fetch_max_wait_ms=100,
            max_partition_fetch_bytes=8 * 1024 * 1024,
        )  # fmt: skip
        await consumer.start()
        try:
            await consumer.seek_to_end()
            ready.set()
            while True:
                for batch in (await consumer.getmany(timeout_ms=250)).values():
                    yield [(lead_of(record), record.partition) for record in batch]
        finally:
            await consumer.stop()

    return follow


def from_postgres(database: str) -> Source:
    """The assignments in the log of PostgreSQL."""

    async def follow(ready: asyncio.Event) -> AsyncIterator[Seen]:
        bus = PostgresBus(database, clock=SystemClock())
        await bus.start()
        try:
            # It is read from its beginning, whose leads nobody asks for: there is no word for "the end is known".
            ready.set()
            async for record in bus.read(Topic.ASSIGNED, follow=True):
                yield [(baton_lead(record), record.partition)]
        finally:
            await bus.stop()

    return follow
