"""The timeline in PostgreSQL: entries by lead and by rep, and the last state of each clock."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg
import orjson

from baton.flow import held
from baton.flow.database import Connection
from baton.kernel.instants import parse_instant
from baton_router.held import STORY

CHANNEL: Final = "baton_router_timeline"
"""Notified with the reps whose streams have something new, one a line, or `NOBODY`; empty: anybody's may."""
NOBODY: Final = "-"
"""Something was told that concerns no rep: only pages that show all leads want to know."""
_NOTIFY_BYTES: Final = 7000
_LOCK: Final = 0x0BA7_1001

# Positions must become visible in their order, or a stream that has read on would never see the late one: they are
# drawn under a lock. The notification makes commits wait for each other anyway.
_APPEND: Final = """
with locked as materialized (
    select pg_advisory_xact_lock($15)
), added as (
    insert into timeline (lead_id, at, type, event_id, data, reps)
    select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::uuid[], $5::bytea[], $6::text[])
    where exists (select from locked)
    on conflict do nothing
    returning position, reps
), fed as (
    insert into feeds (rep, position)
    select rep, position from added, unnest(string_to_array(reps, E'\\n')) as rep where reps is not null
    returning rep
), timed as (
    insert into clocks (id, lead_id, policy, rep, status, told_at, version, data)
    select * from unnest($7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::timestamptz[],
                         $13::bigint[], $14::bytea[])
    on conflict (id) do update set
        rep = excluded.rep, status = excluded.status, told_at = excluded.told_at, version = excluded.version,
        data = excluded.data
    where (clocks.told_at, clocks.version) < (excluded.told_at, excluded.version)
), told as (
    select coalesce(string_agg(distinct rep, E'\\n'), $16) as reps from fed
)
select pg_notify($17, case when octet_length(reps) < $18 then reps else '' end) from told
"""
_STEPS: Final = """
select lead_id, at, type, event_id::text, data, position from timeline
where lead_id = any($1::text[]) order by at, position limit $2
"""
_CLOCKS: Final = "select * from clocks where lead_id = any($1::text[]) order by told_at, id"
_CLOCKS_OF_MANY: Final = "select lead_id, status, data from clocks where lead_id = any($1::text[])"
_FEED: Final = """
select t.lead_id, t.at, t.type, t.event_id::text, t.data, t.position
from feeds f join timeline t using (position)
where f.rep = $1 and f.position > $2 order by f.position limit $3
"""
_OPEN_FEED: Final = """
select * from (
    select t.lead_id, t.at, t.type, t.event_id::text, t.data, t.position
    from feeds f join timeline t using (position)
    where f.rep = $1 and f.position <= $2
      and t.lead_id in (select lead_id from assignments where rep = $1 and open)
    order by f.position desc limit $3
) newest order by position
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event in a lead's story. `data` is the event's JSON as it was sent; `reps` whose streams show it."""

    lead_id: str
    at: datetime
    type: str
    event_id: str
    data: bytes
    reps: tuple[str, ...] = ()
    position: int = 0

    @property
    def content(self) -> Mapping[str, object]:
        """The data, read; empty if it can't be."""
        return read_content(self.data)


@dataclass(frozen=True, slots=True)
class ClockRow:
    """The last that was told of how a clock stands.

    `version` is that of the clock: of what is told at one instant, the higher one came later.
    """

    id: str
    lead_id: str
    policy: str
    rep: str | None
    told: datetime
    version: int
    status: str
    data: bytes
    """The clock's JSON as its event has it."""


def read_content(data: bytes) -> Mapping[str, object]:
    """An event's data. Written down as it came, unread: of one that is no JSON object nothing is known."""
    try:
        content: object = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


async def append(connection: Connection, entries: Sequence[Entry], clocks: Sequence[ClockRow]) -> None:
    """Write entries down, each once, and the last state of each clock; wake the streams of the reps they concern.

    What was told of a clock earlier than what is known of it changes nothing.
    """
    if not entries:
        return
    ordered = sorted(clocks, key=lambda row: row.id)
    await connection.execute(
        _APPEND,
        [entry.lead_id for entry in entries],
        [entry.at for entry in entries],
        [entry.type for entry in entries],
        [entry.event_id for entry in entries],
        [entry.data for entry in entries],
        ["\n".join(entry.reps) or None for entry in entries],
        [row.id for row in ordered],
        [row.lead_id for row in ordered],
        [row.policy for row in ordered],
        [row.rep for row in ordered],
        [row.status for row in ordered],
        [row.told for row in ordered],
        [row.version for row in ordered],
        [row.data for row in ordered],
        _LOCK,
        NOBODY,
        CHANNEL,
        _NOTIFY_BYTES,
    )


async def steps(connection: Connection, lead_ids: Collection[str], *, limit: int) -> list[Entry]:
    """The story of a lead (and of those merged into it), oldest first, each event once: a merge is told of both."""
    entries = [read_entry(row) for row in await connection.fetch(_STEPS, list(lead_ids), limit)]
    return list({entry.event_id: entry for entry in entries}.values())


async def clocks(connection: Connection, lead_ids: Collection[str], *, now: datetime) -> list[dict[str, object]]:
    """The clocks of a lead as its page shows them: as in events, with `status`, and `stopped` if one stands still."""
    return [_clock(row, now) for row in await connection.fetch(_CLOCKS, list(lead_ids))]


async def clocks_of_many(
    connection: Connection, lead_ids: Collection[str], *, now: datetime
) -> list[tuple[str, dict[str, object]]]:
    """The clocks of these leads in any order, each with its lead."""
    rows = await connection.fetch(_CLOCKS_OF_MANY, list(lead_ids))
    return [(row["lead_id"], _clock(row, now)) for row in rows]


async def feed(connection: Connection, rep: str, *, after: int, limit: int) -> list[Entry]:
    """What a rep's stream shows after a position."""
    return [read_entry(row) for row in await connection.fetch(_FEED, rep, after, limit)]


async def open_feed(connection: Connection, rep: str, *, until: int, limit: int) -> list[Entry]:
    """The newest of what a rep's stream has shown of the leads that the rep has now, oldest first."""
    return [read_entry(row) for row in await connection.fetch(_OPEN_FEED, rep, until, limit)]


async def end_of_feed(connection: Connection, rep: str) -> int:
    """The position of the last that a rep's stream has shown."""
    position: int = await connection.fetchval("select coalesce(max(position), 0) from feeds where rep = $1", rep)
    return position


async def erased_at(connection: Connection, lead_ids: Collection[str]) -> dict[str, datetime]:
    """When each of these was erased, if it was."""
    rows = await connection.fetch("select * from erased where lead_id = any($1::text[])", list(set(lead_ids)))
    return {row["lead_id"]: row["at"] for row in rows}


async def erase(connection: Connection, lead_id: str, *, at: datetime) -> None:
    """Delete a lead's story up to an instant."""
    await held.erase(connection, STORY, lead_id, at=at)


def _clock(row: asyncpg.Record, now: datetime) -> dict[str, object]:
    told, status = orjson.loads(row["data"]), row["status"] or "running"
    stopped = told.get("stopped") if status == "running" else None
    if stopped is not None and stopped["until"] is not None and parse_instant(stopped["until"]) <= now:
        stopped = None  # a standstill whose end was known ends without a word
    return {**told, "status": status, "stopped": stopped}


def read_entry(row: asyncpg.Record) -> Entry:
    """A row of the timeline."""
    return Entry(
        lead_id=row["lead_id"],
        at=row["at"],
        type=row["type"],
        event_id=row["event_id"],
        data=row["data"],
        position=row["position"],
    )
