"""What is said of calendars and durations, each sentence by an example worked out by hand.

2026-03-27 is a Friday. Clocks change on 8 March and 1 November 2026 in America, on 29 March and 25 October in Europe.
"""

from datetime import UTC, datetime, timedelta

import pytest

from baton.kernel.business_time import Pause, Segment, due, elapsed, fraction_due, openings, subtract
from baton.kernel.calendars import ALWAYS, Calendar, NoOpeningError
from baton.kernel.durations import parse_duration
from baton.kernel.instants import format_instant, parse_instant


def calendar(hours: dict[str, object] | None = None, *, zone: str | None = None, **keys: object) -> Calendar:
    named = {"time_zone": zone, "hours": hours or {"mon-fri": ["09:00-18:00"]}, **keys}
    return Calendar.parse("test", named)


def due_at(start: str, target: str, on: Calendar, *pauses: Pause) -> str | None:
    found = due(parse_instant(start), parse_duration(target), on, pauses)
    return None if found is None else format_instant(found)


def elapsed_in(start: str, end: str, on: Calendar, *pauses: Pause) -> timedelta:
    return elapsed(parse_instant(start), parse_instant(end), on, pauses)


def pause(since: str, to: str | None) -> Pause:
    return Pause(parse_instant(since), None if to is None else parse_instant(to))


def opened(on: Calendar, start: str, until: str) -> list[tuple[str, str]]:
    found = openings(on, parse_instant(start), until=parse_instant(until))
    return [(format_instant(each.start), format_instant(each.end)) for each in found]


# --- budgets ---------------------------------------------------------------------------------------------------------


def test_a_budget_within_hours_is_plain_addition() -> None:
    assert due_at("2026-03-27T10:00:00Z", "1h30m", calendar()) == "2026-03-27T11:30:00Z"


def test_a_budget_goes_on_at_the_next_opening() -> None:
    # Friday 16:30 in California: 90 minutes today, the rest on Monday.
    west = calendar(zone="America/Los_Angeles")

    assert due_at("2026-03-27T23:30:00Z", "2h", west) == "2026-03-30T16:30:00Z"


def test_a_clock_started_while_closed_begins_at_opening() -> None:
    assert due_at("2026-03-28T12:00:00Z", "1h", calendar()) == "2026-03-30T10:00:00Z"


def test_always_is_the_calendar_without_closing() -> None:
    assert due_at("2026-12-24T23:59:00Z", "24h", ALWAYS) == "2026-12-25T23:59:00Z"
    assert due_at("2026-12-24T23:59:00Z", "14d", ALWAYS) == "2027-01-07T23:59:00Z"
    assert elapsed_in("2026-12-24T23:00:00Z", "2026-12-26T00:00:00Z", ALWAYS) == timedelta(hours=25)


# --- hours -----------------------------------------------------------------------------------------------------------


def test_hours_are_by_weekday_or_range() -> None:
    short_friday = calendar({"mon-thu": ["09:00-18:00"], "fri": ["09:00-12:00"]})

    assert due_at("2026-03-27T11:00:00Z", "2h", short_friday) == "2026-03-30T10:00:00Z"


def test_a_range_goes_over_the_weeks_end() -> None:
    gulf = calendar({"sat-wed": ["08:00-16:00"]}, zone="Asia/Riyadh")

    # Wednesday 15:00 in Riyadh: one hour, then Saturday from 08:00.
    assert due_at("2026-03-25T12:00:00Z", "2h", gulf) == "2026-03-28T06:00:00Z"


def test_a_day_may_have_several_windows() -> None:
    lunch = calendar({"mon-fri": ["09:00-12:00", "13:00-18:00"]})

    assert due_at("2026-03-27T11:30:00Z", "1h", lunch) == "2026-03-27T13:30:00Z"


def test_a_full_day_runs_into_the_next_without_a_seam() -> None:
    weekdays = calendar({"mon-fri": ["00:00-24:00"]})

    assert due_at("2026-03-26T23:30:00Z", "1h", weekdays) == "2026-03-27T00:30:00Z"
    assert opened(weekdays, "2026-03-23T00:00:00Z", "2026-03-31T00:00:00Z") == [
        ("2026-03-23T00:00:00Z", "2026-03-28T00:00:00Z"),
        ("2026-03-30T00:00:00Z", "2026-03-31T00:00:00Z"),
    ]


