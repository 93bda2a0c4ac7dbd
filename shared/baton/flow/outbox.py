"""The outbox: events that a committed transaction promised to send, until they are on the bus."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple

import asyncpg
import structlog

from baton.flow import metrics
from baton.flow.bus import Bus, BusUnavailable, Record
from baton.flow.database import Connection, Database, DatabaseUnavailable
from baton.flow.headers import pack_headers, unpack_headers
from baton.flow.writes import Writes

log = structlog.get_logger()

_BATCH: Final = 1000
_POLL_SECONDS: Final = 0.5
"""Behind the wake-up calls: how long a row waits at most if one of them got lost."""
_SWEEP_SECONDS: Final = 0.05
"""How long what is on the bus already stays in the table at most, while nothing new comes."""

_WRITE = """
insert into outbox (lane, subject, topic, key, headers, value)
select * from unnest($1::int[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::bytea[])
"""
# What was published goes with the next look, without waiting for the disk: a deletion lost in a crash means that the
# record is sent again, no more.
_NEXT = """
with hurry as (
    select set_config('synchronous_commit', 'off', true)
), gone as (
    delete from outbox where id = any($3::bigint[]) and exists (select from hurry)
)
select id, topic, key, headers, value from outbox
where lane = any($1::int[]) and id <> all($3::bigint[]) order by id limit $2
"""


def write_outbox(writes: Writes, records: Sequence[tuple[Record, str | None]], *, bus: Bus) -> frozenset[int]:
    """Add records, each with the lead it speaks of, to what the caller's transaction writes. Gives their lanes."""
    columns = outbox_columns(records, bus=bus)
    writes.add(_WRITE, *columns)
    return frozenset(columns.lanes)


class OutboxColumns(NamedTuple):
    """Rows of the outbox as the arrays of an `unnest`."""

    lanes: list[int]
    subjects: list[str | None]
    topics: list[str]
    keys: list[bytes]
    headers: list[bytes]
    values: list[bytes]


def outbox_columns(records: Sequence[tuple[Record, str | None]], *, bus: Bus) -> OutboxColumns:
    """Records, each with the lead it speaks of, for a statement that writes them beside something else."""
    return OutboxColumns(
        lanes=[bus.lane(record.key) for record, _ in records],
        subjects=[subject for _, subject in records],
        topics=[record.topic for record, _ in records],
        keys=[record.key for record, _ in records],
        headers=[pack_headers(record.headers) for record, _ in records],
        values=[record.value for record, _ in records],
    )


class Relay:
    """Publishes the outbox of the lanes that this process owns, in order, and only those.

    A lane has one owner at a time (who consumes that partition), so that records of one key keep their order whoever
    wrote them: a batch, an HTTP command or a timer, in this process or in another. A new owner begins with what its
    predecessor left.
    """

    def __init__(self, *, database: Database, bus: Bus, lanes: Callable[[], frozenset[int]]) -> None:
        self._database = database
        self._bus = bus
        self._lanes = lanes
        self._one_at_a_time = asyncio.Lock()
        self._woken = asyncio.Event()
        self._told: str | None = None
        self._published: list[int] = []
        """Rows that are on the bus and still in the table, until the next look."""
        self._is_running = False

    @property
    def channel(self) -> str:
        """The notification channel by which other processes are told of rows in lanes they own."""
        return f"baton_outbox_{self._database.schema}"

    async def tell_others(self, connection: Connection, lanes: Collection[int]) -> None:
        """Have the owners of those lanes that aren't ours publish.

        A notification makes commits wait for each other: only where another process has to be told.
        """
        if not self._lanes().issuperset(lanes):
            await connection.execute("select pg_notify($1, '')", self.channel)

    def wake(self) -> None:
        """Something was written: publish soon."""
        self._woken.set()

    async def publish_soon(self) -> None:
        """Have the running loop publish, beside what the caller does next; without one, publish.

        Raises:
            BusUnavailable, DatabaseUnavailable: as `publish`, without a loop.
        """
        if self._is_running:
            self.wake()
        else:
            await self.publish()

    async def publish(self) -> int:
        """Publish everything there is in the owned lanes, and leave no row of it. Gives how many.

        Raises:
            BusUnavailable, DatabaseUnavailable: what was not published stays.
        """
        if self._bus.appends_in_transaction:
            return 0
        sent = 0
        async with self._one_at_a_time:
            while count := await self._publish_some():
                sent += count
        return sent

    async def run(self, stopping: asyncio.Event) -> None:
        """Publish whenever woken, by this process or another, until told to stop.

        Rows that were published stay until the next look, which comes soon: `publish` leaves none.
        """
        if self._bus.appends_in_transaction:
            await stopping.wait()
            return
        self._is_running = True
        try:
            async with asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(self._listen())
                stop = tasks.create_task(stopping.wait())
                while not stopping.is_set():
                    await self._publish_or_wait()
                    await self._next_wake(stop)
                listening.cancel()
        finally:
            self._is_running = False

    async def _publish_some(self) -> int:
        lanes = self._lanes()
        if not lanes and not self._published:
            return 0
        async with self._database.connection() as connection:
            rows = await connection.fetch(_NEXT, list(lanes), _BATCH, self._published)
        self._published = []
        if not rows:
            return 0
        await self._bus.publish([_record(row) for row in rows])
        self._published = [row["id"] for row in rows]
        metrics.relayed.labels(service=self._database.schema).inc(len(rows))
        return len(rows)

    async def _publish_or_wait(self) -> None:
        try:
            async with self._one_at_a_time:
                while await self._publish_some() == _BATCH:
                    pass
            self._told = None
        except (BusUnavailable, DatabaseUnavailable) as error:
            if self._told != (told := type(error).__name__):  # it may be away for hours, and is asked twice a second
                self._told = told
                log.warning("relay_waits", service=self._database.schema, error=told)

    async def _next_wake(self, stop: "asyncio.Task[bool]") -> None:
        woken = asyncio.ensure_future(self._woken.wait())
        seconds = _SWEEP_SECONDS if self._published else _POLL_SECONDS
        await asyncio.wait((woken, stop), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()
        self._woken.clear()

    async def _listen(self) -> None:
        """Hold a connection that is told by other processes; without one, the poll does the work."""
        while True:
            try:
                connection = await asyncpg.connect(self._database.url, timeout=5)
            except (OSError, TimeoutError, asyncpg.PostgresError):
                await asyncio.sleep(_POLL_SECONDS)
                continue
            try:
                await connection.add_listener(self.channel, lambda *_: self.wake())
                lost = asyncio.Event()
                connection.add_termination_listener(lambda _, lost=lost: lost.set())
                await lost.wait()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                continue
            finally:
                connection.terminate()


def _record(row: asyncpg.Record) -> Record:
    return Record(topic=row["topic"], key=row["key"], value=row["value"], headers=unpack_headers(row["headers"]))
