"""A lead as people name it, with its account."""

from dataclasses import dataclass

from baton.leads.naming import as_lead_id
from baton.leads.normalising import normalise
from baton.service import naming
from baton.service.errors import Refusal


@dataclass(frozen=True, slots=True)
class Named:
    """The lead's id, and its account where the address tells it."""

    lead_id: str
    account: str | None = None


def named_lead(text: str) -> Named:
    """Who is meant. Raises Refusal: 422."""
    lead_id = as_lead_id(naming.named_lead(text))
    if lead_id is None:
        raise Refusal(422, "that names no lead", hint="by its id (a UUID), its email address, or its phone in E.164")
    return Named(lead_id, normalise({"email": text}).account if "@" in text else None)
