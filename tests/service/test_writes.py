"""What a unit of work writes as one statement."""

from collections.abc import AsyncIterator

import pytest

from baton.flow.database import Database, DatabaseUnavailable
from baton.flow.writes import Writes

_ADD = "insert into {} (id, said) select * from unnest($1::int[], $2::text[]) on conflict do nothing"


@pytest.fixture
async def tables(database: str) -> AsyncIterator[Database]:
    db = Database(database, schema="public")
    await db.start()
    async with db.connection() as connection:
        for name in ("one", "two"):
            await connection.execute(f"create table {name} (id int primary key, said text)")
    yield db
    await db.stop()


async def test_what_was_added_is_written_together_and_once(tables: Database) -> None:
    writes = Writes()
    writes.add(_ADD.format("one"), [1, 2], ["a", "b"])
    writes.add(_ADD.format("two"), [3], ["c"])
    writes.add("delete from one where id = any($1::int[])", [9])

    async with tables.transaction() as connection:
        await writes.send(connection)
        await writes.send(connection)
        rows = await connection.fetch("select id, said from one union all select id, said from two order by id")

    assert [tuple(row) for row in rows] == [(1, "a"), (2, "b"), (3, "c")]


async def test_a_row_that_another_transaction_wrote_first_has_the_work_come_again(tables: Database) -> None:
    writes = Writes()
    writes.add(_ADD.format("one"), [1], ["mine"], expect=(1, "somebody was faster"))

    async with tables.transaction() as connection:
        await connection.execute("insert into one values (1, 'theirs')")
        with pytest.raises(DatabaseUnavailable, match="somebody was faster"):
            await writes.send(connection)


async def test_more_than_nine_parameters_keep_their_places(tables: Database) -> None:
    writes = Writes()
    writes.add(_ADD.format("one"), [1], ["a"])
    writes.add("insert into two select 1, concat($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text,"
               " $8::text, $9::text, $10::text, $11::text)", *"abcdefghijk")  # fmt: skip

    async with tables.transaction() as connection:
        await writes.send(connection)
        said = await connection.fetchval("select said from two")

    assert said == "abcdefghijk"
