"""The dead letters of all four services, which keep them each in its own schema: found, shown, replayed."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg

from baton.flow import dead_letters
from baton.flow.bus import Bus
from baton.flow.database import Connection, Database
from baton.flow.held import readable, record_shown
from baton.kernel.clock import Clock
from baton.kernel.instants import format_instant

_CONNECTIONS: Final = 2
_SLICE: Final = 100

_FIND: Final = """
select id, consumer, subject, reason, error, attempts, dead_at, replayed_at, topic, partition, position
from dead_letters
where ($1::text is null or consumer = $1) and ($2::text is null or reason = $2)
  and ($3::timestamptz is null or dead_at >= $3) and ($4::text is null or subject = $4)
  and ($5::bigint[] is null or id = any($5)) and ($6 or replayed_at is null)
order by id limit $7
"""
_CONTENT: Final = "select * from dead_letters where id = $1"
_CONSUMERS: Final = "select distinct consumer from dead_letters where $1 or replayed_at is null"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which dead letters are meant; what is None doesn't matter. `ids` are `schema:number`."""

    consumer: str | None = None
    reason: str | None = None
    since: datetime | None = None
    lead_id: str | None = None
    ids: Sequence[str] = ()
    replayed: bool = False
    """Also those that were replayed already."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What may be listed: no personal data. `id` is `schema:number`."""

    id: str
    consumer: str
    lead_id: str | None
    reason: str
    error: str
    attempts: int
    at: datetime
    replayed_at: datetime | None
    topic: str
    partition: int
    offset: int

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {
            "id": self.id,
            "at": format_instant(self.at),
            "consumer": self.consumer,
            "lead_id": self.lead_id,
            "reason": self.reason,
            "error": self.error,
            "attempts": self.attempts,
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "replayed_at": None if self.replayed_at is None else format_instant(self.replayed_at),
        }


@dataclass(frozen=True, slots=True)
class DeadLetterBox:
    """Reaches the schemas; one that no service has made yet is empty."""

    databases: Mapping[str, Database]

    async def find(self, wanted: Filter, *, limit: int) -> list[Letter]:
        """The oldest first. Raises ValueError for an id that can't be one."""
        ids = _by_schema(wanted.ids, self.databases)
        found: list[Letter] = []
        for schema, database in self.databases.items():
            if not wanted.ids or ids[schema]:
                found += await _find(schema, database, wanted, ids[schema], limit=limit)
        return sorted(found, key=lambda letter: (letter.at, letter.id))[:limit]

    async def consumers(self, *, replayed: bool = False) -> list[str]:
        """Of whom there are any that wait; `replayed`: or were replayed already."""
        found: set[str] = set()
        for schema, database in self.databases.items():
            async with database.connection() as connection:
                if await _is_made(schema, connection):
                    found |= {row["consumer"] for row in await connection.fetch(_CONSUMERS, replayed)}
        return sorted(found)

    async def content(self, letter: Letter) -> dict[str, Any]:
        """All of it, the original record included: personal data."""
        schema, number = _split(letter.id)
        async with self.databases[schema].connection() as connection:
            row = await connection.fetchrow(_CONTENT, number)
        assert row is not None
        record = record_shown(dict(row))
        value = readable(row["value"])
        return {**letter.as_dict(), "key": record["key"], "headers": record["headers"], "value": value}

    async def replay(self, letters: Sequence[Letter], *, bus: Bus, clock: Clock, rate: float | None) -> list[str]:
        """Give them back to the consumers that failed, `rate` a second at most. Gives the ids that were taken."""
        taken: list[str] = []
        size = _SLICE if rate is None else max(1, min(_SLICE, int(rate)))
        for start in range(0, len(letters), size):
            if start and rate is not None:
                await asyncio.sleep(size / rate)
            taken += await self._replay(letters[start : start + size], bus=bus, clock=clock)
        return taken

    async def _replay(self, letters: Sequence[Letter], *, bus: Bus, clock: Clock) -> list[str]:
        taken: list[str] = []
        for schema, database in self.databases.items():
            chosen = [number for where, number in (_split(one.id) for one in letters) if where == schema]
            if chosen:
                taken += [f"{schema}:{number}" for number in await _replay(database, chosen, bus=bus, clock=clock)]
        return taken


@asynccontextmanager
async def open_box(url: str, schemas: Sequence[str]) -> AsyncIterator[DeadLetterBox]:
    """The dead letters in these schemas of a database."""
    databases = {schema: Database(url, schema=schema, size=_CONNECTIONS) for schema in schemas}
    async with AsyncExitStack() as stack:
        for database in databases.values():
            await database.start()
            stack.push_async_callback(database.stop)
        yield DeadLetterBox(databases)


async def _find(schema: str, database: Database, wanted: Filter, ids: list[int], *, limit: int) -> list[Letter]:
    async with database.connection() as connection:
        if not await _is_made(schema, connection):
            return []
        rows = await connection.fetch(
            _FIND,
            wanted.consumer,
            wanted.reason,
            wanted.since,
            wanted.lead_id,
            ids or None,
            wanted.replayed,
            limit,
        )
    return [_letter(schema, row) for row in rows]


async def _is_made(schema: str, connection: Connection) -> bool:
    return await connection.fetchval("select to_regclass($1)", f"{schema}.dead_letters") is not None


async def _replay(database: Database, ids: Sequence[int], *, bus: Bus, clock: Clock) -> list[int]:
    async with database.transaction() as connection:
        keys = await connection.fetch("select id, key from dead_letters where id = any($1::bigint[])", ids)
        lanes = [bus.lane(row["key"]) for row in keys]
        return sorted(await dead_letters.replay(connection, [row["id"] for row in keys], lanes, now=clock.now()))


def _letter(schema: str, row: asyncpg.Record) -> Letter:
    return Letter(
        id=f"{schema}:{row['id']}",
        consumer=row["consumer"],
        lead_id=row["subject"],
        reason=row["reason"],
        error=row["error"],
        attempts=row["attempts"],
        at=row["dead_at"],
        replayed_at=row["replayed_at"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["position"],
    )


def _by_schema(ids: Sequence[str], schemas: Mapping[str, Database]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {schema: [] for schema in schemas}
    for text in ids:
        schema, number = _split(text)
        if schema not in found:
            raise ValueError(f"{text} is no id of a dead letter: they are like {next(iter(schemas))}:12")
        found[schema].append(number)
    return found


def _split(text: str) -> tuple[str, int]:
    schema, _, number = text.partition(":")
    if not number.isdecimal():
        raise ValueError(f"{text} is no id of a dead letter: they are like router:12")
    return schema, int(number)
