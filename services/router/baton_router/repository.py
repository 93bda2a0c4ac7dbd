"""Leads, assignments and holds in PostgreSQL: a batch is read and written by one array statement a table.

Locks are taken in one order everywhere: leads by their id, then what `staff_repository` locks. Held leads, which are
found only once pools are locked, are taken with SKIP LOCKED, so that nobody ever waits in a circle.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import asyncpg

from baton.flow import held
from baton.flow.database import Connection
from baton.flow.unit_of_work import UnitOfWork
from baton.flow.writes import Writes
from baton_router.held import FILE
from baton_router.lead_file import EarlyTouch, Given, LeadFile, Waiting
from baton_router.stored import (
    columns,
    dump,
    file_row,
    given_row,
    read_early,
    read_file,
    read_given,
    read_waiting,
    waiting_row,
)

_THERE_IS: Final = """
exists (select from reps) as reps, exists (select from accounts) as accounts,
coalesce(bool_or(exists (select from aliases a where a.lead_id = g.lead_id offset 0)
                 or exists (select from aliases a where a.into_lead = g.lead_id offset 0)), false) as aliases
"""
_GLANCE: Final = f"""
select {_THERE_IS},
       coalesce(bool_or(exists (select from leads l where l.lead_id = g.lead_id offset 0)
                        or exists (select from waiting_touches w where w.lead_id = g.lead_id offset 0)
                        or exists (select from erased e where e.lead_id = g.lead_id offset 0)), false) as somebody,
       $2::text[] is null or exists (
           select from unnest($2::text[]) as v(value)
           where exists (select from assignments a where a.open and a.account = v.value offset 0)
              or exists (select from assignments a where a.open and a.phone = v.value offset 0)
       ) as neighbours
from unnest($1::text[]) as g(lead_id)
"""  # noqa: S608 - ours
"""What most batches find nothing of: one question saves four."""
_UNKNOWN: Final = """
not exists (select from aliases where lead_id = any($1::text[]) or into_lead = any($1::text[]))
and not exists (select from waiting_touches where lead_id = any($1::text[]))
and not exists (select from erased where lead_id = any($1::text[]))
"""
# Who writes without having locked anything finds either the table of leads or an erasure or a merge: never neither.
_ALONE: Final = "lock table leads in share row exclusive mode"
_ALIASES: Final = "select * from aliases where lead_id = any($1::text[]) or into_lead = any($1::text[])"
_LEADS: Final = "select * from leads where lead_id = any($1::text[]) order by lead_id for update"
_LEADS_UNLOCKED: Final = "select * from leads where lead_id = any($1::text[])"
_UNMERGED: Final = f"""
with seen as materialized (select {_THERE_IS} from unnest($1::text[]) as g(lead_id)), opened as materialized (
    select * from leads where lead_id = any($1::text[]) and not (select aliases from seen) order by lead_id for update
)
select * from seen left join opened on true
"""  # noqa: S608 - ours
"""Of no lead where one of them is merged with another: those that are one are locked together, in their order."""
_UNMERGED_UNLOCKED: Final = _UNMERGED.replace("for update", "")
_HOLDS: Final = "select * from holds where lead_id = any($1::text[])"
_EARLY: Final = "select * from waiting_touches where lead_id = any($1::text[]) order by told_at, cause"
_GIVEN: Final = """
select t.*, a.* from (
    select coalesce(bool_or(exists (select from holds h where h.lead_id = g.lead_id offset 0)), false) as held,
           coalesce(bool_or(exists (select from waiting_touches w where w.lead_id = g.lead_id offset 0)), false)
               as touched,
           coalesce(bool_or(exists (select from erased e where e.lead_id = g.lead_id offset 0)), false) as erased,
           array_agg(g.lead_id) filter (where exists (select from reviews r where r.lead_id = g.lead_id offset 0))
               as in_review
    from unnest($1::text[]) as g(lead_id)
) t
left join lateral (select * from assignments where open and lead_id = any($1::text[])) a on true
order by a.at, a.id
"""
"""Open assignments, and what else there is: most leads have none of that, and one question saves four. Asked lead by
lead (`offset 0`): without statistics the planner reads whole tables otherwise."""
_SAVE_LEADS: Final = """
insert into leads as l (lead_id, key, version, state, changed_at, rep, pool, profile_version, lead, score, answer,
                        declined, missed, paused_at, resume_at, captured_at)
