"""A lead as people name it: by its id, its email address or its phone number."""

from dataclasses import dataclass
from uuid import UUID

from baton.leads.normalising import normalise
from baton.service.errors import Refusal


@dataclass(frozen=True, slots=True)
class Named:
    """The lead's id, and its account where the address tells it."""

    lead_id: str
    account: str | None = None


def named_lead(text: str) -> Named:
    """Who is meant. Raises Refusal: 422."""
    lead_id = as_lead_id(text)
    if lead_id is not None:
        return Named(lead_id)
    found = normalise({"email": text} if "@" in text else {"phone": text})
    if found.lead_id is None:
        raise Refusal(422, "that names no lead", hint="by its id (a UUID), its email address, or its phone in E.164")
    return Named(found.lead_id, found.account)


def as_lead_id(text: str) -> str | None:
    """The id in its canonical form, None if it is none."""
    try:
        return str(UUID(text.strip()))
    except ValueError:
        return None