def test_a_window_past_midnight_belongs_to_the_date_on_which_it_opens() -> None:
    nights = calendar({"fri": ["22:00-06:00"]})

    assert opened(nights, "2026-03-27T00:00:00Z", "2026-03-30T00:00:00Z") == [
        ("2026-03-27T22:00:00Z", "2026-03-28T06:00:00Z")
    ]


def test_a_window_past_midnight_runs_on_into_a_holiday_but_none_opens_on_it() -> None:
    nights = calendar({"mon-sun": ["22:00-06:00"]}, holidays="2026-03-28")

    assert opened(nights, "2026-03-27T12:00:00Z", "2026-03-30T00:00:00Z") == [
        ("2026-03-27T22:00:00Z", "2026-03-28T06:00:00Z"),
        ("2026-03-29T22:00:00Z", "2026-03-30T00:00:00Z"),
    ]


def test_a_night_that_overlaps_the_next_morning_counts_once() -> None:
    overlapping = calendar({"mon": ["22:00-06:00"], "tue": ["05:00-08:00"]})

    assert elapsed_in("2026-03-23T00:00:00Z", "2026-03-25T00:00:00Z", overlapping) == timedelta(hours=10)
    assert due_at("2026-03-24T05:30:00Z", "1h", overlapping) == "2026-03-24T06:30:00Z"


# --- holidays and special dates --------------------------------------------------------------------------------------


def test_a_holiday_of_a_country_is_skipped() -> None:
    # Thanksgiving, Thursday 26 November 2026.
    assert due_at("2026-11-25T17:30:00Z", "1h", calendar(holidays="US")) == "2026-11-27T09:30:00Z"


def test_a_holiday_of_a_subdivision_is_skipped() -> None:
    # Corpus Christi, Thursday 4 June 2026, is off in Bavaria and not in Berlin; both are two hours ahead of UTC.
    bavaria = calendar(zone="Europe/Berlin", holidays="DE-BY")
    berlin = calendar(zone="Europe/Berlin", holidays="DE-BE")

    assert due_at("2026-06-03T15:30:00Z", "1h", bavaria) == "2026-06-05T07:30:00Z"
    assert due_at("2026-06-03T15:30:00Z", "1h", berlin) == "2026-06-04T07:30:00Z"


def test_a_list_of_holidays_mixes_codes_and_dates() -> None:
    mixed = calendar(holidays=["US", "2026-11-27"])

    assert due_at("2026-11-25T17:30:00Z", "1h", mixed) == "2026-11-30T09:30:00Z"


def test_special_hours_replace_a_dates_hours() -> None:
    eve = calendar(special={"2026-12-24": ["09:00-12:00"], "2026-12-25": []})

    # Thursday 24 December closes at noon, Friday is closed, Monday goes on.
    assert due_at("2026-12-24T11:00:00Z", "2h", eve) == "2026-12-28T10:00:00Z"


def test_special_hours_beat_a_holiday() -> None:
    christmas = calendar(holidays="US", special={"2026-12-25": ["10:00-12:00"]})

    assert due_at("2026-12-24T18:00:00Z", "1h", christmas) == "2026-12-25T11:00:00Z"


# --- clocks that change ----------------------------------------------------------------------------------------------


def test_a_closing_time_inside_a_gap_moves_forward_by_the_gap() -> None:
    # In Los Angeles 02:00 becomes 03:00 on 8 March: 01:30-02:30 is 01:30 PST (09:30Z) to 03:30 PDT (10:30Z).
    early = calendar({"sun": ["01:30-02:30"]}, zone="America/Los_Angeles")

    assert opened(early, "2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z") == [
        ("2026-03-08T09:30:00Z", "2026-03-08T10:30:00Z")
    ]


def test_an_opening_time_inside_a_gap_moves_forward_by_the_gap() -> None:
    # In Berlin 02:00 becomes 03:00 on 29 March: 02:30 is 03:30 CEST (01:30Z).
    early = calendar({"sun": ["02:30-05:00"]}, zone="Europe/Berlin")

    assert due_at("2026-03-29T00:00:00Z", "0s", early) == "2026-03-29T01:30:00Z"
    assert due_at("2026-03-29T00:00:00Z", "1h", early) == "2026-03-29T02:30:00Z"


