"""Keeping the log in PostgreSQL short: what is past its retention goes, and what a compacted topic has anew."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import asyncpg

from baton.flow.database import Connection, Database

SLICE: Final = 2000
"""Records deleted by one statement: some ten milliseconds of work, so that nobody waits for it."""
_LOCK: Final = 0x0BA7_0002

_TOPICS: Final = "select name, $1::timestamptz - retention as oldest, compacted from baton_bus.topics order by name"
_TAKE_TURN: Final = "select pg_try_advisory_lock($1)"
_END_TURN: Final = "select pg_advisory_unlock($1)"
# From the oldest on, by the primary key: the order of commits is nearly that of time.
_EXPIRED: Final = """
delete from baton_bus.log where topic = $1 and position in (
    select position from (
        select position, at from baton_bus.log where topic = $1 order by position limit $3
    ) oldest where at < $2
)
"""
_SUPERSEDED: Final = """
delete from baton_bus.log where topic = $1 and position in (
    select position from (
        select position, max(position) over (partition by key) as latest from baton_bus.log where topic = $1
    ) known where position < latest order by position limit $2
)
"""


async def trim(database: Database, *, now: datetime) -> int:
    """Delete what may go, slice by slice. Gives how many records; 0 while another process is at it.

    Raises:
        DatabaseUnavailable: what is deleted so far stays deleted.
    """
    async with database.connection() as connection:
        if not await connection.fetchval(_TAKE_TURN, _LOCK):
            return 0
        try:
            return sum([await _trim_topic(connection, topic) for topic in await connection.fetch(_TOPICS, now)])
        finally:
            if not connection.is_closed():
                await connection.execute(_END_TURN, _LOCK)


async def _trim_topic(connection: Connection, topic: asyncpg.Record) -> int:
    name, deleted = topic["name"], 0
    if topic["oldest"] is not None:
        deleted += await _in_slices(lambda: connection.execute(_EXPIRED, name, topic["oldest"], SLICE))
    if topic["compacted"]:
        deleted += await _in_slices(lambda: connection.execute(_SUPERSEDED, name, SLICE))
    return deleted


async def _in_slices(delete: Callable[[], Awaitable[str]]) -> int:
    deleted = 0
    while count := int((await delete()).rpartition(" ")[2]):  # `DELETE 12`
        deleted += count
    return deleted