select g.lead_id, g.key, g.version, g.state, g.changed_at, g.rep, g.pool, g.profile_version, g.lead, g.score, g.answer,
       string_to_array(g.declined, E'\\n'), string_to_array(g.missed, E'\\n'), g.paused_at, g.resume_at,
       g.captured_at
from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::bigint[],
            $9::bytea[], $10::bytea[], $11::bytea[], $12::text[], $13::text[], $14::timestamptz[], $15::timestamptz[],
            $16::timestamptz[])
     as g(lead_id, key, version, state, changed_at, rep, pool, profile_version, lead, score, answer, declined, missed,
          paused_at, resume_at, captured_at)
on conflict (lead_id) do update set
    key = excluded.key, version = excluded.version, state = excluded.state, changed_at = excluded.changed_at,
    rep = excluded.rep, pool = excluded.pool, profile_version = excluded.profile_version, lead = excluded.lead,
    score = excluded.score, answer = excluded.answer, declined = excluded.declined, missed = excluded.missed,
    paused_at = excluded.paused_at, resume_at = excluded.resume_at,
    captured_at = excluded.captured_at
where l.version = any(select k.known from unnest($1::text[], $17::bigint[]) k(lead_id, known)
                      where k.lead_id = excluded.lead_id)
"""
_CLOSE: Final = """
update assignments a set
    open = g.open, closed_at = g.closed_at, closed_as = g.closed_as, accepted_at = g.accepted_at,
    touched_at = g.touched_at
from unnest($1::text[], $2::bool[], $3::timestamptz[], $4::text[], $5::timestamptz[], $6::timestamptz[])
    as g(id, open, closed_at, closed_as, accepted_at, touched_at)
where a.id = g.id
"""
_SAVE_ASSIGNMENTS: Final = """
insert into assignments (id, lead_id, rep, pool, at, open, closed_at, closed_as, accepted_at, touched_at, turn_pool,
                         turn_balance, account, phone, data)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bool[], $7::timestamptz[],
                     $8::text[], $9::timestamptz[], $10::timestamptz[], $11::text[], $12::text[], $13::text[],
                     $14::text[], $15::bytea[])
on conflict do nothing
"""
_SAVE_HOLDS: Final = """
insert into holds (lead_id, since, until, look_at, pools, cause)
select lead_id, since, until, look_at, string_to_array(pools, E'\\n'), cause
from unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::bytea[])
    with ordinality as g(lead_id, since, until, look_at, pools, cause, place)
order by place
on conflict (lead_id) do update set
    since = excluded.since, until = excluded.until, look_at = excluded.look_at, pools = excluded.pools,
    cause = excluded.cause
"""
_SAVE_EARLY: Final = """
insert into waiting_touches (cause, lead_id, told_at, data)
select * from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::bytea[]) on conflict do nothing
"""
_OF_LEAD: Final = """
select * from assignments where lead_id = any($1::text[]) order by at desc, id limit 50
"""
_DUE_HOLDS: Final = """
select h.lead_id from holds h join leads l using (lead_id)
where h.look_at <= $1 and h.pools && $2::text[] and h.lead_id <> all($3::text[])
order by h.since, h.position limit $4 for update of l skip locked
"""
_LOOK_AGAIN: Final = """
update holds set look_at = $1 where look_at > $1 and lead_id in (
    select lead_id from holds where $2::text[] is null or pools && $2::text[] order by since, position limit $3
)
"""
_TO_RESUME: Final = """
select lead_id from leads l
where resume_at <= $1 and not exists (select from aliases a where a.lead_id = l.lead_id)
order by resume_at, lead_id limit $2 for update skip locked
"""
NEXT_LOOK: Final = "select min(look_at) from router.holds"
"""When the next held lead is to be looked at."""
NEXT_RESUME: Final = "select min(resume_at) from router.leads where resume_at is not null"
"""When the next pause ends."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What there is at all. `aliases`: of the leads that were asked for."""

    reps: bool = True
    accounts: bool = True
    aliases: bool = True
    neighbours: bool = True
    """Whether one of these companies or persons has an open lead."""
    somebody: bool = True
    """Whether anything is known of any of them: a file, a touch that came first, an erasure."""

    @property
    def only_strangers(self) -> bool:
        """Whether nothing at all is known of these leads."""
        return not (self.somebody or self.aliases)


