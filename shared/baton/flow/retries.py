"""The table of retries: events that wait for an exact instant, and everything later of their lead behind them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from baton.flow.bus import Bus, Received
from baton.flow.database import Connection
from baton.flow.deliveries import Delivery, NotReady, Unreadable, read_delivery
from baton.flow.headers import pack_headers, unpack_headers

MAX_ATTEMPTS: Final = 10
_FIRST: Final = timedelta(seconds=1)
_LONGEST: Final = timedelta(minutes=10)

_PUT: Final = """
insert into retries (consumer, lane, subject, due_at, attempts, reason,
                     partition, position, received_at, topic, key, headers, value)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
# The oldest row of a lead decides when its turn comes; later ones wait behind it.
_DUE: Final = """
select * from retries r
where consumer = $1 and lane = any($2::int[]) and due_at <= $3
  and not exists (select from retries e where e.consumer = r.consumer and e.subject = r.subject and e.id < r.id)
order by due_at, id limit $4
"""
_NEXT: Final = """
select min(due_at) from retries r
where consumer = $1
  and not exists (select from retries e where e.consumer = r.consumer and e.subject = r.subject and e.id < r.id)
"""
_CLAIM: Final = "select id from retries where id = any($1::bigint[]) and due_at <= $2 order by id for update"


def delay(attempts: int) -> timedelta:
    """How long to wait after so many tries: one second, doubled each time, ten minutes at most.

    Without jitter: each lead waits by itself in a table, there is no herd to spread.
    """
    return min(_FIRST * (1 << min(attempts, 12)), _LONGEST)


async def put(
    connection: Connection, delivery: Delivery, *, consumer: str, bus: Bus, due: datetime, attempts: int, reason: str
) -> None:
    """Let a delivery wait until `due`, in the caller's transaction. One that waits already only gets a new time."""
    if delivery.retry_id is not None:
        await connection.execute(
            "update retries set due_at = $2, attempts = $3, reason = $4 where id = $1",
            delivery.retry_id,
            due,
            attempts,
            reason,
        )
        return
    record = delivery.record
    await connection.execute(
        _PUT,
        consumer,
        bus.lane(record.key),
        delivery.subject,
        due,
        attempts,
        reason,
        record.partition,
        record.offset,
        record.at,
        record.topic,
        record.key,
        pack_headers(record.headers),
        record.value,
    )


async def due(
    connection: Connection, *, consumer: str, lanes: frozenset[int], now: datetime, limit: int
) -> Sequence[Delivery]:
    """The deliveries of owned lanes whose time has come, one a lead."""
    rows = await connection.fetch(_DUE, consumer, list(lanes), now, limit)
    return [_delivery(row) for row in rows]


async def next_due(connection: Connection, *, consumer: str) -> datetime | None:
    """When the next one is due."""
    instant: datetime | None = await connection.fetchval(_NEXT, consumer)
    return instant


async def claim(connection: Connection, deliveries: Sequence[Delivery], *, now: datetime) -> Sequence[Delivery]:
    """Those of the deliveries, all from the table, that still are to be handled: theirs until the transaction ends.

    While a lane changes hands, its old owner and its new one may both have read them.
    """
    rows = await connection.fetch(_CLAIM, [delivery.retry_id for delivery in deliveries], now)
    ours = {row["id"] for row in rows}
    return [delivery for delivery in deliveries if delivery.retry_id in ours]


async def done(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Forget deliveries that came from the table and ended, in the caller's transaction."""
    ids = [delivery.retry_id for delivery in deliveries if delivery.retry_id is not None]
    if ids:
        await connection.execute("delete from retries where id = any($1::bigint[])", ids)


def _delivery(row: asyncpg.Record) -> Delivery:
    record = Received(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["position"],
        key=row["key"],
        value=row["value"],
        headers=unpack_headers(row["headers"]),
        at=row["received_at"],
    )
    read = read_delivery(record)
    if isinstance(read, Unreadable):  # it was readable when it was put here: a release went back
        raise NotReady(f"retry {row['id']} can't be read: {read.error}")
    return Delivery(head=read.head, record=record, attempts=row["attempts"], retry_id=row["id"])
