"""A member of a group on the log in PostgreSQL: it owns the group while its connection holds the group's lock."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, NoReturn

import asyncpg

from baton.flow.bus import BusUnavailable, Handle, Received
from baton.flow.headers import unpack_headers

CHANNEL: Final = "baton_bus"
_POLL_SECONDS: Final = 0.5
_STANDBY_SECONDS: Final = 0.25
"""How often a stand-by asks for the lock: so soon it takes over."""
_COMMAND_SECONDS: Final = 15.0
_ONE_LANE: Final = frozenset({0})

_LOCK: Final = "select pg_try_advisory_lock(hashtext('baton_bus'), hashtext($1))"
_POSITIONS: Final = "select topic, position from baton_bus.positions where consumer_group = $1"
# Topics are merged by time, so that one with a backlog doesn't hold up the others. Within a topic only the position
# counts: clocks may differ or jump, and a record that a later one overtook would never be seen again.
_POLL: Final = """
select topic, position, key, headers, value, at from (
    select *, row_number() over merged as place, sum(size) over merged - size as before from (
        select l.*, octet_length(l.value) as size, max(l.at) over (partition by l.topic order by l.position) as turn
        from unnest($1::text[], $2::bigint[]) as p(topic, position)
        cross join lateral (
            select topic, position, key, headers, value, at from baton_bus.log
            where log.topic = p.topic and log.position >= p.position order by log.position limit $3
        ) l
    ) found
    window merged as (order by turn, topic, position rows unbounded preceding)
) counted
where place <= $3 and before < $4
order by place
"""
_POLL_BYTES: Final = 8 * 1024 * 1024
"""A batch ends with the record that reaches this, however few they are."""
_MARK: Final = """
insert into baton_bus.positions (consumer_group, topic, position)
select $1, * from unnest($2::text[], $3::bigint[])
on conflict (consumer_group, topic) do update set position = excluded.position
"""
GONE: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class PostgresConsumer:
    """Polls, handles and marks on one connection; when that breaks, so does its ownership."""

    def __init__(
        self,
        url: str,
        *,
        group: str,
        topics: Sequence[str],
        gather: timedelta = timedelta(0),
        woken: Callable[[], asyncio.Event],
    ) -> None:
        self._url = url
        self._group = group
        self._topics = tuple(topics)
        self._gather = gather.total_seconds()
        self._gathers = False
        """Whether all there was is handled: then the next ones may come together first."""
        self._woken = woken
        self._connection: asyncpg.Connection | None = None
        self._places: dict[str, int] | None = None
        """The next position of each topic; None while another process owns the group."""

    @property
    def lanes(self) -> frozenset[int]:
        owns = self._places is not None and self._connection is not None and not self._connection.is_closed()
        return _ONE_LANE if owns else frozenset()

    async def start(self) -> None:
        """Nothing yet: `consume` connects, and connects again whenever it has to."""

    async def stop(self) -> None:
        connection, self._connection, self._places = self._connection, None, None
        if connection is not None:
            with suppress(*GONE):
                await connection.close(timeout=2)

    async def consume(self, handle: Handle, *, max_records: int, wait: timedelta) -> int:
        try:
            if not await self._owns_group():
                await asyncio.sleep(min(wait.total_seconds(), _STANDBY_SECONDS))
                return 0
            if self._gathers and wait:
                await asyncio.sleep(self._gather)
            records = await self._poll_or_wait(max_records, wait)
        except GONE as error:
            await self._lose(error)
        self._gathers = 0 < len(records) < max_records
        if not records:
            return 0
        await handle(records)
        try:
            await self._mark(records)
        except GONE as error:
            await self._lose(error)
        return len(records)

    async def _owns_group(self) -> bool:
        if self._connection is None or self._connection.is_closed():
            self._places = None
            self._connection = await self._connect()
        if self._places is None and await self._connection.fetchval(_LOCK, self._group):
            rows = await self._connection.fetch(_POSITIONS, self._group)
            self._places = dict.fromkeys(self._topics, 0) | {row["topic"]: row["position"] for row in rows}
        return self._places is not None

    async def _connect(self) -> asyncpg.Connection:
        # A position that a crash forgets means records given again, no more: it need not wait for the disk.
        # Of a machine that vanished the server learns by asking: ten seconds later a stand-by has the group.
        settings = {
            "synchronous_commit": "off",
            "application_name": f"baton-bus-{self._group}"[:63],
            "tcp_keepalives_idle": "4",
            "tcp_keepalives_interval": "2",
            "tcp_keepalives_count": "3",
        }
        return await asyncpg.connect(self._url, timeout=5, command_timeout=_COMMAND_SECONDS, server_settings=settings)

    async def _poll_or_wait(self, limit: int, wait: timedelta) -> Sequence[Received]:
        woken = self._woken()
        records = await self._poll(limit)
        if records or not wait:
            return records
        with suppress(TimeoutError):
            await asyncio.wait_for(woken.wait(), min(wait.total_seconds(), _POLL_SECONDS))
        return await self._poll(limit)

    async def _poll(self, limit: int) -> Sequence[Received]:
        assert self._connection is not None
        assert self._places is not None
        places = [self._places[topic] for topic in self._topics]
        rows = await self._connection.fetch(_POLL, self._topics, places, limit, _POLL_BYTES)
        return [received(row) for row in rows]

    async def _mark(self, records: Sequence[Received]) -> None:
        assert self._connection is not None
        assert self._places is not None
        moved = {record.topic: record.offset + 1 for record in records}
        await self._connection.execute(_MARK, self._group, list(moved), list(moved.values()))
        self._places.update(moved)

    async def _lose(self, error: BaseException) -> NoReturn:
        connection, self._connection, self._places = self._connection, None, None
        if connection is not None:
            connection.terminate()
        raise BusUnavailable(f"{type(error).__name__}: {error}") from error


def received(row: asyncpg.Record) -> Received:
    """A row of the log as a record."""
    return Received(
        topic=row["topic"],
        partition=0,
        offset=row["position"],
        key=row["key"],
        value=row["value"],
        headers=unpack_headers(row["headers"]),
        at=row["at"],
    )
