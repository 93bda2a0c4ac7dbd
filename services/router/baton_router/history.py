"""What was recorded of leads, for whoever replays it: read from the timeline, which keeps it as long as the lead."""

from collections.abc import AsyncIterator, Collection
from datetime import datetime
from typing import Final

from baton.flow.database import Connection
from baton.leads.events import (
    LeadAccepted,
    LeadActivity,
    LeadAssigned,
    LeadCaptured,
    LeadDeclined,
    LeadDisposed,
    LeadHeld,
    LeadMerged,
    LeadNurtured,
    LeadPaused,
    LeadReassigned,
    LeadRejected,
    LeadResumed,
    LeadTouched,
    LeadUnmerged,
    MeetingBooked,
    MeetingCancelled,
)
from baton_router.timeline_repository import Entry, read_entry

_DID_SOMETHING: Final = (LeadActivity.type, MeetingBooked.type)
_DECIDED: Final = tuple(
    each.type for each in (LeadAssigned, LeadReassigned, LeadHeld, LeadNurtured, LeadRejected)
)  # fmt: skip
_TOLD: Final = tuple(
    each.type
    for each in (
        LeadCaptured, LeadActivity, MeetingBooked, MeetingCancelled, LeadMerged, LeadUnmerged,
        LeadAccepted, LeadDeclined, LeadTouched, LeadDisposed, LeadPaused, LeadResumed,
    )
)  # fmt: skip
_AT_ONCE: Final = 500
_PATIENT_SECONDS: Final = 3600.0
"""A timeline has no index by time alone, which every event would pay for: whoever asks for a month reads all of it."""

_LEADS: Final = """
select distinct lead_id from timeline
where at >= $1 and at < $2
  and (type = any($3::text[]) or type = 'lead.captured'
       and convert_from(data, 'UTF8')::jsonb -> 'test' is distinct from 'true'::jsonb)
limit $4
"""
_MERGED: Final = """
select distinct unnest(array[d.data ->> 'from', d.data ->> 'into']) as lead_id
from timeline t, lateral (select convert_from(t.data, 'UTF8')::jsonb as data) d
where t.lead_id = any($1::text[]) and t.type = 'lead.merged' and t.at < $2
"""
_BEGIN: Final = "select min(at) from timeline where lead_id = any($1::text[])"
_ENTRIES: Final = """
select lead_id, at, type, event_id::text, position,
       case when type = any($3::text[])
            then convert_to((convert_from(data, 'UTF8')::jsonb - '{lead,score,activity,trace}'::text[])::text, 'UTF8')
            else data end as data
from timeline
where lead_id = any($1::text[]) and at < $2 and type = any($3::text[] || $4::text[])
order by at, position
"""


async def leads_between(connection: Connection, *, since: datetime, until: datetime, limit: int) -> set[str]:
    """At most so many of the leads that came in or did something in that time, and whoever they were merged with.

    Tests are none of them, and of the erased there is no story any more.
    """
    rows = await connection.fetch(_LEADS, since, until, _DID_SOMETHING, limit, timeout=_PATIENT_SECONDS)
    found = {row["lead_id"] for row in rows}
    new = found
    while new:
        rows = await connection.fetch(_MERGED, list(new), until, timeout=_PATIENT_SECONDS)
        new = {row["lead_id"] for row in rows} - found
        found |= new
    return found


async def begin(connection: Connection, leads: Collection[str]) -> datetime | None:
    """When the first of these leads came in, None without any."""
    at: datetime | None = await connection.fetchval(_BEGIN, list(leads), timeout=_PATIENT_SECONDS)
    return at


async def stories(connection: Connection, leads: Collection[str], *, until: datetime) -> AsyncIterator[Entry]:
    """All that was told of these leads before an instant, in order: what came in, what was decided, what people did.

    A merge is in the story of both. Of a decision only what was decided is told. To be read within a transaction.
    """
    rows = connection.cursor(_ENTRIES, list(leads), until, _DECIDED, _TOLD, prefetch=_AT_ONCE, timeout=_PATIENT_SECONDS)
    async for row in rows:
        yield read_entry(row)
