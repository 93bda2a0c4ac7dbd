"""What sla-monitor holds of a person."""

from typing import Final

from baton.flow.held import OF_FLOW, Held

HELD: Final = (
    # A lead goes as its facts do, and a clock as what it follows from: `handlers.py` settles them.
    Held("leads", "lead_id", instead=()),
    Held("clocks", "start_at, id", instead=()),
    Held("merges", "lead_id, into_lead", where="(lead_id = any($1::text[]) or into_lead = any($1::text[]))"),
    *OF_FLOW,
)
