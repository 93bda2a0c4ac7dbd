"""The periods that caps count in: a rolling hour, and days, weeks and months of the rep's zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from baton.kernel.zones import zone_named
from baton.leads.playbook.model import Pool, Rep
from baton_router.deciding.calendars import Calendars

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Periods:
    """When the running periods began, and when the calendar ones end."""

    hour: datetime
    day: datetime
    week: datetime
    month: datetime
    next_day: datetime
    next_week: datetime
    next_month: datetime


@lru_cache(maxsize=512)  # a batch asks for every rep at one instant, and reps share few zones
def periods(now: datetime, time_zone: str | None) -> Periods:
    """The periods that `now` lies in. Weeks start on Monday."""
    today = now.astimezone(zone_named(time_zone)).date()
    monday = today - timedelta(days=today.weekday())
    first = today.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return Periods(
        hour=now - HOUR,
        day=_midnight(today, time_zone),
        week=_midnight(monday, time_zone),
        month=_midnight(first, time_zone),
        next_day=_midnight(today + timedelta(days=1), time_zone),
        next_week=_midnight(monday + timedelta(days=7), time_zone),
        next_month=_midnight(following, time_zone),
    )


@lru_cache(maxsize=512)  # every instant of a day asks for the same seven
def _midnight(day: date, time_zone: str | None) -> datetime:
    return datetime.combine(day, time(), zone_named(time_zone)).astimezone(UTC)


def zone_of(rep: Rep, pool: Pool | None, calendars: Calendars) -> str:
    """The zone of a rep's days: the rep's, else the calendar's, else UTC."""
    if rep.time_zone is not None:
        return rep.time_zone
    calendar = calendars.of(rep, pool)
    return (calendar.time_zone if calendar is not None else None) or "UTC"
