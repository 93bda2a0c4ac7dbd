"""Head counts as closed intervals: a comparison with a range holds only if it holds for the whole range."""

from math import inf

from baton.leads.normalising.employees import parse_employees

Interval = tuple[float, float]


def interval(value: object) -> Interval | None:
    """The interval of a head count or of a written range; None for what can't be read: it is unknown."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return (value, value)
    return _read(value) if isinstance(value, str) else None


def _read(text: str) -> Interval | None:
    try:
        found = parse_employees(text)
    except ValueError:
        return None
    if found is None:
        return None
    return (found.low, inf if found.high is None else found.high)


def inside(value: Interval, expected: Interval) -> bool:
    return expected[0] <= value[0] and value[1] <= expected[1]


def apart(value: Interval, expected: Interval) -> bool:
    return value[1] < expected[0] or expected[1] < value[0]