async def glance(connection: Connection, lead_ids: Collection[str], *, around: Collection[str] | None = None) -> Glance:
    """What is worth asking for before some leads are routed. `around`: their accounts and phone numbers, if known."""
    asked = None if around is None else list(around)
    (row,) = await connection.fetch(_GLANCE, list(lead_ids), asked)
    return Glance(**row)


def check_strangers(writes: Writes, lead_ids: Collection[str]) -> None:
    """Have it checked that these are strangers still, as far as writing their files doesn't tell."""
    writes.check(_UNKNOWN, list(lead_ids), why="something became known of a lead meanwhile")


async def be_alone(connection: Connection) -> None:
    """For an erasure or a merge: until the end of the transaction nobody else writes a lead.

    Lock its leads, all pools and reps before, and read again after: whoever writes comes here with those in hand.
    """
    await connection.execute(_ALONE)


async def family(connection: Connection, lead_ids: Iterable[str]) -> dict[str, frozenset[str]]:
    """Each of these leads as it is known now, with all ids that it is known by."""
    into, asked = dict[str, str](), set[str]()
    wanted = set(lead_ids)
    given = set(wanted)
    while wanted - asked:
        rows = await connection.fetch(_ALIASES, list(wanted - asked))
        asked |= wanted
        into |= {row["lead_id"]: row["into_lead"] for row in rows}
        wanted |= into.keys() | set(into.values())
    members: dict[str, set[str]] = {}
    for lead_id in asked:
        members.setdefault(root(lead_id, into), set()).add(lead_id)
    return {found: frozenset(members[found]) for found in {root(lead_id, into) for lead_id in given}}


def root(lead_id: str, into: dict[str, str]) -> str:
    """Who a lead is known as. A circle (merged both ways) ends where it began."""
    seen = {lead_id}
    while lead_id in into and into[lead_id] not in seen:
        lead_id = into[lead_id]
        seen.add(lead_id)
    return lead_id


@dataclass(frozen=True, slots=True)
class Opened:
    """What there is of some leads."""

    files: dict[str, LeadFile]
    """By the id of each lead and of those merged into it. A lead without one isn't there: begin it."""
    erased: dict[str, datetime]
    unclaimed: dict[str, list[EarlyTouch]]
    """Touches of leads that have no file yet."""


async def load(connection: Connection, lead_ids: Collection[str], *, lock: bool = True) -> dict[str, LeadFile]:
    """The files of these leads, locked for the transaction, or without `lock` just read."""
    return (await open_files(connection, lead_ids, lock=lock)).files


async def open_desk(connection: Connection, lead_ids: Collection[str], *, lock: bool = True) -> tuple[Glance, Opened]:
    """What there is at all, and what there is of these leads: as `glance` and `open_files`, with a question less."""
    rows = await connection.fetch(_UNMERGED if lock else _UNMERGED_UNLOCKED, list(lead_ids))
    seen = Glance(reps=rows[0]["reps"], accounts=rows[0]["accounts"], aliases=rows[0]["aliases"])
    if seen.aliases:
        return seen, await open_files(connection, lead_ids, lock=lock)
    return seen, await _opened(connection, [row for row in rows if row["lead_id"] is not None], _alone(lead_ids))


