"""What was seen and answered, in PostgreSQL: a group of requests is one statement a table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson

from baton.flow.database import Connection
from baton.flow.erasure import forget
from baton.kernel.instants import format_instant, parse_instant
from baton_ingest.captures import Capture, Nameless
from baton_ingest.sources.source_type import RawCapture

FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)

_ENTER: Final = """
insert into ledger (source, identity, lead_id, event_id, received_at, repeats_until)
select * from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::timestamptz[], $6::timestamptz[])
on conflict (source, identity) do update set
    lead_id = excluded.lead_id, event_id = excluded.event_id,
    received_at = excluded.received_at, repeats_until = excluded.repeats_until
where ledger.repeats_until <= excluded.received_at
returning source, identity
"""
_FIRST: Final = """
select l.source, l.identity, l.lead_id
from ledger l join unnest($1::text[], $2::text[]) as g(source, identity) using (source, identity)
"""
_KNOW: Final = """
insert into vendor_ids (source, vendor_id, lead_id)
select distinct on (source, vendor_id) *
from unnest($1::text[], $2::text[], $3::text[]) as g(source, vendor_id, lead_id)
on conflict (source, vendor_id) do update set lead_id = excluded.lead_id where vendor_ids.lead_id <> excluded.lead_id
"""
_JOIN: Final = """
delete from quarantine q using unnest($1::text[], $2::text[], $3::text[]) as g(source, vendor_id, lead_id)
where q.source = g.source and q.vendor_id = g.vendor_id
returning q.source, q.identity, q.raw, q.received_at, g.lead_id
"""
_PARK: Final = """
insert into quarantine (source, vendor_id, identity, raw, received_at)
values ($1, $2, $3, $4, $5) on conflict on constraint quarantine_once do nothing
"""
_ERASE: Final = (
    """delete from quarantine q using vendor_ids v
    where q.source = v.source and q.vendor_id = v.vendor_id and v.lead_id = $1""",
    "delete from vendor_ids where lead_id = $1",
    "update ledger set lead_id = null where lead_id = $1",
)
_ERASED: Final = """
insert into erased values ($1, $2) on conflict (lead_id) do update set at = greatest(erased.at, excluded.at)
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A capture that leaves the quarantine because its person has an address now."""

    source: str
    identity: str
    lead_id: str
    raw: RawCapture
    received_at: datetime


async def enter(connection: Connection, captures: Sequence[Capture]) -> Mapping[tuple[str, str], str | None]:
    """Write captures of distinct identities into the ledger.

    Returns:
        For each that was there before, its identity and the lead it was answered with. The others are new.
    """
    ordered = sorted(captures, key=_identity)  # two groups with the same repeats must not wait for each other
    fresh = {(row["source"], row["identity"]) for row in await connection.fetch(_ENTER, *_columns(map(_row, ordered)))}
    repeated = [c for c in ordered if _identity(c) not in fresh]
    if not repeated:
        return {}
    rows = await connection.fetch(_FIRST, [c.source for c in repeated], [c.identity for c in repeated])
    return {(row["source"], row["identity"]): row["lead_id"] for row in rows}


async def know(connection: Connection, captures: Sequence[Capture]) -> Sequence[Waiting]:
    """Remember the senders' ids of these people, and take what waited for one of them out of the quarantine."""
    known = [(c.source, c.vendor_id, c.lead_id) for c in captures if c.vendor_id is not None]
    if not known:
        return ()
    columns = _columns(known)
    await connection.execute(_KNOW, *columns)
    return [
        Waiting(row["source"], row["identity"], row["lead_id"], _unpack(row["raw"]), row["received_at"])
        for row in await connection.fetch(_JOIN, *columns)
    ]


async def lead_of(connection: Connection, source: str, vendor_id: str) -> str | None:
    """The lead that a sender knows by this id."""
    lead_id: str | None = await connection.fetchval(
        "select lead_id from vendor_ids where source = $1 and vendor_id = $2", source, vendor_id
    )
    return lead_id


async def park(connection: Connection, nameless: Nameless) -> None:
    """Let a capture without an address wait. The same one waits once."""
    packed = _pack(nameless.raw)
    await connection.execute(
        _PARK, nameless.source, nameless.vendor_id, nameless.identity, packed, nameless.received_at
    )


async def erase(connection: Connection, lead_id: str, *, at: datetime) -> None:
    """Delete all that is held of a person, but for the id and the instant."""
    for statement in _ERASE:
        await connection.execute(statement, lead_id)
    await forget(connection, lead_id)
    await connection.execute(_ERASED, lead_id, at)


def _identity(capture: Capture) -> tuple[str, str]:
    return capture.source, capture.identity


def _row(capture: Capture) -> tuple[object, ...]:
    received = capture.event.time
    until = FOREVER if capture.repeats_for is None else received + capture.repeats_for
    return capture.source, capture.identity, capture.lead_id, capture.event.id, received, until


def _pack(raw: RawCapture) -> bytes:
    return orjson.dumps(
        {
            "fields": dict(raw.fields),
            "vendor_id": raw.vendor_id,
            "kind": raw.kind,
            "at": None if raw.at is None else format_instant(raw.at),
            "data": dict(raw.data),
            "identity": raw.identity,
            "test": raw.test,
            "bare": raw.bare,
        }
    )


def _unpack(packed: bytes) -> RawCapture:
    values = orjson.loads(packed)
    at = values.pop("at")
    return RawCapture(**values, at=None if at is None else parse_instant(at))


def _columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    """Rows as the arrays that `unnest` wants."""
    return [list(column) for column in zip(*rows, strict=True)]
