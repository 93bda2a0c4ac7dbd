"""The outbox: events that a committed transaction promised to send, until they are on the bus."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import asyncpg
import structlog

from baton.flow import metrics
from baton.flow.bus import Bus, BusUnavailable, Record, RecordTooLarge
from baton.flow.database import Connection, Database, DatabaseUnavailable
from baton.flow.headers import pack_headers, unpack_headers
from baton.flow.reasons import Reason
from baton.flow.writes import Asking
from baton.kernel.clock import Clock
from baton.kernel.instants import format_instant
from baton.leads.topics import Topic

log = structlog.get_logger()

_BATCH: Final = 250
"""Rows read at once: behind an outage a larger heap on one topic keeps every lane behind it waiting."""
_MOST_HANDED: Final = 2000
"""More than that stays in the table alone: while the bus is away memory must not fill."""
_LOOK_SECONDS: Final = 0.25
"""Behind the wake-up calls: how long a row waits at most if one of them got lost, and what was published stays."""
_AGAIN_SECONDS: Final = 0.5
"""Between two attempts to reach a listener's connection."""

_WRITE: Final = """
insert into outbox (lane, subject, topic, key, headers, value)
select * from unnest($1::int[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::bytea[])
"""
# Lane by lane, and in order: what was published lies dead in the table by the thousand, until it is vacuumed.
_IN_TURN: Final = """
case when not exists (
    select from unnest({lanes}::int[]) as l(lane) cross join lateral (
        select id from outbox where lane = l.lane and id not in (select unnest({known}::bigint[])) order by id limit 1
    ) earlier
) then array(select id from {rows} order by id) end
"""
# What was published goes with the next look, without waiting for the disk: a deletion lost in a crash means that the
# record is sent again, no more.
_NEXT = """
with hurry as (
    select set_config('synchronous_commit', 'off', true)
), gone as (
    delete from outbox where id = any($3::bigint[]) and exists (select from hurry)
)
select o.* from unnest($1::int[]) as l(lane) cross join lateral (
    select id, lane, topic, key, headers, value from outbox
    where lane = l.lane and id not in (select unnest($3::bigint[])) order by id limit $2
) o order by id limit $2
"""
# Its bytes stay on the server. The letter's copy has none of them: they are what the bus doesn't take.
_SET_ASIDE = """
with gone as (
    delete from outbox where id = $1 returning *
), told as (
    insert into outbox (lane, subject, topic, key, headers, value) select lane, subject, $5, key, $6, '' from gone
)
insert into dead_letters (consumer, subject, reason, error, attempts, dead_at,
                          partition, position, received_at, topic, key, headers, value)
select $2, subject, $7, $3, 1, $4, lane, id, $4, topic, key, headers, value from gone
"""
OUTBOX: Final = "outbox"
"""The consumer that a dead letter names which never came on the bus. To replay it is to try to send it again."""


@dataclass(frozen=True, slots=True)
class Left:
    """What a transaction left in the outbox."""

    records: Sequence[Record]
    lanes: Sequence[int]
    """Of each record."""
    ids: Sequence[int] | None
    """Of each record's row. None: others wait in our lanes, so that the order is to be read from the table."""
    term: int
    """That of the `Standing` with which they were written."""


NOTHING_LEFT: Final = Left((), (), (), 0)


def in_turn(*, lanes: str, known: str, rows: str = "{rows}") -> str:
    """SQL for the ids of the rows that a statement adds; null if others wait that are to be published before them.

    `lanes` and `known` are its parameters, those of a `Standing`; `rows` gives the `id` of each row that it adds.
    """
    return _IN_TURN.format(lanes=lanes, known=known, rows=rows)


def outbox_write(columns: "OutboxColumns", *, standing: "Standing") -> Asking:
    """A write of rows that gives their ids in order, as `in_turn` does."""
    return Asking(_WRITE, (*columns, standing.lanes, standing.known), in_turn(lanes="$7", known="$8"), returning="id")


