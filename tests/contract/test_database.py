"""One behaviour of a service's database, whether it is a pool or the simulator's stepped one."""

import uuid
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest

from baton.flow.database import Connection, Database, DatabaseUnavailable
from baton_standalone.stepped_database import SteppedDatabase
from tests.support.buses import until
from tests.support.postgres import Databases

pytestmark = pytest.mark.postgres

KINDS = (Database, SteppedDatabase)
CLERK = f"clerk_{uuid.uuid4().hex[:16]}"
"""A role is of the whole server, which other runs may share."""


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
async def db(request: pytest.FixtureRequest, database: str) -> AsyncIterator[Database]:
    opened: Database = request.param(database, schema="public")
    await opened.start()
    async with opened.connection() as connection:
        await connection.execute("create table said (word text primary key)")
    yield opened
    await opened.stop()


class ClerksDatabase(Database):
    """As somebody who is allowed only what was granted."""

    @property
    def server_settings(self) -> dict[str, str]:
        return {**super().server_settings, "role": CLERK}


@pytest.fixture
async def clerk(database: str) -> AsyncIterator[Database]:
    owner = await opened_database(database)
    async with owner.connection() as connection:
        await connection.execute(f"create role {CLERK}; grant select, insert on said to {CLERK}")
    db = ClerksDatabase(database, schema="public")
    await db.start()
    yield db
    await db.stop()
    async with owner.connection() as connection:
        await connection.execute(f"drop owned by {CLERK}; drop role {CLERK}")
    await owner.stop()


async def words(db: Database) -> list[str]:
    async with db.connection() as connection:
        return [row["word"] for row in await connection.fetch("select word from said order by word")]


async def say(db: Database, *words: str, fail: bool = False) -> None:
    """In one transaction, which may fail at its end."""
    async with db.transaction() as connection:
        for word in words:
            await connection.execute("insert into said values ($1)", word)
        if fail:
            raise LookupError


async def say_and_be_cut(db: Database) -> None:
    async with db.transaction() as connection:
        await connection.execute("insert into said values ('lost')")
        await cut(db, connection)
        await connection.execute("insert into said values ('lost too')")


async def ask_and_be_cut(db: Database) -> None:
    async with db.connection() as connection:
        await cut(db, connection)
        await connection.execute("select 1")


async def cut(db: Database, connection: Connection) -> None:
    """What an administrator does, or a server that goes down."""
    killer = await asyncpg.connect(db.url)
    await killer.execute("select pg_terminate_backend($1, 5000)", connection.get_server_pid())
    await killer.close()


async def test_what_a_transaction_wrote_is_there_when_it_is_over(db: Database) -> None:
    await say(db, "one")
    await say(db, "two")

    assert await words(db) == ["one", "two"]


async def test_an_exception_undoes_a_transaction_and_the_next_one_is_its_own(db: Database) -> None:
    with pytest.raises(LookupError):
        await say(db, "undone", fail=True)
    await say(db, "done")

    assert await words(db) == ["done"]


async def test_a_statement_that_fails_undoes_its_transaction_only(db: Database) -> None:
    await say(db, "one")
    with pytest.raises(asyncpg.UniqueViolationError):
        await say(db, "undone", "one")
    await say(db, "two")

    assert await words(db) == ["one", "two"]


async def test_a_transaction_inside_of_one_is_undone_alone(db: Database) -> None:
    async with db.transaction() as connection:
        await connection.execute("insert into said values ('outer')")
        with suppress(LookupError):
            async with connection.transaction():
                await connection.execute("insert into said values ('inner')")
                raise LookupError

    assert await words(db) == ["outer"]


async def test_two_transactions_at_once_do_not_see_each_other(db: Database) -> None:
    async with db.transaction() as one:
        await one.execute("insert into said values ('one')")
        async with db.transaction() as two:
            await two.execute("insert into said values ('two')")
            seen_by_two = await two.fetch("select word from said")
        seen_by_one = await one.fetch("select word from said order by word")

    assert [row["word"] for row in seen_by_two] == ["two"]
    assert [row["word"] for row in seen_by_one] == ["one", "two"]
    assert await words(db) == ["one", "two"]


async def test_a_transaction_sees_what_others_committed_since_the_last_one(db: Database) -> None:
    await say(db, "ours")
    other = await asyncpg.connect(db.url)
    await other.execute("insert into said values ('theirs')")
    await other.close()

    async with db.transaction() as connection:
        seen = await connection.fetch("select word from said order by word")

    assert [row["word"] for row in seen] == ["ours", "theirs"]


