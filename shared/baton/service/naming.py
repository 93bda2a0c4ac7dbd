"""Leads in paths and queries."""

from typing import Annotated

from fastapi import Path

from baton.leads.naming import WAYS, lead_id_named
from baton.leads.normalising import Unusable
from baton.service.errors import Refusal

NamedLead = Annotated[str, Path(description=WAYS)]


def named_lead(text: str) -> str:
    """The id of the lead that is meant. Refused with 422 where that is no address or number."""
    try:
        return lead_id_named(text)
    except Unusable as error:
        kind = "email address" if "@" in text else "phone number"
        raise Refusal(422, f"{text.strip()} is no {kind}: {error.why}", hint=error.hint or None) from None
