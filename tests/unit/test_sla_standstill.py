"""Clocks that stand still: pauses, holds, closed hours; expected instants worked out by hand."""

from datetime import datetime

from baton.kernel.calendars import Calendar
from baton.leads.decisions import Standstill
from baton.leads.events import SlaMet, SlaMoved, SlaWarned
from baton_sla_monitor.deciding.clock_state import Status
from baton_sla_monitor.deciding.facts import Fact, FactKind
from tests.support.sla import Monitor, at, fact, policy, terms, warn

CONTACT = policy("contact", target="1h", steps=(warn(50),))
ROUTE = policy("route", target="5m", start="captured", to="assigned")
US_WEST = Calendar.parse(
    "us-west",
    {"time_zone": "America/Los_Angeles", "hours": {"mon-fri": ["09:00-18:00"]}, "holidays": ["2026-07-03"]},
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text + "Z")


def assigned(told: datetime, assignment: str = "a1") -> Fact:
    return fact(FactKind.ASSIGNED, told, assignment=assignment, rep="mary")


def test_a_pause_moves_the_due_time_and_the_warnings() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned(at("10:00")))

    monitor.hear(fact(FactKind.PAUSED, at("10:10")))
    while_paused = monitor.clock("contact")
    monitor.hear(fact(FactKind.RESUMED, at("12:10")))
    monitor.wait_until(at("13:00"))

    assert (while_paused.due, while_paused.next_at) == (None, None)
    assert monitor.events(SlaWarned)[0].clocks[0].at == at("12:30")
    assert monitor.told[-1].clocks[0].due == at("13:00")
    assert monitor.types()[-1] == "breached contact"


def test_a_promise_of_zero_is_due_at_the_next_opening_and_kept_before_it() -> None:
    friday_evening, monday = utc("2026-03-28T04:00"), utc("2026-03-30T16:00")
    monitor = Monitor(terms(policy("at-opening", target="0s", steps=(warn(80),)), calendar=US_WEST))

    monitor.hear(assigned(friday_evening))
    monitor.hear(fact(FactKind.TOUCHED, utc("2026-03-29T10:00"), assignment="a1", channel="email"))

    assert monitor.types() == ["started at-opening", "met at-opening"]
    assert (monitor.told[0].clocks[0].due, monitor.told[1].clocks[0].lateness) == (monday, 0)


def test_a_pause_is_told_with_what_is_left_and_its_end_with_the_new_due_time() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned(at("10:00")))

    monitor.hear(fact(FactKind.PAUSED, at("10:10")))
    monitor.hear(fact(FactKind.RESUMED, at("12:10")))

    paused, resumed = (each.clocks[0] for each in monitor.events(SlaMoved))
    assert (paused.at, paused.due, paused.percent) == (at("10:10"), None, 16)
    assert paused.stopped == Standstill(since=at("10:10"), until=None, left=50 * 60)
    assert (resumed.at, resumed.due, resumed.percent, resumed.stopped) == (at("12:10"), at("13:00"), 16, None)


def test_a_pause_with_an_end_is_told_once_with_the_due_time_to_come() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned(at("10:00")))

    monitor.hear(fact(FactKind.PAUSED, at("10:10"), until=at("11:10")))
    monitor.hear(fact(FactKind.RESUMED, at("11:10")))

    [moved] = (each.clocks[0] for each in monitor.events(SlaMoved))
    assert moved.due == at("12:00")
    assert moved.stopped == Standstill(since=at("10:10"), until=at("11:10"), left=50 * 60)


def test_all_clocks_of_an_assignment_stand_still_in_one_event() -> None:
    monitor = Monitor(terms(CONTACT, policy("disposition", target="14d", to="disposed")))
    monitor.hear(assigned(at("10:00")))

    monitor.hear(fact(FactKind.PAUSED, at("10:10")))

    assert monitor.types() == ["started contact disposition", "moved contact disposition"]


def test_a_lead_that_never_pauses_tells_of_no_move() -> None:
    monitor = Monitor(terms(ROUTE, CONTACT))

    monitor.hear(fact(FactKind.CAPTURED, at("10:00")), fact(FactKind.HELD, at("10:01")), assigned(at("10:02")))
    monitor.wait_until(at("12:00"))

    assert monitor.events(SlaMoved) == []


