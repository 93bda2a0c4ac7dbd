"""The simulator's way to a database: where one thing happens at a time, a transaction needs half the round trips.

Its begin is sent with its predecessor's end, and a connection comes from a list of free ones instead of from a pool.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from baton.flow.database import TRANSIENT, Connection, Database, DatabaseUnavailable, raise_if_gone

_SECONDS: Final = 15.0
"""The bound of connecting and of a statement."""
_CLOSE_SECONDS: Final = 2.0
_PLANS: Final = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
"""Plan a statement once: for batches of one lead, planning each time took half of the server's time. But that once is
while tables are empty, so it has to be told that they will be read by their keys."""
_REPORT_EVERY: Final = 100
"""Transactions between two ends with nothing begun: then a connection tells autovacuum what it changed."""


class SteppedDatabase(Database):
    """One service's schema, with as many connections as are in use at once: one or two where everything is stepped.

    Those for transactions are always in one. While nobody has it, it is empty: it holds no lock and has seen nothing.
    """

    def __init__(self, url: str, *, schema: str) -> None:
        super().__init__(url, schema=schema)
        self.uses = 0
        """How often somebody had a connection and didn't roll back: while it stays the same, so does what is in the
        database."""
        self._is_open = False
        self._idle: list[asyncpg.Connection] = []
        self._begun: list[asyncpg.Connection] = []
        self._ended = 0

    async def start(self) -> None:
        self._is_open = True

    async def stop(self) -> None:
        self._is_open = False
        for connection in (*self._idle, *self._begun):
            await connection.close(timeout=_CLOSE_SECONDS)
        self._idle.clear()
        self._begun.clear()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection without a transaction.

        Raises:
            DatabaseUnavailable: as a Database's.
        """
        try:
            connection = _living(self._idle) or await self._connect()
            self.uses += 1
            try:
                yield connection
            except asyncpg.InterfaceError as error:
                raise_if_gone(connection, error)
                raise
            finally:
                self._idle.append(connection)
        except TRANSIENT as error:
            raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction, committed at the end or rolled back by an exception.

        Raises:
            DatabaseUnavailable: as a Database's.
        """
        try:
            connection = _living(self._begun) or await self._begin()
            try:
                yield connection
            except BaseException:
                await self._end(connection, "rollback")
                raise
            self.uses += 1
            await self._end(connection, "commit")
        except TRANSIENT as error:
            raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error

    async def _begin(self) -> asyncpg.Connection:
        """Begun as asyncpg does it, so that it knows: a transaction within becomes a savepoint."""
        connection = await self._connect()
        await connection.transaction().start()
        return connection

    async def _end(self, connection: asyncpg.Connection, how: str) -> None:
        """End a transaction and begin the next one; a connection where that fails is not used again."""
        self._ended += 1
        try:
            if self._ended % _REPORT_EVERY == 0:
                await connection.execute(how)
                await connection.execute("begin")
            else:
                await connection.execute(f"{how}; begin")
        except asyncpg.InterfaceError as error:
            raise_if_gone(connection, error)
            raise
        self._begun.append(connection)

    async def _connect(self) -> asyncpg.Connection:
        if not self._is_open:
            raise DatabaseUnavailable("it is not open yet, or closed")
        return await asyncpg.connect(
            self.url, timeout=_SECONDS, command_timeout=_SECONDS, server_settings={**self.server_settings, **_PLANS}
        )


def _living(free: list[asyncpg.Connection]) -> asyncpg.Connection | None:
    """One of those that nobody has, and that nobody cut meanwhile."""
    while free:
        connection = free.pop()
        if not connection.is_closed():
            return connection
    return None
