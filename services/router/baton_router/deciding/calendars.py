"""Whose hours hold: the rep's own calendar, else the pool's, else always."""

from collections.abc import Mapping
from dataclasses import dataclass

from baton.kernel.calendars import ALWAYS, Calendar
from baton.leads.playbook.model import Pool, Rep


@dataclass(frozen=True, slots=True)
class Calendars:
    """The playbook's calendars."""

    by_name: Mapping[str, Calendar]

    def name_of(self, rep: Rep, pool: Pool | None) -> str | None:
        """The name of the calendar that holds for a rep in a pool."""
        return rep.calendar or (pool.calendar if pool is not None else None)

    def of(self, rep: Rep, pool: Pool | None) -> Calendar | None:
        """That calendar, in its own zone, else the rep's; None for always."""
        name = self.name_of(rep, pool)
        if name is None:
            return None
        calendar = self.by_name[name]
        return calendar if calendar.time_zone is not None else calendar.in_zone(rep.time_zone)

    def of_pool(self, pool: Pool) -> Calendar:
        """The pool's own."""
        return ALWAYS if pool.calendar is None else self.by_name[pool.calendar]