def test_what_is_left_is_told_in_the_time_of_the_calendar() -> None:
    # Friday 17:30 in Los Angeles; paused on Saturday, when the first half hour is used.
    monitor = Monitor(terms(CONTACT, calendar=US_WEST), now=utc("2026-03-28T00:00:00"))
    monitor.hear(assigned(utc("2026-03-28T00:30:00")))

    monitor.hear(fact(FactKind.PAUSED, utc("2026-03-28T12:00:00")))

    [moved] = monitor.events(SlaMoved)
    assert moved.clocks[0].stopped == Standstill(since=utc("2026-03-28T12:00:00"), until=None, left=30 * 60)


def test_a_pause_that_comes_after_its_end_was_told_is_told_as_a_later_due_time() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned(at("10:00")), fact(FactKind.RESUMED, at("10:30")))

    monitor.hear(fact(FactKind.PAUSED, at("10:10")), now=at("10:40"))

    [moved] = (each.clocks[0] for each in monitor.events(SlaMoved))
    assert (moved.at, moved.due, moved.stopped) == (at("10:30"), at("11:20"), None)


def test_a_pause_with_an_end_resumes_by_itself() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned(at("10:00")))

    monitor.hear(fact(FactKind.PAUSED, at("10:10"), until=at("11:10")))

    assert monitor.clock("contact").due == at("12:00")


def test_a_resume_before_the_end_cuts_the_pause() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned(at("10:00")))
    monitor.hear(fact(FactKind.PAUSED, at("10:10"), until=at("20:00")))

    monitor.hear(fact(FactKind.RESUMED, at("10:20")))

    assert monitor.clock("contact").due == at("11:10")


def test_a_second_pause_takes_the_place_of_the_first() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned(at("10:00")))

    monitor.hear(fact(FactKind.PAUSED, at("10:10"), until=at("20:00")))
    monitor.hear(fact(FactKind.PAUSED, at("10:20"), until=at("10:40")))

    assert monitor.clock("contact").due == at("11:30")


def test_a_clock_that_begins_on_a_paused_lead_stands_still() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned(at("10:00")), fact(FactKind.PAUSED, at("10:10"), until=at("12:00")))

    monitor.hear(assigned(at("11:00"), "a2"))

    assert monitor.clock("contact").due == at("13:00")
    [begun] = monitor.told[-1].clocks
    assert begun.stopped == Standstill(since=at("11:00"), until=at("12:00"), left=60 * 60)


def test_a_pause_ends_with_the_verdict() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned(at("10:00")), fact(FactKind.PAUSED, at("10:10")))
    monitor.hear(fact(FactKind.DISPOSED, at("11:00"), assignment="a1"))

    monitor.hear(assigned(at("12:00"), "a2"))

    assert monitor.clock("contact").due == at("13:00")


def test_a_touch_during_a_pause_meets_the_clock() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned(at("10:00")), fact(FactKind.PAUSED, at("10:15")))

    monitor.hear(fact(FactKind.TOUCHED, at("15:00"), assignment="a1", channel="call"))

    met = monitor.events(SlaMet)[0].clocks[0]
    assert (met.due, met.percent, met.lateness) == (None, 25, 0)


def test_a_held_leads_route_clock_runs_on() -> None:
    monitor = Monitor(terms(ROUTE))
    monitor.hear(fact(FactKind.CAPTURED, at("10:00")))

    monitor.hear(fact(FactKind.HELD, at("10:01")))
    monitor.wait_until(at("10:05"))

    assert monitor.types() == ["started route", "breached route"]


def test_the_route_clock_stands_still_while_only_working_hours_are_missing() -> None:
    monitor = Monitor(terms(ROUTE))
    monitor.hear(fact(FactKind.CAPTURED, at("20:00")))

    monitor.hear(fact(FactKind.HELD, at("20:01"), outside_hours=True))
    while_held = monitor.clock("route")
    next_day = at("09:00").replace(day=26)
    monitor.hear(fact(FactKind.ASSIGNED, next_day, assignment="a1"))

    assert while_held.due is None
    assert monitor.types() == ["started route", "moved route", "met route"]
    assert monitor.events(SlaMoved)[0].clocks[0].stopped == Standstill(since=at("20:01"), until=None, left=4 * 60)
    assert monitor.told[-1].clocks[0].percent == 20


def test_the_route_clock_runs_again_once_something_else_is_in_the_way() -> None:
    monitor = Monitor(terms(ROUTE))
    monitor.hear(fact(FactKind.CAPTURED, at("20:00")))
    monitor.hear(fact(FactKind.HELD, at("20:01"), outside_hours=True))

    monitor.hear(fact(FactKind.HELD, at("22:00")))

    assert monitor.clock("route").due == at("22:04")


