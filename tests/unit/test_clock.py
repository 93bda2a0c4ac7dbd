from datetime import UTC, datetime, timedelta, timezone

import pytest

from baton.kernel.clock import ManualClock, SystemClock

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)


def test_the_system_clock_tells_utc() -> None:
    assert SystemClock().now().tzinfo is UTC


def test_a_manual_clock_stands_until_it_is_moved() -> None:
    clock = ManualClock(NOON)

    clock.advance(timedelta(minutes=5))

    assert clock.now() == NOON + timedelta(minutes=5)


def test_a_manual_clock_can_be_set_and_tells_utc() -> None:
    clock = ManualClock(NOON)

    clock.set(datetime(2026, 3, 27, 15, tzinfo=timezone(timedelta(hours=1))))

    assert clock.now() == datetime(2026, 3, 27, 14, tzinfo=UTC)
    assert clock.now().tzinfo is UTC


def test_a_manual_clock_never_goes_back() -> None:
    clock = ManualClock(NOON)

    with pytest.raises(ValueError, match="back"):
        clock.set(NOON - timedelta(microseconds=1))
    with pytest.raises(ValueError, match="back"):
        clock.advance(timedelta(seconds=-1))


def test_a_manual_clock_refuses_an_instant_without_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        ManualClock(datetime(2026, 3, 27))  # noqa: DTZ001 - that is the mistake
