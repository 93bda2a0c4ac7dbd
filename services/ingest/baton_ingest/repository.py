"""What was seen and answered, in PostgreSQL: a group of requests is one statement a table."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson
from asyncpg import Record

from baton.flow import held
from baton.flow.database import Connection
from baton.kernel.instants import format_instant, parse_instant
from baton.leads.events import Meeting
from baton.leads.values import Change
from baton_ingest.captures import Capture, Nameless, Told
from baton_ingest.held import HELD

FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)

# Locks are taken in one order, ledger before accounts and each sorted: two groups with the same repeats must not wait
# for each other.
SENT: Final = """
sent as (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::timestamptz[], $6::timestamptz[],
                         $7::text[])
        as g(source, identity, lead_id, event_id, received_at, repeats_until, account)
)
"""
"""Captures as `ledger_row` gives them."""
NOTHING_TOLD: Final = "00000000-0000-0000-0000-000000000000"
"""The event of what is known as seen, and of which nothing was told: an import that is a dead letter."""
ENTERED: Final = f"""
entered as (
    insert into ledger (source, identity, lead_id, event_id, received_at, repeats_until)
    select source, identity, lead_id, event_id, received_at, repeats_until from sent
    where not exists (select from unusual) order by source, identity
    on conflict (source, identity) do update set
        lead_id = excluded.lead_id, event_id = excluded.event_id,
        received_at = excluded.received_at, repeats_until = excluded.repeats_until
    where ledger.repeats_until <= excluded.received_at
       or (ledger.event_id = '{NOTHING_TOLD}' and ledger.lead_id is not null)
    returning source, identity
), known as (
    insert into accounts (lead_id, account)
    select distinct on (lead_id) lead_id, account from sent join entered using (source, identity)
    where account <> lead_id order by lead_id
    on conflict (lead_id) do nothing
)
"""  # noqa: S608 - ours
"""Those of `sent` that are new, into ledger and accounts, unless something is `unusual`. What is a dead letter of an
import is new where it comes live: its replay then has nothing to tell."""
_ENTER: Final = f"with {SENT}, unusual as (select where false), {ENTERED} select source, identity from entered"  # noqa: S608 - ours
_FIRST: Final = """
select l.source, l.identity, l.lead_id
from ledger l join unnest($1::text[], $2::text[]) as g(source, identity) using (source, identity)
where $3::timestamptz is null or l.repeats_until > $3
"""
_ACCOUNTS: Final = "select lead_id, account from accounts where lead_id = any($1::text[])"
_RENAMED: Final = """
select exists (
    select from unnest($1::text[], $2::text[], $3::text[], $4::bool[]) as g(source, vendor_id, lead_id, is_own)
    join vendor_ids v using (source, vendor_id) where g.is_own and v.lead_id <> g.lead_id
)
"""
_KNOW: Final = """
with told as (
    select distinct on (source, vendor_id) source, vendor_id, lead_id, is_own
    from unnest($1::text[], $2::text[], $3::text[], $4::bool[]) with ordinality
        as g(source, vendor_id, lead_id, is_own, place)
    order by source, vendor_id, place desc
), before as (
    select v.lead_id as former, t.lead_id from vendor_ids v join told t using (source, vendor_id)
    where v.lead_id <> t.lead_id and t.is_own
), known as (
    insert into vendor_ids (source, vendor_id, lead_id) select source, vendor_id, lead_id from told
    on conflict (source, vendor_id) do update set lead_id = excluded.lead_id
    where vendor_ids.lead_id <> excluded.lead_id
)
select distinct former, lead_id from before
"""
_JOIN: Final = """
delete from quarantine q using unnest($1::text[], $2::text[], $3::text[]) as g(source, vendor_id, lead_id)
where q.source = g.source and q.vendor_id = g.vendor_id
returning q.told, g.lead_id, q.id
"""
_JOIN_LATE: Final = """
delete from quarantine q using vendor_ids v
where q.source = v.source and q.vendor_id = v.vendor_id
returning q.told, v.lead_id, q.id
"""
_LEADS_KNOWN: Final = """
select v.source, v.vendor_id, v.lead_id
from vendor_ids v join unnest($1::text[], $2::text[]) as g(source, vendor_id) using (source, vendor_id)
"""
_PARK: Final = """
insert into quarantine (source, vendor_id, identity, told, received_at)
values ($1, $2, $3, $4, $5) on conflict on constraint quarantine_once do nothing returning id
"""
_ROOT: Final = """
with recursive path as (
    select $1::text as lead_id
    union select a.into_lead from aliases a join path using (lead_id)
)
select lead_id from path where not exists (select from aliases a where a.lead_id = path.lead_id)
"""
_SAME_PERSON: Final = """
with recursive same(lead_id) as (
    select $1::text
    union
    select n.lead_id from same s, lateral (
        select into_lead from aliases where lead_id = s.lead_id
        union all select lead_id from aliases where into_lead = s.lead_id
    ) n(lead_id)
)
select lead_id from same order by lead_id
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What leaves the quarantine because its person has an address now."""

    told: Told
    lead_id: str


@dataclass(frozen=True, slots=True)
class Known:
    """What became of telling whom senders mean by their ids. `renamed`: the lead before, and the lead now."""

    waiting: Sequence[Waiting]
    renamed: Sequence[tuple[str, str]]


async def enter(connection: Connection, captures: Sequence[Capture]) -> Mapping[tuple[str, str], str | None]:
    """Write captures of distinct identities into the ledger.

    Returns:
        For each that was there before, its identity and the lead it was answered with. The others are new.
    """
    rows = await connection.fetch(_ENTER, *columns(map(ledger_row, captures), width=7))
    fresh = {(row["source"], row["identity"]) for row in rows}
    return await first_answers(connection, [one.identity for one in captures if one.identity not in fresh])


async def first_answers(
    connection: Connection, identities: Sequence[tuple[str, str]], *, now: datetime | None = None
) -> Mapping[tuple[str, str], str | None]:
    """The leads that these identities were answered with when they first came; with `now` of those that still count."""
    if not identities:
        return {}
    rows = await connection.fetch(_FIRST, *columns(identities, width=2), now)
    return {(row["source"], row["identity"]): row["lead_id"] for row in rows}


async def accounts(connection: Connection, lead_ids: Collection[str]) -> Mapping[str, str]:
    """The accounts of these leads, as far as they came with a company's address before."""
    if not lead_ids:
        return {}
    return {row["lead_id"]: row["account"] for row in await connection.fetch(_ACCOUNTS, list(lead_ids))}


