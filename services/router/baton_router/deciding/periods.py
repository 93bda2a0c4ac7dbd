"""The periods that caps count in: a rolling hour, and days, weeks and months of the rep's zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

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
    zone = ZoneInfo(time_zone or "UTC")
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    first = today.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)

    def midnight(day: date) -> datetime:
        return datetime.combine(day, time(), zone).astimezone(UTC)

    return Periods(
        hour=now - HOUR,
        day=midnight(today),
        week=midnight(monday),
        month=midnight(first),
        next_day=midnight(today + timedelta(days=1)),
        next_week=midnight(monday + timedelta(days=7)),
        next_month=midnight(following),
    )


def zone_of(rep: Rep, pool: Pool | None, calendars: Calendars) -> str:
    """The zone of a rep's days: the rep's, else the calendar's, else UTC."""
    if rep.time_zone is not None:
        return rep.time_zone
    calendar = calendars.of(rep, pool)
    return (calendar.time_zone if calendar is not None else None) or "UTC"
