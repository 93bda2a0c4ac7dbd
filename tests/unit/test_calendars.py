import weakref
from datetime import UTC, date, datetime, timedelta

import pytest

from baton.kernel.calendars import ALWAYS, Boundary, Calendar, CalendarError, CalendarMistake, NoOpeningError
from baton.kernel.instants import parse_instant
from baton.kernel.windows import Window

NINE_TO_SIX = (Window(9 * 60, 18 * 60),)


def calendar(**keys: object) -> Calendar:
    return Calendar.parse("test", {"hours": {"mon-fri": ["09:00-18:00"]}, **keys})


def mistakes(spelled: object) -> tuple[CalendarMistake, ...]:
    with pytest.raises(CalendarError) as refusal:
        Calendar.parse("test", spelled)
    return refusal.value.mistakes


def test_hours_are_given_by_weekday_or_range() -> None:
    read = Calendar.parse("test", {"hours": {"mon-thu": ["09:00-18:00"], "fri": ["09:00-12:00", "13:00-16:00"]}})

    assert read.hours[:4] == (NINE_TO_SIX,) * 4
    assert read.hours[4] == (Window(540, 720), Window(780, 960))
    assert read.hours[5:] == ((), ())


def test_a_range_of_weekdays_runs_over_the_end_of_the_week() -> None:
    read = Calendar.parse("test", {"hours": {"sat-wed": ["09:00-18:00"]}})

    assert [bool(windows) for windows in read.hours] == [True, True, True, False, False, True, True]


def test_one_window_may_stand_without_a_list() -> None:
    assert Calendar.parse("test", {"hours": {"mon": "09:00-18:00"}}).hours[0] == NINE_TO_SIX


def test_windows_that_touch_or_overlap_are_one() -> None:
    read = Calendar.parse("test", {"hours": {"mon": ["12:00-18:00", "09:00-12:00", "10:00-11:00"]}})

    assert read.hours[0] == NINE_TO_SIX


def test_a_window_past_midnight_closes_after_the_end_of_its_date() -> None:
    assert Calendar.parse("test", {"hours": {"mon": "22:00-06:00"}}).hours[0] == (Window(1320, 1800),)


def test_the_hours_of_a_calendar_without_a_zone_are_those_of_its_user() -> None:
    nine_in_kathmandu = parse_instant("2026-03-27T03:15:00Z")

    assert calendar().in_zone("Asia/Kathmandu").is_open(nine_in_kathmandu)
    assert not calendar().in_zone("Europe/Berlin").is_open(nine_in_kathmandu)


def test_a_calendar_keeps_a_zone_of_its_own() -> None:
    berlin = calendar(time_zone="Europe/Berlin")

    assert berlin.in_zone("Asia/Kathmandu") is berlin


def test_a_calendar_without_any_zone_is_read_in_utc() -> None:
    assert calendar().is_open(parse_instant("2026-03-27T09:00:00Z"))
    assert calendar().in_zone(None) == calendar()


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-03-27T08:59:59Z", False),
        ("2026-03-27T09:00:00Z", True),
        ("2026-03-27T17:59:59Z", True),
        ("2026-03-27T18:00:00Z", False),
        ("2026-03-28T10:00:00Z", False),
    ],
)
def test_a_window_is_half_open(at: str, *, is_open: bool) -> None:
    assert calendar().is_open(parse_instant(at)) is is_open


def test_the_next_opening_is_now_while_open_else_the_next_window() -> None:
    friday_noon, friday_night = parse_instant("2026-03-27T12:00:00Z"), parse_instant("2026-03-27T20:00:00Z")

    assert calendar().next_opening(friday_noon) == friday_noon
    assert calendar().next_opening(friday_night) == parse_instant("2026-03-30T09:00:00Z")


