"""The timeline's migration on tables that the release before goes on writing to."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from baton.flow.database import DatabaseUnavailable
from baton.service import migrations
from baton.service.chains import Chain
from baton.service.migrations import check, downgrade, upgrade
from baton_router import timeline_repository
from tests.support.buses import until
from tests.support.postgres import Databases
from tests.support.router import START, migrated

pytestmark = pytest.mark.postgres

CHAIN = Chain("baton_router")
FAR = 25_000
"""An entry's number two slices on."""
OLD_ENTRY = """
with added as (
    insert into timeline (lead_id, at, type, event_id, data) values ($1, $2, 'lead.assigned', gen_random_uuid(), '{}')
    on conflict do nothing returning position
)
insert into feeds (rep, position) select $3, position from added
"""
OLD_CLOCK = """
insert into clocks (id, lead_id, policy, rep, status, told_at, data)
values ($1, 'a', 'p', 'mary', 'running', $2, '{}')
on conflict (id) do update set status = excluded.status, told_at = excluded.told_at
where clocks.told_at <= excluded.told_at
"""
OLD_ERASURE = "delete from feeds where position in (select position from timeline where lead_id = $1 and at <= $2)"
"""What the release before executes."""
WAIT_AT_THE_LAST = f"""
create function wait() returns trigger language plpgsql as $$ begin
    perform pg_advisory_xact_lock(7);
    return new;
end $$;
create trigger wait before update on timeline for each row when (old.position = {FAR}) execute function wait();
"""

WAITING = """
select from pg_locks join pg_database d on d.oid = database
where d.datname = current_database() and locktype = 'advisory' and not granted
"""


@pytest.fixture
async def url(databases: Databases) -> AsyncIterator[str]:
    """Tables of the release before, with entries in three slices."""
    url = await databases.create(migrated)
    await downgrade(url, CHAIN, revision="0001")
    connection = await connected(url)
    for number in (1, 2, FAR):
        await connection.execute(
            "insert into timeline (position, lead_id, event_id, at, type, data) overriding system value"
            " values ($1, 'a', gen_random_uuid(), now(), 'lead.assigned', '')",
            number,
        )
    await connection.execute("insert into feeds values ('mary', 1), ('joe', 1), ('mary', $1)", FAR)
    await connection.execute("select setval(pg_get_serial_sequence('timeline', 'position'), $1)", FAR)
    await connection.close()
    yield url
    await databases.drop(url)


async def test_entries_are_filled_slice_by_slice_while_the_release_before_writes(url: str) -> None:
    holding, writing = await connected(url), await connected(url)
    await holding.execute(WAIT_AT_THE_LAST)
    await holding.execute("select pg_advisory_lock(7)")
    migrating = asyncio.create_task(upgrade(url, CHAIN))
    waiting: list[asyncpg.Record] = []

    async def look() -> None:
        waiting[:] = await writing.fetch(WAITING)

    await until(lambda: bool(waiting), look)
    filled = await writing.fetchval("select count(*) from timeline where reps is not null")
    await writing.execute(OLD_ENTRY, "b", START, "ann")
    await holding.execute("select pg_advisory_unlock(7)")
    await migrating

    rows = await writing.fetch("select position, reps from timeline order by position")
    assert filled == 1
    assert [tuple(row) for row in rows] == [(1, "joe\nmary"), (2, None), (FAR, "mary"), (FAR + 1, None)]
    assert list(await check(url, CHAIN)) == []
    await holding.close()
    await writing.close()


async def test_what_the_release_before_does_works_on_the_new_tables(url: str) -> None:
    await upgrade(url, CHAIN)
    connection = await connected(url)

    await connection.execute(OLD_ENTRY, "b", START, "ann")
    await connection.execute(OLD_CLOCK, "c", START)
    await connection.execute(OLD_CLOCK, "c", START + timedelta(seconds=1))
    shown = await timeline_repository.feed(connection, "ann", after=0, limit=10)
    await connection.execute(OLD_ERASURE, "b", START)

    assert [entry.lead_id for entry in shown] == ["b"]
    assert await connection.fetchval("select count(*) from feeds where rep = 'ann'") == 0
    await connection.close()


async def test_of_an_erased_lead_an_entry_of_the_release_before_shows_nothing(url: str) -> None:
    await upgrade(url, CHAIN)
    connection = await connected(url)
    await connection.execute(OLD_ENTRY, "b", START, "ann")

    await timeline_repository.erase(connection, "b", at=START)

    assert await timeline_repository.feed(connection, "ann", after=0, limit=10) == []
    await connection.close()


async def test_a_migration_that_was_broken_off_goes_on_where_it_was(url: str) -> None:
    connection = await connected(url)
    await connection.execute("alter table timeline add column reps text")
    await connection.execute("update timeline set reps = 'done before' where position = 1")
    await connection.execute("drop index feeds_by_position")

    await upgrade(url, CHAIN)
    await downgrade(url, CHAIN, revision="0001")
    await upgrade(url, CHAIN)

    assert await connection.fetchval("select reps from timeline where position = $1", FAR) == "mary"
    assert list(await check(url, CHAIN)) == []
    await connection.close()


async def test_a_table_that_somebody_holds_puts_the_migration_off_instead_of_stopping_all_who_use_it(url: str) -> None:
    connection = await connected(url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("lock table timeline in access share mode")

    with pytest.raises(DatabaseUnavailable, match="lock timeout"):
        await upgrade(url, CHAIN)
    await transaction.rollback()
    await upgrade(url, CHAIN)

    assert list(await check(url, CHAIN)) == []
    await connection.close()


async def test_a_replica_that_waits_for_its_turn_keeps_no_index_from_being_made(url: str) -> None:
    connection = await connected(url)
    await connection.execute("select pg_advisory_lock($1)", migrations._LOCK + sum(b"router"))
    waiting = asyncio.create_task(upgrade(url, CHAIN))
    others: list[asyncpg.Record] = []

    async def look() -> None:
        others[:] = await connection.fetch(
            "select from pg_stat_activity where query like '%advisory%' and pid <> pg_backend_pid()"
        )

    await until(lambda: bool(others), look)
    await connection.execute("create index concurrently made on timeline (at)", timeout=10)
    await connection.execute("drop index made")
    await connection.execute("select pg_advisory_unlock($1)", migrations._LOCK + sum(b"router"))
    await waiting

    assert list(await check(url, CHAIN)) == []
    await connection.close()


async def connected(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url, server_settings={"search_path": "router,public"})
