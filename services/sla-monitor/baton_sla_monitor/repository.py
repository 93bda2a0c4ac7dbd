"""Facts and clocks in PostgreSQL: a batch is read and written by one array statement a table."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg
import orjson

from baton.flow import held
from baton.flow.database import Connection
from baton.flow.writes import Writes
from baton.kernel.instants import format_instant, parse_instant
from baton.kernel.segments import Pause
from baton_sla_monitor.deciding.clock_state import ClockState, Status
from baton_sla_monitor.deciding.courses import Reason
from baton_sla_monitor.deciding.facts import Fact
from baton_sla_monitor.deciding.terms import Terms, pack_terms, unpack_terms
from baton_sla_monitor.held import HELD
from baton_sla_monitor.history import pack_facts, unpack_facts

_MERGES: Final = "select * from merges where lead_id = any($1::text[]) or into_lead = any($1::text[])"
_MERGES_AND_ERASURES: Final = """
select lead_id, into_lead, null::timestamptz as erased_at from merges
where lead_id = any($1::text[]) or into_lead = any($1::text[])
union all
select lead_id, null, at from erased where lead_id = any($1::text[])
"""
_SAVE_MERGES: Final = """
insert into merges (lead_id, into_lead) select * from unnest($1::text[], $2::text[]) on conflict do nothing
"""
# Who writes without having locked anything finds either the table of leads or a merge or an erasure: never neither. Who
# locks rows has the table before, so that nobody waits in a circle.
_ALONE: Final = "lock table leads in share row exclusive mode"
_BESIDE_OTHERS: Final = "lock table leads in row exclusive mode"
_IS_SPECIAL: Final = """
exists (select from merges where lead_id = any($1::text[]))
or exists (select from merges where into_lead = any($1::text[]))
or exists (select from erased where lead_id = any($1::text[]))
"""
# Facts come with one of their clocks only. Lead by lead: asked for all at once in the order of their ids, a planner
# without statistics reads the whole table.
_LOOK: Final = f"""
select s.is_special, l.lead_id as known, l.key as lead_key, l.version as lead_version,
    case when c.place is null or c.place = 1 then l.facts end as facts, c.*
from (select {_IS_SPECIAL} as is_special) s cross join unnest($1::text[]) as g(lead_id) left join lateral (
    select * from leads where lead_id = g.lead_id offset 0
) l on true left join lateral (
    select *, xmin::text::bigint as revision, row_number() over () as place
    from clocks where lead_id = g.lead_id order by id
) c on true
"""  # noqa: S608 - ours
_LEADS: Final = "select * from leads where lead_id = any($1::text[]) order by lead_id for update"
# A row that came between our reading and our writing isn't ours to overwrite: then the batch comes again.
_SAVE_LEADS: Final = """
insert into leads (lead_id, key, version, facts)
select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])
on conflict (lead_id) do update set key = excluded.key, version = excluded.version, facts = excluded.facts
where leads.version = excluded.version - 1
"""
_CLOCKS: Final = f"""
select c.*, s.is_special from (select {_IS_SPECIAL} as is_special) s
left join lateral (
    select c.* from unnest($1::text[]) as g(lead_id), lateral (
        select *, xmin::text::bigint as revision from clocks where lead_id = g.lead_id order by id for update
    ) c
) c on true
"""  # noqa: S608 - ours
_ADD_CLOCKS: Final = """
insert into clocks (id, lead_id, key, terms, policy, assignment_id, source, start_at, rep, pool, due_at, stops,
                    status, reason, breached_at, ended_at, corrected, fired, next_at, version, outcome_at, holder)
select * from unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::text[],
    $10::text[], $11::timestamptz[], $12::bytea[], $13::text[], $14::text[], $15::timestamptz[], $16::timestamptz[],
    $17::bool[], $18::int[], $19::timestamptz[], $20::bigint[], $21::timestamptz[], $22::text[])
on conflict do nothing
"""
_CHANGE_CLOCKS: Final = """
update clocks c set
    rep = g.rep, pool = g.pool, due_at = g.due_at, stops = g.stops, status = g.status, reason = g.reason,
    breached_at = g.breached_at, ended_at = g.ended_at, corrected = g.corrected, fired = g.fired, next_at = g.next_at,
    version = g.version, outcome_at = g.outcome_at, holder = g.holder
