"""Forgetting by the clock: rows that nobody can ask for any more."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from baton.flow.unit_of_work import Units

_EVERY: Final = timedelta(hours=1)
_SLICE: Final = 5000


@dataclass(slots=True)
class TrimTimer:
    """Deletes once an hour what is older than it is kept for, in slices.

    Each statement deletes at most `$2` rows of before the instant `$1`.
    """

    units: Units
    name: str
    kept: Mapping[str, timedelta]
    """How long what each statement deletes is kept."""
    due: None = None
    """Forgetting is no event: nobody waits for it."""
    _next: datetime | None = None

    async def step(self) -> int:
        """Forget a slice; a full one is followed by the next at once."""
        now = self.units.now()
        if self._next is not None and now < self._next:
            return 0
        async with self.units.begin() as unit:
            statuses = [await unit.connection.execute(each, now - kept, _SLICE) for each, kept in self.kept.items()]
        largest = max(int(status.rpartition(" ")[2]) for status in statuses)
        if largest < _SLICE:
            self._next = now + _EVERY
            return 0
        return largest