def test_a_gap_of_half_an_hour_moves_an_edge_by_half_an_hour() -> None:
    # On Lord Howe 02:00 (+10:30) becomes 02:30 (+11) on 4 October 2026: 02:15 is 02:45 (+11), 15:45Z on the 3rd.
    early = calendar({"sun": ["02:15-05:00"]}, zone="Australia/Lord_Howe")

    assert due_at("2026-10-03T12:00:00Z", "0s", early) == "2026-10-03T15:45:00Z"


def test_a_window_that_lies_in_a_gap_moves_as_a_whole() -> None:
    early = calendar({"sun": ["02:15-02:45"]}, zone="America/Los_Angeles")

    assert opened(early, "2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z") == [
        ("2026-03-08T10:15:00Z", "2026-03-08T10:45:00Z")
    ]


def test_a_window_that_would_close_before_it_opens_is_gone() -> None:
    # 02:30 moves to 03:30, past the close at 03:15.
    early = calendar({"sun": ["02:30-03:15"]}, zone="America/Los_Angeles")

    assert opened(early, "2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z") == []


def test_windows_that_a_gap_pushes_together_count_once() -> None:
    # 01:00-02:30 ends at 03:30 PDT, so both together are 01:00 PST (09:00Z) to 04:00 PDT (11:00Z).
    early = calendar({"sun": ["01:00-02:30", "03:00-04:00"]}, zone="America/Los_Angeles")

    assert elapsed_in("2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z", early) == timedelta(hours=2)


def test_an_edge_that_occurs_twice_means_its_first_pass() -> None:
    # In Los Angeles 02:00 PDT becomes 01:00 PST on 1 November: 01:30 is 08:30Z and again 09:30Z.
    closes_twice = calendar({"sun": ["00:30-01:30"]}, zone="America/Los_Angeles")
    opens_twice = calendar({"sun": ["01:30-03:00"]}, zone="America/Los_Angeles")

    assert opened(closes_twice, "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z") == [
        ("2026-11-01T07:30:00Z", "2026-11-01T08:30:00Z")
    ]
    assert opened(opens_twice, "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z") == [
        ("2026-11-01T08:30:00Z", "2026-11-01T11:00:00Z")
    ]


def test_a_night_in_which_the_clocks_change_has_its_real_length() -> None:
    nights = calendar({"sat": ["22:00-06:00"]}, zone="Europe/Berlin")

    assert elapsed_in("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z", nights) == timedelta(hours=7)
    assert elapsed_in("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z", nights) == timedelta(hours=9)


def test_a_date_that_never_came_has_no_openings() -> None:
    # Samoa went from 29 to 31 December 2011; the 31st, a Saturday, opens at 09:00 (+14), 19:00Z on the 30th.
    samoa = calendar({"fri": ["13:00-17:00"], "sat": ["09:00-12:00"]}, zone="Pacific/Apia")

    assert opened(samoa, "2011-12-29T12:00:00Z", "2012-01-01T00:00:00Z") == [
        ("2011-12-30T19:00:00Z", "2011-12-30T22:00:00Z")
    ]


# --- the boundary ----------------------------------------------------------------------------------------------------


def test_a_budget_that_runs_out_exactly_at_closing_ends_there() -> None:
    assert due_at("2026-03-27T17:00:00Z", "1h", calendar()) == "2026-03-27T18:00:00Z"
    assert due_at("2026-03-27T17:00:00Z", "1h", calendar(boundary="close")) == "2026-03-27T18:00:00Z"


def test_or_at_the_next_opening_where_the_boundary_says_so() -> None:
    assert due_at("2026-03-27T17:00:00Z", "1h", calendar(boundary="next_open")) == "2026-03-30T09:00:00Z"


def test_the_boundary_has_no_say_where_the_next_window_follows_at_once() -> None:
    weekdays = calendar({"mon-fri": ["00:00-24:00"]}, boundary="next_open")

    assert due_at("2026-03-26T23:00:00Z", "1h", weekdays) == "2026-03-27T00:00:00Z"


@pytest.mark.parametrize("boundary", ["close", "next_open"])
@pytest.mark.parametrize("start", ["2026-03-28T12:00:00Z", "2026-03-27T18:00:00Z"])
def test_a_budget_of_zero_that_starts_while_closed_ends_at_the_next_opening(start: str, boundary: str) -> None:
    assert due_at(start, "0s", calendar(boundary=boundary)) == "2026-03-30T09:00:00Z"


