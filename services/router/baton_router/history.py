"""What was recorded of leads, for whoever replays it: read from the timeline, which keeps it as long as the lead."""

from collections.abc import AsyncIterator, Collection
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from baton.flow.database import Connection
from baton.leads.events import (
    BY_TYPE,
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
from baton_router.timeline_repository import Entry, read_content, read_entry

_DID_SOMETHING: Final = (LeadActivity.type, MeetingBooked.type)
_STORY: Final = tuple(
    each.type
    for each in (
        LeadCaptured, LeadActivity, MeetingBooked, MeetingCancelled, LeadMerged, LeadUnmerged,
        LeadAssigned, LeadReassigned, LeadHeld, LeadNurtured, LeadRejected,
        LeadAccepted, LeadDeclined, LeadTouched, LeadDisposed, LeadPaused, LeadResumed,
    )
)  # fmt: skip
"""What came in, what was decided, what people did."""
_AT_ONCE: Final = 100
"""A decision with its trace may have 100 KB."""
_PATIENT_SECONDS: Final = 3600.0

# What an entry says is read here and not by SQL, which would stop at what is no JSON.
_ACTIVE: Final = "select distinct lead_id from timeline where at >= $1 and at < $2 and type = any($3::text[]) limit $4"
_CAPTURED: Final = "select lead_id, data from timeline where at >= $1 and at < $2 and type = 'lead.captured'"
_MERGED: Final = "select data from timeline where lead_id = any($1::text[]) and type = 'lead.merged' and at < $2"
_BEGIN: Final = "select min(at) from timeline where lead_id = any($1::text[])"
_ENTRIES: Final = """
select lead_id, at, type, event_id::text, position, data from timeline
where lead_id = any($1::text[]) and at < $2 and type = any($3::text[])
order by at, position
"""


async def leads_between(connection: Connection, *, since: datetime, until: datetime, limit: int) -> set[str]:
    """At most so many of the leads that came in or did something in that time, and whoever they were merged with.

    Tests are none of them, and of the erased there is no story any more. To be read within a transaction.
    """
    rows = await connection.fetch(_ACTIVE, since, until, _DID_SOMETHING, limit, timeout=_PATIENT_SECONDS)
    found = {row["lead_id"] for row in rows}
    async for row in connection.cursor(_CAPTURED, since, until, prefetch=_AT_ONCE, timeout=_PATIENT_SECONDS):
        if len(found) >= limit:
            break
        if row["lead_id"] not in found and read_content(row["data"]).get("test") is not True:
            found.add(row["lead_id"])
    new = found
    while new:
        rows = await connection.fetch(_MERGED, list(new), until, timeout=_PATIENT_SECONDS)
        merges = [read_content(row["data"]) for row in rows]
        new = {str(each[name]) for each in merges for name in ("from", "into") if name in each} - found
        found |= new
    return found


async def begin(connection: Connection, leads: Collection[str]) -> datetime | None:
    """When the first of these leads came in, None without any."""
    at: datetime | None = await connection.fetchval(_BEGIN, list(leads), timeout=_PATIENT_SECONDS)
    return at


async def stories(connection: Connection, leads: Collection[str], *, until: datetime) -> AsyncIterator[Entry]:
    """All that was told of these leads before an instant, in order: what came in, what was decided, what people did.

    A merge is in the story of both. What is told may not be readable. To be read within a transaction.
    """
    rows = connection.cursor(_ENTRIES, list(leads), until, _STORY, prefetch=_AT_ONCE, timeout=_PATIENT_SECONDS)
    async for row in rows:
        yield read_entry(row)


def is_readable(entry: Entry) -> bool:
    """Whether its data is what its type has. It was written down as it came, most of it unread."""
    try:
        BY_TYPE[entry.type].model_validate_json(entry.data)
    except ValidationError:
        return False
    return True
