"""A group of requests as most are, in one statement: the ledger, what senders' ids mean, and the outbox.

Nothing waits between its parts, so it needs no transaction around it, and it is one round trip instead of six. Unusual
is a group in which somebody is known by another address already, or in which something waits for one of its people:
then nothing is written, and the group goes the long way of `path`.
"""

from collections.abc import Sequence
from typing import Final

from baton.flow.bus import Bus
from baton.flow.database import Connection
from baton.flow.outbox import Left, Standing, in_turn, outbox_columns
from baton.flow.unit_of_work import as_record
from baton_ingest.captures import Capture
from baton_ingest.repository import ENTERED, SENT, columns, known_ids, ledger_row

# Locks are taken in the order of `repository`: ledger, accounts, senders' ids, each sorted. What is there already is
# asked row by row (`offset 0`): a plan made before the first ANALYZE must not be able to read whole tables.
_WRITE: Final = f"""
with {SENT}, told as (
    select * from unnest($8::text[], $9::text[], $10::text[], $11::bool[], $12::text[]) with ordinality
        as g(source, vendor_id, lead_id, is_own, identity, place)
), unusual as (
    select from told where (is_own and exists (
        select from vendor_ids v
        where v.source = told.source and v.vendor_id = told.vendor_id and v.lead_id <> told.lead_id offset 0
    )) or exists (
        select from quarantine q where q.source = told.source and q.vendor_id = told.vendor_id offset 0
    )
), {ENTERED}, met as (
    insert into vendor_ids (source, vendor_id, lead_id)
    select distinct on (source, vendor_id) source, vendor_id, lead_id from told join entered using (source, identity)
    order by source, vendor_id, place desc
    on conflict (source, vendor_id) do update set lead_id = excluded.lead_id
    where vendor_ids.lead_id <> excluded.lead_id
), waiting as (
    insert into outbox (lane, subject, topic, key, headers, value)
    select lane, subject, topic, key, headers, value
    from unnest($13::text[], $14::text[], $15::int[], $16::text[], $17::text[], $18::bytea[], $19::bytea[],
                $20::bytea[])
        with ordinality as g(source, identity, lane, subject, topic, key, headers, value, place)
    join entered using (source, identity) order by place
    returning id
)
select exists (select from unusual) as is_unusual, array(select (source, identity) from entered) as entered,
       {in_turn(lanes="$21", known="$22", rows="waiting")} as ids
"""  # noqa: S608 - ours


async def write(
    connection: Connection, captures: Sequence[Capture], *, bus: Bus, standing: Standing
) -> tuple[frozenset[tuple[str, str]], Left] | None:
    """Write captures of distinct identities, and commit.

    Returns:
        The identities that are new, and what is to be published now. None: the group is unusual, and nothing was
        written.
    """
    events = [(one.identity, event) for one in captures for event in one.events]
    records = [as_record(event) for _, event in events]
    rows = outbox_columns(
        [(record, event.data.subject) for record, (_, event) in zip(records, events, strict=True)], bus=bus
    )
    row = await connection.fetchrow(
        _WRITE,
        *columns(map(ledger_row, captures), width=7),
        *columns(known_ids(captures), width=5),
        *columns((identity for identity, _ in events), width=2),
        *rows,
        standing.lanes,
        standing.known,
    )
    assert row is not None
    if row["is_unusual"]:
        return None
    entered = frozenset((source, identity) for source, identity in row["entered"])
    told = [place for place, (identity, _) in enumerate(events) if identity in entered]
    left = Left([records[each] for each in told], [rows.lanes[each] for each in told], row["ids"], standing.term)
    return entered, left
