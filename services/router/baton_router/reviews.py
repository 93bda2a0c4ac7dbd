"""Leads whose account a person should look at: routed as if unmatched meanwhile, never delayed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import orjson

from baton.flow.database import Connection
from baton.leads.decisions import Trace
from baton_router.stored import columns

_SAVE: Final = """
insert into reviews (lead_id, at, candidates) select * from unnest($1::text[], $2::timestamptz[], $3::bytea[])
on conflict (lead_id) do update set candidates = excluded.candidates
"""


async def save(connection: Connection, traces: Mapping[str, Trace], *, now: datetime) -> None:
    """Put leads on the list, and take those off whose account has become clear."""
    open_ones = {lead: trace for lead, trace in traces.items() if trace.account and trace.account.how == "review"}
    settled = sorted(traces.keys() - open_ones.keys())
    if settled:
        await connection.execute("delete from reviews where lead_id = any($1::text[])", settled)
    if open_ones:
        rows = [(lead, now, _candidates(trace)) for lead, trace in sorted(open_ones.items())]
        await connection.execute(_SAVE, *columns(rows))


async def listed(connection: Connection, *, after: str, limit: int) -> list[dict[str, object]]:
    """The list, in the order of lead ids."""
    rows = await connection.fetch("select * from reviews where lead_id > $1 order by lead_id limit $2", after, limit)
    return [{"lead_id": row["lead_id"], "at": row["at"], "candidates": orjson.loads(row["candidates"])} for row in rows]


def _candidates(trace: Trace) -> bytes:
    assert trace.account is not None
    return orjson.dumps([candidate.model_dump(mode="json") for candidate in trace.account.candidates])
