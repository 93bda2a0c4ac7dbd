"""The inbox: which events a consumer has seen, and which leads wait behind a retry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from baton.flow.database import Connection
from baton.flow.deliveries import Delivery

KEPT_WEEKS: Final = 3
"""Longer than the topics keep their records (14 days), so that nothing on the bus can be forgotten here."""

_ADMIT: Final = """
with given as (
    select distinct on (event_id) * from unnest($2::uuid[], $3::text[]) as g(event_id, subject)
), fresh as (
    insert into inbox (consumer, event_id, week)
    select $1, event_id, $4 from given
    where not exists (select from inbox i where i.consumer = $1 and i.event_id = given.event_id)
    on conflict do nothing
    returning event_id
)
select f.event_id::text, exists (
    select from retries r where r.consumer = $1 and r.subject = g.subject
) as held
from fresh f join given g using (event_id)
"""


@dataclass(frozen=True, slots=True)
class Admission:
    """What of a batch is new: `fresh` may be handled now, `held` waits behind a retry of the same lead."""

    fresh: tuple[Delivery, ...]
    held: tuple[Delivery, ...]
    duplicates: int


async def admit(connection: Connection, deliveries: Sequence[Delivery], *, consumer: str, now: datetime) -> Admission:
    """Mark the deliveries as seen and say which of them were not before. Order is kept."""
    rows = await connection.fetch(
        _ADMIT,
        consumer,
        [delivery.head.id for delivery in deliveries],
        [delivery.subject for delivery in deliveries],
        week_of(now),
    )
    new = {row["event_id"]: row["held"] for row in rows}
    fresh: list[Delivery] = []
    held: list[Delivery] = []
    for delivery in deliveries:
        is_held = new.pop(delivery.head.id, None)
        if is_held is not None:
            (held if is_held else fresh).append(delivery)
    return Admission(tuple(fresh), tuple(held), len(deliveries) - len(fresh) - len(held))


async def keep_partitions(connection: Connection, *, now: datetime) -> None:
    """Have a partition ready for this week and the next, and drop those older than `KEPT_WEEKS`."""
    async with connection.transaction():
        # Every replica does this: at the same moment, two would create the same partition.
        await connection.execute("select pg_advisory_xact_lock('inbox'::regclass::oid::bigint)")
        await _renew_partitions(connection, now=now)


async def _renew_partitions(connection: Connection, *, now: datetime) -> None:
    this_week = week_of(now)
    for week in (this_week, this_week + timedelta(weeks=1)):
        await _create(connection, week)
    oldest = _name(this_week - timedelta(weeks=KEPT_WEEKS))
    rows = await connection.fetch(
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = 'inbox'::regclass and c.relname ~ '^inbox_[0-9]{8}$' and c.relname < $1",
        oldest,
    )
    for row in rows:
        await connection.execute(f"drop table {row['relname']}")


async def _create(connection: Connection, week: date) -> None:
    if await connection.fetchval("select to_regclass($1)", _name(week)) is not None:
        return
    rows_there = await connection.fetchval("select exists (select from inbox_rest where week = $1)", week)
    if not rows_there:
        await connection.execute(
            f"create table if not exists {_name(week)} partition of inbox"
            f" for values from ('{week}') to ('{week + timedelta(weeks=1)}')"
        )


def week_of(now: datetime) -> date:
    """The Monday of its week."""
    return now.date() - timedelta(days=now.weekday())


def _name(week: date) -> str:
    return f"inbox_{week:%Y%m%d}"