from unnest(
    $1::text[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::bytea[], $7::text[], $8::text[],
    $9::timestamptz[], $10::timestamptz[], $11::bool[], $12::int[], $13::timestamptz[], $14::bigint[],
    $15::timestamptz[], $16::text[])
    as g(id, revision, rep, pool, due_at, stops, status, reason, breached_at, ended_at, corrected, fired, next_at,
         version, outcome_at, holder)
where c.id = g.id and c.xmin::text::bigint = g.revision
"""
_RETRACT_CLOCKS: Final = """
delete from clocks c using unnest($1::text[], $2::bigint[]) as g(id, revision)
where c.id = g.id and c.xmin::text::bigint = g.revision
"""
_DUE: Final = """
select *, xmin::text::bigint as revision from clocks
where next_at <= $1 order by next_at, id limit $2 for update skip locked
"""
_SAVE_TERMS: Final = """
insert into terms (id, terms) select * from unnest($1::text[], $2::bytea[]) on conflict do nothing
"""
_OVERTAKEN: Final = "a lead was changed by another transaction meanwhile"
NEXT_DUE: Final = "select min(next_at) from sla.clocks where next_at is not null"
"""When something is due next."""


@dataclass(slots=True)
class LeadRow:
    """What is stored of a lead: the key of its events, and its facts by their id."""

    lead_id: str
    key: str
    facts: dict[str, Fact]
    version: int = 0


async def merges_of(connection: Connection, leads: Collection[str]) -> set[tuple[str, str]]:
    """Every pair of leads, one of which is among these, that was ever merged."""
    return {(row["lead_id"], row["into_lead"]) for row in await connection.fetch(_MERGES, list(leads))}


async def merges_and_erasures_of(
    connection: Connection, leads: Collection[str]
) -> tuple[set[tuple[str, str]], dict[str, datetime]]:
    """As `merges_of`, and when each of these leads was erased, if it was: most batches find neither."""
    rows = await connection.fetch(_MERGES_AND_ERASURES, list(leads))
    merges = {(row["lead_id"], row["into_lead"]) for row in rows if row["erased_at"] is None}
    return merges, {row["lead_id"]: row["erased_at"] for row in rows if row["erased_at"] is not None}


async def look(
    connection: Connection, leads: Collection[str]
) -> tuple[dict[str, LeadRow], dict[str, ClockState]] | None:
    """These leads and their clocks by their ids, just now, not locked; None if one was ever merged or erased."""
    rows = await connection.fetch(_LOOK, sorted(leads))
    if rows[0]["is_special"]:
        return None
    found = {
        row["known"]: _lead(row["known"], row["lead_key"], row["lead_version"], row["facts"])
        for row in rows
        if row["facts"] is not None
    }
    return found, {row["id"]: read_clock(row) for row in rows if row["id"] is not None}


def check_plain(writes: Writes, leads: Collection[str]) -> None:
    """Have it checked that none of these leads was merged or erased meanwhile."""
    writes.check(f"not ({_IS_SPECIAL})", list(leads), why="a lead was merged or erased meanwhile")


async def be_alone(connection: Connection) -> None:
    """For a merge or an erasure: until the end of the transaction nobody else writes a lead. Load leads after it."""
    await connection.execute(_ALONE)


async def be_beside_others(connection: Connection) -> None:
    """For who locks leads: nobody is alone until the end of the transaction. Load leads after it."""
    await connection.execute(_BESIDE_OTHERS)


async def load_leads(connection: Connection, leads: Collection[str]) -> dict[str, LeadRow]:
    """The leads that there are, locked for the transaction."""
    rows = await connection.fetch(_LEADS, sorted(leads))
    return {row["lead_id"]: _lead(row["lead_id"], row["key"], row["version"], row["facts"]) for row in rows}


async def load_clocks(connection: Connection, leads: Collection[str]) -> tuple[dict[str, ClockState], bool]:
    """All clocks of these leads by their id, locked for the transaction; and whether one was ever merged or erased."""
    rows = await connection.fetch(_CLOCKS, sorted(leads))
    return {row["id"]: read_clock(row) for row in rows if row["id"] is not None}, rows[0]["is_special"]


async def claim_due(connection: Connection, *, now: datetime, limit: int) -> list[ClockState]:
    """Clocks of which something is due, the longest due first, each claimed by one transaction."""
    return [read_clock(row) for row in await connection.fetch(_DUE, now, limit)]


async def oldest_overdue(connection: Connection, *, now: datetime) -> datetime | None:
    """The due time of the clock that is overdue the longest."""
    # None is breached before it is due: of all that are open only those are looked at.
    instant: datetime | None = await connection.fetchval(
        "select min(due_at) from clocks where ended_at is null and due_at <= $1 and status = 'breached'", now
    )
    return instant


def save_leads(writes: Writes, rows: Collection[LeadRow]) -> None:
    """Have leads written, each raised by one version. If another transaction did so meanwhile, the work comes again."""
    if not rows:
        return
    written = [(row.lead_id, row.key, row.version + 1, pack_facts(row.facts.values())) for row in rows]
    writes.add(_SAVE_LEADS, *_columns(written), expect=(len(written), _OVERTAKEN))


def save_clocks(writes: Writes, clocks: Collection[ClockState]) -> None:
    """Have clocks written. If another transaction changed one of them meanwhile, the work comes again."""
    new = [(*_identity(clock), *_state(clock)) for clock in clocks if clock.revision is None]
    known = [(clock.id, clock.revision, *_state(clock)) for clock in clocks if clock.revision is not None]
    if new:
        writes.add(_ADD_CLOCKS, *_columns(new), expect=(len(new), _OVERTAKEN))
    if known:
        writes.add(_CHANGE_CLOCKS, *_columns(known), expect=(len(known), _OVERTAKEN))


def retract_clocks(writes: Writes, clocks: Collection[ClockState]) -> None:
    """Have clocks deleted that never began, as `save_clocks` writes them."""
    if clocks:
        rows = [(clock.id, clock.revision) for clock in clocks]
        writes.add(_RETRACT_CLOCKS, *_columns(rows), expect=(len(rows), _OVERTAKEN))


async def save_merges(connection: Connection, pairs: Collection[tuple[str, str]]) -> None:
    """Remember who was merged with whom."""
    if pairs:
        await connection.execute(_SAVE_MERGES, *_columns(sorted(pairs)))


async def load_terms(connection: Connection, ids: Collection[str]) -> dict[str, Terms]:
    """The terms with these ids that there are."""
    rows = await connection.fetch("select * from terms where id = any($1::text[])", list(ids))
    return {row["id"]: unpack_terms(row["id"], row["terms"]) for row in rows}


def save_terms(writes: Writes, terms: Collection[Terms]) -> None:
    """Have terms written that may be there already."""
    if terms:
        rows = sorted((each.id, pack_terms(each)) for each in terms)  # for all in one order: nobody waits in a circle
        writes.add(_SAVE_TERMS, *_columns(rows))


async def erase(connection: Connection, lead: str, *, at: datetime) -> None:
    """Forget a person, but for the id and the instant. The clocks go as their facts do."""
    await held.erase(connection, HELD, lead, at=at)


async def delete_leads(connection: Connection, leads: Collection[str]) -> None:
    """Delete the facts of leads."""
    if leads:
        await connection.execute("delete from leads where lead_id = any($1::text[])", list(leads))


def read_clock(row: asyncpg.Record) -> ClockState:
    """A row of the table as the value that it is."""
    return ClockState(
        id=row["id"],
        lead=row["lead_id"],
        key=row["key"],
        terms=row["terms"],
        policy=row["policy"],
        start=row["start_at"],
        due=row["due_at"],
        assignment=row["assignment_id"],
        rep=row["rep"],
        holder=row["holder"],
        pool=row["pool"],
        source=row["source"],
        stops=tuple(Pause(parse_instant(since), _instant(to)) for since, to in orjson.loads(row["stops"])),
        status=Status(row["status"]),
        reason=None if row["reason"] is None else Reason(row["reason"]),
        breached_at=row["breached_at"],
        ended_at=row["ended_at"],
        corrected=row["corrected"],
        fired=row["fired"],
        next_at=row["next_at"],
        version=row["version"],
        revision=row.get("revision"),
    )


def _identity(clock: ClockState) -> tuple[object, ...]:
    """What of a clock never changes."""
    return (
        clock.id,
        clock.lead,
        clock.key,
        clock.terms,
        clock.policy,
        clock.assignment,
        clock.source,
        clock.start,
    )


def _state(clock: ClockState) -> tuple[object, ...]:
    stops = [(format_instant(each.since), None if each.to is None else format_instant(each.to)) for each in clock.stops]
    return (
        clock.rep,
        clock.pool,
        clock.due,
        orjson.dumps(stops),
        clock.status.value,
        None if clock.reason is None else clock.reason.value,
        clock.breached_at,
        clock.ended_at,
        clock.corrected,
        clock.fired,
        clock.next_at,
        clock.version,
        clock.outcome_at,
        clock.holder,
    )


def _lead(lead_id: str, key: str, version: int, facts: bytes) -> LeadRow:
    return LeadRow(lead_id, key, {fact.id: fact for fact in unpack_facts(lead_id, facts)}, version)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    """Rows as the arrays that `unnest` wants."""
    return [list(column) for column in zip(*rows, strict=True)]