def test_a_budget_of_zero_that_starts_while_open_ends_at_once() -> None:
    assert due_at("2026-03-27T12:00:00Z", "0s", calendar()) == "2026-03-27T12:00:00Z"


# --- pauses ----------------------------------------------------------------------------------------------------------


def test_while_a_pause_runs_the_budget_stands_still() -> None:
    hour_off = pause("2026-03-27T10:30:00Z", "2026-03-27T11:30:00Z")

    assert due_at("2026-03-27T10:00:00Z", "1h", calendar(), hour_off) == "2026-03-27T12:00:00Z"


def test_a_pause_counts_only_where_it_is_open() -> None:
    over_the_weekend = pause("2026-03-27T17:30:00Z", "2026-03-30T09:30:00Z")

    assert due_at("2026-03-27T17:00:00Z", "1h", calendar(), over_the_weekend) == "2026-03-30T10:00:00Z"


def test_a_pause_is_half_open() -> None:
    first_hour = pause("2026-03-27T10:00:00Z", "2026-03-27T11:00:00Z")
    second_hour = pause("2026-03-27T11:00:00Z", "2026-03-27T12:00:00Z")

    # It holds from its first instant and no longer at its last.
    assert due_at("2026-03-27T10:00:00Z", "1h", calendar(), first_hour) == "2026-03-27T12:00:00Z"
    # What ran out when it began is not held.
    assert due_at("2026-03-27T10:00:00Z", "1h", calendar(), second_hour) == "2026-03-27T11:00:00Z"


def test_a_calendar_may_have_pauses_of_its_own_and_stays_open_in_them() -> None:
    party = {"from": "2026-03-27T11:30:00+01:00", "to": "2026-03-27T11:30:00Z"}
    office = calendar(pauses=[party])

    assert due_at("2026-03-27T10:00:00Z", "1h", office) == "2026-03-27T12:00:00Z"
    assert elapsed_in("2026-03-27T10:00:00Z", "2026-03-27T12:00:00Z", office) == timedelta(hours=1)
    assert due_at("2026-03-27T10:00:00Z", "1h", office, pause("2026-03-27T12:00:00Z", "2026-03-27T13:00:00Z")) == (
        "2026-03-27T12:00:00Z"
    )
    assert office.is_open(parse_instant("2026-03-27T11:00:00Z"))


def test_a_pause_is_no_closing_time() -> None:
    second_hour = pause("2026-03-27T11:00:00Z", "2026-03-27T12:00:00Z")

    due_then = due_at("2026-03-27T10:00:00Z", "1h", calendar(boundary="next_open"), second_hour)

    assert due_then == "2026-03-27T11:00:00Z"


def test_pauses_may_overlap_and_come_in_any_order() -> None:
    pauses = (
        pause("2026-03-27T12:00:00Z", "2026-03-27T13:00:00Z"),
        pause("2026-03-27T10:00:00Z", "2026-03-27T11:00:00Z"),
        pause("2026-03-27T10:30:00Z", "2026-03-27T11:30:00Z"),
        pause("2026-03-27T11:45:00Z", "2026-03-27T11:45:00Z"),
    )

    assert due_at("2026-03-27T09:00:00Z", "2h", calendar(), *pauses) == "2026-03-27T13:30:00Z"
    assert elapsed_in("2026-03-27T09:00:00Z", "2026-03-27T13:30:00Z", calendar(), *pauses) == timedelta(hours=2)


def test_an_endless_pause_leaves_no_due_time() -> None:
    endless = pause("2026-03-27T10:30:00Z", None)

    assert due_at("2026-03-27T10:00:00Z", "1h", calendar(), endless) is None
    assert due_at("2026-03-27T10:00:00Z", "1h", ALWAYS, endless) is None
    assert due_at("2026-03-27T10:00:00Z", "1wd", calendar(), endless) is None


def test_what_is_due_before_an_endless_pause_stays_due() -> None:
    assert due_at("2026-03-27T10:00:00Z", "30m", calendar(), pause("2026-03-27T10:30:00Z", None)) is not None


def test_a_pause_of_centuries_is_skipped_not_walked_through() -> None:
    centuries = pause("2026-03-27T10:30:00Z", "2526-03-27T09:00:00Z")

    assert due_at("2026-03-27T10:00:00Z", "1h", calendar({"mon-sun": "09:00-18:00"}), centuries) == (
        "2526-03-27T09:30:00Z"
    )