async def are_renamed(connection: Connection, captures: Sequence[Capture]) -> bool:
    """Whether a sender knew one of these people by another address before."""
    known = known_ids(captures)
    return bool(known) and bool(await connection.fetchval(_RENAMED, *columns(known, width=5)[:4]))


async def know(connection: Connection, captures: Sequence[Capture]) -> Known:
    """Remember the senders' ids of these people, and take what waited for one of them out of the quarantine."""
    known = known_ids(captures)
    if not known:
        return Known((), ())
    arrays = columns(known, width=5)[:4]
    renamed = [(row["former"], row["lead_id"]) for row in await connection.fetch(_KNOW, *arrays)]
    waiting = await connection.fetch(_JOIN, *arrays[:3])
    return Known(_waiting(waiting), renamed)


def known_ids(captures: Sequence[Capture]) -> Sequence[tuple[str, str, str, bool, str]]:
    """What these captures say of senders' ids: source, id, lead, whether it is the person's own, and who says it."""
    return [
        (one.told.source, each, one.lead_id, is_own, one.told.identity)
        for one in captures
        for ids, is_own in ((one.vendor_ids, True), (one.shared_ids, False))
        for each in ids
    ]


async def join_late(connection: Connection) -> Sequence[Waiting]:
    """What came to wait in the very moment in which its person became known."""
    return _waiting(await connection.fetch(_JOIN_LATE))


async def leads_known(connection: Connection, nameless: Sequence[Nameless]) -> Mapping[tuple[str, str], str]:
    """The leads that senders know by the ids of these, by source and id."""
    ids = [(one.told.source, each) for one in nameless for each in one.waits_under]
    if not ids:
        return {}
    rows = await connection.fetch(_LEADS_KNOWN, *columns(ids, width=2))
    return {(row["source"], row["vendor_id"]): row["lead_id"] for row in rows}


