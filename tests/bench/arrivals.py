"""When leads arrive at the end of a pipeline: a reader outside any group, on the topic of assignments."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer


def baton_lead(record: Any) -> str:
    """The lead of an event of Baton's."""
    return str(dict(record.headers)["ce_subject"].decode())


def bare_lead(record: Any) -> str:
    """The lead of a record of the bare pipeline."""
    return str(UUID(bytes=record.key[:16]))


@dataclass(slots=True)
class Arrivals:
    """First arrivals by lead, on this process' clock."""

    servers: str
    topic: str
    lead_of: Callable[[Any], str]
    at: dict[str, float] = field(default_factory=dict)
    _task: "asyncio.Task[None] | None" = None

    async def start(self) -> None:
        """Follow the topic from now on."""
        ready = asyncio.Event()
        self._task = asyncio.create_task(self._follow(ready))
        await ready.wait()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def wait_for(self, leads: set[str], *, seconds: float) -> set[str]:
        """Wait until all of them arrived, so long at most. Gives those that did not."""
        deadline = time.monotonic() + seconds
        while (missing := leads - self.at.keys()) and time.monotonic() < deadline:  # noqa: ASYNC110 - a poll is simplest
            await asyncio.sleep(0.05)
        return missing

    async def _follow(self, ready: asyncio.Event) -> None:
        consumer = AIOKafkaConsumer(
            self.topic, bootstrap_servers=self.servers, auto_offset_reset="latest", fetch_max_wait_ms=100,
            max_partition_fetch_bytes=8 * 1024 * 1024,
        )  # fmt: skip
        await consumer.start()
        await consumer.seek_to_end()
        ready.set()
        try:
            while True:
                for batch in (await consumer.getmany(timeout_ms=250)).values():
                    now = time.monotonic()
                    for record in batch:
                        self.at.setdefault(self.lead_of(record), now)
        finally:
            await consumer.stop()
