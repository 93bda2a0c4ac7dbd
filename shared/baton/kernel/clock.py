"""One clock, passed in: the system's in production, a hand-driven one in tests and in the simulator."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

from baton.kernel.instants import in_utc


class Clock(Protocol):
    """Tells the present instant."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock; nothing else in Baton reads it."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when told to, and only forward."""

    def __init__(self, start: datetime) -> None:
        self._now = in_utc(start)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move on by `by`; ValueError when it is negative."""
        self.set(self._now + by)

    def set(self, to: datetime) -> None:
        """Move on to `to`; ValueError when that lies in the past."""
        to = in_utc(to)
        if to < self._now:
            raise ValueError(f"a clock can't go back from {self._now.isoformat()} to {to.isoformat()}")
        self._now = to
