"""The tables of the log in PostgreSQL. All services share them, so they are in no service's chain of migrations."""

from typing import Final

from baton.flow.database import Connection

SCHEMA: Final = "baton_bus"
_LOCK: Final = 0x0BA7_0001

_TABLES: Final = """
create table if not exists baton_bus.topics (
    name text primary key,
    next bigint not null default 0,
    retention interval,
    compacted boolean not null default false
);
create table if not exists baton_bus.log (
    topic text not null,
    position bigint not null,
    key bytea not null,
    headers bytea not null,
    value bytea not null,
    at timestamptz not null,
    primary key (topic, position)
);
create table if not exists baton_bus.positions (
    consumer_group text not null,
    topic text not null,
    position bigint not null,
    primary key (consumer_group, topic)
);
"""
# Every append and every batch updates a row of these two: room beside it keeps that in one page and out of the index.
_ROOM: Final = """
alter table baton_bus.topics
    set (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
alter table baton_bus.positions
    set (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
"""
# One call for a whole batch. Topics are taken in the order of their names: then two appends can't wait for each other.
_APPEND: Final = """
create function baton_bus.append(
    topics text[], keys bytea[], packed_headers bytea[], contents bytea[], moment timestamptz
) returns void language plpgsql as $$
declare
    wanted record;
    taken bigint;
    names text[] := '{}';
    firsts bigint[] := '{}';
begin
    for wanted in select t as name, count(*) as records from unnest(topics) t group by t order by t collate "C" loop
        update baton_bus.topics set next = next + wanted.records
        where name = wanted.name returning next - wanted.records into taken;
        if not found then
            raise no_data_found using message = 'there is no topic ' || wanted.name || ' yet';
        end if;
        names := names || wanted.name;
        firsts := firsts || taken;
    end loop;
    insert into baton_bus.log (topic, position, key, headers, value, at)
    select r.topic,
        firsts[array_position(names, r.topic)] + row_number() over (partition by r.topic order by r.place) - 1,
        r.key, r.packed, r.content, moment
    from unnest(topics, keys, packed_headers, contents) with ordinality as r (topic, key, packed, content, place);
end $$;
"""
# What is written once, read a few times at once, and trimmed: compressing it took longer than all else of an append.
_PLAIN: Final = """
alter table baton_bus.log alter column value set storage external;
alter table baton_bus.log set (toast_tuple_target = 8160);
"""
_MIGRATIONS: Final = (_TABLES, _ROOM, _APPEND, _PLAIN)
"""In order, and only ever added to."""


async def migrate(connection: Connection) -> None:
    """Bring the tables to this release, as part of the caller's transaction; who comes second waits, and finds it done.

    A newer release's tables are left as they are: its changes keep the one before working.
    """
    await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
    await connection.execute("create schema if not exists baton_bus")
    await connection.execute("create table if not exists baton_bus.migrations (number int primary key)")
    done: int = await connection.fetchval("select count(*) from baton_bus.migrations")
    for number, migration in enumerate(_MIGRATIONS[done:], start=done + 1):
        await connection.execute(migration)
        await connection.execute("insert into baton_bus.migrations values ($1)", number)