async def open_files(
    connection: Connection, lead_ids: Collection[str], *, lock: bool = True, aliases: bool = True
) -> Opened:
    """All that there is of these leads; locked for the transaction before anything but the aliases is read.

    `aliases=False` if they are known to have none.
    """
    families = await family(connection, lead_ids) if aliases else _alone(lead_ids)
    everyone = sorted({member for members in families.values() for member in members})
    rows = await connection.fetch(_LEADS if lock else _LEADS_UNLOCKED, everyone) if everyone else []
    return await _opened(connection, rows, families)


def _alone(lead_ids: Collection[str]) -> dict[str, frozenset[str]]:
    return {each: frozenset({each}) for each in lead_ids}


async def _opened(
    connection: Connection, rows: Sequence[asyncpg.Record], families: dict[str, frozenset[str]]
) -> Opened:
    """The rest of what there is of these families, whose leads were read."""
    if not families:
        return Opened({}, {}, {})
    owners = {member: found for found, members in families.items() for member in members}
    everyone = sorted(owners)
    found = _known({row["lead_id"]: read_file(row) for row in rows}, families)
    given = await connection.fetch(_GIVEN, everyone)
    there = given[0]
    early = await early_touches(connection, everyone) if there["touched"] else {}
    _attach_given(found, owners, given)
    if there["held"]:
        await _attach_waiting(connection, found, everyone)
    _attach_early(found, owners, early)
    for lead_id in there["in_review"] or ():
        if lead_id in found:
            found[lead_id].in_review = True
    return Opened(
        files={member: found[owner] for member, owner in owners.items() if owner in found},
        erased=await erased_at(connection, everyone) if there["erased"] else {},
        unclaimed={each: touches for each, touches in early.items() if owners[each] not in found},
    )


def _known(files: dict[str, LeadFile], families: dict[str, frozenset[str]]) -> dict[str, LeadFile]:
    known: dict[str, LeadFile] = {}
    for lead_id, members in families.items():
        file = files.get(lead_id)
        if file is None and len(members) > 1:  # merged into somebody of whom nothing else is known yet
            other = next((files[member] for member in sorted(members) if member in files), None)
            file = None if other is None else LeadFile(lead_id, other.key, lead=other.lead, score=other.score)
        if file is not None:
            file.members = members
            known[lead_id] = file
    return known


def _attach_given(files: dict[str, LeadFile], owners: dict[str, str], rows: Sequence[asyncpg.Record]) -> None:
    for row in rows:
        file = None if row["id"] is None else files.get(owners[row["lead_id"]])
        if file is not None and file.given is None:  # the older of two stays
            file.given = read_given(row)


async def _attach_waiting(connection: Connection, files: dict[str, LeadFile], everyone: Sequence[str]) -> None:
    for row in await connection.fetch(_HOLDS, everyone):
        if row["lead_id"] in files:
            files[row["lead_id"]].waiting = read_waiting(row)


def _attach_early(files: dict[str, LeadFile], owners: dict[str, str], early: dict[str, list[EarlyTouch]]) -> None:
    for lead_id, touches in early.items():
        file = files.get(owners[lead_id])
        if file is not None:
            file.early += touches


async def early_touches(connection: Connection, lead_ids: Collection[str]) -> dict[str, list[EarlyTouch]]:
    """The touches that wait for an assignment of these leads."""
    found: dict[str, list[EarlyTouch]] = {}
    for row in await connection.fetch(_EARLY, list(lead_ids)):
        found.setdefault(row["lead_id"], []).append(read_early(row))
    return found


def save_leads(writes: Writes, files: Sequence[LeadFile]) -> None:
    """Have files written. If another transaction changed one of them meanwhile, the work comes again."""
    if files:
        expect = len(files), "a lead was changed by another transaction meanwhile"
        writes.add(_SAVE_LEADS, *columns([file_row(file) for file in files]), expect=expect)


