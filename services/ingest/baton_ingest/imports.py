"""What was imported: it waits in a table of its own, and leaves at a rate, behind everything live.

Once it is accepted it is as durable as what was sent live, and known by the same ids. It is told as of the moment in
which it leaves: nobody could have acted on it before, so no clock runs from then.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import orjson
from asyncpg import Record

from baton.flow.database import Connection
from baton.flow.unit_of_work import UnitOfWork
from baton_ingest import repository
from baton_ingest.captures import Capture
from baton_ingest.path import MAX_GROUP, Path

SLICE: Final = timedelta(milliseconds=100)
"""What leaves in so much time leaves together: in smaller groups each lead costs more."""
_MAY_LAG: Final = timedelta(seconds=1)
"""So much of a delay is made up for; what stood still for longer goes on at the rate, and not all at once."""
_MOST_UNSENT: Final = 500
"""While more events wait for the bus nothing leaves: it would stand before what is live when the bus is back."""

_WAITING: Final = """
select source, identity, lead_id from unnest($1::text[], $2::text[]) as g(source, identity) cross join lateral (
    select lead_id from imports i where i.source = g.source and i.identity = g.identity offset 0
) i
"""
_ADD: Final = """
insert into imports (source, identity, lead_id, key, by_id, vendor_ids, shared_ids, told, accepted_at)
select source, identity, lead_id, key, by_id, array(select jsonb_array_elements_text(ids -> 0)),
       array(select jsonb_array_elements_text(ids -> 1)), told, $1
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::jsonb[], $8::bytea[])
    with ordinality as g(source, identity, lead_id, key, by_id, ids, told, place)
order by place
on conflict on constraint imports_once do nothing
returning source, identity
"""
_MAY_LEAVE: Final = """
select pg_try_advisory_xact_lock('imports'::regclass::oid::bigint)
   and not exists (select from import_pace where next_at > $1)
   and exists (select from imports)
   and (select count(*) from (select from outbox limit $2 + 1) unsent) <= $2
"""
_TAKE: Final = """
delete from imports where id = any(array(select id from imports order by id limit $1)) returning *
"""
_PACE: Final = """
insert into import_pace (is_only, next_at) values (true, $1::timestamptz + $2::interval)
on conflict (is_only) do update set
    next_at = greatest(import_pace.next_at, $3::timestamptz) + $2::interval
"""
NEXT: Final = """
select greatest(accepted_at, (select next_at from ingest.import_pace)) from ingest.imports order by id limit 1
"""
"""When the next may leave."""


async def known(connection: Connection, captures: Sequence[Capture]) -> Mapping[tuple[str, str], str | None]:
    """Those that came before, live or imported: their identities, and their leads."""
    identities = [one.identity for one in captures]
    waiting = await connection.fetch(_WAITING, *repository.columns(identities, width=2))
    told = await repository.first_answers(connection, identities)
    return {(row["source"], row["identity"]): row["lead_id"] for row in waiting} | dict(told)


async def add(connection: Connection, captures: Sequence[Capture], *, now: datetime) -> Collection[tuple[str, str]]:
    """Let captures of distinct identities wait, in their order. Gives the identities of those that are new."""
    rows = await connection.fetch(_ADD, now, *repository.columns(map(_row, captures), width=7))
    return {(row["source"], row["identity"]) for row in rows}


async def waiting(connection: Connection) -> int:
    """How many there are."""
    count: int = await connection.fetchval("select count(*) from imports")
    return count


def slice_at(rate: int) -> int:
    """How many leave together."""
    return min(max(1, round(rate * SLICE.total_seconds())), MAX_GROUP)


async def take(unit: UnitOfWork, path: Path, *, most: int, rate: int) -> Sequence[Record]:
    """Take as many as may leave now, in the order in which they came.

    Copies of the service take turns: the rate is that of all.
    """
    if path.waiting > MAX_GROUP or not await unit.connection.fetchval(_MAY_LEAVE, unit.now, _MOST_UNSENT):
        return ()
    # Before any row is taken: who is erased meanwhile is erased before this instant, and seen, or after it.
    await repository.merge_alone(unit.connection)
    unit.now = path.units.now()
    rows = sorted(await unit.connection.fetch(_TAKE, most), key=lambda row: row["id"])
    if rows:  # else erased in this moment
        since = max(unit.now - _MAY_LAG, rows[0]["accepted_at"])
        await unit.connection.execute(_PACE, unit.now, timedelta(seconds=most / rate), since)
    return rows


async def tell(unit: UnitOfWork, path: Path, rows: Sequence[Record]) -> None:
    """Tell what was taken, of whoever was not erased since it was accepted."""
    erased = await repository.erasures(unit.connection, {row["lead_id"] for row in rows})
    captures = [
        _capture(row, now=unit.now)
        for row in rows
        if row["lead_id"] not in erased or row["accepted_at"] > erased[row["lead_id"]]
    ]
    await path.write(unit, captures)


def _row(one: Capture) -> tuple[object, ...]:
    ids = orjson.dumps((one.vendor_ids, one.shared_ids)).decode()
    return (*one.identity, one.lead_id, one.event.key, one.by_id, ids, repository.pack(one.told))


def _capture(row: Record, *, now: datetime) -> Capture:
    told = replace(repository.unpack(row["told"]), received_at=now)
    events = told.events(row["lead_id"], key=row["key"])
    return Capture(told, events, row["vendor_ids"], row["shared_ids"], by_id=row["by_id"])
