"""A service's own Alembic chain, in its own schema, run by one replica while the others wait."""

import asyncio
import io
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final
from weakref import WeakKeyDictionary

import asyncpg
import sqlalchemy as sa
from alembic import command, context, op
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from baton.flow.database import TRANSIENT, DatabaseUnavailable
from baton.flow.tables import add_flow_tables
from baton.service.chains import Chain

_LOCK: Final = 0x0BA7_0000
"""Advisory locks for migrations begin here; the schema's name is added."""
_CONNECT_SECONDS: Final = 5
_TURN_SECONDS: Final = 0.2
_FLOW_TABLES: Final = ("inbox", "outbox", "retries", "dead_letters")

# Alembic keeps what it works on in globals of the process (`context`, `op`): one chain at a time, in each event loop.
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def upgrade(url: str, chain: Chain, *, revision: str = "head") -> None:
    """Bring the schema to a revision, under a lock so that replicas migrate once.

    Raises:
        DatabaseUnavailable: it is away, or somebody holds a table for longer than the migration waits; what was not
            committed is undone.
    """
    await _run(url, chain, lambda config: command.upgrade(config, revision))


async def downgrade(url: str, chain: Chain, *, revision: str = "base") -> None:
    """Take the schema back to a revision. Raises DatabaseUnavailable."""
    await _run(url, chain, lambda config: command.downgrade(config, revision))


async def check(url: str, chain: Chain) -> Sequence[str]:
    """Where tables and models differ. Empty when they don't. Raises DatabaseUnavailable."""
    try:
        await _run(url, chain, command.check)
    except CommandError as error:
        return [str(error)]
    return []


async def _run(url: str, chain: Chain, act: Callable[[Config], None]) -> None:
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    engine = create_async_engine(sqlalchemy_url(url), poolclass=NullPool, connect_args={"timeout": _CONNECT_SECONDS})
    try:
        async with turn, engine.connect() as connection:
            await _take_lock(connection, chain)
            await connection.run_sync(lambda sync: _locked(sync, chain, act))
    except TRANSIENT as error:
        raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error
    except DBAPIError as error:
        is_locked = getattr(error.orig, "sqlstate", None) == asyncpg.LockNotAvailableError.sqlstate
        if is_locked or isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
            raise DatabaseUnavailable(f"{type(error.orig).__name__}: {error.orig}") from error
        raise
    finally:
        await engine.dispose()


def sqlalchemy_url(url: str) -> str:
    """An asyncpg URL as SQLAlchemy wants it."""
    _, _, rest = url.partition("://")
    return f"postgresql+asyncpg://{rest}"


async def _take_lock(connection: AsyncConnection, chain: Chain) -> None:
    """Of the session, so that it spans the transactions of a chain; it goes when the connection is closed after this.

    Asked for again and again, not waited for: an index that is made without a lock waits for every statement that was
    there before, also for one that waits for its maker.
    """
    lock = {"lock": _LOCK + sum(chain.schema.encode())}
    while not await connection.scalar(sa.text("select pg_try_advisory_lock(:lock)"), lock):
        await connection.commit()
        await asyncio.sleep(_TURN_SECONDS)
    await connection.commit()


def _locked(connection: sa.Connection, chain: Chain, act: Callable[[Config], None]) -> None:
    connection.execute(sa.text(f'create schema if not exists "{chain.schema}"'))
    connection.commit()
    config = Config(stdout=io.StringIO())  # Alembic tells people what it found; we tell it ourselves
    config.set_main_option("script_location", str(chain.folder).replace("%", "%%"))
    config.attributes.update(connection=connection, chain=chain)
    act(config)
    connection.commit()


def run_env() -> None:
    """What each chain's `env.py` does: run on the connection that was handed in."""
    chain: Chain = context.config.attributes["chain"]
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=import_module(f"{chain.package}.models").metadata,
        version_table_schema=chain.schema,
        include_schemas=True,
        include_name=lambda name, kind, _: kind != "schema" or name == chain.schema,
        include_object=_is_ours,
    )
    with context.begin_transaction():
        context.run_migrations()


def _is_ours(
    item: object,
    name: str | None,
    kind: str,
    *_: object,
) -> bool:
    """Leave out the partitions of the inbox: they come and go."""
    del item
    return not (kind == "table" and name is not None and name.startswith("inbox_"))


def create_flow_tables(schema: str) -> None:
    """Create the tables of flow, as `flow/tables.py` declares them: for a service's first migration."""
    metadata = sa.MetaData(schema=schema)
    add_flow_tables(metadata)
    metadata.create_all(op.get_bind())
    op.execute(f"create table {schema}.inbox_rest partition of {schema}.inbox default")
    # Its rows live for milliseconds: compressing them costs more than it gives.
    op.execute(f"alter table {schema}.outbox alter column value set storage external")
    op.execute(f"alter table {schema}.outbox set (toast_tuple_target = 8160)")


def drop_flow_tables(schema: str) -> None:
    """The way back."""
    for table in _FLOW_TABLES:
        op.drop_table(table, schema=schema)
