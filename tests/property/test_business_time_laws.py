"""What must hold of business time for every calendar, zone and pause."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from baton.kernel.business_time import Pause, due, elapsed, fraction_due, openings
from baton.kernel.calendars import Calendar
from baton.kernel.durations import Duration, format_duration, parse_duration
from baton.kernel.windows import WEEKDAYS

ZONES = ["America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"]
# The days around the changes of clocks are where mistakes live; any other is there for good measure.
CHANGES = [datetime(2026, 3, 8), datetime(2026, 3, 29), datetime(2026, 4, 5), datetime(2026, 10, 4)]  # noqa: DTZ001
CHANGES += [datetime(2026, 10, 25), datetime(2026, 11, 1), datetime(2026, 12, 24)]  # noqa: DTZ001


def _window(opens: int, length: int) -> str:
    closes = (opens + length) % 1440
    return f"{opens // 60:02}:{opens % 60:02}-{closes // 60:02}:{closes % 60:02}"


windows = st.builds(_window, st.integers(0, 95).map(lambda n: n * 15), st.integers(1, 95).map(lambda n: n * 15))
days = st.lists(st.one_of(windows, st.just("00:00-24:00")), max_size=3)
weeks = st.fixed_dictionaries(dict.fromkeys(WEEKDAYS, days)).filter(lambda week: any(week.values()))
calendars = st.builds(
    lambda zone, hours, holidays, boundary: Calendar.parse(
        "any", {"time_zone": zone, "hours": hours, "holidays": holidays, "boundary": boundary}
    ),
    st.sampled_from(ZONES),
    weeks,
    st.sampled_from([None, ["2026-03-29"], "US"]),
    st.sampled_from(["close", "next_open"]),
)
instants = st.builds(
    lambda day, minutes: day.replace(tzinfo=UTC) + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-3 * 1440, 3 * 1440),
)
budgets = st.integers(0, 3 * 1440).map(lambda minutes: timedelta(minutes=minutes))
pauses = st.lists(st.builds(lambda since, length: Pause(since, since + length), instants, budgets), max_size=3)


def due_after(start: datetime, budget: timedelta, on: Calendar, *paused: Pause) -> datetime:
    found = due(start, Duration.of(budget), on, paused)
    assert found is not None
    return found


@given(calendars, instants, budgets, pauses)
def test_what_elapses_until_the_due_time_is_the_target(
    calendar: Calendar, start: datetime, budget: timedelta, paused: list[Pause]
) -> None:
    reached = due_after(start, budget, calendar, *paused)

    assert elapsed(start, reached, calendar, paused) == budget


@given(calendars, instants, st.one_of(budgets.map(Duration.of), st.just(parse_duration("2wd"))), pauses)
def test_a_pause_of_the_calendar_is_one_of_every_clock_on_it(
    calendar: Calendar, start: datetime, target: Duration, paused: list[Pause]
) -> None:
    pausing = replace(calendar, pauses=tuple(paused))

    reached = due(start, target, pausing)

    assert reached == due(start, target, calendar, paused)
    assert fraction_due(start, target, 0.5, pausing) == fraction_due(start, target, 0.5, calendar, pauses=paused)
    assert reached is not None
    assert elapsed(start, reached, pausing) == elapsed(start, reached, calendar, paused)


@given(calendars, st.tuples(instants, instants).map(sorted), budgets, pauses)
def test_who_starts_later_is_not_due_earlier(
    calendar: Calendar, starts: list[datetime], budget: timedelta, paused: list[Pause]
) -> None:
    first, second = starts

    assert due_after(first, budget, calendar, *paused) <= due_after(second, budget, calendar, *paused)


@given(calendars, instants, st.tuples(budgets, budgets).map(sorted), pauses)
def test_a_longer_target_is_not_due_earlier(
    calendar: Calendar, start: datetime, targets: list[timedelta], paused: list[Pause]
) -> None:
    shorter, longer = targets

    assert due_after(start, shorter, calendar, *paused) <= due_after(start, longer, calendar, *paused)


@given(calendars, instants, budgets, pauses)
def test_a_pause_moves_the_due_time_by_the_business_time_it_takes(
    calendar: Calendar, start: datetime, budget: timedelta, paused: list[Pause]
) -> None:
    assume(budget)
    reached = due_after(start, budget, calendar, *paused)

    stood_still = elapsed(start, reached, calendar) - elapsed(start, reached, calendar, paused)

    assert reached >= due_after(start, budget, calendar)
    assert elapsed(start, reached, calendar) == budget + stood_still


@given(calendars, st.tuples(instants, instants, instants), pauses)
def test_what_elapses_adds_up(
    calendar: Calendar, moments: tuple[datetime, datetime, datetime], paused: list[Pause]
) -> None:
    start, middle, end = sorted(moments)

    parts = elapsed(start, middle, calendar, paused) + elapsed(middle, end, calendar, paused)

    assert parts == elapsed(start, end, calendar, paused)


@given(calendars, instants, budgets)
def test_openings_are_ordered_apart_and_open(calendar: Calendar, start: datetime, length: timedelta) -> None:
    found = list(openings(calendar, start, until=start + length))

    assert all(segment.start < segment.end for segment in found)
    assert all(one.end < next_one.start for one, next_one in pairwise(found))
    assert all(calendar.is_open(segment.start) for segment in found)
    assert all(segment.end == start + length or not calendar.is_open(segment.end) for segment in found)


@given(calendars, instants)
def test_minute_by_minute_the_same_time_elapses(calendar: Calendar, start: datetime) -> None:
    """The naive count: every quarter of an hour is open or not."""
    quarter = timedelta(minutes=15)
    start = start.replace(minute=0)

    counted = sum((quarter for n in range(96) if calendar.is_open(start + n * quarter)), timedelta())

    assert elapsed(start, start + 96 * quarter, calendar) == counted


@given(calendars, instants, st.integers(1, 5))
def test_working_days_end_while_open_and_not_before_their_date(calendar: Calendar, start: datetime, count: int) -> None:
    reached = due(start, Duration(working_days=count), calendar)

    assert reached is not None
    assert calendar.is_open(reached)
    assert reached > start


@given(calendars, instants, budgets, pauses)
def test_the_whole_is_the_fraction_of_one(
    calendar: Calendar, start: datetime, budget: timedelta, paused: list[Pause]
) -> None:
    target = Duration.of(budget)
    half = fraction_due(start, target, 0.5, calendar, pauses=paused)
    whole = fraction_due(start, target, 1.0, calendar, pauses=paused)

    assert whole == due(start, target, calendar, paused)
    assert half is not None
    assert whole is not None
    assert half <= whole


@given(st.integers(0, 10_000_000).map(lambda seconds: timedelta(seconds=seconds)))
def test_a_length_reads_back_as_it_was_written(length: timedelta) -> None:
    assert parse_duration(format_duration(length)).fixed == length