async def park(connection: Connection, nameless: Nameless) -> bool:
    """Let a capture without an address wait. The same one waits once; False if it does already."""
    told = nameless.told
    row = await connection.fetchval(
        _PARK, told.source, nameless.waits_under[0], told.identity, pack(told), told.received_at
    )
    return row is not None


async def erase(connection: Connection, lead_id: str, *, at: datetime) -> None:
    """Delete all that is held of a person, but for the id and the instant."""
    await held.erase(connection, HELD, lead_id, at=at)


async def erasures(connection: Connection, lead_ids: Collection[str]) -> Mapping[str, datetime]:
    """When these leads were erased last, those of them that were."""
    rows = await connection.fetch("select lead_id, at from erased where lead_id = any($1::text[])", list(lead_ids))
    return {row["lead_id"]: row["at"] for row in rows}


async def root(connection: Connection, lead_id: str) -> str:
    """The lead that this one is known as, after every merging."""
    found: str = await connection.fetchval(_ROOT, lead_id)
    return found


async def merge_alone(connection: Connection) -> None:
    """Until the end of the transaction nobody else merges or erases: what aliases say now holds until then."""
    await connection.execute("select pg_advisory_xact_lock('aliases'::regclass::oid::bigint)")


async def same_person(connection: Connection, lead_id: str) -> Sequence[str]:
    """This lead and all that it was merged with, by whatever way."""
    return [row["lead_id"] for row in await connection.fetch(_SAME_PERSON, lead_id)]


async def alias_of(connection: Connection, lead_id: str) -> str | None:
    """The lead that this one was merged into."""
    into: str | None = await connection.fetchval("select into_lead from aliases where lead_id = $1", lead_id)
    return into


async def add_alias(connection: Connection, lead_id: str, *, into: str, at: datetime) -> None:
    await connection.execute("insert into aliases values ($1, $2, $3)", lead_id, into, at)


async def drop_alias(connection: Connection, lead_id: str) -> None:
    await connection.execute("delete from aliases where lead_id = $1", lead_id)


def pack(told: Told) -> bytes:
    """As JSON. The trace of the request is over by the time it is read again."""
    values = asdict(told)
    values.update(
        repeats_for=None if told.repeats_for is None else told.repeats_for.total_seconds(),
        changes=[change.model_dump(mode="json") for change in told.changes],
        at=None if told.at is None else format_instant(told.at),
        meeting=None if told.meeting is None else told.meeting.model_dump(mode="json"),
        received_at=format_instant(told.received_at),
        traceparent=None,
    )
    return orjson.dumps(values)


def unpack(packed: bytes) -> Told:
    values = orjson.loads(packed)
    at, repeats_for, meeting = values["at"], values["repeats_for"], values["meeting"]
    values.update(
        repeats_for=None if repeats_for is None else timedelta(seconds=repeats_for),
        changes=[Change.model_validate(change) for change in values["changes"]],
        at=None if at is None else parse_instant(at),
        meeting=None if meeting is None else Meeting.model_validate(meeting),
        received_at=parse_instant(values["received_at"]),
    )
    return Told(**values)


def _waiting(rows: Iterable[Record]) -> Sequence[Waiting]:
    """In the order in which they came."""
    ordered = sorted(rows, key=lambda row: row["id"])
    return [Waiting(unpack(row["told"]), row["lead_id"]) for row in ordered]


def ledger_row(capture: Capture) -> tuple[object, ...]:
    """Source, identity, lead, event, received, until when it is a repeat; and the account."""
    told = capture.told
    until = FOREVER if told.repeats_for is None else told.received_at + told.repeats_for
    key = capture.event.key
    return told.source, told.identity, capture.lead_id, capture.event.id, told.received_at, until, key


def columns(rows: Iterable[Sequence[object]], *, width: int) -> list[list[object]]:
    """Rows of that many values as the arrays that `unnest` wants."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
