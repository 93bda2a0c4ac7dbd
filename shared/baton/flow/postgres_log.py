"""The bus as a log in PostgreSQL: for one machine without Kafka.

Durable, and commit order is position order: an append takes the topic's row, and with it the next positions, until its
transaction ends. That serialises the writers of one topic (each topic has one writing service) and leaves no gaps, so
that a reader who has seen a position has seen all before it. One process of a group consumes, others stand by.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

import asyncpg
import structlog

from baton.flow.bus import BusUnavailable, Consumer, Received, Record, TopicSpec
from baton.flow.database import Connection, Database, DatabaseUnavailable
from baton.flow.headers import pack_headers
from baton.flow.postgres_consumer import CHANNEL, GONE, PostgresConsumer, received
from baton.kernel.clock import Clock

log = structlog.get_logger()

SCHEMA: Final = "baton_bus"
POLL_SECONDS: Final = 0.5
"""Behind the notifications: how late a record is seen at most if one of them got lost."""
_SLICE: Final = 500
_TRIM_SLICE: Final = 5000
_UPKEEP_SECONDS: Final = 60.0
_LOCK: Final = 0x0BA7_0001

_CREATE: Final = """
create schema if not exists baton_bus;
create table if not exists baton_bus.topics (
    name text primary key,
    next bigint not null default 0,
    retention interval,
    compacted boolean not null default false
);
create table if not exists baton_bus.log (
    topic text not null,
    position bigint not null,
    key bytea not null,
    headers bytea not null,
    value bytea not null,
    at timestamptz not null,
    primary key (topic, position)
);
create table if not exists baton_bus.positions (
    consumer_group text not null,
    topic text not null,
    position bigint not null,
    primary key (consumer_group, topic)
);
"""
_TOPIC: Final = """
insert into baton_bus.topics (name, retention, compacted) values ($1, $2, $3)
on conflict (name) do update set retention = excluded.retention, compacted = excluded.compacted
"""
_TAKE: Final = "update baton_bus.topics set next = next + $2 where name = $1 returning next - $2"
_APPEND: Final = """
insert into baton_bus.log (topic, position, key, headers, value, at)
select *, $6::timestamptz from unnest($1::text[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[])
"""
_READ: Final = """
select topic, position, key, headers, value, at from baton_bus.log
where topic = $1 and position >= $2 order by position limit $3
"""
_DEPTHS: Final = """
select t.name, t.next - coalesce(p.position, 0) as depth
from baton_bus.topics t
left join baton_bus.positions p on p.topic = t.name and p.consumer_group = $1
where t.name = any($2::text[])
"""
_EXPIRED: Final = """
delete from baton_bus.log l using (
    select l.topic, l.position from baton_bus.log l join baton_bus.topics t on t.name = l.topic
    where t.retention is not null and l.at < $1 - t.retention
    order by l.topic, l.position limit $2
) old where l.topic = old.topic and l.position = old.position
"""
_SUPERSEDED: Final = """
delete from baton_bus.log l using baton_bus.topics t
where t.name = l.topic and t.compacted and exists (
    select from baton_bus.log n where n.topic = l.topic and n.key = l.key and n.position > l.position
)
"""


class PostgresBus:
    """Appends to the log, hands out consumers, and keeps the log trimmed."""

    appends_in_transaction: Final = True

    def __init__(self, url: str, *, clock: Clock) -> None:
        self._database = Database(url, schema=SCHEMA, size=6)
        self._url = url
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []
        self._announcing: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()

    async def start(self) -> None:
        await self._database.start()
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._keep_trimmed())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._announcing is not None:
            await asyncio.gather(self._announcing, return_exceptions=True)
        await self._database.stop()

    async def check(self) -> None:
        try:
            await self._database.check()
        except DatabaseUnavailable as error:
            raise BusUnavailable(str(error)) from error

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        """Create what is missing. Partitions don't matter here: a topic is one log, and each group one lane."""
        try:
            async with self._database.transaction() as connection:
                await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
                await connection.execute(_CREATE)
                for topic in topics:
                    await connection.execute(_TOPIC, topic.name, topic.retention, topic.compacted)
        except DatabaseUnavailable as error:
            raise BusUnavailable(str(error)) from error

    def lane(self, key: bytes) -> int:
        """There is one."""
        del key
        return 0

    async def publish(self, records: Sequence[Record]) -> None:
        if not records:
            return
        try:
            async with self._database.transaction() as connection:
                await self.append(connection, records)
        except DatabaseUnavailable as error:
            raise BusUnavailable(str(error)) from error
        self.announce()

    async def append(self, connection: Connection, records: Sequence[Record]) -> None:
        positions: dict[str, int] = {}
        for topic, count in sorted(Counter(record.topic for record in records).items()):  # sorted: no deadlocks
            first = await connection.fetchval(_TAKE, topic, count)
            if first is None:
                raise BusUnavailable(f"there is no topic {topic} yet")
            positions[topic] = first
        taken: list[int] = []
        for record in records:
            taken.append(positions[record.topic])
            positions[record.topic] += 1
        await connection.execute(
            _APPEND,
            [record.topic for record in records],
            taken,
            [record.key for record in records],
            [pack_headers(record.headers) for record in records],
            [record.value for record in records],
            self._clock.now(),
        )

    def announce(self) -> None:
        """Wake the consumers here at once, and those in other processes by a notification of its own.

        Not inside the appending transaction: notifying commits wait for each other.
        """
        self._wake()
        if self._announcing is None or self._announcing.done():
            self._announcing = asyncio.create_task(self._notify())

    def consumer(self, group: str, topics: Sequence[str]) -> Consumer:
        return PostgresConsumer(self._url, group=group, topics=topics, woken=lambda: self._woken)

    async def read(self, topic: str, *, follow: bool, from_end: bool = False) -> AsyncIterator[Received]:
        position = await self._end(topic) if from_end else 0
        while True:
            woken = self._woken
            rows = await self._slice(topic, position)
            for row in rows:
                position = row["position"] + 1
                yield received(row)
            if not rows:
                if not follow:
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), POLL_SECONDS)

    async def depths(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        try:
            async with self._database.connection() as connection:
                rows = await connection.fetch(_DEPTHS, group, list(topics))
        except DatabaseUnavailable as error:
            raise BusUnavailable(str(error)) from error
        return {row["name"]: row["depth"] for row in rows}

    async def trim(self) -> int:
        """Delete what is past its retention or, on compacted topics, superseded. Gives how many records."""
        deleted = 0
        async with self._database.connection() as connection:
            while count := _count(await connection.execute(_EXPIRED, self._clock.now(), _TRIM_SLICE)):
                deleted += count
            return deleted + _count(await connection.execute(_SUPERSEDED))

    async def _slice(self, topic: str, position: int) -> Sequence[asyncpg.Record]:
        try:
            async with self._database.connection() as connection:
                return await connection.fetch(_READ, topic, position, _SLICE)
        except DatabaseUnavailable as error:
            raise BusUnavailable(str(error)) from error

    async def _end(self, topic: str) -> int:
        async with self._database.connection() as connection:
            return await connection.fetchval("select next from baton_bus.topics where name = $1", topic) or 0

    def _wake(self) -> None:
        woken, self._woken = self._woken, asyncio.Event()
        woken.set()

    async def _notify(self) -> None:
        try:
            async with self._database.connection() as connection:
                await connection.execute(f"notify {CHANNEL}")
        except DatabaseUnavailable:
            return  # the poll behind it finds the records

    async def _listen(self) -> None:
        """Hear what other processes announce."""
        while True:
            connection: asyncpg.Connection | None = None
            try:
                connection = await asyncpg.connect(self._url, timeout=5)
                lost = asyncio.Event()
                connection.add_termination_listener(lambda _, lost=lost: lost.set())
                await connection.add_listener(CHANNEL, lambda *_: self._wake())
                await lost.wait()
            except GONE:
                await asyncio.sleep(POLL_SECONDS)
            finally:
                if connection is not None:
                    connection.terminate()

    async def _keep_trimmed(self) -> None:
        while True:
            await asyncio.sleep(_UPKEEP_SECONDS)
            try:
                await self.trim()
            except (DatabaseUnavailable, asyncpg.PostgresError) as error:
                log.warning("trim_waits", error=type(error).__name__)


def _count(status: str) -> int:
    """How many rows a command touched: `DELETE 12`."""
    return int(status.rpartition(" ")[2])
