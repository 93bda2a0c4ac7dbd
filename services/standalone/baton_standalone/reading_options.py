"""What people write on the command line, as values."""

from datetime import datetime

from baton.kernel.durations import parse_duration
from baton.kernel.instants import parse_instant


def instant_or_ago(text: str, *, now: datetime) -> datetime:
    """`2026-03-27T16:30:00Z`, or how long ago: `2h`. Raises ValueError."""
    if text[:4].isdigit() and "-" in text:
        return parse_instant(text)
    try:
        ago = parse_duration(text).fixed
    except ValueError:
        ago = None
    if ago is None:
        raise ValueError(f"{text}: write an instant like 2026-03-27T16:30:00Z, or how long ago, like 2h or 14d")
    return now - ago
