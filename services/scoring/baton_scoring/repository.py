"""Profiles in PostgreSQL: a batch is read and written by one array statement a table."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg
import orjson

from baton.flow import held
from baton.flow.database import Connection
from baton.flow.writes import Writes
from baton.kernel.instants import format_instant, parse_instant
from baton.leads.values import TIERS, Activity, Score
from baton_scoring.aliases import Aliases
from baton_scoring.held import HELD
from baton_scoring.profile import Profile, Said

_OVERTAKEN: Final = "a profile was changed by another transaction meanwhile"
MAX_ACTIVITIES: Final = 2000
"""The newest of a lead that are scored. Someone who does more is a machine, and must not cost others their time."""

_PROFILES: Final = """
select s.is_special, p.*
from unnest($1::text[]) as g(lead_id) cross join lateral (
    select exists (select from erased where lead_id = g.lead_id offset 0)
        or exists (select from aliases where lead_id = g.lead_id offset 0)
        or exists (select from aliases where into_lead = g.lead_id offset 0) as is_special
) s left join lateral (
    select *, xmin::text::bigint as revision from profiles where lead_id = g.lead_id offset 0
) p on true
where s.is_special or p.lead_id is not null
"""
# The row may not be there yet: a lock on its id keeps two lanes from making it at once, and an erasure from being
# undone by who read before it. All who are one person are locked, in the order of their ids.
_LOCK: Final = """
with recursive same(lead_id) as (
    select unnest($1::text[])
    union
    select n.lead_id from same s, lateral (
        select into_lead from aliases where lead_id = s.lead_id
        union all select lead_id from aliases where into_lead = s.lead_id
        offset 0
    ) n(lead_id)
)
select lead_id, pg_advisory_xact_lock(hashtextextended(lead_id, 42))
from (select lead_id from same order by lead_id) ordered
"""
_PERSONS: Final = """
select g.lead_id as asked, e.at as erased_at, a.into_lead, m.merged, p.*
from unnest($1::text[]) as g(lead_id) left join lateral (
    select at from erased where lead_id = g.lead_id offset 0
) e on true left join lateral (
    select into_lead from aliases where lead_id = g.lead_id offset 0
) a on true left join lateral (
    select array_agg(lead_id) as merged from aliases where into_lead = g.lead_id offset 0
) m on true left join lateral (
    select *, xmin::text::bigint as revision from profiles where lead_id = g.lead_id offset 0
) p on true
"""
_ACTIVITIES: Final = """
select a.* from unnest($1::text[]) as l(lead_id),
lateral (select * from activities a where a.lead_id = l.lead_id order by a.at desc limit $2) a
"""
_ADD_PROFILES: Final = """
insert into profiles (lead_id, key, captured, version, fields, score, qualified, look_at)
select * from unnest($1::text[], $2::text[], $3::bool[], $4::bigint[], $5::bytea[], $6::bytea[], $7::bytea[],
                     $8::timestamptz[])
on conflict do nothing
"""
_CHANGE_PROFILES: Final = """
update profiles p set
    key = g.key, captured = g.captured, version = g.version, fields = g.fields, score = g.score,
    qualified = g.qualified, look_at = g.look_at
from unnest($1::text[], $2::text[], $3::bool[], $4::bigint[], $5::bytea[], $6::bytea[], $7::bytea[], $8::timestamptz[],
            $9::bigint[])
    as g(lead_id, key, captured, version, fields, score, qualified, look_at, revision)
