"""The bus in memory: for the simulator and for fast tests. Deterministic, and it can be told to be away."""

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final

from baton.flow.bus import BusUnavailable, Consumer, Handle, Received, Record, TopicSpec, refuse_too_large
from baton.flow.database import Connection
from baton.flow.writes import Writes
from baton.kernel.clock import Clock
from baton.kernel.murmur import murmur2

Position = tuple[str, int]
"""Topic and partition."""


class MemoryBus:
    """All topics in this process. `partitions` holds for every topic, whatever its spec says.

    `logs` is there to be looked at; a log holds what has not been trimmed, by rising offset.
    """

    appends_in_transaction: Final = False

    def __init__(self, clock: Clock, *, partitions: int = 1) -> None:
        self.partitions = partitions
        self.logs: dict[Position, list[Received]] = {}
        self._clock = clock
        self._specs: dict[str, TopicSpec] = {}
        self._ends: Counter[Position] = Counter()
        self._groups: dict[str, _Group] = {}
        self._changed = asyncio.Event()
        self._away = False

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""

    def go_away(self) -> None:
        """Be unreachable, until `come_back`."""
        self._away = True
        self.tell()

    def come_back(self) -> None:
        self._away = False
        self.tell()

    async def check(self) -> None:
        if self._away:
            raise BusUnavailable("the bus in memory was told to be away")

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        await self.check()
        self._specs.update({topic.name: topic for topic in topics})

    def lane(self, key: bytes) -> int:
        return murmur2(key) % self.partitions

    async def publish(self, records: Sequence[Record]) -> None:
        await self.check()
        refuse_too_large(records)
        now = self._clock.now()
        for record in records:
            place = record.topic, self.lane(record.key)
            self.logs.setdefault(place, []).append(
                Received(
                    topic=record.topic,
                    partition=place[1],
                    offset=self._ends[place],
                    key=record.key,
                    value=record.value,
                    headers=record.headers,
                    at=now,
                )
            )
            self._ends[place] += 1
        self.tell()

    async def append(self, connection: Connection, records: Sequence[Record], *, writes: Writes) -> None:
        raise NotImplementedError("the bus in memory takes part in no transaction: use the outbox")

    def announce(self, topics: Collection[str]) -> None:
        """Nothing is ever appended."""

    def consumer(self, group: str, topics: Sequence[str], *, gather: timedelta = timedelta(0)) -> Consumer:
        del gather  # time is moved by hand
        return MemoryConsumer(self, self._groups.setdefault(group, _Group(tuple(topics))))

    async def read(self, topic: str, *, follow: bool, from_end: bool = False) -> AsyncIterator[Received]:
        places = {(topic, n): self._ends[topic, n] if from_end else 0 for n in range(self.partitions)}
        while True:
            if not follow:
                await self.check()
            for record in self._after(places):
                places[topic, record.partition] = record.offset + 1
                yield record
            if not follow:
                return
            await self.until(lambda: bool(self._after(places)))

    async def depths(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        await self.check()
        return {topic: self.waiting(group, (topic,)) for topic in topics}

    def waiting(self, group: str, topics: Sequence[str]) -> int:
        """How many records of these topics the group has not handled yet."""
        handled = self._groups[group].handled if group in self._groups else Counter[Position]()
        waiting = 0
        for topic in topics:
            for lane in range(self.partitions):
                place = topic, lane
                if self._ends[place] > handled[place]:
                    waiting += self._left(place, handled[place])
        return waiting

    async def join(self) -> None:
        """Return when every group has handled everything. Somebody else has to make them consume."""
        await self.until(lambda: not any(map(self._lags, self._groups.values())))

    def trim(self) -> int:
        """Forget what is past its topic's retention or, on compacted topics, superseded. Gives how many records."""
        before = sum(map(len, self.logs.values()))
        for (topic, _), log in self.logs.items():
            if topic in self._specs:
                log[:] = _kept(log, self._specs[topic], now=self._clock.now())
        return before - sum(map(len, self.logs.values()))

    def forget_handled(self) -> int:
        """Forget what all groups that read it have handled; a topic that none reads stays. Gives how many records."""
        forgotten = 0
        for place, log in self.logs.items():
            handled = [group.handled[place] for group in self._groups.values() if place[0] in group.topics]
            if handled:
                count = len(log) - self._left(place, min(handled))
                del log[:count]
                forgotten += count
        return forgotten

    def since(self, place: Position, offset: int) -> Sequence[Received]:
        """What a partition still has from `offset` on."""
        left = self._left(place, offset)
        return self.logs[place][-left:] if left else ()

    def tell(self) -> None:
        """Wake whoever waits for something to change."""
        self._changed.set()
        self._changed.clear()

    async def until(self, so: Callable[[], bool]) -> None:
        """Wait until it is so."""
        while not so():
            await self._changed.wait()

    def _left(self, place: Position, offset: int) -> int:
        """How many records a partition still has from `offset` on."""
        if offset >= self._ends[place]:
            return 0
        log = self.logs[place]
        return len(log) - bisect_left(log, offset, key=attrgetter("offset"))

    def _after(self, places: Mapping[Position, int]) -> list[Received]:
        if self._away:
            return []
        return [record for place, offset in places.items() for record in self.since(place, offset)]

    def _lags(self, group: "_Group") -> bool:
        return any(self.since(place, group.handled[place]) for place in self.logs if place[0] in group.topics)


@dataclass(slots=True)
class _Group:
    """What a group has handled, and its members in the order of joining."""

    topics: tuple[str, ...]
    handled: Counter[Position] = field(default_factory=Counter)
    """The next offset of each partition."""
    members: list["MemoryConsumer"] = field(default_factory=list)
    in_hand: dict[int, "MemoryConsumer"] = field(default_factory=dict)
    """Lanes of which somebody handles records right now: they change their owner when that is over."""

    def lanes(self, member: "MemoryConsumer", partitions: int) -> frozenset[int]:
        held = {lane for lane, holder in self.in_hand.items() if holder is member}
        if member not in self.members:
            return frozenset(held)
        dealt = set(range(self.members.index(member), partitions, len(self.members)))
        return frozenset(dealt - self.in_hand.keys() | held)


class MemoryConsumer:
    """A member of a group in memory: lanes are dealt out to members in turn."""

    def __init__(self, bus: MemoryBus, group: _Group) -> None:
        self._bus = bus
        self._group = group

    @property
    def lanes(self) -> frozenset[int]:
        return self._group.lanes(self, self._bus.partitions)

    async def start(self) -> None:
        if self not in self._group.members:
            self._group.members.append(self)

    async def stop(self) -> None:
        if self in self._group.members:
            self._group.members.remove(self)
            self._bus.tell()

    async def consume(self, handle: Handle, *, max_records: int, wait: timedelta) -> int:
        await self._bus.check()
        batch = self._next(max_records)
        if not batch and wait:
            await self._wait(wait)
            await self._bus.check()
            batch = self._next(max_records)
        if not batch:
            return 0
        lanes = {record.partition for record in batch}
        self._group.in_hand.update(dict.fromkeys(lanes, self))
        try:
            await handle(batch)
            for record in batch:
                self._group.handled[record.topic, record.partition] = record.offset + 1
        finally:
            for lane in lanes:
                del self._group.in_hand[lane]
            self._bus.tell()
        return len(batch)

    def _next(self, limit: int) -> list[Received]:
        found: list[Received] = []
        lanes = sorted(self.lanes)
        for topic in self._group.topics:
            for lane in lanes:
                place = topic, lane
                found += self._bus.since(place, self._group.handled[place])[: limit - len(found)]
        return found

    async def _wait(self, wait: timedelta) -> None:
        try:
            async with asyncio.timeout(wait.total_seconds()):
                await self._bus.until(lambda: bool(self._next(1)))
        except TimeoutError:
            return


def _kept(log: Sequence[Received], spec: TopicSpec, *, now: datetime) -> list[Received]:
    """What of a partition stays."""
    latest = {record.key: record.offset for record in log}
    return [
        record
        for record in log
        if (spec.retention is None or record.at >= now - spec.retention)
        and not (spec.compacted and latest[record.key] > record.offset)
    ]
