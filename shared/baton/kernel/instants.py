"""Instants as text: ISO 8601 in, UTC with `Z` out."""

from datetime import UTC, datetime
from functools import lru_cache

_EXPECTED = "write ISO 8601 with a zone, like 2026-03-27T16:30:00Z or 2026-03-27T09:30:00-07:00"


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant with `Z` or an offset into an aware UTC datetime; ValueError says what is wrong."""
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f'"{text}" is not an instant: {_EXPECTED}') from None
    if instant.tzinfo is None:
        raise ValueError(f'"{text}" has no time zone: {_EXPECTED}')
    if instant.tzinfo is UTC:
        return instant
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(f'"{text}" lies outside of the years 1 to 9999') from None


def format_instant(instant: datetime) -> str:
    """Write an aware datetime as `2026-03-27T16:30:00Z`, with microseconds only where there are any."""
    return _format_utc(in_utc(instant))


def in_utc(instant: datetime) -> datetime:
    """The same instant in UTC; ValueError where it has no zone."""
    if instant.tzinfo is UTC:
        return instant
    if instant.tzinfo is None:
        raise ValueError(f"an instant needs a time zone: {instant.isoformat()}")
    return instant.astimezone(UTC)


@lru_cache(maxsize=1024)
def _format_utc(instant: datetime) -> str:
    """Only for UTC: elsewhere two instants may be equal in Python, the hour that comes twice in autumn.

    Remembered, because all that follows from one event, and all that one batch tells, has the same few instants.
    """
    return instant.isoformat().removesuffix("+00:00") + "Z"