where p.lead_id = g.lead_id and p.xmin::text::bigint = g.revision
"""
_PLAIN: Final = """
not exists (select from erased where lead_id = any($1::text[]))
and not exists (select from aliases where lead_id = any($1::text[]) or into_lead = any($1::text[]))
"""
_SAVE_ACTIVITIES: Final = """
insert into activities (lead_id, source, activity_id, kind, at, data)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bytea[])
on conflict do nothing
"""
_SAVE_SCORES: Final = """
insert into scores (lead_id, version, at, cause, score)
select * from unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::bytea[])
on conflict do nothing
"""
# By the lock that a batch takes first for this person: rows locked first, and their names after, would be the other way
# round, a deadlock.
_TO_LOOK_AT: Final = """
select lead_id from (
    select lead_id, look_at from profiles where look_at <= $1 order by look_at, lead_id limit $2
) due
where pg_try_advisory_xact_lock(hashtextextended(
    least(lead_id, (select min(a.lead_id) from aliases a where a.into_lead = due.lead_id)), 42
)) order by look_at, lead_id
"""
# Who writes without having locked anything finds either the profiles' table or an erasure or a merge: never neither.
_ALONE: Final = "lock table profiles in share row exclusive mode"
_ADD_ALIAS: Final = """
insert into aliases values ($1, $2, $3) on conflict (lead_id) do update set into_lead = $2, at = $3
"""
NEXT_LOOK: Final = "select min(look_at) from scoring.profiles"
"""When the next lead is to be looked at."""


@dataclass(frozen=True, slots=True)
class ScoreTold:
    """A score that was told, for the history."""

    lead_id: str
    version: int
    at: datetime
    cause: str
    score: Score


@dataclass(frozen=True, slots=True)
class Known:
    """What there is of some leads and of those they were merged with: profiles, who was erased when, who is whom."""

    profiles: dict[str, Profile]
    erased: dict[str, datetime]
    aliases: Aliases

    def person(self, lead_id: str) -> Profile | None:
        """The profile of whoever this lead is known as, with those that were merged into it."""
        if not self.aliases.into:
            return self.profiles.get(lead_id)
        root = self.aliases.root(lead_id)
        merged = [self.profiles[each] for each in self.aliases.known_as(root) if each in self.profiles]
        if root not in self.profiles and merged:
            self.profiles[root] = Profile(root, merged[0].key)
        person = self.profiles.get(root)
        if person is not None:
            person.merged = tuple(merged)
        return person


async def look(connection: Connection, lead_ids: Collection[str]) -> Known | None:
    """What there is of these leads just now, not locked; None if one was erased, or merged with another."""
    rows = await connection.fetch(_PROFILES, sorted(lead_ids))
    return None if any(row["is_special"] for row in rows) else await _known(connection, rows, {}, Aliases())


async def load(connection: Connection, lead_ids: Collection[str]) -> Known:
    """What there is of these leads, and of those that they were merged with, locked for the transaction."""
    rows = await _lock(connection, set(lead_ids))
    into = {row["asked"]: row["into_lead"] for row in rows if row["into_lead"] is not None}
    erased = {row["asked"]: row["erased_at"] for row in rows if row["erased_at"] is not None}
    return await _known(connection, rows, erased, Aliases(into))


async def _known(
    connection: Connection, rows: Sequence[asyncpg.Record], erased: dict[str, datetime], aliases: Aliases
) -> Known:
    profiles = {row["lead_id"]: _profile(row) for row in rows if row["lead_id"] is not None}
    if profiles:
        for done in await connection.fetch(_ACTIVITIES, list(profiles), MAX_ACTIVITIES):
            activity = _activity(done)
            profiles[done["lead_id"]].activities[activity.source, activity.id] = activity
    return Known(profiles, erased, aliases)


def save(
    writes: Writes,
    profiles: Sequence[Profile],
    *,
    activities: Sequence[tuple[str, Activity]],
    told: Sequence[ScoreTold],
) -> None:
    """Have what a batch changed written. If another transaction changed a profile meanwhile, the work comes again."""
    written = {id(one.score): _dump(one.score) for one in told}  # for the profile and for the history
    rows = [(*_profile_row(each, _written_score(each, written)), each.revision) for each in profiles]
    new, known = [row[:-1] for row in rows if row[-1] is None], [row for row in rows if row[-1] is not None]
    if new:
        writes.add(_ADD_PROFILES, *_columns(new), expect=(len(new), _OVERTAKEN))
    if known:
        writes.add(_CHANGE_PROFILES, *_columns(known), expect=(len(known), _OVERTAKEN))
    if activities:
        done = [(lead, a.source, a.id, a.kind, a.at, orjson.dumps(a.data)) for lead, a in activities]
        writes.add(_SAVE_ACTIVITIES, *_columns(done))
    if told:
        scores = [(t.lead_id, t.version, t.at, t.cause, written[id(t.score)]) for t in told]
        writes.add(_SAVE_SCORES, *_columns(scores))


def check_plain(writes: Writes, lead_ids: Collection[str]) -> None:
    """Have it checked that nobody whom `look` gave was erased or merged meanwhile."""
    writes.check(_PLAIN, list(lead_ids), why="a lead was erased or merged meanwhile")


async def be_alone(connection: Connection) -> None:
    """For an erasure or a merge: until the end of the transaction nobody else writes a profile.

    Load its leads before, and again after: whoever writes comes here with locks on leads in hand.
    """
    await connection.execute(_ALONE)


async def to_look_at(connection: Connection, *, now: datetime, limit: int) -> list[str]:
    """Leads whose tier time may have changed, each claimed by one transaction."""
    return [row["lead_id"] for row in await connection.fetch(_TO_LOOK_AT, now, limit)]


async def history(connection: Connection, lead_id: str, *, limit: int) -> Sequence[ScoreTold]:
    """The scores that were told of a lead, newest first."""
    rows = await connection.fetch(
        "select * from scores where lead_id = $1 order by version desc limit $2", lead_id, limit
    )
    return [
        ScoreTold(row["lead_id"], row["version"], row["at"], row["cause"], Score.model_validate_json(row["score"]))
        for row in rows
    ]


async def erase(connection: Connection, lead_id: str, *, at: datetime) -> None:
    """Delete all that is held of a person, but for the id and the instant."""
    await held.erase(connection, HELD, lead_id, at=at)


async def add_alias(connection: Connection, lead_id: str, *, into: str, at: datetime) -> None:
    """From now on a lead is known as another."""
    await connection.execute(_ADD_ALIAS, lead_id, into, at)


async def drop_alias(connection: Connection, lead_id: str) -> None:
    """The lead is itself again."""
    await connection.execute("delete from aliases where lead_id = $1", lead_id)


async def _lock(connection: Connection, lead_ids: set[str]) -> list[asyncpg.Record]:
    """The rows of these leads and of whoever is the same person."""
    while True:
        locked = {row["lead_id"] for row in await connection.fetch(_LOCK, sorted(lead_ids))}
        rows = await connection.fetch(_PERSONS, sorted(locked))
        joined = {row["into_lead"] for row in rows if row["into_lead"] is not None}
        joined.update(*(row["merged"] for row in rows if row["merged"] is not None))
        if joined <= locked:
            return rows
        lead_ids = locked | joined  # merged by who held the lock until now


def _written_score(profile: Profile, written: Mapping[int, bytes]) -> bytes | None:
    if profile.score is None:
        return None
    return written.get(id(profile.score)) or _dump(profile.score)


def _profile_row(profile: Profile, score: bytes | None) -> tuple[object, ...]:
    return (
        profile.lead_id,
        profile.key,
        profile.captured,
        profile.version,
        pack_fields(profile.fields),
        score,
        orjson.dumps({tier: format_instant(at) for tier, at in profile.qualified.items()}),
        profile.look_at,
    )


def pack_fields(fields: Mapping[str, Said]) -> bytes:
    """What was said as JSON, `{field: [proven, claimed]}`, each as null or `[value, instant]`.

    A profile's instants are in UTC; orjson writes such a one as `format_instant` does.
    """
    return orjson.dumps({name: (said.proven, said.claimed) for name, said in fields.items()}, option=orjson.OPT_UTC_Z)


def _profile(row: asyncpg.Record) -> Profile:
    qualified = orjson.loads(row["qualified"])
    return Profile(
        lead_id=row["lead_id"],
        key=row["key"],
        captured=row["captured"],
        version=row["version"],
        fields={
            name: Said(proven=_statement(proven), claimed=_statement(claimed))
            for name, (proven, claimed) in orjson.loads(row["fields"]).items()
        },
        score=None if row["score"] is None else Score.model_validate_json(row["score"]),
        qualified={tier: parse_instant(qualified[tier]) for tier in TIERS if tier in qualified},
        look_at=row["look_at"],
        revision=row["revision"],
    )


def _statement(written: list[object] | None) -> tuple[object, datetime] | None:
    return None if written is None else (written[0], parse_instant(str(written[1])))


def _activity(row: asyncpg.Record) -> Activity:
    return Activity(
        id=row["activity_id"], kind=row["kind"], at=row["at"], source=row["source"], data=orjson.loads(row["data"])
    )


def _dump(score: Score) -> bytes:
    return score.model_dump_json().encode()


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    """Rows as the arrays that `unnest` wants."""
    return [list(column) for column in zip(*rows, strict=True)]
