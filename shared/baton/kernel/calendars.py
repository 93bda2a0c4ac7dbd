"""Calendars: when is open, in which zone, except on which dates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from baton.kernel.calendar_parsing import Boundary, CalendarMistake, WeeklyHours, read_calendar
from baton.kernel.holiday_sets import HolidaySet
from baton.kernel.segments import Pause, Segment
from baton.kernel.windows import DAY, FULL_DAY, Window
from baton.kernel.zones import zone_named

__all__ = ["ALWAYS", "HORIZON", "Boundary", "Calendar", "CalendarError", "CalendarMistake", "NoOpeningError"]

HORIZON = timedelta(days=20 * 366)
"""How far ahead an opening is looked for: no promise lasts longer, and a look must end (some 40 ms, a second with the
most windows a day)."""

_ONE_DAY = timedelta(days=1)
_NOON = time(12)
_MOST_DAYS_KEPT = 8192


class CalendarError(ValueError):
    """A calendar that can't be read, with all of its mistakes."""

    def __init__(self, name: str, mistakes: tuple[CalendarMistake, ...]) -> None:
        self.name = name
        self.mistakes = mistakes
        listed = "; ".join(f"{'.'.join(map(str, each.path)) or name}: {each.message}" for each in mistakes)
        super().__init__(f'calendar "{name}": {listed}')


class NoOpeningError(ValueError):
    """Nothing is open any more from some instant on, as far as one looks (`HORIZON`)."""

    def __init__(self, name: str, after: datetime) -> None:
        super().__init__(f'calendar "{name}" has not enough openings in the 20 years after {after.isoformat()}')


@dataclass(frozen=True, slots=True)
class Calendar:
    """Opening hours by weekday (seven entries, Monday first) with their exceptions; `special` beats `holidays`.

    Without a `time_zone` the hours are those of whoever uses it (`in_zone`), until then of UTC.
    """

    name: str
    time_zone: str | None
    hours: WeeklyHours
    holidays: HolidaySet = field(default_factory=HolidaySet)
    special: Mapping[date, tuple[Window, ...]] = field(default_factory=dict, hash=False)
    boundary: Boundary = Boundary.CLOSE
    pauses: tuple[Pause, ...] = ()
    """While one runs every budget stands still; who is open stays open."""
    never_closes: bool = field(init=False, compare=False, repr=False)
    """Open at every hour of every date; only there is a day (`d`) a clear length."""
    # A date's windows cost 10 µs to place in time; the same dates are asked for over and over.
    _days: dict[date, tuple[Segment, ...]] = field(default_factory=dict, init=False, compare=False, repr=False)
    _zoned: dict[str, "Calendar"] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        never_closes = (
            self.hours == _FULL_WEEK
            and not self.holidays
            and all(windows == FULL_DAY for windows in self.special.values())
        )
        object.__setattr__(self, "never_closes", never_closes)

    @classmethod
    def parse(cls, name: str, mapping: object) -> Self:
        """Read the playbook's shape of a calendar; CalendarError carries every mistake in it."""
        parts, mistakes = read_calendar(mapping)
        if parts is None or mistakes:
            raise CalendarError(name, mistakes)
        return cls(name, parts.time_zone, parts.hours, parts.holidays, parts.special, parts.boundary, parts.pauses)

    def in_zone(self, time_zone: str | None) -> "Calendar":
        """This calendar read in somebody's zone; one with a zone of its own keeps it."""
        if self.time_zone is not None or time_zone is None:
            return self
        if time_zone not in self._zoned:
            self._zoned[time_zone] = replace(self, time_zone=time_zone)
        return self._zoned[time_zone]

    @property
    def zone(self) -> ZoneInfo:
        return zone_named(self.time_zone)

    def is_open(self, at: datetime) -> bool:
        return self.never_closes or self.opening_date(at) is not None

    def next_opening(self, at: datetime) -> datetime:
        """`at` itself while open, else the start of the next window; NoOpeningError when there is none."""
        if self.never_closes:
            return at.astimezone(UTC)
        for segment in self.segments(Segment(at.astimezone(UTC), at.astimezone(UTC) + HORIZON)):
            return segment.start
        raise NoOpeningError(self.name, at)

    def opening_date(self, at: datetime) -> date | None:
        """The local date whose window is open at this instant; past midnight that is the date on which it opened."""
        today = at.astimezone(self.zone).date()
        for day in (today, today - _ONE_DAY):
            if any(at in segment for segment in self.segments_on(day)):
                return day
        return None

    def works_on(self, day: date) -> bool:
        """Whether this is a working day: a date with at least one window that opens on it."""
        return bool(self.windows_on(day))

    def windows_on(self, day: date) -> tuple[Window, ...]:
        special = self.special.get(day)
        if special is not None:
            return special
        if self.holidays and day in self.holidays:
            return ()
        return self.hours[day.weekday()]

    def segments(self, span: Segment) -> Iterator[Segment]:
        """What is open within a span, date by date in order; pieces of neighbouring dates may touch or overlap."""
        zone = self.zone
        last = span.end.astimezone(zone).date()
        day = span.start.astimezone(zone).date() - _ONE_DAY  # its windows may reach past midnight
        while day <= last:
            for segment in self.segments_on(day):
                if segment.end > span.start and segment.start < span.end:
                    yield segment.clipped(span)
            day += _ONE_DAY

    def segments_on(self, day: date) -> tuple[Segment, ...]:
        """When the windows of a local date are open, in order, in UTC."""
        found = self._days.get(day)
        if found is None:
            if len(self._days) >= _MOST_DAYS_KEPT:
                self._days.clear()
            found = self._days[day] = _placed(day, self.windows_on(day), self.zone)
        return found


def _placed(day: date, windows: tuple[Window, ...], zone: ZoneInfo) -> tuple[Segment, ...]:
    """A window that a change of the clocks leaves without a length is gone (02:30-03:15 opens at 03:30)."""
    if not windows or not _exists(day, zone):
        return ()
    placed = (Segment(_instant(day, each.opens, zone), _instant(day, each.closes, zone)) for each in windows)
    return tuple(sorted((each for each in placed if each.start < each.end), key=lambda each: each.start))


def _exists(day: date, zone: ZoneInfo) -> bool:
    """Samoa crossed the date line by leaving out 30 December 2011; nobody opens on a date that never came."""
    noon = datetime.combine(day, _NOON, zone)
    return noon.astimezone(UTC).astimezone(zone).date() == day


def _instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The instant of a minute after local midnight.

    `fold=0`, the default, is the rule of the edges: inside a gap the offset before it counts, which moves the edge
    forward by the gap; of two passes it takes the first.
    """
    days, minute = divmod(minute, DAY)
    clock = time(minute // 60, minute % 60)
    return datetime.combine(day + timedelta(days=days), clock, zone).astimezone(UTC)


_FULL_WEEK = (FULL_DAY,) * 7

ALWAYS = Calendar("always", None, _FULL_WEEK)
"""The calendar without closing."""