def test_a_pause_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="before"):
        pause("2026-03-27T10:30:00Z", "2026-03-27T10:00:00Z")


# --- days ------------------------------------------------------------------------------------------------------------


def test_a_day_is_refused_in_business_time() -> None:
    with pytest.raises(ValueError, match=r"1d.*ambiguous.*2wd"):
        due_at("2026-03-27T10:00:00Z", "1d", calendar())


@pytest.mark.parametrize(
    ("start", "target", "expected"),
    [
        ("2026-03-24T15:00:00Z", "2wd", "2026-03-26T15:00:00Z"),  # Tuesday: Thursday
        ("2026-03-27T15:00:00Z", "2wd", "2026-03-31T15:00:00Z"),  # Friday: Tuesday
        ("2026-03-27T20:00:00Z", "2wd", "2026-04-01T09:00:00Z"),  # Friday night: after Tuesday night
        ("2026-03-27T06:00:00Z", "2wd", "2026-03-31T09:00:00Z"),  # Friday early: Tuesday's opening
        ("2026-03-27T18:00:00Z", "1wd", "2026-03-31T09:00:00Z"),  # closing time is closed
        ("2026-03-28T10:00:00Z", "2wd", "2026-03-31T10:00:00Z"),  # a Saturday doesn't count: Monday, Tuesday
        ("2026-03-29T20:00:00Z", "1wd", "2026-03-31T09:00:00Z"),  # Sunday night: after Monday night
    ],
)
def test_working_days_lead_to_the_same_local_time_or_the_next_opening(start: str, target: str, expected: str) -> None:
    assert due_at(start, target, calendar()) == expected


def test_a_holiday_is_no_working_day() -> None:
    # Wednesday before Thanksgiving: Friday is the first, Monday the second.
    assert due_at("2026-11-25T15:00:00Z", "2wd", calendar(holidays="US")) == "2026-11-30T15:00:00Z"


def test_working_days_keep_the_local_time_when_the_clocks_change() -> None:
    # Friday 15:00 CET is 14:00Z, Monday 15:00 CEST is 13:00Z.
    assert due_at("2026-03-27T14:00:00Z", "1wd", calendar(zone="Europe/Berlin")) == "2026-03-30T13:00:00Z"


def test_an_instant_past_midnight_counts_as_the_working_day_of_its_window() -> None:
    nights = calendar({"mon-fri": ["22:00-06:00"]})

    # Saturday 02:00 is Friday's night; one on is Monday's, at Tuesday 02:00.
    assert due_at("2026-03-28T02:00:00Z", "1wd", nights) == "2026-03-31T02:00:00Z"


def test_working_days_on_the_clock_without_closing_are_days() -> None:
    assert due_at("2026-03-27T15:00:00Z", "2wd", ALWAYS) == "2026-03-29T15:00:00Z"


@pytest.mark.parametrize(
    ("since", "to", "expected"),
    [
        ("2026-03-24T15:30:00Z", "2026-03-24T16:30:00Z", "2026-03-26T16:00:00Z"),  # an hour
        ("2026-03-24T20:00:00Z", "2026-03-25T08:00:00Z", "2026-03-26T15:00:00Z"),  # closed anyway
        ("2026-03-24T16:00:00Z", "2026-03-25T16:00:00Z", "2026-03-27T15:00:00Z"),  # nine hours, a working day
    ],
)
def test_a_pause_moves_working_days_by_the_business_time_it_took(since: str, to: str, expected: str) -> None:
    assert due_at("2026-03-24T15:00:00Z", "2wd", calendar(), pause(since, to)) == expected


def test_working_days_that_end_at_an_opening_still_do_with_a_pause_elsewhere() -> None:
    night = pause("2026-03-27T21:00:00Z", "2026-03-27T22:00:00Z")

    assert due_at("2026-03-27T20:00:00Z", "1wd", calendar(), night) == "2026-03-31T09:00:00Z"


# --- fractions -------------------------------------------------------------------------------------------------------


def fraction_at(start: str, target: str, fraction: float, on: Calendar, *pauses: Pause) -> str | None:
    found = fraction_due(parse_instant(start), parse_duration(target), fraction, on, pauses=pauses)
    return None if found is None else format_instant(found)


