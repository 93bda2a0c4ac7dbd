"""How recoveries are told from arrivals."""

from tests.faults.recovery import Happened, recoveries

KILL = Happened("kill -9 scoring", began=10.0, since=10.0, bound=4.0)
OUTAGE = Happened("kill -9 kafka", began=20.0, since=32.0, bound=2.0)


def test_a_fault_is_not_blamed_for_the_outage_that_comes_after_it() -> None:
    arrivals = [10.0, 12.5, 15.0, 17.5, 20.0, 33.0, 34.0]

    told = recoveries([KILL, OUTAGE], {0: arrivals}, until=34.5)

    assert [(recovery.name, recovery.seconds, recovery.is_in_time) for recovery in told] == [
        ("kill -9 scoring", 2.5, True),
        ("kill -9 kafka", 1.0, True),
    ]


def test_the_lane_that_stood_still_longest_counts() -> None:
    told = recoveries([KILL], {0: [11.0, 12.0, 13.0, 14.0], 1: [10.5, 14.5]}, until=15.0)

    assert told[0].seconds == 4.0


def test_a_lane_on_which_nothing_arrived_stood_still_all_along() -> None:
    told = recoveries([KILL], {0: [11.0], 1: []}, until=19.0)

    assert (told[0].seconds, told[0].is_in_time) == (9.0, False)
