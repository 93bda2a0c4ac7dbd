"""The names a playbook defines, known before the sections that use them are read."""

from collections.abc import Mapping
from dataclasses import dataclass

from baton.kernel.calendars import Calendar
from baton.leads.conditions.vocabulary import Vocabulary
from baton.leads.playbook.model import Table


@dataclass(frozen=True, slots=True)
class Known:
    """Names are here even if what they name has mistakes of its own, so that one mistake isn't reported twice."""

    calendars: Mapping[str, Calendar | None]
    tables: Mapping[str, Table]
    reps: frozenset[str] | None
    """None, here and of pools: they can't be read, so that any name will do."""
    pools: frozenset[str] | None
    vocabulary: Vocabulary

    def never_closes(self, calendar: str | None) -> bool:
        """Whether time on this calendar is plain time; None is the calendar without closing."""
        found = None if calendar is None else self.calendars.get(calendar)
        return calendar is None or (found is not None and found.never_closes)
