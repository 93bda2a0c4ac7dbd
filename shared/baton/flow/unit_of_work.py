"""One transaction: state, and the events that follow from it, together or not at all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from baton.flow.bus import Bus, Record
from baton.flow.database import Connection, Database
from baton.flow.outbox import Relay, write_outbox
from baton.flow.writes import Writes
from baton.kernel.clock import Clock
from baton.leads.envelope import Event, encode


def as_record(event: Event) -> Record:
    """The event as it goes on the bus."""
    headers, value = encode(event)
    return Record(topic=event.data.topic, key=event.key.encode(), value=value, headers=headers)


class UnitOfWork:
    """What a handler, a command or a timer works in. Only who began it commits."""

    def __init__(self, connection: Connection, *, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.writes = Writes()
        """Sent with the events, at the end."""
        self._records: list[tuple[Record, str | None]] = []

    def emit(self, event: Event) -> None:
        """Send `event` once this transaction is committed."""
        self.emit_record(as_record(event), subject=event.data.subject)

    def emit_record(self, record: Record, *, subject: str | None) -> None:
        """Send bytes as they are; `subject` is the lead they speak of, for its erasure."""
        self._records.append((record, subject))

    @property
    def emitted(self) -> int:
        """How many records wait for the commit."""
        return len(self._records)

    async def flush(self, bus: Bus) -> frozenset[int]:
        """Write what waits, and what was emitted. Gives the lanes that have something to publish now."""
        records, self._records = self._records, []
        lanes = frozenset[int]()
        if records and not bus.appends_in_transaction:
            lanes = write_outbox(self.writes, records, bus=bus)
        await self.writes.send(self.connection)
        if records and bus.appends_in_transaction:
            await bus.append(self.connection, [record for record, _ in records])
        return lanes


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
            emitted = unit.emitted
            lanes = await unit.flush(self._bus)
            await self.relay.tell_others(connection, lanes)
        if lanes and wake:
            self.relay.wake()
        elif emitted and not lanes:
            self._bus.announce()
