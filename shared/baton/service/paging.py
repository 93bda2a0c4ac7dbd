"""Lists in pages: `{items, next}` with an opaque cursor."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Final

import orjson
from fastapi import Query

from baton.service.errors import Refusal

MAX_LIMIT: Final = 500

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=500)]


def write_cursor(*place: object) -> str:
    """Where the next page begins, as text that means nothing to its reader."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def read_cursor(cursor: str | None, size: int) -> Sequence[object] | None:
    """The place in a cursor of ours. Raises Refusal for anything else."""
    if cursor is None:
        return None
    try:
        place = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, orjson.JSONDecodeError, ValueError):
        place = None
    if not isinstance(place, list) or len(place) != size:
        raise Refusal(422, "this cursor is not one of ours", hint="take `next` of the page before")
    return place


def page(items: Sequence[object], *, following: str | None) -> dict[str, object]:
    """One page as it is answered."""
    return {"items": list(items), "next": following}
