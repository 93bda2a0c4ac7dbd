"""Reads a calendar as the playbook spells it, and finds all of its mistakes at once."""

from collections.abc import Mapping, Sized
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from baton.kernel.holiday_sets import HolidaySet, holiday_code_problem
from baton.kernel.instants import parse_instant
from baton.kernel.segments import Pause
from baton.kernel.suggestions import did_you_mean
from baton.kernel.windows import WEEKDAYS, Window, joined, parse_weekdays, parse_window

MistakePath = tuple[str | int, ...]
WeeklyHours = tuple[tuple[Window, ...], ...]

KEYS = ("time_zone", "hours", "holidays", "special", "boundary", "pauses")
MOST_WINDOWS = 24
"""Of one date: who looks twenty years ahead walks through each of them, and callers may send a calendar of theirs."""
MOST_DATES = 500
"""Special ones, and holidays, and as many pauses: callers may send a calendar, and nobody is to wait for them."""
_HOURS_HINT = 'write a list of windows like ["09:00-12:00", "13:00-18:00"]; a full day is 00:00-24:00'
_CLOSED_HINT = f"{_HOURS_HINT}, a closed date []"
_DAYS_HINT = "write a weekday (mon tue wed thu fri sat sun) or a range like mon-fri"
_PAUSES_HINT = "write {from: 2026-03-27T12:00:00Z, to: 2026-03-27T14:00:00Z}"
_HOLIDAYS_HINT = "write a country like US, a subdivision like DE-BY, a date like 2026-12-24, or a list of these"


class Boundary(StrEnum):
    """Where a budget ends that runs out exactly at closing time."""

    CLOSE = "close"
    NEXT_OPEN = "next_open"


@dataclass(frozen=True, slots=True)
class CalendarMistake:
    """`path` leads from the calendar to the mistake: `("hours", "mon-fri", 0)`."""

    path: MistakePath
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class CalendarParts:
    """What a calendar says; `hours` has seven entries, Monday first."""

    time_zone: str | None
    hours: WeeklyHours
    holidays: HolidaySet
    special: Mapping[date, tuple[Window, ...]]
    boundary: Boundary
    pauses: tuple[Pause, ...]


def read_calendar(spelled: object) -> tuple[CalendarParts | None, tuple[CalendarMistake, ...]]:
    """The parts of a calendar and its mistakes; the parts are of use only when there are none."""
    reader = _Reader()
    if not isinstance(spelled, Mapping):
        reader.note((), "a calendar is a mapping", f"its keys are {', '.join(KEYS)}")
        return None, tuple(reader.mistakes)
    parts = reader.read({str(key): value for key, value in spelled.items()})
    return parts, tuple(reader.mistakes)