def test_a_hold_told_again_is_one_hold() -> None:
    monitor = Monitor(terms(ROUTE))
    monitor.hear(fact(FactKind.CAPTURED, at("20:00")))
    monitor.hear(fact(FactKind.HELD, at("20:01"), outside_hours=True))
    monitor.hear(fact(FactKind.HELD, at("20:30"), outside_hours=True))

    monitor.hear(fact(FactKind.HELD, at("22:00")))

    assert monitor.clock("route").due == at("22:04")


def test_a_hold_does_not_stop_the_clocks_of_an_assignment() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned(at("10:00")))

    monitor.hear(fact(FactKind.HELD, at("10:10"), outside_hours=True))

    assert monitor.clock("contact").due == at("11:00")


def test_a_rep_clock_skips_the_weekend() -> None:
    # Friday 17:30 in Los Angeles is 00:30 UTC on Saturday; half an hour is left, the rest is on Monday till 09:30.
    monitor = Monitor(terms(CONTACT, calendar=US_WEST), now=utc("2026-03-28T00:00:00"))

    monitor.hear(assigned(utc("2026-03-28T00:30:00")))

    clock = monitor.clock("contact")
    assert (clock.start, clock.due) == (utc("2026-03-28T00:30:00"), utc("2026-03-30T16:30:00"))


def test_a_warning_at_closing_time_comes_then_and_the_breach_after_the_weekend() -> None:
    monitor = Monitor(terms(CONTACT, calendar=US_WEST), now=utc("2026-03-28T00:00:00"))
    monitor.hear(assigned(utc("2026-03-28T00:30:00")))

    monitor.wait_until(utc("2026-03-30T16:30:00"))

    fired = [(each.type, each.clocks[0].at, each.clocks[0].percent) for each in monitor.told[1:]]
    assert fired == [
        ("sla.warned", utc("2026-03-28T01:00:00"), 50),
        ("sla.breached", utc("2026-03-30T16:30:00"), 100),
    ]


def test_an_assignment_at_night_starts_at_opening() -> None:
    monitor = Monitor(terms(CONTACT, calendar=US_WEST), now=utc("2026-03-25T00:00:00"))

    monitor.hear(assigned(utc("2026-03-25T10:00:00")))  # Wednesday, 03:00 in Los Angeles

    assert monitor.clock("contact").due == utc("2026-03-25T17:00:00")


def test_hours_follow_the_change_of_the_clocks() -> None:
    # Friday 6 March 17:30 PST is 01:30 UTC on Saturday; on Monday 9 March opening at 09:00 PDT is 16:00 UTC.
    monitor = Monitor(terms(CONTACT, calendar=US_WEST), now=utc("2026-03-07T00:00:00"))

    monitor.hear(assigned(utc("2026-03-07T01:30:00")))

    assert monitor.clock("contact").due == utc("2026-03-09T16:30:00")


def test_a_holiday_is_no_working_day() -> None:
    # Thursday 2 July 17:30 PDT; Friday is a holiday, then the weekend: Monday 6 July 09:30 PDT.
    monitor = Monitor(terms(CONTACT, calendar=US_WEST), now=utc("2026-07-03T00:00:00"))

    monitor.hear(assigned(utc("2026-07-03T00:30:00")))

    assert monitor.clock("contact").due == utc("2026-07-06T16:30:00")


def test_two_working_days_end_at_the_same_local_time() -> None:
    two_days = terms(policy("contact", target="2wd"), calendar=US_WEST)
    monitor = Monitor(two_days, now=utc("2026-03-27T00:00:00"))
    monitor.hear(assigned(utc("2026-03-27T17:00:00")))  # Friday, 10:00 in Los Angeles

    monitor.hear(fact(FactKind.TOUCHED, utc("2026-03-30T17:00:00"), assignment="a1", channel="call"))

    clock = monitor.clock("contact")
    assert (clock.due, clock.status) == (utc("2026-03-31T17:00:00"), Status.MET)
    assert monitor.told[-1].clocks[0].percent == 50


def test_a_pause_over_closed_hours_takes_only_the_open_ones() -> None:
    # Paused from Friday 17:45 to Monday 09:15: a quarter of an hour on either side.
    monitor = Monitor(terms(CONTACT, calendar=US_WEST), now=utc("2026-03-28T00:00:00"))
    monitor.hear(assigned(utc("2026-03-28T00:30:00")))

    monitor.hear(fact(FactKind.PAUSED, utc("2026-03-28T00:45:00")))
    monitor.hear(fact(FactKind.RESUMED, utc("2026-03-30T16:15:00")))

    assert monitor.clock("contact").due == utc("2026-03-30T17:00:00")
