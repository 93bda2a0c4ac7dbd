"""What scoring holds of a person."""

from typing import Final

from baton.flow.held import OF_FLOW, Held

HELD: Final = (
    Held("profiles", "lead_id"),
    Held("activities", "at, lead_id, source, activity_id"),
    Held("scores", "at, lead_id, version"),
    Held("aliases", "lead_id", where="(lead_id = any($1::text[]) or into_lead = any($1::text[]))"),
    *OF_FLOW,
)