class Standing(NamedTuple):
    """What a relay has in hand: the lanes that it owns, and those of their rows that go before any new one."""

    lanes: list[int]
    known: list[int]
    term: int
    """It ends when the relay finds that it owns other lanes."""


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
    predecessor left. What the bus never takes becomes a dead letter, and the lane goes on.

    What this process wrote is handed over once it is committed, and published without being read again. Wherever
    others may have written before it, the order is read from the table.
    """

    def __init__(self, *, database: Database, bus: Bus, clock: Clock, lanes: Callable[[], frozenset[int]]) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._lanes = lanes
        self._one_at_a_time = asyncio.Lock()
        self._woken = asyncio.Event()
        self._told: str | None = None
        self._handed: dict[int, _Row] = {}
        """What is to be published next, by the id of its row."""
        self._sending: Sequence[int] = ()
        self._published: list[int] = []
        """Rows that are on the bus and still in the table, until the next look."""
        self._must_look = True
        self._next_look = 0.0
        self._owned = frozenset[int]()
        """When last looked at; with any change a new term begins."""
        self._term = 0
        self._is_running = False

    @property
    def channel(self) -> str:
        """The notification channel by which other processes are told of rows in lanes they own."""
        return f"baton_outbox_{self._database.schema}"

    @property
    def standing(self) -> Standing:
        """What is to be told with each write of the outbox, for it to say whether its rows may be handed over."""
        lanes = self._lanes_now()
        return Standing(list(lanes), [*self._published, *self._sending, *self._handed], self._term)

    async def tell_others(self, connection: Connection, lanes: Collection[int]) -> None:
        """Have the owners of those lanes that aren't ours publish.

        A notification makes commits wait for each other: only where another process has to be told.
        """
        if not self._lanes().issuperset(lanes):
            await connection.execute("select pg_notify($1, '')", self.channel)

    def hand(self, left: Left) -> None:
        """What a transaction left is committed: publish it with the next round."""
        if not left.records:
            return
        self._lanes_now()
        if left.ids is None or left.term != self._term or len(self._handed) + len(left.ids) > _MOST_HANDED:
            self._must_look = True
            return
        for row, lane, record in zip(left.ids, left.lanes, left.records, strict=True):
            self._handed[row] = _Row(row, lane, record)

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
            while count := await self._publish_handed() or await self._publish_found():
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

    def _lanes_now(self) -> frozenset[int]:
        """The lanes that are ours. Once they are others, the table says what is next.

        Whoever wrote before asked only after rows of the lanes that were ours then; and of what it knew to be in hand,
        we let go of what wasn't ours meanwhile.
        """
        lanes = self._lanes()
        if lanes != self._owned:
            self._owned, self._term, self._must_look = lanes, self._term + 1, True
            self._handed.clear()
        return lanes

    async def _publish_handed(self) -> int:
        """What was handed over, where nothing can come before it."""
        lanes = self._lanes_now()
        if self._must_look or not self._handed:
            return 0
        ours = [row for _, row in sorted(self._handed.items()) if row.lane in lanes]
        self._handed.clear()  # the rest is its lanes' new owner's
        await self._send(ours)
        return len(ours)

    async def _publish_found(self) -> int:
        """What the table has; and what was published leaves it."""
        lanes = self._lanes_now()
        if not lanes and not self._published:
            self._handed.clear()
            return 0
        self._must_look = False  # unless something says so meanwhile
        self._handed.clear()
        try:
            async with self._database.connection() as connection:
                found = await connection.fetch(_NEXT, list(lanes), _BATCH, self._published)
        except BaseException:
            self._must_look = True
            raise
        self._published = []
        self._next_look = asyncio.get_running_loop().time() + _LOOK_SECONDS
        self._must_look |= len(found) == _BATCH
        for row in found:
            self._handed.pop(row["id"], None)  # handed over while we looked
        await self._send([_Row(row["id"], row["lane"], _record(row)) for row in found])
        return len(found)

    async def _send(self, rows: Sequence["_Row"]) -> None:
        if not rows:
            return
        self._sending = [row.id for row in rows]
        try:
            await self._publish_all(rows)
        except BaseException:
            self._must_look = True
            raise
        finally:
            self._sending = ()
        self._published += [row.id for row in rows]
        metrics.relayed.labels(service=self._database.schema).inc(len(rows))

    async def _publish_all(self, rows: Sequence["_Row"]) -> None:
        """Together; else one after the other, so that one which is too large keeps only itself from going."""
        try:
            await self._bus.publish([row.record for row in rows])
        except RecordTooLarge:
            for row in rows:
                try:
                    await self._bus.publish([row.record])
                except RecordTooLarge as error:
                    await self._set_aside(row, error)

    async def _set_aside(self, row: "_Row", error: RecordTooLarge) -> None:
        record = row.record
        if record.topic == Topic.DEAD_LETTERS:
            return  # a copy: the letter itself is in its table
        now, reason = self._clock.now(), Reason.TOO_LARGE
        added = {
            "dl_topic": record.topic,
            "dl_partition": str(row.lane),
            "dl_offset": str(row.id),
            "dl_consumer": OUTBOX,
            "dl_reason": reason,
            "dl_error": str(error),
            "dl_at": format_instant(now),
            "dl_attempts": "1",
        }
        headers = (*record.headers, *((name, text.encode()) for name, text in added.items()))
        async with self._database.connection() as connection:
            await connection.execute(
                _SET_ASIDE, row.id, OUTBOX, str(error), now, Topic.DEAD_LETTERS, pack_headers(headers), reason
            )
        self._must_look = True  # for the letter's copy
        metrics.dead_lettered.labels(consumer=OUTBOX).inc()
        log.error("dead_letter", consumer=OUTBOX, service=self._database.schema, topic=record.topic, reason=reason)

    async def _publish_or_wait(self) -> None:
        try:
            async with self._one_at_a_time:
                if self._must_look or asyncio.get_running_loop().time() >= self._next_look:
                    while await self._publish_found() == _BATCH:
                        pass
                await self._publish_handed()
            self._told = None
        except (BusUnavailable, DatabaseUnavailable) as error:
            if self._told != (told := type(error).__name__):  # it may be away for hours, and is asked twice a second
                self._told = told
                log.warning("relay_waits", service=self._database.schema, error=told)

    async def _next_wake(self, stop: "asyncio.Task[bool]") -> None:
        woken = asyncio.ensure_future(self._woken.wait())
        await asyncio.wait((woken, stop), timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()
        self._woken.clear()

    async def _listen(self) -> None:
        """Hold a connection that is told by other processes; without one, the poll does the work."""
        while True:
            try:
                connection = await asyncpg.connect(self._database.url, timeout=5)
            except (OSError, TimeoutError, asyncpg.PostgresError):
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            try:
                await connection.add_listener(self.channel, lambda *_: self._told_by_others())
                lost = asyncio.Event()
                connection.add_termination_listener(lambda _, lost=lost: lost.set())
                await lost.wait()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                continue
            finally:
                connection.terminate()

    def _told_by_others(self) -> None:
        self._must_look = True
        self.wake()


class _Row(NamedTuple):
    """A row of the outbox that is to be published."""

    id: int
    lane: int
    record: Record


def _record(row: asyncpg.Record) -> Record:
    return Record(topic=row["topic"], key=row["key"], value=row["value"], headers=unpack_headers(row["headers"]))