def test_a_calendar_that_never_opens_again_says_so_instead_of_looking_for_ever() -> None:
    once = Calendar.parse("once", {"special": {"2026-12-24": ["09:00-12:00"]}})

    assert once.next_opening(parse_instant("2026-03-27T12:00:00Z")) == parse_instant("2026-12-24T09:00:00Z")
    with pytest.raises(NoOpeningError, match="once"):
        once.next_opening(parse_instant("2026-12-24T12:00:00Z"))


def test_the_holidays_of_a_country_are_closed_on_their_observed_dates() -> None:
    us = calendar(holidays="US")

    # Independence Day 2026 is a Saturday, so the Friday before it is off.
    assert not us.works_on(date(2026, 7, 3))
    assert us.works_on(date(2026, 7, 6))


def test_the_holidays_of_a_subdivision_are_its_own_and_its_countrys() -> None:
    bavaria, germany = calendar(holidays="DE-BY"), calendar(holidays="DE")
    epiphany, unity = date(2026, 1, 6), date(2026, 10, 3)

    assert not bavaria.works_on(epiphany)
    assert germany.works_on(epiphany)
    assert unity in bavaria.holidays


def test_holidays_may_mix_codes_and_dates() -> None:
    mixed = calendar(holidays=["US", "DE-BY", "2026-08-14", date(2026, 8, 13)])

    assert [mixed.works_on(date(2026, 8, day)) for day in (12, 13, 14)] == [True, False, False]
    assert not mixed.works_on(date(2026, 11, 26))
    assert not mixed.works_on(date(2026, 1, 6))


def test_one_date_may_be_the_only_holiday() -> None:
    assert not calendar(holidays="2026-08-14").works_on(date(2026, 8, 14))


def test_norway_is_a_country() -> None:
    # Constitution Day 2027 is a Monday.
    assert not calendar(holidays="NO").works_on(date(2027, 5, 17))


@pytest.mark.parametrize("key", ["2026-12-25", date(2026, 12, 25)])
def test_special_hours_replace_the_dates_hours_and_beat_a_holiday(key: object) -> None:
    us = calendar(holidays="US", special={key: ["10:00-12:00"]})

    assert us.windows_on(date(2026, 12, 25)) == (Window(600, 720),)


def test_a_special_date_without_windows_is_closed() -> None:
    assert not calendar(special={"2026-12-24": []}).works_on(date(2026, 12, 24))


def test_the_boundary_is_closing_time_unless_it_says_otherwise() -> None:
    assert calendar().boundary is Boundary.CLOSE
    assert calendar(boundary="next_open").boundary is Boundary.NEXT_OPEN


def test_always_never_closes() -> None:
    assert ALWAYS.never_closes
    assert ALWAYS.is_open(datetime(2026, 12, 25, 3, tzinfo=UTC))
    assert Calendar.parse("round the clock", {"hours": {"mon-sun": "00:00-24:00"}}).never_closes
    assert not calendar().never_closes
    assert not Calendar.parse("but holidays", {"hours": {"mon-sun": "00:00-24:00"}, "holidays": "US"}).never_closes


def test_all_mistakes_come_at_once_with_their_paths() -> None:
    found = mistakes(
        {
            "time_zone": "America/LosAngeles",
            "hours": {"mon-fry": ["9-18"], "sat": ["25:00-26:00", "10:00-10:00"], "tue": 900},
            "holidays": ["DE-BX", "2026-02-30", 3],
            "special": {"2026-13-01": ["09:00-12:00"], "2026-12-24": None},
            "boundary": "nextopen",
            "holiday": "US",
        }
    )

    assert [mistake.path for mistake in found] == [
        ("holiday",),
        ("time_zone",),
        ("hours", "mon-fry", 0),
        ("hours", "mon-fry"),
        ("hours", "sat", 0),
        ("hours", "sat", 1),
        ("hours", "tue"),
        ("holidays", 0),
        ("holidays", 1),
        ("holidays", 2),
        ("special", "2026-13-01"),
        ("special", "2026-12-24"),
        ("boundary",),
    ]
    assert all(mistake.message and mistake.hint for mistake in found)


