"""What was imported and can't be told: a dead letter, known as seen. Replayed, it waits again, in its old place."""

from typing import Final

import orjson
from asyncpg import Record

from baton.flow import dead_letters
from baton.flow.bus import Received
from baton.flow.dead_letters import Failure
from baton.flow.headers import unpack_headers
from baton.flow.unit_of_work import UnitOfWork
from baton_ingest import IMPORTS, repository
from baton_ingest.repository import NOTHING_TOLD

TABLE: Final = "ingest.imports"
"""In place of a topic: what was imported never came on one."""
_ROW: Final = "import"
"""The header with what a dead letter has to say besides what was told."""
_MOST_BACK: Final = 500
"""Taken back at once."""

# No event tells of what is dead: by that its place in the ledger is known again.
_PUT_ASIDE: Final = f"""
with gone as (
    delete from imports where id = $1 returning *
), seen as (
    insert into ledger (source, identity, lead_id, event_id, received_at, repeats_until)
    select source, identity, lead_id, '{NOTHING_TOLD}', accepted_at, '9999-01-01Z' from gone
    on conflict do nothing
)
select * from gone
"""  # noqa: S608 - ours
_ARE_REPLAYED: Final = "select exists (select from retries where consumer = $1)"
_REPLAYED: Final = """
delete from retries where id = any(array(select id from retries where consumer = $1 order by id limit $2)) returning *
"""
_TAKE_BACK: Final = f"""
with back as (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::jsonb[], $7::bytea[],
                         $8::bigint[], $9::timestamptz[])
        as g(source, identity, lead_id, key, by_id, ids, told, id, accepted_at)
), unseen as (
    delete from ledger l using back
    where (l.source, l.identity, l.lead_id) = (back.source, back.identity, back.lead_id)
      and l.event_id = '{NOTHING_TOLD}'
    returning l.source, l.identity
)
insert into imports (id, source, identity, lead_id, key, by_id, vendor_ids, shared_ids, told, accepted_at)
overriding system value
select id, source, identity, lead_id, key, by_id, array(select jsonb_array_elements_text(ids -> 0)),
       array(select jsonb_array_elements_text(ids -> 1)), told, accepted_at
from back join unseen using (source, identity)
on conflict on constraint imports_once do nothing
"""  # noqa: S608 - ours


async def bury(unit: UnitOfWork, row_id: int, failure: Failure) -> bool:
    """Make a dead letter of what waits, and know it as seen. False if it is gone: told by somebody else, or erased."""
    await repository.merge_alone(unit.connection)
    row = await unit.connection.fetchrow(_PUT_ASIDE, row_id)
    return row is not None and await dead_letters.bury(
        unit, _as_record(row), failure, consumer=IMPORTS, subject=row["lead_id"]
    )


async def take_back(unit: UnitOfWork) -> int:
    """Let dead letters that were replayed wait again, in their old places. Gives how many there were, of a slice.

    Whose place in the ledger was lost, was erased, or told live.
    """
    if not await unit.connection.fetchval(_ARE_REPLAYED, IMPORTS):
        return 0
    await repository.merge_alone(unit.connection)
    rows = await unit.connection.fetch(_REPLAYED, IMPORTS, _MOST_BACK)
    await unit.connection.execute(_TAKE_BACK, *repository.columns(map(_from_record, rows), width=9))
    return len(rows)


def _as_record(row: Record) -> Received:
    """What waits as a dead letter keeps it: what was told is the value."""
    ids = (row["vendor_ids"], row["shared_ids"])
    rest = orjson.dumps([row["source"], row["identity"], row["lead_id"], row["by_id"], ids])
    return Received(TABLE, 0, row["id"], row["key"].encode(), row["told"], ((_ROW, rest),), row["accepted_at"])


def _from_record(row: Record) -> tuple[object, ...]:
    source, identity, lead_id, by_id, ids = orjson.loads(dict(unpack_headers(row["headers"]))[_ROW])
    key, ids_packed = row["key"].decode(), orjson.dumps(ids).decode()
    return source, identity, lead_id, key, by_id, ids_packed, row["value"], row["position"], row["received_at"]
