"""PostgreSQL for where every lead passes: an asyncpg pool that outlives its server."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

Connection = asyncpg.Connection | PoolConnectionProxy

TRANSIENT: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, or one whose disk is full
    asyncpg.InsufficientPrivilegeError,  # somebody took a right of ours away, and can give it back
    asyncpg.InvalidCachedStatementError,  # a newer release's migration changed the table meanwhile
    asyncpg.InternalClientError,  # what asyncpg calls a server that dies in the middle of a query
)
_COMMAND_SECONDS: Final = 15.0
_ACQUIRE_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 2.0
_REFUSED_SECONDS: Final = 2.0
"""Whoever was refused something tries again sooner."""


# That once may be while tables are empty, so the planner has to be told that they will be read by their keys, and where
# the first of something is asked for, in an index's order. Where it can't be, what it thinks of the cost must not have
# it compile the statement.
_PLAN_ONCE: Final = {
    "plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_sort": "off", "jit": "off",
}  # fmt: skip


async def _leave_as_it_is(connection: Connection) -> None:
    """Nothing of ours stays on a connection between two uses; asyncpg's own reset would be a round trip each time."""


class DatabaseUnavailable(Exception):
    """The database can't be reached, is going down, or chose this transaction as the victim of a conflict."""


class Overtaken(DatabaseUnavailable):
    """What this work rests on is not, or not surely, as it was read. Nothing is written; it comes again."""


class StatementTimedOut(DatabaseUnavailable):
    """There was a connection, and a statement on it took too long: the database is slow, or what it was asked is.

    Nothing of its transaction stays.
    """


def raise_if_gone(connection: Connection, error: asyncpg.InterfaceError) -> None:
    """Call it DatabaseUnavailable if something was asked of a connection that had been cut."""
    if not isinstance(error, asyncpg.DataError) and _is_gone(connection):
        raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error


def _is_gone(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # the pool took it back when it was cut
        return True


class Database:
    """A bounded pool on one service's schema. It connects when first needed, and anew whenever the server is back."""

    def __init__(self, url: str, *, schema: str, size: int = 8) -> None:
        self.url = url
        self.schema = schema
        self._size = size
        self._pool: asyncpg.Pool | None = None
        self._plans: dict[str, str] = {}
        self._refused = ""
        self._refused_until = 0.0

    @property
    def server_settings(self) -> dict[str, str]:
        """What each connection tells the server at its start."""
        return {
            "search_path": f"{self.schema},public", "application_name": f"baton-{self.schema}", **self._plans,
        }  # fmt: skip

    def plan_once(self) -> None:
        """Have each statement planned once a connection: for a service whose statements all read by keys.

        Planning a batch's statement anew each time, for that is what the planner prefers with arrays, takes it longer
        than a small batch. Say so before `start`.
        """
        self._plans = _PLAN_ONCE

    async def start(self) -> None:
        """Prepare the pool. Returns while the server is away too."""
        if self._pool is None:
            self._pool = asyncpg.create_pool(
                self.url,
                min_size=0,
                max_size=self._size,
                command_timeout=_COMMAND_SECONDS,
                timeout=_ACQUIRE_SECONDS,
                reset=_leave_as_it_is,
                server_settings=self.server_settings,
            )
            await self._pool

    async def stop(self) -> None:
        """Close within a bound; connections still in use by then are cut."""
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await pool.close()
        except TRANSIENT:  # the server is away, or somebody still has a connection
            pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection without a transaction.

        Raises:
            DatabaseUnavailable: none can be had, or it broke under way.
            StatementTimedOut: it took longer than the pool's bound, or than the server's `statement_timeout`.
        """
        if self._pool is None:
            raise DatabaseUnavailable("it is not open yet, or closed")
        connection: Connection | None = None
        try:
            async with self._pool.acquire(timeout=_ACQUIRE_SECONDS) as connection:
                try:
                    yield connection
                except asyncpg.InterfaceError as error:
                    raise_if_gone(connection, error)
                    raise
                except asyncpg.ReadOnlySQLTransactionError:
                    connection.terminate()  # the next one may lead to a server that takes writes
                    raise
                except asyncpg.InsufficientPrivilegeError as error:
                    self._refused, self._refused_until = str(error), time.monotonic() + _REFUSED_SECONDS
                    raise
        except TRANSIENT as error:
            timed_out = connection is not None and isinstance(error, TimeoutError | asyncpg.QueryCanceledError)
            kind = StatementTimedOut if timed_out else DatabaseUnavailable
            raise kind(f"{type(error).__name__}: {error}") from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if connection is not None:
                raise
            raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction: committed at the end of the block, rolled back by an exception.

        Raises:
            DatabaseUnavailable: as `connection`; whether the transaction was committed is then not known.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def check(self) -> None:
        """Ask for a sign of life, of a server that takes writes and refuses nothing. Raises DatabaseUnavailable."""
        async with self.connection() as connection:
            if await connection.fetchval("show transaction_read_only") == "on":
                raise asyncpg.ReadOnlySQLTransactionError("it takes no writes")
        if time.monotonic() < self._refused_until:
            raise DatabaseUnavailable(f"it refuses what is asked of it: {self._refused}")
