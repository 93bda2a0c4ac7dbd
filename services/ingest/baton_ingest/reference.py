"""What the interactive reference shows of our own JSON. `sources/canonical.py` reads it, by rules of its own."""

from collections.abc import Mapping
from typing import Any, Final

from baton.service.idempotency import ABOUT

_Schema = Mapping[str, object]

_TEXT: Final[_Schema] = {"type": "string"}
_INSTANT: Final[_Schema] = {"type": "string", "format": "date-time"}
_ANYTHING: Final[_Schema] = {"type": "object", "additionalProperties": True}
_ACTIVITY: Final[_Schema] = {
    "type": "object",
    "required": ["kind"],
    "properties": {"kind": _TEXT, "id": _TEXT, "at": _INSTANT, "data": _ANYTHING},
}
_LEAD: Final[_Schema] = {
    "type": "object",
    "description": "An email or a phone is needed. What we have no name for goes into `custom`.",
    "properties": {
        **dict.fromkeys(
            ("email", "phone", "first_name", "last_name", "company", "title", "country", "state", "city",
             "postal_code", "industry", "website", "language", "channel", "sourced_by", "partner_manager"),
            _TEXT,
        ),
        "employees": {"anyOf": [{"type": "integer"}, _TEXT], "description": "A number, or a range as 200-500."},
        "utm": _ANYTHING,
        "consent": {"anyOf": [{"type": "boolean"}, _ANYTHING]},
        "custom": {"anyOf": [_ANYTHING, {"type": "null"}],
                   "description": "`null` for one of them clears it, in the place of all clears them all."},
        "activity": {"anyOf": [_TEXT, _ACTIVITY], "description": "What they did: a kind, or more of it."},
        "at": _INSTANT,
        "event_id": {**_TEXT, "description": "The sender's own id of this delivery: the same again changes nothing."},
        "test": {"type": "boolean", "description": "Only tell what would happen: score, decision, assignment, trace."},
    },
    "example": {"email": "mary@acme.example", "title": "VP Sales", "employees": "200-500", "country": "US",
                "activity": "demo_request"},
}  # fmt: skip
_KEY: Final[_Schema] = {"name": "Idempotency-Key", "in": "header", "description": ABOUT, "schema": _TEXT}
_ONE_ACTIVITY: Final[_Schema] = {
    "type": "object",
    "description": "Whose it is: an email, a phone or a lead_id.",
    "required": ["kind"],
    "properties": {
        **dict.fromkeys(("email", "phone", "lead_id", "kind", "id", "source"), _TEXT),
        "at": _INSTANT,
        "data": _ANYTHING,
    },
    "example": {"email": "mary@acme.example", "kind": "pricing_page_view"},
}


def _one_or_many(item: _Schema) -> dict[str, Any]:
    schema = {"anyOf": [item, {"type": "array", "items": item}], "example": item["example"]}
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "parameters": [_KEY],
    }


LEADS: Final = _one_or_many(_LEAD)
ACTIVITIES: Final = _one_or_many(_ONE_ACTIVITY)
