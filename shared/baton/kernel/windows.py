"""Opening hours as people write them: `mon-fri: ["09:00-12:00", "13:00-18:00"]`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

DAY = 24 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPELLING = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Open from `opens` to `closes`, minutes after the local midnight of the date it belongs to.

    A window past midnight closes after minute 1440: `22:00-06:00` is 1320 to 1800.
    """

    opens: int
    closes: int


FULL_DAY = (Window(0, DAY),)


def parse_window(text: str) -> Window:
    """Read `09:00-18:00`, `00:00-24:00` or `22:00-06:00`; ValueError says what is wrong."""
    spelled = _SPELLING.fullmatch(text.strip())
    if spelled is None:
        raise ValueError(f'"{text}" is not a window')
    opens, closes = _minutes(spelled[1], spelled[2]), _minutes(spelled[3], spelled[4])
    if opens in {closes, DAY}:
        raise ValueError(f'"{text}" is a window without a length')
    return Window(opens, closes if closes > opens else closes + DAY)


def parse_weekdays(text: str) -> tuple[int, ...]:
    """Read `mon`, `mon-fri` or `sat-wed` into weekday numbers, Monday 0; ValueError when it is neither."""
    first, dash, last = (part.strip() for part in text.casefold().partition("-"))
    if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
        raise ValueError(f'"{text}" is not a weekday')
    start = WEEKDAYS.index(first)
    span = (WEEKDAYS.index(last) - start) % 7 if dash else 0
    return tuple((start + offset) % 7 for offset in range(span + 1))


def joined(windows: Iterable[Window]) -> tuple[Window, ...]:
    """The windows of one date in order, those that touch or overlap made one."""
    result: list[Window] = []
    for window in sorted(windows):
        if result and window.opens <= result[-1].closes:
            result[-1] = Window(result[-1].opens, max(result[-1].closes, window.closes))
        else:
            result.append(window)
    return tuple(result)


def _minutes(hours: str, minutes: str) -> int:
    total = int(hours) * 60 + int(minutes)
    if total > DAY or int(minutes) > 59:
        raise ValueError(f'"{hours}:{minutes}" is not a time of day')
    return total
