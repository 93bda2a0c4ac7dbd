"""JSON from strangers: bounded by who read the body, strict, and without what can't be stored."""

from typing import Final

import orjson

from baton_ingest.sources.source_type import SourceRequest, Unusable

JSON_TYPES: Final = frozenset({"application/json", "text/json", ""})


def read_json(request: SourceRequest, *, hint: str | None = None) -> object:
    """The JSON in the body. orjson refuses NaN, lone surrogates and deep nesting by itself.

    Raises:
        Unusable: 415 for another media type, 422 for what is no JSON.
    """
    if request.content_type not in JSON_TYPES and not request.content_type.endswith("+json"):
        raise Unusable(f"content type {request.content_type} is not JSON", status=415, hint="send application/json")
    try:
        value: object = orjson.loads(request.body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise Unusable(f"the body is not JSON: {error}", hint=hint) from None
    return value


def read_object(request: SourceRequest, *, hint: str | None = None) -> dict[str, object]:
    """The JSON object in the body. Raises Unusable."""
    value = read_json(request, hint=hint)
    if not isinstance(value, dict):
        raise Unusable("the body is not a JSON object", hint=hint)
    return value


def as_text(value: object) -> str | None:
    """A scalar as text, as an id wants it; None for none and for anything else."""
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        return None
    return str(value).strip() or None
