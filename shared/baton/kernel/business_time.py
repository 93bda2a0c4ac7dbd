"""Business time: when a budget of open hours runs out, and how much of it has passed.

An algebra of half-open segments after zendesk/biz: a clock runs through what a calendar has open, minus the pauses;
an hour of business time after an instant is found by using up that stream.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from baton.kernel.calendars import HORIZON, Boundary, Calendar, NoOpeningError
from baton.kernel.durations import Duration
from baton.kernel.segments import FOREVER, Pause, Segment, merge, subtract

__all__ = ["Pause", "Segment", "due", "elapsed", "fraction_due", "openings", "subtract"]

_ONE_DAY = timedelta(days=1)
# Python's calendar ends with 9999; sums of an instant, a horizon and a longest duration stay well inside of these.
_FIRST_YEAR, _LAST_YEAR = 1900, 9000


def due(start: datetime, target: Duration, calendar: Calendar, pauses: Sequence[Pause] = ()) -> datetime | None:
    """The instant at which `target` has passed on this calendar since `start`; None while an endless pause stops it.

    A budget that runs out exactly at closing time ends there, or at the next opening if the calendar's `boundary`
    says so; a budget of zero that starts while closed (or paused) ends when the clock first runs.

    Working days: of the dates after that of `start`, the n-th on which a window opens, at the local time of `start`
    if open then, else at the next opening. The date of `start` never counts, working day or not: two working days on
    from a Saturday are Tuesday. An instant past midnight, in a window of the evening before, counts as that evening's
    date. A pause then moves the due time by the business time that it took away.

    ValueError for days (`d`) on a calendar that closes; NoOpeningError when there are too few openings.
    """
    stops = _stops(calendar, pauses)
    if target.working_days is None:
        return _after(start, _budget(start, target, calendar), calendar, stops)
    reached = _working_days_on(start, target.working_days, calendar)
    if not stops:
        return reached
    # The n-th day's instant is always an open one; reached over closed hours, it is the next opening by its nature.
    running = _running(start, calendar, stops)
    return _spent(running, _open_time(start, reached, calendar), calendar, boundary=Boundary.NEXT_OPEN)


def fraction_due(
    start: datetime, target: Duration, fraction: float, calendar: Calendar, *, pauses: Sequence[Pause] = ()
) -> datetime | None:
    """When a fraction of the target has passed (0.8 is 80 %, over 1 is past the due time); None as for `due`.

    Of working days it is a fraction of the business time between start and due.
    """
    if fraction < 0:
        raise ValueError(f"a fraction of a target can't be negative: {fraction}")
    if fraction == 1:
        return due(start, target, calendar, pauses)
    budget = _budget(start, target, calendar) * fraction
    return _after(start, budget, calendar, _stops(calendar, pauses))


def elapsed(start: datetime, end: datetime, calendar: Calendar, pauses: Sequence[Pause] = ()) -> timedelta:
    """How much business time lies between two instants; none when `end` comes first."""
    return _open_time(start, end, calendar, _stops(calendar, pauses))


def openings(calendar: Calendar, start: datetime, *, until: datetime = FOREVER) -> Iterator[Segment]:
    """What is open from `start` up to `until`, in order, touching pieces merged (up to a month at a time).

    NoOpeningError when the stream is read further than `HORIZON`.
    """
    start = _usable(start)
    if calendar.never_closes:
        if start < until:
            yield Segment(start, until)
        return
    end = min(until, start + HORIZON)
    yield from merge(calendar.segments(Segment(start, end)))
    if end < until:
        raise NoOpeningError(calendar.name, start)


def _stops(calendar: Calendar, pauses: Sequence[Pause]) -> Sequence[Pause]:
    """The pauses of a clock and those of its calendar."""
    return (*calendar.pauses, *pauses) if calendar.pauses else pauses


def _open_time(start: datetime, end: datetime, calendar: Calendar, stops: Sequence[Pause] = ()) -> timedelta:
    running = _running(start, calendar, stops, until=end)
    return sum((segment.length for segment in running), timedelta())


def _running(
    start: datetime, calendar: Calendar, pauses: Sequence[Pause], *, until: datetime = FOREVER
) -> Iterator[Segment]:
    """When the clock runs. Pauses are cut out first, so that a long one is skipped rather than walked through."""
    whole = Segment(start, until)
    spans = subtract((whole,), pauses) if pauses else (whole,)
    for span in spans:
        if span.start < span.end:
            yield from openings(calendar, span.start, until=span.end)


def _after(start: datetime, budget: timedelta, calendar: Calendar, pauses: Sequence[Pause]) -> datetime | None:
    if calendar.never_closes and not pauses:  # as of most clocks: there is no stream to read
        return _usable(start) + budget
    return _spent(_running(start, calendar, pauses), budget, calendar)


def _spent(
    running: Iterator[Segment], budget: timedelta, calendar: Calendar, *, boundary: Boundary | None = None
) -> datetime | None:
    waits_for_opening = (boundary or calendar.boundary) is Boundary.NEXT_OPEN
    for segment in running:
        length = segment.length
        if budget < length:
            return segment.start + budget
        budget -= length
        # A segment that a pause cut short ends before closing time: there is no opening to wait for.
        if not budget and not (waits_for_opening and not calendar.is_open(segment.end)):
            return segment.end
    return None


def _budget(start: datetime, target: Duration, calendar: Calendar) -> timedelta:
    if target.working_days is not None:
        return _open_time(start, _working_days_on(start, target.working_days, calendar), calendar)
    assert target.fixed is not None
    if target.has_days and not calendar.never_closes:
        raise ValueError(
            f'"{target}" is ambiguous in business time (calendar "{calendar.name}"): '
            "write hours like 16h, or working days like 2wd"
        )
    return target.fixed


def _usable(start: datetime) -> datetime:
    if not _FIRST_YEAR <= start.year <= _LAST_YEAR:
        raise ValueError(f"{start.isoformat()} lies outside of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return start.astimezone(UTC)


def _working_days_on(start: datetime, days: int, calendar: Calendar) -> datetime:
    local = _usable(start).astimezone(calendar.zone)
    opened = calendar.opening_date(start) or local.date()
    reached = _working_date(opened, days, calendar) + (local.date() - opened)
    same_time = datetime.combine(reached, local.time().replace(fold=0), calendar.zone)
    return calendar.next_opening(same_time)


def _working_date(day: date, count: int, calendar: Calendar) -> date:
    """The `count`-th working day after a date."""
    last = day + HORIZON
    first = day
    while count:
        day += _ONE_DAY
        if day > last:
            raise NoOpeningError(calendar.name, datetime(first.year, first.month, first.day, tzinfo=UTC))
        count -= calendar.works_on(day)
    return day
