"""The bus in memory: for the simulator and for fast tests. Deterministic, and it can be told to be away."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from baton.flow.bus import BusUnavailable, Consumer, Handle, Received, Record, TopicSpec
from baton.flow.database import Connection
from baton.kernel.clock import Clock
from baton.kernel.murmur import murmur2

Position = tuple[str, int]
"""Topic and partition."""


@dataclass(slots=True)
class _Group:
    """What a group has handled, and who its members are, in the order of joining."""

    topics: tuple[str, ...]
    handled: dict[Position, int] = field(default_factory=dict)
    members: list["MemoryConsumer"] = field(default_factory=list)


class MemoryBus:
    """All topics in this process. `partitions` holds for every topic."""

    appends_in_transaction: Final = False

    def __init__(self, clock: Clock, *, partitions: int = 1) -> None:
        self.partitions = partitions
        self.logs: dict[Position, list[Received]] = {}
        self.groups: dict[str, _Group] = {}
        self.changed = asyncio.Condition()
        self._clock = clock
        self._away = False

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""

    def go_away(self) -> None:
        """Be unreachable, until `come_back`."""
        self._away = True

    def come_back(self) -> None:
        self._away = False

    async def check(self) -> None:
        if self._away:
            raise BusUnavailable("the bus in memory was told to be away")

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:  # noqa: ARG002 - made when written to
        await self.check()

    def lane(self, key: bytes) -> int:
        return murmur2(key) % self.partitions

    async def publish(self, records: Sequence[Record]) -> None:
        await self.check()
        for record in records:
            partition = self.lane(record.key)
            log = self.logs.setdefault((record.topic, partition), [])
            log.append(
                Received(
                    topic=record.topic,
                    partition=partition,
                    offset=len(log),
                    key=record.key,
                    value=record.value,
                    headers=record.headers,
                    at=self._clock.now(),
                )
            )
        await self.tell()

    async def append(self, connection: Connection, records: Sequence[Record]) -> None:
        raise NotImplementedError("the bus in memory takes part in no transaction: use the outbox")

    def announce(self) -> None:
        """Nothing is ever appended."""

    def consumer(self, group: str, topics: Sequence[str]) -> Consumer:
        return MemoryConsumer(self, self.groups.setdefault(group, _Group(tuple(topics))))

    async def read(self, topic: str, *, follow: bool, from_end: bool = False) -> AsyncIterator[Received]:
        places = {partition: self._end(topic, partition) if from_end else 0 for partition in range(self.partitions)}
        while True:
            await self.check()
            for partition, place in places.items():
                for record in self.logs.get((topic, partition), [])[place:]:
                    places[partition] += 1
                    yield record
            if not follow:
                return
            async with self.changed:
                await self.changed.wait_for(
                    lambda: any(self._end(topic, partition) > place for partition, place in places.items())
                )

    async def depths(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        await self.check()
        handled = self.groups[group].handled if group in self.groups else {}
        return {
            topic: sum(self._end(topic, n) - handled.get((topic, n), 0) for n in range(self.partitions))
            for topic in topics
        }

    async def join(self) -> None:
        """Return when every group has handled everything."""
        async with self.changed:
            await self.changed.wait_for(lambda: not any(map(self._lags, self.groups.values())))

    async def tell(self) -> None:
        """Wake whoever waits for something to change."""
        async with self.changed:
            self.changed.notify_all()

    def _lags(self, group: _Group) -> bool:
        return any(
            len(log) > group.handled.get(place, 0) for place, log in self.logs.items() if place[0] in group.topics
        )

    def _end(self, topic: str, partition: int) -> int:
        return len(self.logs.get((topic, partition), ()))


class MemoryConsumer:
    """A member of a group in memory: partitions are dealt out to members in turn."""

    def __init__(self, bus: MemoryBus, group: _Group) -> None:
        self._bus = bus
        self._group = group

    @property
    def lanes(self) -> frozenset[int]:
        if self not in self._group.members:
            return frozenset()
        place, count = self._group.members.index(self), len(self._group.members)
        return frozenset(range(place, self._bus.partitions, count))

    async def start(self) -> None:
        if self not in self._group.members:
            self._group.members.append(self)

    async def stop(self) -> None:
        if self in self._group.members:
            self._group.members.remove(self)
            await self._bus.tell()

    async def consume(self, handle: Handle, *, max_records: int, wait: timedelta) -> int:
        await self._bus.check()
        batch = self._next(max_records)
        if not batch and wait:
            await self._wait(wait)
            await self._bus.check()
            batch = self._next(max_records)
        if not batch:
            return 0
        await handle(batch)
        for record in batch:
            self._group.handled[record.topic, record.partition] = record.offset + 1
        await self._bus.tell()
        return len(batch)

    def _next(self, limit: int) -> list[Received]:
        found: list[Received] = []
        for topic in self._group.topics:
            for lane in sorted(self.lanes):
                done = self._group.handled.get((topic, lane), 0)
                found += self._bus.logs.get((topic, lane), [])[done : done + limit - len(found)]
        return found

    async def _wait(self, wait: timedelta) -> None:
        try:
            async with asyncio.timeout(wait.total_seconds()), self._bus.changed:
                await self._bus.changed.wait_for(lambda: bool(self._next(1)))
        except TimeoutError:
            return
