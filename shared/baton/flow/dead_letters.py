"""Dead letters: what was accepted and can't be processed, kept whole, replayable, never dropped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from baton.flow.bus import MAX_RECORD_BYTES, Received, Record
from baton.flow.database import Connection
from baton.flow.headers import pack_headers
from baton.flow.outbox import OUTBOX
from baton.flow.reasons import Reason
from baton.flow.unit_of_work import UnitOfWork
from baton.kernel.instants import format_instant
from baton.leads.topics import Topic

_WRITE: Final = """
insert into dead_letters (consumer, subject, reason, error, attempts, dead_at,
                          partition, position, received_at, topic, key, headers, value)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
on conflict on constraint dead_letters_once do update
set reason = excluded.reason, error = excluded.error, attempts = excluded.attempts, dead_at = excluded.dead_at,
    replayed_at = null
where dead_letters.replayed_at is not null
returning id
"""
# A record that comes again is no second dead letter; one that was replayed and failed again is dead once more.
_REPLAY: Final = """
with chosen as (
    select * from dead_letters
    where replayed_at is null and (subject is not null or consumer = $4) and id = any($1::bigint[])
    order by id for update skip locked
), put as (
    insert into retries (consumer, lane, subject, due_at, attempts, reason,
                         partition, position, received_at, topic, key, headers, value)
    select consumer, lane, subject, $3, 0, 'replayed', partition, position, received_at, topic, key, headers, value
    from chosen join unnest($1::bigint[], $2::int[]) as l(id, lane) using (id) where consumer <> $4
), sent as (
    insert into outbox (lane, subject, topic, key, headers, value)
    select lane, subject, topic, key, headers, value
    from chosen join unnest($1::bigint[], $2::int[]) as l(id, lane) using (id) where consumer = $4
)
update dead_letters d set replayed_at = $3 from chosen c where d.id = c.id returning d.id
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a record became a dead letter. `error` is for a person."""

    reason: Reason
    error: str
    attempts: int


async def bury(unit: UnitOfWork, record: Received, failure: Failure, *, consumer: str, subject: str | None) -> bool:
    """Write a dead letter in the unit's transaction and send its copy to the topic. False if it was written before."""
    row = await unit.connection.fetchval(
        _WRITE,
        consumer,
        subject,
        failure.reason,
        failure.error,
        failure.attempts,
        unit.now,
        record.partition,
        record.offset,
        record.at,
        record.topic,
        record.key,
        pack_headers(record.headers),
        record.value,
    )
    if row is not None:
        unit.emit_record(_copy(record, failure, consumer=consumer, now=unit.now), subject=subject)
    return row is not None


async def replay(connection: Connection, ids: Sequence[int], lanes: Sequence[int], *, now: datetime) -> list[int]:
    """Give dead letters back to the consumer that failed, through its retries. Gives those that were chosen.

    What could not be sent is sent again. Those that are no event at all have no lead to be ordered by; they stay.
    """
    rows = await connection.fetch(_REPLAY, list(ids), list(lanes), now, OUTBOX)
    return [row["id"] for row in rows]


def _copy(record: Received, failure: Failure, *, consumer: str, now: datetime) -> Record:
    added = {
        "dl_topic": record.topic,
        "dl_partition": str(record.partition),
        "dl_offset": str(record.offset),
        "dl_consumer": consumer,
        "dl_reason": failure.reason,
        "dl_error": failure.error,
        "dl_at": format_instant(now),
        "dl_attempts": str(failure.attempts),
    }
    headers = (*record.headers, *((name, text.encode()) for name, text in added.items()))
    copy = Record(topic=Topic.DEAD_LETTERS, key=record.key, value=record.value, headers=headers)
    # What it says of itself may be just what is too much; the row has all of it.
    return copy if copy.size <= MAX_RECORD_BYTES else copy._replace(value=b"")
