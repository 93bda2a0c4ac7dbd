"""What is said of reps, whose turn it is and what each has: the counters that decisions are made on.

A transaction that picks locks what it counts first, in one order: pools, and reps whose caps hold over several pools.
The locks are advisory and end with the transaction: a pool needs no row, and nothing is written to lock it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha1
from typing import Final

import asyncpg
import orjson

from baton.flow.database import Connection
from baton.flow.writes import Writes
from baton.kernel.instants import format_instant, parse_instant
from baton.leads.playbook.model import Bench, Caps
from baton_router.deciding.ledger import Load, Turn, TurnKey
from baton_router.deciding.values import Absence, LastRep, Neighbour, RepState
from baton_router.lead_file import Given
from baton_router.stored import columns, read_given

_HOUR: Final = timedelta(hours=1)

_TURNS: Final = """
select t.*, w.somebody_waits, w.something_is_said
from (select exists (select from holds where look_at <= $2 and pools && $1::text[]), exists (select from reps))
    as w(somebody_waits, something_is_said)
left join (select * from turns where pool = any($1::text[])) as t on true
order by t.pool, t.balance, t.rep
"""
"""With one row at least: for who waits for these pools, and is said of reps, is asked as soon as they are locked."""
_SAVE_TURNS: Final = """
insert into turns (pool, balance, rep, count, present)
select * from unnest($1::text[], $2::text[], $3::text[], $4::float8[], $5::bool[])
on conflict (pool, balance, rep) do update set count = excluded.count, present = excluded.present
"""
_LOADS: Final = """
select q.place, o.open, l.*
from unnest($1::text[], $2::text[], $3::bool[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[],
            $7::timestamptz[], $8::timestamptz[])
     with ordinality as q(rep, pool, count_open, since, hour, day, week, month, place)
left join lateral (
    select count(*) as open from assignments a
    where q.count_open and a.open and a.rep = q.rep and (q.pool is null or a.pool = q.pool)
) o on true
left join lateral (
    select count(*) filter (where a.at > q.hour) as hour, count(*) filter (where a.at >= q.day) as day,
           count(*) filter (where a.at >= q.week) as week, count(*) filter (where a.at >= q.month) as month,
           min(a.at) filter (where a.at > q.hour) as oldest
    from assignments a
    where q.since is not null and a.rep = q.rep and a.at >= q.since and (q.pool is null or a.pool = q.pool)
) l on true
order by q.place
"""
_OPEN: Final = """
select g.rep, (select count(*) from assignments a where a.open and a.rep = g.rep) as open
from unnest($1::text[]) as g(rep)
"""
_NEIGHBOURS: Final = """
select g.value, a.lead_id, a.rep from unnest($1::text[]) as g(value), lateral (
    select lead_id, rep from assignments a where a.open and a.{column} = g.value order by a.at, a.id limit 20
) a
"""
_LAST: Final = """
select g.lead_id as asked, p.rep as person_rep, p.at as person_at, c.rep as company_rep, c.at as company_at
from unnest($1::text[], $2::text[]) as g(lead_id, account)
left join lateral (
    select rep, at from assignments a where a.lead_id = g.lead_id order by a.at desc, a.id limit 1
) p on true
left join lateral (
    select rep, at from assignments a where a.account = g.account order by a.at desc, a.id limit 1
) c on true
"""
_SAVE_REP: Final = """
insert into reps (rep, said, move_at, moved_up_to) values ($1, $2, $3, $4)
on conflict (rep) do update set said = excluded.said, move_at = excluded.move_at, moved_up_to = excluded.moved_up_to
"""
_BENCH: Final = """
insert into reps (rep, said, benched_until, moved_up_to) values ($1, $2, $3, '')
on conflict (rep) do update set benched_until = greatest(reps.benched_until, excluded.benched_until)
returning *
"""
_OPEN_OF_REP: Final = """
select a.* from assignments a join leads l using (lead_id)
where a.rep = $1 and a.open and (not $2 or a.touched_at is null) and a.id > $3
order by a.id limit $4
"""
_ADD_MISS: Final = """
insert into misses (clock_id, rep, policy, at, lead_id) values ($1, $2, $3, $4, $5) on conflict do nothing
"""
NEXT_MOVE: Final = "select min(move_at) from router.reps where move_at is not null"
"""When leads are to be moved next."""


@dataclass(frozen=True, slots=True)
class RepRow:
    """What is stored of a rep. `move_at`: when leads that nobody touched are to be moved to others."""

    rep: str
    state: RepState
    move_at: datetime | None = None
    moved_up_to: str = ""
    """Their last assignment that was looked at, while it takes several slices."""


@dataclass(frozen=True, slots=True)
class LoadQuestion:
    """Which loads are asked for: of a rep in a pool or over all. `since` None: only those that are open."""

    rep: str
    pool: str | None
    count_open: bool
    since: datetime | None
    hour: datetime
    day: datetime
    week: datetime
    month: datetime


def lock_number(name: str) -> int:
    """What a pool or a rep is locked by. Two names with one number would only wait for each other without need."""
    return int.from_bytes(sha1(f"baton.router/{name}".encode(), usedforsecurity=False).digest()[:8], "big", signed=True)


def pool_locks(pools: Collection[str]) -> list[int]:
    """The locks under which anybody is picked from these pools."""
    return [lock_number(f"pool {name}") for name in pools]


def rep_locks(reps: Collection[str]) -> list[int]:
    """The locks under which these reps are named for leads, and counted where their caps hold over all pools."""
    return [lock_number(f"rep {rep}") for rep in reps]


async def load_turns(
    connection: Connection, pools: Collection[str], *, now: datetime
) -> tuple[dict[TurnKey, dict[str, Turn]], bool, bool]:
    """The turns of these pools, whether a lead waits for one of them whose time has come, and if reps have states."""
    turns: dict[TurnKey, dict[str, Turn]] = {}
    rows = await connection.fetch(_TURNS, list(pools), now)
    for row in rows:
        if row["pool"] is not None:
            turns.setdefault((row["pool"], row["balance"]), {})[row["rep"]] = Turn(row["count"], row["present"])
    return turns, rows[0]["somebody_waits"], rows[0]["something_is_said"]


def save_turns(writes: Writes, changed: Mapping[tuple[TurnKey, str], Turn]) -> None:
    """Have turns written that were raised or given back."""
    if changed:
        rows = [(*key, rep, turn.count, turn.present) for (key, rep), turn in changed.items()]
        writes.add(_SAVE_TURNS, *columns(rows))


async def load_loads(connection: Connection, questions: Sequence[LoadQuestion]) -> dict[tuple[str, str | None], Load]:
    """The loads that were asked for."""
    if not questions:
        return {}
    rows = await connection.fetch(
        _LOADS,
        *columns([(q.rep, q.pool, q.count_open, q.since, q.hour, q.day, q.week, q.month) for q in questions]),
    )
    return {(q.rep, q.pool): _load(row) for q, row in zip(questions, rows, strict=True)}


def _load(row: asyncpg.Record) -> Load:
    oldest = row["oldest"]
    return Load(
        open=row["open"],
        hour=row["hour"],
        day=row["day"],
        week=row["week"],
        month=row["month"],
        hour_frees_at=None if oldest is None else oldest + _HOUR,
    )


async def count_open(connection: Connection, reps: Sequence[str]) -> dict[str, int]:
    """How many leads each of these reps has open."""
    rows = await connection.fetch(_OPEN, reps) if reps else []
    return {row["rep"]: row["open"] for row in rows}


async def neighbours(connection: Connection, values: Collection[str], *, by: str) -> dict[str, list[Neighbour]]:
    """The open leads of each account (`by="account"`) or person (`by="phone"`), the longest open first."""
    if not values:
        return {}
    found: dict[str, list[Neighbour]] = {}
    column = {"account": "account", "phone": "phone"}[by]
    for row in await connection.fetch(_NEIGHBOURS.format(column=column), sorted(values)):
        found.setdefault(row["value"], []).append(Neighbour(row["lead_id"], row["rep"]))
    return found


async def last_reps(connection: Connection, leads: Sequence[tuple[str, str | None]]) -> dict[str, LastRep]:
    """Who had these leads last, or the last of their company, by lead; each given with its account."""
    if not leads:
        return {}
    found: dict[str, LastRep] = {}
    for row in await connection.fetch(_LAST, *columns(list(leads))):
        if row["person_rep"] is not None:
            found[row["asked"]] = LastRep(row["person_rep"], row["person_at"], "person")
        elif row["company_rep"] is not None:
            found[row["asked"]] = LastRep(row["company_rep"], row["company_at"], "company")
    return found


async def load_states(connection: Connection) -> dict[str, RepState]:
    """What is said of every rep of whom anything is."""
    return {row["rep"]: _state(row) for row in await connection.fetch("select * from reps")}


async def load_rep(connection: Connection, rep: str) -> RepRow:
    """What is said of one rep, locked for the transaction."""
    await connection.execute("select pg_advisory_xact_lock($1)", lock_number(f"said of {rep}"))
    row = await connection.fetchrow("select * from reps where rep = $1", rep)
    return RepRow(rep, RepState()) if row is None else RepRow(rep, _state(row), row["move_at"], row["moved_up_to"])


async def save_rep(connection: Connection, row: RepRow) -> None:
    """Write what is said of a rep, but for the bench."""
    await connection.execute(_SAVE_REP, row.rep, _said(row.state), row.move_at, row.moved_up_to)


async def bench(connection: Connection, rep: str, *, until: datetime) -> RepState:
    """A rep gets no leads until then. Gives what is said of them now."""
    rows = await connection.fetch(_BENCH, rep, _said(RepState()), until)
    return _state(rows[0])


def _said(state: RepState) -> bytes:
    caps = state.caps
    return orjson.dumps(
        {
            "paused": state.paused,
            "active": state.active,
            "absences": [
                [format_instant(a.since), None if a.until is None else format_instant(a.until), a.nominee]
                for a in state.absences
            ],
            "caps": None if caps is None else {name: getattr(caps, name) for name in Caps.__slots__},
        }
    )


def _state(row: asyncpg.Record) -> RepState:
    said = orjson.loads(row["said"])
    return RepState(
        paused=said["paused"],
        active=said["active"],
        absences=tuple(
            Absence(parse_instant(since), None if until is None else parse_instant(until), nominee)
            for since, until, nominee in said["absences"]
        ),
        caps=None if said["caps"] is None else Caps(**said["caps"]),
        benched_until=row["benched_until"],
    )


async def reps_to_move(connection: Connection, *, now: datetime) -> list[str]:
    """Reps whose untouched leads are to be moved now."""
    rows = await connection.fetch("select rep from reps where move_at <= $1 order by move_at, rep", now)
    return [row["rep"] for row in rows]


async def open_of_rep(connection: Connection, rep: str, *, untouched: bool, after: str = "", limit: int) -> list[Given]:
    """A rep's open assignments, all or only those that nobody touched, in the order of their ids."""
    return [read_given(row) for row in await connection.fetch(_OPEN_OF_REP, rep, untouched, after, limit)]


async def reps_with_open(connection: Connection) -> dict[str, int]:
    """Every rep who has open leads, and how many."""
    rows = await connection.fetch("select rep, count(*) as open from assignments where open group by rep")
    return {row["rep"]: row["open"] for row in rows}


async def add_miss(connection: Connection, *, clock_id: str, rep: str, policy: str, at: datetime, lead_id: str) -> None:
    """Remember that a rep missed a promise; once a clock."""
    await connection.execute(_ADD_MISS, clock_id, rep, policy, at, lead_id)


async def take_back_misses(connection: Connection, clock_ids: Sequence[str]) -> None:
    """It turned out that these promises were kept."""
    await connection.execute("delete from misses where clock_id = any($1::text[])", clock_ids)


async def has_missed_too_often(connection: Connection, rep: str, *, policy: str, bench: Bench, now: datetime) -> bool:
    """Whether a rep's misses of a policy reach its bench."""
    count: int = await connection.fetchval(
        "select count(*) from misses where rep = $1 and policy = $2 and at > $3", rep, policy, now - bench.within
    )
    return count >= bench.misses
