"""Lengths of time as people write them: `30s 5m 1h30m 24h 14d`, and `2wd` for working days."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

_EXPECTED = "write numbers with units, largest first, like 30s, 5m, 1h30m, 24h, 14d, or working days like 2wd"
_FIXED = re.compile(r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")
_WORKING_DAYS = re.compile(r"([0-9]+)wd")
_PART = re.compile(r"([0-9]+)(wd|[dhms])")
_UNITS = {"wd": "working day", "d": "day", "h": "hour", "m": "minute", "s": "second"}
# A century holds every promise people make; beyond it sums leave the calendar's range.
_LONGEST = timedelta(days=36_500)
_MOST_WORKING_DAYS = 5_000
_MOST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Duration:
    """Either a fixed length or a number of working days, which only a calendar can turn into an instant.

    `has_days` tells that the text used `d`: fine on a clock that never stops, ambiguous (and refused) in business time.
    """

    fixed: timedelta | None = None
    working_days: int | None = None
    has_days: bool = False
    text: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if (self.fixed is None) == (self.working_days is None):
            raise ValueError("a duration is either fixed or a number of working days")
        if self.fixed is not None and not timedelta() <= self.fixed <= _LONGEST:
            raise ValueError(f"a duration lasts from nothing to {_LONGEST.days} days, not {self.fixed}")
        if self.working_days is not None and not 1 <= self.working_days <= _MOST_WORKING_DAYS:
            raise ValueError(f"working days number from 1 to {_MOST_WORKING_DAYS}, not {self.working_days}")

    @classmethod
    def of(cls, fixed: timedelta) -> Self:
        return cls(fixed=fixed)

    def __str__(self) -> str:
        """As it was written, else in the shortest spelling that reads back as the same."""
        if self.text:
            return self.text
        if self.fixed is None:
            return f"{self.working_days}wd"
        return format_duration(self.fixed)


def parse_duration(text: str) -> Duration:
    """Read `1h30m`, `14d` or `2wd`; ValueError names what was read and what is allowed."""
    written = text.strip()
    working_days = _WORKING_DAYS.fullmatch(written)
    fixed = _FIXED.fullmatch(written)
    if len(written) > 4 * _MOST_DIGITS or not written or not (working_days or fixed):
        raise ValueError(f'"{text}" is not a duration: {_EXPECTED}')
    try:
        return _read(written, working_days=working_days, fixed=fixed)
    except (ValueError, OverflowError) as error:
        raise ValueError(f'"{text}" is not a usable duration: {error}') from None


def format_duration(length: timedelta) -> str:
    """Write a length as `1h30m` or `336h`, to the second; never in days, so that it reads back in business time too."""
    seconds = round(length.total_seconds())
    hours, rest = divmod(abs(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = [f"{count}{unit}" for count, unit in ((hours, "h"), (minutes, "m"), (left, "s")) if count]
    return ("-" if seconds < 0 else "") + ("".join(parts) or "0s")


def spell_duration(duration: Duration) -> str:
    """In words, by the units in which it was written: `1 hour 30 minutes`, `14 days`, `2 working days`."""
    parts = ((int(count), _UNITS[unit]) for count, unit in _PART.findall(str(duration)))
    return " ".join(f"{count} {unit}" + ("s" if count != 1 else "") for count, unit in parts)


def spell_length(length: timedelta) -> str:
    """A length of real time in words, in days where it is whole ones."""
    days, rest = divmod(length, timedelta(days=1))
    return spell_duration(parse_duration(format_duration(length) if rest or not days else f"{days}d"))


def _read(text: str, *, working_days: re.Match[str] | None, fixed: re.Match[str] | None) -> Duration:
    if working_days:
        return Duration(working_days=int(working_days[1]), text=text)
    assert fixed is not None
    days, hours, minutes, seconds = (int(count or 0) for count in fixed.groups())
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return Duration(fixed=length, has_days=fixed[1] is not None, text=text)
