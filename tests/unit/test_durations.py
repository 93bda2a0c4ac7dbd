from datetime import timedelta

import pytest

from baton.kernel.durations import Duration, format_duration, parse_duration, spell_duration, spell_length


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(minutes=90)),
        ("24h", timedelta(hours=24)),
        ("14d", timedelta(days=14)),
        ("1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("0s", timedelta()),
        (" 90m ", timedelta(minutes=90)),
    ],
)
def test_a_fixed_duration_is_the_sum_of_its_parts(text: str, length: timedelta) -> None:
    assert parse_duration(text).fixed == length


def test_working_days_have_no_fixed_length() -> None:
    duration = parse_duration("2wd")

    assert (duration.fixed, duration.working_days, duration.has_days) == (None, 2, False)


def test_only_a_duration_written_in_days_says_so() -> None:
    assert parse_duration("14d").has_days
    assert not parse_duration("336h").has_days


@pytest.mark.parametrize(
    "text", ["", "5", "m", "5 m", "-5m", "1.5h", "30m1h", "1h1h", "5M", "5min", "1wd2h", "2h1wd", "٣m", "5m\n5m"]
)
def test_what_is_no_duration_is_refused_with_the_spellings_that_are(text: str) -> None:
    with pytest.raises(ValueError, match="1h30m") as refusal:
        parse_duration(text)

    assert f'"{text}"' in str(refusal.value)


@pytest.mark.parametrize("text", ["0wd", "5001wd", "36501d", "999999999999d", "99999999999999999999h"])
def test_a_duration_out_of_all_proportion_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse_duration(text)


def test_a_duration_is_either_fixed_or_working_days() -> None:
    with pytest.raises(ValueError, match="either"):
        Duration(fixed=timedelta(hours=1), working_days=1)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(), "0s"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(hours=24), "24h"),
        (timedelta(days=14), "336h"),
        (timedelta(minutes=-5), "-5m"),
        (timedelta(seconds=1, milliseconds=400), "1s"),
    ],
)
def test_a_length_is_written_in_hours_minutes_and_seconds(length: timedelta, text: str) -> None:
    assert format_duration(length) == text


def test_a_duration_shows_as_it_was_written() -> None:
    assert str(parse_duration("90m")) == "90m"
    assert str(Duration.of(timedelta(minutes=90))) == "1h30m"
    assert str(Duration(working_days=2)) == "2wd"


def test_the_spelling_makes_no_difference_to_equality() -> None:
    assert parse_duration("90m") == parse_duration("1h30m")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1h", "1 hour"), ("1h30m", "1 hour 30 minutes"), ("24h", "24 hours"), ("14d", "14 days"), ("0s", "0 seconds"),
        ("2wd", "2 working days"), ("1wd", "1 working day"), ("1d1s", "1 day 1 second"),
    ],
)  # fmt: skip
def test_a_duration_is_said_in_the_units_in_which_it_was_written(written: str, said: str) -> None:
    assert spell_duration(parse_duration(written)) == said


def test_a_length_of_real_time_is_said_in_days_where_it_is_whole_ones() -> None:
    assert spell_length(timedelta(days=7)) == "7 days"
    assert spell_length(timedelta(hours=36)) == "36 hours"
    assert spell_length(timedelta(minutes=90)) == "1 hour 30 minutes"
