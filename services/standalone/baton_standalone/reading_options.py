"""What people write on the command line, as values."""

import re
from datetime import datetime
from typing import Final

from baton.kernel.durations import parse_duration
from baton.kernel.instants import parse_instant

_DATE: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def instant_or_ago(text: str, *, now: datetime) -> datetime:
    """`2026-03-27T16:30:00Z`, `2026-03-27` (its midnight in UTC), or how long ago: `2h`. Raises ValueError."""
    if _DATE.fullmatch(text):
        text += "T00:00:00Z"
    if text[:4].isdigit() and "-" in text:
        return parse_instant(text)
    try:
        ago = parse_duration(text).fixed
    except ValueError:
        ago = None
    if ago is None:
        raise ValueError(f"{text}: write an instant like 2026-03-27T16:30:00Z, or how long ago, like 2h or 14d")
    return now - ago
