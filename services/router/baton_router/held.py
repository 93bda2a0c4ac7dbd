"""What the router holds of a person: the file that a lead is routed by, and the story that is told of it.

Two, because two consumers write them, and each erases its own.
"""

from typing import Final

from baton.flow.held import OF_FLOW, Held
from baton.service import idempotency

FILE: Final = (
    Held("leads", "lead_id"),
    Held("assignments", "at, id"),
    Held("holds", "lead_id"),
    Held("waiting_touches", "told_at, cause"),
    Held("reviews", "lead_id"),
    Held("misses", "at, clock_id"),
    Held("aliases", "lead_id"),
    idempotency.HELD,
    *OF_FLOW,
)
STORY: Final = (
    # Found by the entries that they lead to: so before them.
    Held(
        "feeds",
        "position, rep",
        where="(rep, position) in (select r.rep, t.position from timeline t,"
        " unnest(string_to_array(t.reps, E'\\n')) as r(rep) where t.lead_id = any($1::text[]))",
        told="(select t.at from timeline t where t.position = feeds.position)",
    ),
    Held("timeline", "at, position", told="at"),
    Held("clocks", "told_at, id", told="told_at"),
)
HELD: Final = (*FILE, *STORY)
