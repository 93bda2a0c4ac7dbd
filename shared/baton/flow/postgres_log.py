"""The bus as a log in PostgreSQL: for one machine without Kafka.

Durable, and commit order is position order: an append takes the topic's row, and with it the next positions, until its
transaction ends. That serialises the writers of one topic (each topic has one writing service) and leaves no gaps, so
that a reader who has seen a position has seen all before it. The cost: a topic takes as many commits a second as the
disk takes one after the other, so writers that need more put more into each. And an append that waits in an open
transaction stops the topic's other writers, so it comes last. One process of a group consumes, others stand by.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Final

import asyncpg
import structlog

from baton.flow.bus import BusUnavailable, Consumer, Received, Record, TopicSpec, refuse_too_large
from baton.flow.database import Connection, Database, DatabaseUnavailable
from baton.flow.headers import pack_headers
from baton.flow.postgres_consumer import CHANNEL, GONE, PostgresConsumer, received
from baton.flow.postgres_schema import SCHEMA, migrate
from baton.flow.postgres_trimming import trim
from baton.flow.writes import Asking, Writes
from baton.kernel.clock import Clock

log = structlog.get_logger()

POLL_SECONDS: Final = 0.5
"""Behind the notifications: how late a record is seen at most if one of them got lost."""
_SLICE: Final = 500
_UPKEEP_SECONDS: Final = 60.0

_TOPIC: Final = """
insert into baton_bus.topics (name, retention, compacted) values ($1, $2, $3)
on conflict (name) do update set retention = excluded.retention, compacted = excluded.compacted
"""
_APPEND: Final = "baton_bus.append($1::text[], $2::bytea[], $3::bytea[], $4::bytea[], $5::timestamptz)"
_READ: Final = """
select topic, position, key, headers, value, at from baton_bus.log
where topic = $1 and position >= $2 order by position limit $3
"""
_DEPTHS: Final = """
select t.name, t.next - greatest(coalesce(p.position, 0), coalesce(l.first, t.next)) as depth
from baton_bus.topics t
left join baton_bus.positions p on p.topic = t.name and p.consumer_group = $1
cross join lateral (select min(position) as first from baton_bus.log where topic = t.name) l
where t.name = any($2::text[])
"""
_END: Final = "select next from baton_bus.topics where name = $1"


class PostgresBus:
    """Appends to the log, hands out consumers, and keeps the log trimmed."""

    appends_in_transaction: Final = True

    def __init__(self, url: str, *, clock: Clock) -> None:
        self._database = Database(url, schema=SCHEMA, size=6)
        self._url = url
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []
        self._announcing: asyncio.Task[None] | None = None
        self._announced = set[str]()
        self._name = secrets.token_hex(8)
        """What this process' own notifications are known by."""
        self._prepared = False
        self._woken: dict[tuple[str, ...], asyncio.Event] = {}
        """By the topics that are waited for. Each is set once."""

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
        async with self._connection() as connection:
            for topic in topics:
                await connection.execute(_TOPIC, topic.name, topic.retention, topic.compacted)

    def lane(self, key: bytes) -> int:
        """There is one."""
        del key
        return 0

    async def publish(self, records: Sequence[Record]) -> None:
        if not records:
            return
        refuse_too_large(records)
        async with self._connection() as connection:
            await self.append(connection, records, writes=Writes())
        self.announce({record.topic for record in records})

    async def append(self, connection: Connection, records: Sequence[Record], *, writes: Writes) -> None:
        """Append with the writes, in one statement. It holds the topics until the transaction ends: do it last.

        Raises:
            BusUnavailable: a topic is not there yet.
        """
        columns = (
            [record.topic for record in records],
            [record.key for record in records],
            [pack_headers(record.headers) for record in records],
            [record.value for record in records],
            self._clock.now(),
        )
        try:
            await writes.send(connection, last=Asking(None, columns, _APPEND))
        except (asyncpg.NoDataFoundError, asyncpg.UndefinedFunctionError, asyncpg.InvalidSchemaNameError) as error:
            raise BusUnavailable(str(error)) from error

    def announce(self, topics: Collection[str]) -> None:
        """Wake the consumers here at once, and those in other processes by a notification of its own.

        Not inside the appending transaction: notifying commits wait for each other.
        """
        self._wake(frozenset(topics))
        self._announced.update(topics)
        if self._announcing is None or self._announcing.done():
            self._announcing = asyncio.create_task(self._notify())

    def consumer(self, group: str, topics: Sequence[str], *, gather: timedelta = timedelta(0)) -> Consumer:
        woken = partial(self._next_of, tuple(topics))
        return PostgresConsumer(self._url, group=group, topics=topics, gather=gather, woken=woken)

    async def read(self, topic: str, *, follow: bool, from_end: bool = False) -> AsyncIterator[Received]:
        position = None if from_end else 0
        while True:
            woken, records = self._next_of((topic,)), list[Received]()
            try:
                position = await self._end(topic) if position is None else position
                records = await self._slice(topic, position)
            except BusUnavailable as error:
                if not follow:
                    raise
                log.warning("reader_waits", topic=topic, error=str(error)[:200])
            for record in records:
                position = record.offset + 1
                yield record
            if not records:
                if not follow:
                    return
                await _wait(woken)

    async def depths(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        async with self._connection() as connection:
            rows = await connection.fetch(_DEPTHS, group, list(topics))
        return dict.fromkeys(topics, 0) | {row["name"]: row["depth"] for row in rows}

    async def trim(self) -> int:
        """Delete what is past its retention or, on compacted topics, superseded. Gives how many records."""
        await self._prepare()
        try:
            return await trim(self._database, now=self._clock.now())
        except DatabaseUnavailable as error:
            raise BusUnavailable(str(error)) from error

    async def _slice(self, topic: str, position: int) -> list[Received]:
        async with self._connection() as connection:
            return [received(row) for row in await connection.fetch(_READ, topic, position, _SLICE)]

    async def _end(self, topic: str) -> int:
        async with self._connection() as connection:
            return await connection.fetchval(_END, topic) or 0

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        """A connection to tables that are there; each statement is a transaction. Raises BusUnavailable."""
        await self._prepare()
        try:
            async with self._database.connection() as connection:
                yield connection
        except DatabaseUnavailable as error:
            raise BusUnavailable(str(error)) from error

    async def _prepare(self) -> None:
        if self._prepared:
            return
        try:
            async with self._database.transaction() as connection:
                await migrate(connection)
        except DatabaseUnavailable as error:
            raise BusUnavailable(str(error)) from error
        self._prepared = True

    def _next_of(self, topics: tuple[str, ...]) -> asyncio.Event:
        """Set as soon as something new is announced on one of these."""
        return self._woken.setdefault(topics, asyncio.Event())

    def _wake(self, topics: AbstractSet[str] | None = None) -> None:
        """Wake who waits for one of these topics, or everybody."""
        for watched in [each for each in self._woken if topics is None or not topics.isdisjoint(each)]:
            self._woken.pop(watched).set()

    async def _notify(self) -> None:
        """Once for all that was announced before; again for what is announced meanwhile."""
        while self._announced:
            topics, self._announced = self._announced, set()
            try:
                async with self._database.connection() as connection:
                    await connection.execute("select pg_notify($1, $2)", CHANNEL, " ".join((self._name, *topics)))
            except DatabaseUnavailable:
                return  # the poll behind it finds the records

    def _heard(self, payload: str) -> None:
        """What another process announced; nothing but the call itself in a release before."""
        name, *topics = payload.split(" ")
        if name != self._name:
            self._wake(frozenset(topics) if topics else None)

    async def _listen(self) -> None:
        """Hear what other processes announce."""
        while True:
            connection: asyncpg.Connection | None = None
            try:
                connection = await asyncpg.connect(self._url, timeout=5)
                lost = asyncio.Event()
                connection.add_termination_listener(lambda _, lost=lost: lost.set())
                await connection.add_listener(CHANNEL, lambda *heard: self._heard(heard[-1]))
                self._wake()  # for what was announced while nobody listened
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
            except (BusUnavailable, *GONE) as error:
                log.warning("trim_waits", error=type(error).__name__)


async def _wait(woken: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(POLL_SECONDS):
            await woken.wait()
