import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from baton.kernel.instants import format_instant, parse_instant


@pytest.mark.parametrize("text", ["2026-03-27T16:30:00Z", "2026-03-27T09:30:00-07:00", " 2026-03-27T22:15+05:45 "])
def test_an_instant_is_read_into_utc(text: str) -> None:
    instant = parse_instant(text)

    assert instant == datetime(2026, 3, 27, 16, 30, tzinfo=UTC)
    assert instant.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-03-27", "2026-03-27T16:30:00", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+10:00", "1774629000"],
)
def test_what_is_no_instant_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f'"{text}"')):
        parse_instant(text)


def test_an_instant_is_written_in_utc_to_the_second() -> None:
    instant = datetime(2026, 3, 27, 9, 30, tzinfo=timezone(timedelta(hours=-7)))

    assert format_instant(instant) == "2026-03-27T16:30:00Z"


def test_microseconds_are_written_only_where_there_are_any() -> None:
    assert format_instant(datetime(2026, 3, 27, 16, 30, 0, 5000, tzinfo=UTC)) == "2026-03-27T16:30:00.005000Z"


def test_the_hour_that_comes_twice_is_written_as_the_two_that_it_is() -> None:
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))

    written = [format_instant(instant) for instant in (first, first.replace(fold=1), first)]

    assert written == ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T00:30:00Z"]


def test_an_instant_without_a_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="zone"):
        format_instant(datetime(2026, 3, 27))  # noqa: DTZ001 - that is the mistake
