"""Time zones by name, each read once."""

from functools import cache
from zoneinfo import ZoneInfo


@cache  # ZoneInfo itself keeps eight: a house with reps in more of them read files for every lead
def zone_named(name: str | None) -> ZoneInfo:
    """The zone of an IANA name, UTC where there is none. Raises as ZoneInfo where the name is unknown."""
    return ZoneInfo(name or "UTC")
