"""What the suites over the buses share: a bus of each kind, and a member of a group that collects what it gets."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

from baton.flow.bus import Bus, Consumer, Received, Record

PARTITIONS: Final = 4
TOPIC: Final = "contract.one"
OTHER: Final = "contract.two"
WAIT: Final = timedelta(milliseconds=250)
PATIENCE: Final = 30.0


@dataclass
class Setting:
    """A bus under test, and a way to get another client of the same bus. Who joined a group leaves it at the end."""

    kind: Literal["memory", "postgres", "kafka"]
    connect: Callable[[], Bus]
    open: list[Bus] = field(default_factory=list)
    joined: list[Consumer] = field(default_factory=list)

    async def client(self) -> Bus:
        """One more process' worth of bus."""
        bus = self.connect()
        await bus.start()
        self.open.append(bus)
        return bus

    async def reader(self, group: str, *, topics: Sequence[str] = (TOPIC,), bus: Bus | None = None) -> "Reader":
        """A member that was started, of a client of its own if none is given."""
        consumer = (bus or await self.client()).consumer(group, topics)
        self.joined.append(consumer)
        await consumer.start()
        return Reader(consumer)

    async def close(self) -> None:
        await asyncio.gather(*(consumer.stop() for consumer in self.joined))
        for bus in self.open:
            await bus.stop()


@dataclass
class Reader:
    """Consumes into a list."""

    consumer: Consumer
    got: list[Received] = field(default_factory=list)

    async def take(self, records: Sequence[Received]) -> None:
        self.got.extend(records)

    async def step(self) -> int:
        return await self.consumer.consume(self.take, max_records=500, wait=WAIT)

    async def until(self, count: int) -> list[Received]:
        await until(lambda: len(self.got) >= count, self.step)
        return self.got

    async def run(self) -> None:
        """For ever, until cancelled."""
        while True:
            await self.step()


async def until(done: Callable[[], bool], act: Callable[[], Awaitable[object]]) -> None:
    """Act until it is done, within a bound."""
    async with asyncio.timeout(PATIENCE):
        while not done():
            await act()


def record(number: int, *, key: str | None = None, topic: str = TOPIC, value: bytes | None = None) -> Record:
    body = f"{number}".encode() if value is None else value
    return Record(topic=topic, key=(key or f"k{number % 7}").encode(), value=body)


def numbers(records: Sequence[Received]) -> list[int]:
    return [int(one.value) for one in records]


def values_by_key(records: Sequence[Received]) -> dict[bytes, list[int]]:
    found: dict[bytes, list[int]] = {}
    for one in records:
        found.setdefault(one.key, []).append(int(one.value))
    return found