@pytest.mark.parametrize(
    ("keys", "hint"),
    [
        ({"time_zone": "America/LosAngeles"}, "America/Los_Angeles"),
        ({"time_zone": "Berlin"}, "Europe/Berlin"),
        ({"time_zone": "../etc/passwd"}, "IANA"),
        ({"hours": {"monday": "09:00-18:00"}}, '"mon"'),
        ({"hours": {"mon": "00:00-00:00"}}, "00:00-24:00"),
        ({"hours": ["09:00-18:00"]}, "mon-fri"),
        ({"holidays": "us"}, '"US"'),
        ({"holidays": "DE-BX"}, "DE-BY"),
        ({"holidays": True}, "DE-BY"),
        ({"boundary": "closed"}, '"close"'),
        ({"timezone": "UTC"}, '"time_zone"'),
        ({"special": ["2026-12-24"]}, "[]"),
        ({"pauses": {"from": "2026-03-27T12:00:00Z"}}, "{from:"),
        ({"pauses": [{"from": "2026-03-27T12:00:00Z"}]}, "to:"),
        ({"pauses": [{"from": "2026-03-27T12:00:00Z", "to": "2026-03-27T13:00:00Z", "why": "x"}]}, "to:"),
        ({"pauses": [{"from": "2026-03-27", "to": "2026-03-28"}]}, "T12:00:00Z"),
        ({"pauses": [{"from": "2026-03-28T12:00:00Z", "to": "2026-03-27T12:00:00Z"}]}, "from:"),
    ],
)
def test_a_mistake_hints_at_what_was_meant(keys: dict[str, object], hint: str) -> None:
    found = mistakes({"hours": {"mon-fri": ["09:00-18:00"]}, **keys})

    assert len(found) == 1
    assert hint in found[0].hint


def test_a_weekday_named_twice_is_a_mistake() -> None:
    found = mistakes({"hours": {"mon-wed": "09:00-18:00", "wed": "09:00-12:00"}})

    assert found[0].path == ("hours", "wed")
    assert "twice" in found[0].message


@pytest.mark.parametrize(
    "spelled", [{}, {"hours": {}}, {"hours": {"mon-fri": []}}, {"special": {"2026-12-24": []}}, {"hours": None}]
)
def test_a_calendar_without_openings_is_a_mistake(spelled: object) -> None:
    assert "never opens" in mistakes(spelled)[0].message


def test_what_is_no_mapping_is_no_calendar() -> None:
    assert mistakes("mon-fri")[0].path == ()


def test_the_error_names_the_calendar_and_every_mistake() -> None:
    with pytest.raises(CalendarError, match=r'calendar "west": boundary: .*; holidays: |holidays: .*; boundary: '):
        Calendar.parse("west", {"hours": {"mon": "09:00-18:00"}, "boundary": "x", "holidays": "XX"})


@pytest.mark.parametrize("key", ["special", "holidays"])
def test_a_calendar_has_so_many_dates_at_most(key: str) -> None:
    days = {(date(2026, 1, 1) + timedelta(days=number)).isoformat(): "09:00-12:00" for number in range(501)}

    [told] = mistakes({"hours": {"mon": "09:00-18:00"}, key: days if key == "special" else list(days)})

    assert (told.path, told.message) == ((key,), "501 dates in one calendar")


def test_a_zone_is_read_once_however_many_others_are_in_use() -> None:
    names = ("Asia/Tokyo", "Europe/Oslo", "America/Denver", "Africa/Cairo", "Asia/Kolkata", "America/Lima",
             "Europe/Rome", "Asia/Seoul", "Pacific/Auckland", "Europe/Paris")  # fmt: skip
    zone = weakref.ref(calendar(time_zone="Australia/Sydney").zone)

    for name in names:
        assert calendar(time_zone=name).zone.key == name

    assert zone() is calendar(time_zone="Australia/Sydney").zone