async def save_assignments(unit: UnitOfWork, *, changed: Collection[Given], added: Collection[Given]) -> None:
    """Have written what became of assignments that are stored already, and new ones.

    If one of the leads got another meanwhile, the work comes again and finds it.
    """
    if changed:
        rows = [
            (given.id, given.closed_at is None, given.closed_at, given.closed_as, given.accepted_at, given.touched_at)
            for given in changed
        ]
        if added:  # a lead has one open assignment at most: its last one is closed before the next is written
            await unit.connection.execute(_CLOSE, *columns(rows))
        else:
            unit.writes.add(_CLOSE, *columns(rows))
    if added:
        expect = len(added), "a lead was assigned by another transaction meanwhile"
        unit.writes.add(_SAVE_ASSIGNMENTS, *columns([given_row(given) for given in added]), expect=expect)


async def save_holds(connection: Connection, held: Sequence[tuple[str, Waiting]], *, released: Sequence[str]) -> None:
    """Write the holds that there are now, and delete those that ended."""
    if released:
        await connection.execute("delete from holds where lead_id = any($1::text[])", released)
    if held:
        await connection.execute(_SAVE_HOLDS, *columns([waiting_row(lead_id, waiting) for lead_id, waiting in held]))


async def save_early(connection: Connection, touches: Sequence[tuple[str, EarlyTouch]], *, told: Sequence[str]) -> None:
    """Keep touches that wait for an assignment, and forget those that were told."""
    if told:
        await connection.execute("delete from waiting_touches where cause = any($1::uuid[])", told)
    if touches:
        rows = [(early.cause, lead_id, early.told, dump(early.touch)) for lead_id, early in touches]
        await connection.execute(_SAVE_EARLY, *columns(rows))


async def assignments_of(connection: Connection, members: Collection[str]) -> list[Given]:
    """The last assignments of a lead, open or closed, newest first."""
    return [read_given(row) for row in await connection.fetch(_OF_LEAD, list(members))]


async def due_holds(
    connection: Connection, *, pools: Collection[str], now: datetime, without: Collection[str], limit: int
) -> list[str]:
    """Held leads for whom somebody in these pools might be there now, in order of arrival, each locked."""
    rows = await connection.fetch(_DUE_HOLDS, now, list(pools), list(without), limit)
    return [row["lead_id"] for row in rows]


async def peek_due_pools(connection: Connection, *, now: datetime) -> list[str]:
    """The pools that held leads wait for whose time may have come."""
    rows = await connection.fetch("select distinct unnest(pools) as pool from holds where look_at <= $1", now)
    return sorted(row["pool"] for row in rows)


async def look_again(
    connection: Connection, *, now: datetime, pools: Collection[str] | None = None, limit: int | None = None
) -> None:
    """Something changed that time didn't announce: look at held leads now; at those of some pools, or at all.

    With `limit` only at those that have waited the longest: where one place has come free.
    """
    await connection.execute(_LOOK_AGAIN, now, None if pools is None else list(pools), limit)


async def to_resume(connection: Connection, *, now: datetime, limit: int) -> list[str]:
    """Leads whose pause has ended, each claimed by one transaction."""
    rows = await connection.fetch(_TO_RESUME, now, limit)
    return [row["lead_id"] for row in rows]


async def erased_at(connection: Connection, lead_ids: Collection[str]) -> dict[str, datetime]:
    """When each of these was erased, if it was."""
    rows = await connection.fetch("select * from erased where lead_id = any($1::text[])", list(set(lead_ids)))
    return {row["lead_id"]: row["at"] for row in rows}


async def erase(connection: Connection, lead_id: str, *, at: datetime) -> None:
    """Delete all that is held of a person, but for the id and the instant."""
    await held.erase(connection, FILE, lead_id, at=at)


async def add_alias(connection: Connection, lead_id: str, *, into: str, at: datetime) -> None:
    """From now on a lead is known as another."""
    await connection.execute(
        "insert into aliases values ($1, $2, $3) on conflict (lead_id) do update set into_lead = $2, at = $3",
        lead_id,
        into,
        at,
    )


async def drop_alias(connection: Connection, lead_id: str) -> None:
    """The lead is itself again."""
    await connection.execute("delete from aliases where lead_id = $1", lead_id)


def closed(given: Given, *, at: datetime, why: str) -> Given:
    """The assignment, closed."""
    return replace(given, closed_at=at, closed_as=why)
