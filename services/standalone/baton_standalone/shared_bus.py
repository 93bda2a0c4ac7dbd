"""One bus for the four services of a process: none of them stops it under the others."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from baton.flow.bus import Bus, Consumer, Received, Record, TopicSpec
from baton.flow.database import Connection
from baton.flow.writes import Writes


@dataclass(frozen=True, slots=True)
class SharedBus:
    """The bus as one service sees it. Whoever made the real one stops it, once all services are done."""

    real: Bus

    @property
    def appends_in_transaction(self) -> bool:
        return self.real.appends_in_transaction

    async def start(self) -> None:
        await self.real.start()

    async def stop(self) -> None:
        """Not ours to stop."""

    async def check(self) -> None:
        await self.real.check()

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        await self.real.ensure_topics(topics)

    def lane(self, key: bytes) -> int:
        return self.real.lane(key)

    async def publish(self, records: Sequence[Record]) -> None:
        await self.real.publish(records)

    async def append(self, connection: Connection, records: Sequence[Record], *, writes: Writes) -> None:
        await self.real.append(connection, records, writes=writes)

    def announce(self, topics: Collection[str]) -> None:
        self.real.announce(topics)

    def consumer(self, group: str, topics: Sequence[str], *, gather: timedelta = timedelta(0)) -> Consumer:
        return self.real.consumer(group, topics, gather=gather)

    def read(self, topic: str, *, follow: bool, from_end: bool = False) -> AsyncIterator[Received]:
        return self.real.read(topic, follow=follow, from_end=from_end)

    async def depths(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        return await self.real.depths(group, topics)
