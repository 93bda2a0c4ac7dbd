"""One transaction: state, and the events that follow from it, together or not at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Final, TypeVar, cast

import asyncpg

from baton.flow.bus import Bus, Record, refuse_too_large
from baton.flow.database import Connection, Database, Overtaken
from baton.flow.outbox import NOTHING_LEFT, Left, Relay, outbox_columns, outbox_write
from baton.flow.writes import Writes
from baton.kernel.clock import Clock
from baton.leads.envelope import Event, encode

T = TypeVar("T")

_TRIES: Final = 4
"""Of work that is overtaken. What overtook it is committed by then, so there is nothing to wait for."""
_ROLL_BACK_SECONDS: Final = 5.0
_LOCK: Final = "select pg_advisory_xact_lock(name) from unnest('{{{}}}'::bigint[]) as l(name)"
"""With the numbers in it: so it goes in one round trip with the begin."""


def as_record(event: Event) -> Record:
    """The event as it goes on the bus."""
    headers, value = encode(event)
    return Record(topic=event.data.topic, key=event.key.encode(), value=value, headers=headers)


class UnitOfWork:
    """What a handler, a command or a timer works in. Only who began it commits."""

    def __init__(self, connection: Connection, *, now: datetime, has_begun: bool = True) -> None:
        self.connection = connection
        self.now = now
        self.has_begun = has_begun
        """Whether there is a transaction already. Without one, what is read isn't locked: writes say what they rest on
        (`Writes.add`, `check`), and nothing else may be written."""
        self.writes = Writes()
        """Sent with the events, at the end."""
        self._records: list[tuple[Record, str | None]] = []
        self._afterwards: list[Callable[[], None]] = []

    def emit(self, event: Event) -> None:
        """Send `event` once this transaction is committed."""
        self.emit_record(as_record(event), subject=event.data.subject)

    def emit_record(self, record: Record, *, subject: str | None) -> None:
        """Send bytes as they are; `subject` is the lead they speak of, for its erasure.

        Raises:
            RecordTooLarge: no bus takes it. Told here, it is the fault of what caused it, and nobody else's.
        """
        refuse_too_large([record])
        self._records.append((record, subject))

    def afterwards(self, count: Callable[[], None]) -> None:
        """Call `count` once this transaction is committed: what is undone and comes again is counted once."""
        self._afterwards.append(count)

    def committed(self) -> None:
        """It is: for who began it."""
        for count in self._afterwards:
            count()

    async def begin(self, *, locks: Sequence[int] = ()) -> None:
        """Begin the transaction if it hasn't begun, with these advisory locks, taken in the order given."""
        statements = [] if self.has_begun else ["begin"]
        if locks:
            statements.append(_LOCK.format(",".join(map(str, locks))))
        self.has_begun = True  # before a lock may fail: by then it has
        if statements:
            await self.connection.execute("; ".join(statements))

    @property
    def topics(self) -> frozenset[str]:
        """Where what was emitted goes."""
        return frozenset(record.topic for record, _ in self._records)

    async def flush(self, bus: Bus, relay: Relay) -> Left:
        """Write what waits, and what was emitted. Gives what is to be published now."""
        records, self._records = self._records, []
        if not records:
            await self.writes.send(self.connection)
            return NOTHING_LEFT
        if bus.appends_in_transaction:
            await bus.append(self.connection, [record for record, _ in records], writes=self.writes)
            return NOTHING_LEFT
        columns, standing = outbox_columns(records, bus=bus), relay.standing
        ids = await self.writes.send(self.connection, last=outbox_write(columns, standing=standing))
        await relay.tell_others(self.connection, columns.lanes)
        told = [record for record, _ in records]
        return Left(told, columns.lanes, cast("Sequence[int] | None", ids), standing.term)


class Units:
    """Begins units of work, and sees to it that what they emitted is published."""

    def __init__(self, *, database: Database, bus: Bus, clock: Clock, relay: Relay) -> None:
        self.database = database
        self.relay = relay
        self._bus = bus
        self._clock = clock

    def now(self) -> datetime:
        """The present instant, for what happens before a unit begins."""
        return self._clock.now()

    @asynccontextmanager
    async def begin(self, *, wake: bool = True) -> AsyncIterator[UnitOfWork]:
        """A unit that is committed at the end of the block, with its events; an exception undoes all of it.

        With `wake=False` the caller publishes them himself, right after.

        Raises:
            DatabaseUnavailable: the database is away; whether the unit was committed is then not known.
        """
        async with self.database.transaction() as connection:
            unit = UnitOfWork(connection, now=self._clock.now())
            yield unit
            topics = unit.topics
            left = await unit.flush(self._bus, self.relay)
        unit.committed()
        self._hand(left, topics, wake=wake)

    async def carry_out(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Work in a unit of its own; of work that is overtaken nothing stays, and it is done again, a few times.

        Raises:
            Overtaken: each time.
            DatabaseUnavailable: as `begin`.
        """
        for _ in range(_TRIES - 1):
            with suppress(Overtaken):
                async with self.begin() as unit:
                    return await work(unit)
        async with self.begin() as unit:
            return await work(unit)

    @asynccontextmanager
    async def begin_late(self) -> AsyncIterator[UnitOfWork]:
        """As `begin` with `wake=False`, but the transaction begins when the unit is told so; else the writes are it.

        Raises:
            Overtaken: what the unit rests on is no longer so; nothing was written.
            DatabaseUnavailable: as `begin`.
        """
        async with self.database.connection() as connection:
            unit = UnitOfWork(connection, now=self._clock.now(), has_begun=False)
            try:
                yield unit
                topics = unit.topics
                left = await unit.flush(self._bus, self.relay)
                if unit.has_begun:
                    await connection.execute("commit")
            except BaseException:
                if unit.has_begun:
                    await _roll_back(connection)
                raise
        unit.committed()
        self._hand(left, topics, wake=False)

    def _hand(self, left: Left, topics: Collection[str], *, wake: bool) -> None:
        self.relay.hand(left)
        if left.records and wake:
            self.relay.wake()
        elif topics and not left.records:
            self._bus.announce(topics)


async def _roll_back(connection: Connection) -> None:
    """Undo; where even that fails the connection goes, and the server undoes what it left."""
    try:
        async with asyncio.timeout(_ROLL_BACK_SECONDS):
            await connection.execute("rollback")
    except BaseException as error:
        with suppress(asyncpg.InterfaceError):  # it was cut, and taken back by its pool
            connection.terminate()
        if not isinstance(error, Exception):
            raise