async def test_a_statement_without_a_transaction_is_committed_by_itself(db: Database) -> None:
    with suppress(LookupError):
        async with db.connection() as connection:
            await connection.execute("insert into said values ('kept')")
            raise LookupError

    assert await words(db) == ["kept"]


async def test_between_two_transactions_nothing_is_locked(db: Database) -> None:
    await say(db, "one")
    await words(db)
    other = await asyncpg.connect(db.url)

    await other.execute("begin; lock table said in access exclusive mode nowait; commit")

    await other.close()


async def test_a_transaction_whose_connection_is_cut_is_told_and_the_next_one_has_another(db: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        await say_and_be_cut(db)
    await say(db, "kept")

    assert await words(db) == ["kept"]


async def test_a_connection_that_is_cut_is_told_and_not_used_again(db: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        await ask_and_be_cut(db)

    assert await words(db) == []


async def test_a_database_that_takes_no_writes_is_away_until_it_does_again(database: str, databases: Databases) -> None:
    db = await opened_database(database)

    await databases.alter(database, "set default_transaction_read_only = on")
    await databases.cut(database)
    with pytest.raises(DatabaseUnavailable, match="read-only"):
        await say(db, "lost")
    with pytest.raises(DatabaseUnavailable, match="takes no writes"):
        await db.check()
    await databases.alter(database, "reset default_transaction_read_only")
    await db.check()
    await say(db, "kept")

    assert await words(db) == ["kept"]
    await db.stop()


async def test_a_database_that_lets_nobody_in_is_away_until_it_does_again(database: str, databases: Databases) -> None:
    db = await opened_database(database)

    await databases.alter(database, "allow_connections false")
    await databases.cut(database)
    with pytest.raises(DatabaseUnavailable):
        await say(db, "lost")
    await databases.alter(database, "allow_connections true")
    await say(db, "kept")

    assert await words(db) == ["kept"]
    await db.stop()


async def test_a_database_that_takes_a_right_away_is_away_until_it_gives_it_back(clerk: Database) -> None:
    owner = await asyncpg.connect(clerk.url)
    back: list[bool] = []

    await owner.execute(f"revoke insert on said from {CLERK}")
    with pytest.raises(DatabaseUnavailable, match="permission denied for table said"):
        await say(clerk, "lost")
    with pytest.raises(DatabaseUnavailable, match="refuses what is asked of it: permission denied for table said"):
        await clerk.check()
    await owner.execute(f"grant insert on said to {CLERK}")
    await say(clerk, "kept")

    async def look() -> None:
        with suppress(DatabaseUnavailable):
            await clerk.check()
            back.append(True)

    await until(lambda: bool(back), look)
    assert await words(clerk) == ["kept"]
    await owner.close()


async def test_a_table_that_a_newer_release_changed_is_read_anew(database: str) -> None:
    db = await opened_database(database)
    async with db.transaction() as connection:
        await connection.fetch("select * from said")
    migration = await asyncpg.connect(database)
    await migration.execute("alter table said add column loud bool")
    await migration.close()

    with pytest.raises(DatabaseUnavailable, match="cached"):  # so that the work comes again
        async with db.transaction() as connection:
            await connection.fetch("select * from said")

    async with db.transaction() as connection:
        assert not await connection.fetch("select * from said")
    await db.stop()


async def opened_database(url: str) -> Database:
    db = Database(url, schema="public")
    await db.start()
    async with db.connection() as connection:
        await connection.execute("create table said (word text primary key)")
    return db


@pytest.mark.parametrize("kind", KINDS)
async def test_before_its_start_and_after_its_end_it_is_unavailable(kind: type[Database], database: str) -> None:
    db = kind(database, schema="public")

    with pytest.raises(DatabaseUnavailable, match="not open"):
        await db.check()
    await db.start()
    await db.check()
    await db.stop()
    with pytest.raises(DatabaseUnavailable, match="not open"):
        await say(db, "late")


async def test_a_stepped_one_counts_its_uses_so_that_nobody_asks_what_cannot_have_changed(database: str) -> None:
    db = SteppedDatabase(database, schema="public")
    await db.start()
    counts = [db.uses]

    await db.check()
    counts.append(db.uses)
    with suppress(LookupError):
        await say(db, fail=True)
    counts.append(db.uses)
    await say(db)
    counts.append(db.uses)
    await db.stop()

    assert counts == [0, 1, 1, 2]