class _Reader:
    """Walks the mapping; what is wrong is noted, left out, and the walk goes on."""

    def __init__(self) -> None:
        self.mistakes: list[CalendarMistake] = []

    def note(self, path: MistakePath, message: str, hint: str) -> None:
        self.mistakes.append(CalendarMistake(path, message, hint))

    def read(self, spelled: Mapping[str, object]) -> CalendarParts:
        for key in spelled:
            if key not in KEYS:
                hint = did_you_mean(key, KEYS) or f"known keys: {', '.join(KEYS)}"
                self.note((key,), f'unknown key "{key}" in a calendar', hint)
        parts = CalendarParts(
            time_zone=self._time_zone(spelled.get("time_zone")),
            hours=self._hours(spelled.get("hours")),
            holidays=self._holidays(spelled.get("holidays")),
            special=self._special(spelled.get("special")),
            boundary=self._boundary(spelled.get("boundary")),
            pauses=self._pauses(spelled.get("pauses")),
        )
        if not self.mistakes and not any(parts.hours) and not any(parts.special.values()):
            self.note(("hours",) if "hours" in spelled else (), "this calendar never opens", _HOURS_HINT)
        return parts

    def _time_zone(self, spelled: object) -> str | None:
        if spelled is None:
            return None
        if isinstance(spelled, str) and is_time_zone(spelled):
            return spelled
        hint = did_you_mean(str(spelled), time_zones()) or "write an IANA name like Europe/Berlin"
        self.note(("time_zone",), f'unknown time zone "{spelled}"', hint)
        return None

    def _hours(self, spelled: object) -> WeeklyHours:
        week: dict[int, tuple[Window, ...]] = {}
        if spelled is not None and not isinstance(spelled, Mapping):
            self.note(("hours",), "hours is a mapping from weekdays to windows", _DAYS_HINT)
            spelled = None
        for key, value in (spelled or {}).items():
            windows = self._windows(("hours", str(key)), value, hint=_HOURS_HINT)
            for day in self._weekdays(str(key)):
                if day in week:
                    self.note(("hours", str(key)), f"{WEEKDAYS[day]} is named twice", "write each weekday once")
                week[day] = windows
        return tuple(week.get(day, ()) for day in range(7))

    def _weekdays(self, key: str) -> tuple[int, ...]:
        try:
            return parse_weekdays(key)
        except ValueError as error:
            self.note(
                ("hours", key),
                str(error),
                did_you_mean(key, (*WEEKDAYS, "mon-fri", "sat-sun", "mon-sun")) or _DAYS_HINT,
            )
            return ()

    def _windows(self, path: MistakePath, spelled: object, *, hint: str) -> tuple[Window, ...]:
        """A list of windows, or one alone."""
        if isinstance(spelled, str):
            return self._window(path, spelled, hint=hint)
        if not isinstance(spelled, list | tuple):
            self.note(path, "hours are a list of windows", hint)
            return ()
        if len(spelled) > MOST_WINDOWS:
            self.note(path, f"{len(spelled)} windows on one date", f"write at most {MOST_WINDOWS}")
            return ()
        found = [self._window((*path, index), each, hint=hint) for index, each in enumerate(spelled)]
        return joined(window for windows in found for window in windows)

    def _window(self, path: MistakePath, spelled: object, *, hint: str) -> tuple[Window, ...]:
        try:
            return (parse_window(str(spelled)),)
        except ValueError as error:
            self.note(path, str(error), hint)
            return ()

    def _holidays(self, spelled: object) -> HolidaySet:
        if spelled is None:
            return HolidaySet()
        listed = isinstance(spelled, list | tuple)
        entries = spelled if isinstance(spelled, list | tuple) else [spelled]
        if self._are_too_many("holidays", entries):
            return HolidaySet()
        codes, dates = set[str](), set[date]()
        for index, each in enumerate(entries):
            found = self._holiday(("holidays", index) if listed else ("holidays",), each)
            if isinstance(found, date):
                dates.add(found)
            elif found is not None:
                codes.add(found)
        return HolidaySet(frozenset(codes), frozenset(dates))

    def _are_too_many(self, key: str, dates: Sized) -> bool:
        if len(dates) > MOST_DATES:
            self.note(
                (key,),
                f"{len(dates)} {'dates' if key != 'pauses' else key} in one calendar",
                f"write at most {MOST_DATES}",
            )
        return len(dates) > MOST_DATES

    def _holiday(self, path: MistakePath, spelled: object) -> date | str | None:
        if isinstance(spelled, date) or (isinstance(spelled, str) and spelled.strip()[:1].isdigit()):
            return self._date(path, spelled)
        if not isinstance(spelled, str):
            self.note(path, f'"{spelled}" is neither a country nor a date', _HOLIDAYS_HINT)
            return None
        problem = holiday_code_problem(spelled.strip())
        if problem is None:
            return spelled.strip()
        self.note(path, *problem)
        return None

    def _special(self, spelled: object) -> dict[date, tuple[Window, ...]]:
        if spelled is None:
            return {}
        if not isinstance(spelled, Mapping):
            self.note(("special",), "special is a mapping from dates to windows", _CLOSED_HINT)
            return {}
        if self._are_too_many("special", spelled):
            return {}
        special: dict[date, tuple[Window, ...]] = {}
        for key, value in spelled.items():
            day = self._date(("special", str(key)), key)
            windows = self._windows(("special", str(key)), value, hint=_CLOSED_HINT)
            if day is not None:
                special[day] = windows
        return special

    def _date(self, path: MistakePath, spelled: object) -> date | None:
        """YAML 1.1 readers give dates, YAML 1.2 readers text."""
        if isinstance(spelled, date) and not isinstance(spelled, datetime):
            return spelled
        try:
            return date.fromisoformat(str(spelled).strip())
        except ValueError:
            self.note(path, f'"{spelled}" is not a date', "write dates like 2026-12-24")
            return None

    def _pauses(self, spelled: object) -> tuple[Pause, ...]:
        if spelled is None:
            return ()
        if not isinstance(spelled, list | tuple):
            self.note(("pauses",), "pauses are a list", _PAUSES_HINT)
            return ()
        if self._are_too_many("pauses", spelled):
            return ()
        found = [self._pause(("pauses", index), each) for index, each in enumerate(spelled)]
        return tuple(pause for pause in found if pause is not None)

    def _pause(self, path: MistakePath, spelled: object) -> Pause | None:
        if not isinstance(spelled, Mapping) or {*map(str, spelled)} != {"from", "to"}:
            self.note(path, "a pause has a from and a to, and nothing else", _PAUSES_HINT)
            return None
        try:
            return Pause(parse_instant(str(spelled["from"])), parse_instant(str(spelled["to"])))
        except ValueError as error:
            self.note(path, str(error), _PAUSES_HINT)
            return None

    def _boundary(self, spelled: object) -> Boundary:
        if spelled is None:
            return Boundary.CLOSE
        try:
            return Boundary(str(spelled))
        except ValueError:
            hint = did_you_mean(str(spelled), list(Boundary)) or f"write {' or '.join(Boundary)}"
            self.note(("boundary",), f'unknown boundary "{spelled}"', hint)
            return Boundary.CLOSE


def is_time_zone(name: str) -> bool:
    """Whether there is an IANA time zone of this name."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; not a name at all (`../x`); a folder of names (`America`)
        return False
    return True


@lru_cache(maxsize=1)
def time_zones() -> tuple[str, ...]:
    """Every IANA time zone known here; reading them takes some milliseconds, once."""
    return tuple(sorted(available_timezones()))
