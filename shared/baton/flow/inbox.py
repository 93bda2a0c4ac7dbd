"""The inbox: which events a consumer has seen, and which leads wait behind a retry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from baton.flow.database import Connection
from baton.flow.deliveries import Delivery
from baton.flow.writes import Writes

_WEEK: Final = timedelta(weeks=1)

# Without a join, and with one look at each index a record: a plan made before the first ANALYZE of a new week's
# partition must not be able to read all of it. Whether anything waits at all is asked once a batch.
_ENTER: Final = """
insert into inbox (consumer, event_id, week)
select $1, event_id, $3 from unnest($2::uuid[]) as g(event_id)
where not exists (select from inbox i where i.consumer = $1 and i.event_id = g.event_id offset 0)
on conflict do nothing
"""
_ADMIT: Final = f"""
{_ENTER}
returning event_id::text, (select exists (select from retries where consumer = $1)) as somebody_waits
"""  # noqa: S608 - ours
_NOBODY_WAITS: Final = "not exists (select from retries where consumer = $1 and subject = any($2::text[]))"
_WAITING: Final = "select distinct subject from retries where consumer = $1 and subject = any($2::text[])"


@dataclass(frozen=True, slots=True)
class Admission:
    """What of a batch is new: `fresh` may be handled now, `held` waits behind a retry of the same lead."""

    fresh: tuple[Delivery, ...]
    held: tuple[Delivery, ...]
    duplicates: int


async def admit(connection: Connection, deliveries: Sequence[Delivery], *, consumer: str, now: datetime) -> Admission:
    """Mark the deliveries as seen and say which of them were not before. Order is kept."""
    # In one order everywhere: while a lane changes hands, two transactions may hold the same ones.
    rows = await connection.fetch(_ADMIT, consumer, sorted({each.head.id for each in deliveries}), week_of(now))
    new = {row["event_id"] for row in rows}
    waiting = await _waiting(connection, deliveries, consumer=consumer) if rows and rows[0]["somebody_waits"] else set()
    fresh: list[Delivery] = []
    held: list[Delivery] = []
    for delivery in deliveries:
        if delivery.head.id in new:
            new.remove(delivery.head.id)
            (held if delivery.subject in waiting else fresh).append(delivery)
    return Admission(tuple(fresh), tuple(held), len(deliveries) - len(fresh) - len(held))


def admit_late(writes: Writes, deliveries: Sequence[Delivery], *, consumer: str, now: datetime) -> tuple[Delivery, ...]:
    """Take all of them for new, each once, and have that checked as the unit is written. Order is kept."""
    fresh: dict[str, Delivery] = {}
    for each in deliveries:
        fresh.setdefault(each.head.id, each)
    why = "a record has been handled, or waits behind another of its lead"
    writes.add(_ENTER, consumer, sorted(fresh), week_of(now), expect=(len(fresh), why))
    writes.check(_NOBODY_WAITS, consumer, [each.subject for each in fresh.values()], why=why)
    return tuple(fresh.values())


async def _waiting(connection: Connection, deliveries: Sequence[Delivery], *, consumer: str) -> set[str]:
    """Whose events wait behind a retry."""
    rows = await connection.fetch(_WAITING, consumer, [each.subject for each in deliveries])
    return {row["subject"] for row in rows}


async def keep_partitions(connection: Connection, *, now: datetime, retention: timedelta) -> None:
    """Have a partition ready for this week and the next, and drop those of which nothing can be on the bus any more.

    `retention` is how long the topics keep their records: what is still there must not be forgotten here.
    """
    async with connection.transaction():
        # Every replica does this: at the same moment, two would create the same partition.
        await connection.execute("select pg_advisory_xact_lock('inbox'::regclass::oid::bigint)")
        await _renew_partitions(connection, now=now, retention=retention)


async def _renew_partitions(connection: Connection, *, now: datetime, retention: timedelta) -> None:
    this_week = week_of(now)
    for week in (this_week, this_week + _WEEK):
        await _create(connection, week)
    oldest = _name(week_of(now - retention - _WEEK))
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
            f" for values from ('{week}') to ('{week + _WEEK}')"
        )


def week_of(now: datetime) -> date:
    """The Monday of its week."""
    return now.date() - timedelta(days=now.weekday())


def _name(week: date) -> str:
    return f"inbox_{week:%Y%m%d}"