def test_a_fraction_of_a_fixed_target_counts_on_the_same_clock() -> None:
    assert fraction_at("2026-03-27T17:30:00Z", "1h", 0.8, calendar()) == "2026-03-30T09:18:00Z"
    assert fraction_at("2026-03-27T17:30:00Z", "1h", 1.5, calendar()) == "2026-03-30T10:00:00Z"


def test_a_fraction_of_working_days_is_one_of_the_business_time_between() -> None:
    # Tuesday 15:00 to Thursday 15:00 is 18 hours; half of them is Wednesday 15:00.
    assert fraction_at("2026-03-24T15:00:00Z", "2wd", 0.5, calendar()) == "2026-03-25T15:00:00Z"


def test_the_whole_of_working_days_is_their_due_time() -> None:
    assert fraction_at("2026-03-27T20:00:00Z", "1wd", 1.0, calendar()) == "2026-03-31T09:00:00Z"


def test_a_pause_moves_a_fraction_too() -> None:
    hour_off = pause("2026-03-27T10:15:00Z", "2026-03-27T11:15:00Z")

    assert fraction_at("2026-03-27T10:00:00Z", "1h", 0.5, calendar(), hour_off) == "2026-03-27T11:30:00Z"
    assert fraction_at("2026-03-27T10:00:00Z", "1h", 0.5, calendar(), pause("2026-03-27T10:15:00Z", None)) is None


def test_a_negative_fraction_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        fraction_at("2026-03-27T10:00:00Z", "1h", -0.1, calendar())


# --- elapsed, limits, algebra ----------------------------------------------------------------------------------------


def test_only_open_hours_elapse() -> None:
    assert elapsed_in("2026-03-27T17:00:00Z", "2026-03-30T10:00:00Z", calendar()) == timedelta(hours=2)


def test_nothing_elapses_backwards() -> None:
    assert elapsed_in("2026-03-30T10:00:00Z", "2026-03-27T17:00:00Z", calendar()) == timedelta()


def test_a_calendar_that_never_opens_again_is_an_error_not_an_endless_search() -> None:
    once = Calendar.parse("once", {"special": {"2026-12-24": ["09:00-12:00"]}})

    assert due_at("2026-03-27T10:00:00Z", "2h", once) == "2026-12-24T11:00:00Z"
    assert elapsed_in("2026-03-27T10:00:00Z", "2027-03-27T10:00:00Z", once) == timedelta(hours=3)
    with pytest.raises(NoOpeningError, match="once"):
        due_at("2026-03-27T10:00:00Z", "4h", once)
    with pytest.raises(NoOpeningError, match="once"):
        due_at("2026-03-27T10:00:00Z", "2wd", once)


@pytest.mark.parametrize("year", ["0001", "9999"])
@pytest.mark.parametrize("target", ["1h", "1wd"])
def test_an_instant_at_the_ends_of_the_calendar_is_refused(year: str, target: str) -> None:
    with pytest.raises(ValueError, match="1900 to 9000"):
        due_at(f"{year}-12-31T23:00:00Z", target, calendar(zone="Asia/Kathmandu"))


def test_the_result_is_in_utc_whatever_zone_the_start_is_in() -> None:
    start = parse_instant("2026-03-27T10:00:00Z").astimezone(calendar(zone="America/Los_Angeles").zone)

    assert due(start, parse_duration("24h"), ALWAYS) == datetime(2026, 3, 28, 10, tzinfo=UTC)
    assert getattr(due(start, parse_duration("24h"), ALWAYS), "tzinfo", None) is UTC


def test_a_calendar_of_nights_and_days_without_a_break_is_one_stream() -> None:
    relay = calendar({"mon-sun": ["22:00-06:00", "06:00-22:00"]})

    assert elapsed_in("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", relay) == timedelta(days=365)
    assert due_at("2026-01-01T00:00:00Z", "2400h", relay) == "2026-04-11T00:00:00Z"


def test_subtracting_pauses_leaves_what_lies_outside_of_them() -> None:
    def at(hour: int) -> datetime:
        return datetime(2026, 3, 27, hour, tzinfo=UTC)

    left = subtract([Segment(at(9), at(12)), Segment(at(13), at(18))], [Pause(at(11), at(14)), Pause(at(17))])

    assert list(left) == [Segment(at(9), at(11)), Segment(at(14), at(17))]
