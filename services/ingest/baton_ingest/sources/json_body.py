"""JSON from strangers: bounded by who read the body, strict, and without what can't be stored."""

from datetime import UTC, datetime
from typing import Final

import orjson

from baton.kernel.instants import parse_instant
from baton_ingest.sources.source_type import SourceRequest, Unusable

BOM: Final = b"\xef\xbb\xbf"
MAX_PARTS: Final = 200_000
"""Values in one body. Reading more than that would keep everybody else waiting, whoever sends it."""
JSON_TYPES: Final = frozenset({"application/json", "text/json", ""})


def read_json(request: SourceRequest, *, hint: str | None = None) -> object:
    """The JSON in the body. orjson refuses NaN, lone surrogates and deep nesting by itself.

    Raises:
        Unusable: 415 for another media type, 413 for far too many values, 422 for what is no JSON.
    """
    return parse_json(request.body, request.content_type, hint=hint)


def parse_json(body: bytes, content_type: str, *, hint: str | None = None) -> object:
    """The JSON in a body of this media type. Raises Unusable: as `read_json`."""
    if content_type not in JSON_TYPES and not content_type.endswith("+json"):
        raise Unusable(f"content type {content_type} is not JSON", status=415, hint="send application/json")
    if body.count(b",") > MAX_PARTS:
        raise Unusable("too many values in one body", hint=f"send at most {MAX_PARTS:,}", status=413)
    try:
        value: object = orjson.loads(body.removeprefix(BOM))
    except orjson.JSONDecodeError as error:
        raise Unusable(f"the body is not JSON: {error}", hint=hint) from None
    return value


def read_object(request: SourceRequest, *, hint: str | None = None) -> dict[str, object]:
    """The JSON object in the body. Raises Unusable."""
    value = read_json(request, hint=hint)
    if not isinstance(value, dict):
        raise Unusable("the body is not a JSON object", hint=hint)
    return value


def is_array(request: SourceRequest) -> bool:
    """Whether the JSON in the body is an array."""
    return request.body.removeprefix(BOM).lstrip().startswith(b"[")


def instant(value: object) -> datetime | None:
    """A time as ISO 8601, for senders that read the answer. Raises Unusable: a guess would date a lead wrongly."""
    if value is None:
        return None
    try:
        return parse_instant(str(value)[:100])
    except ValueError as error:
        raise Unusable(f"at: {error}", hint="ISO 8601 with a zone, as 2026-01-15T10:00:00Z") from None


def readable_instant(value: object) -> datetime | None:
    """A time as ISO 8601; None for any other, where a sender would lose the lead over it."""
    try:
        return instant(value)
    except Unusable:
        return None


def milliseconds(value: object) -> datetime | None:
    """A time as Unix milliseconds, as number or text; None for anything else."""
    text = as_text(value)
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 14):
        return None
    return datetime.fromtimestamp(int(text) / 1000, UTC)


def as_dict(value: object) -> dict[str, object]:
    """The object, or an empty one in the place of anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    """The array, or an empty one in the place of anything else."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str | None:
    """A scalar as text, as an id wants it; None for none and for anything else."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        return None
    return str(value).strip() or None
