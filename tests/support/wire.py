"""A normalised lead as it leaves in an event."""

from baton.leads import values
from baton.leads.normalising import NormalisedLead


def as_written(lead: NormalisedLead) -> bytes:
    """The JSON of the lead and its changes. Raises for what the event's model, JSON or UTF-8 can't hold."""
    written = values.Lead.model_validate({**lead.fields, "lead_id": lead.lead_id or "none"}).model_dump_json()
    changes = [
        values.Change(field=change.field, before=change.before, after=change.after, why=change.why).model_dump_json()
        for change in lead.changes
    ]
    return "\n".join([written, *changes]).encode()
