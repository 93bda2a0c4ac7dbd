"""When clocks begin and how they end."""

from datetime import datetime

import pytest

from baton.leads.events import SlaBreached, SlaCancelled, SlaEscalated, SlaMet, SlaMoved, SlaStarted, SlaWarned
from baton_sla_monitor.deciding.clock_state import Status
from baton_sla_monitor.deciding.facts import Fact, FactKind
from tests.support.sla import Monitor, at, fact, policy, step, terms, warn

ROUTE = policy("route", target="5m", start="captured", to="assigned")
CONTACT = policy("first-contact", target="1h")
ABSOLUTE = policy("absolute-max", target="24h", restart=False)
ACCEPT = policy("accept", target="15m", to="accepted")
DISPOSE = policy("disposition", target="14d", to="disposed")


def captured(told: str) -> Fact:
    return fact(FactKind.CAPTURED, at(told))


def assigned(told: str, assignment: str = "a1", rep: str = "mary") -> Fact:
    return fact(FactKind.ASSIGNED, at(told), assignment=assignment, rep=rep)


def touched(told: str, happened: str | None = None, assignment: str | None = "a1", channel: str = "call") -> Fact:
    happened_at = at(happened or told)
    return fact(FactKind.TOUCHED, at(told), at=happened_at, assignment=assignment, channel=channel)


def disposed(told: str, assignment: str = "a1") -> Fact:
    return fact(FactKind.DISPOSED, at(told), assignment=assignment)


def test_a_capture_starts_the_clocks_from_captured_in_one_event() -> None:
    monitor = Monitor(terms(ROUTE, policy("worked", target="1h", start="captured"), CONTACT))

    monitor.hear(captured("10:00"))

    assert monitor.types() == ["started route worked"]
    clock = monitor.told[0].clocks[0]
    assert (clock.start, clock.due, clock.at) == (at("10:00"), at("10:05"), at("10:00"))
    assert (clock.percent, clock.lateness, clock.rep) == (0, 0, None)


def test_an_assignment_meets_the_route_clock_and_starts_the_clocks_from_assigned() -> None:
    monitor = Monitor(terms(ROUTE, CONTACT, ABSOLUTE))
    monitor.hear(captured("10:00"))

    monitor.hear(assigned("10:01"))

    assert monitor.types() == ["started route", "met route", "started first-contact absolute-max"]
    met = monitor.told[1].clocks[0]
    assert (met.at, met.percent, met.lateness) == (at("10:01"), 20, 0)
    assert monitor.clock("first-contact").rep == "mary"


def test_a_capture_that_finds_a_running_clock_starts_none() -> None:
    monitor = Monitor(terms(ROUTE))
    monitor.hear(captured("10:00"))

    monitor.hear(captured("10:02"))

    assert monitor.types() == ["started route"]


def test_a_capture_that_finds_an_open_assignment_starts_none() -> None:
    monitor = Monitor(terms(ROUTE, CONTACT))
    monitor.hear(captured("10:00"), assigned("10:01"))

    monitor.hear(captured("12:00"))

    assert len(monitor.events(SlaStarted)) == 2


def test_a_capture_after_a_breach_starts_a_new_clock() -> None:
    monitor = Monitor(terms(ROUTE))
    monitor.hear(captured("10:00"))

    monitor.hear(captured("10:05"))

    assert monitor.types() == ["started route", "breached route", "started route"]


def test_a_capture_after_a_disposition_starts_a_new_clock() -> None:
    monitor = Monitor(terms(ROUTE))
    monitor.hear(captured("10:00"), assigned("10:01"), disposed("11:00"))

    monitor.hear(captured("12:00"))

    assert monitor.types()[-1] == "started route"


def test_a_touch_meets_the_clock() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))

    monitor.hear(touched("10:30"))

    assert monitor.types() == ["started first-contact", "met first-contact"]
    assert monitor.told[1].clocks[0].percent == 50


@pytest.mark.parametrize("assignment", [None, "a1", "an older one"])
def test_any_persons_touch_counts(assignment: str | None) -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))

    monitor.hear(touched("10:30", assignment=assignment))

    assert monitor.clock("first-contact").status is Status.MET


def test_a_touch_from_before_the_start_counts_only_for_its_own_assignment() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))

    monitor.hear(touched("10:10", happened="09:58", assignment=None))
    after_foreign = monitor.clock("first-contact").status
    monitor.hear(touched("10:11", happened="09:58", assignment="a1"))

    assert after_foreign is Status.RUNNING
    assert monitor.clock("first-contact").ended_at == at("10:00")


def test_the_breach_is_told_once_at_the_due_instant() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))

    monitor.wait_until(at("15:00"))

    assert monitor.types() == ["started first-contact", "breached first-contact"]
    clock = monitor.told[1].clocks[0]
    assert (clock.due, clock.at, clock.percent, clock.lateness) == (at("11:00"), at("11:00"), 100, 0)


def test_a_breach_that_fires_late_tells_by_how_much() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))

    monitor.sleep_until(at("11:30"))

    clock = monitor.told[-1].clocks[0]
    assert (clock.due, clock.at, clock.percent, clock.lateness) == (at("11:00"), at("11:30"), 150, 1800)


def test_a_touch_at_the_due_instant_is_too_late() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))

    monitor.hear(touched("11:00"))

    assert monitor.types() == ["started first-contact", "breached first-contact"]


def test_a_touch_after_the_due_time_breaches_even_before_the_timer_looks() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"), touched("11:10"))

    assert monitor.types() == ["started first-contact", "breached first-contact"]
    assert monitor.clock("first-contact").ended_at == at("11:10")


def test_clocks_that_are_due_together_share_one_event() -> None:
    monitor = Monitor(terms(CONTACT, policy("second", target="60m")))
    monitor.hear(assigned("10:00"))

    monitor.wait_until(at("11:00"))

    assert monitor.types()[-1] == "breached first-contact second"


def test_accepting_meets_only_what_asks_for_it() -> None:
    monitor = Monitor(terms(CONTACT, ACCEPT))
    monitor.hear(assigned("10:00"))

    monitor.hear(fact(FactKind.ACCEPTED, at("10:05"), assignment="a1"))

    assert monitor.types()[1:] == ["met accept"]


def test_a_verdict_meets_what_asks_for_it_and_cancels_what_had_no_touch() -> None:
    monitor = Monitor(terms(CONTACT, ACCEPT, DISPOSE))
    monitor.hear(assigned("10:00"))

    monitor.hear(disposed("10:10"))

    assert monitor.types()[1:] == ["cancelled first-contact accept", "met disposition"]
    [cancelled] = monitor.events(SlaCancelled)
    assert isinstance(cancelled, SlaCancelled)
    assert cancelled.reason == "disposed"


def test_a_verdict_after_a_touch_cancels_nothing() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"), touched("10:05"))

    monitor.hear(disposed("10:10"))

    assert monitor.events(SlaCancelled) == []


def test_a_verdict_on_an_assignment_that_is_no_longer_open_is_ignored() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"), assigned("10:10", "a2"))

    monitor.hear(disposed("10:20", "a1"))

    assert monitor.clock("first-contact").status is Status.RUNNING


@pytest.mark.parametrize("kind", [FactKind.NURTURED, FactKind.REJECTED])
def test_nurturing_and_rejecting_cancel(kind: FactKind) -> None:
    monitor = Monitor(terms(ROUTE))
    monitor.hear(captured("10:00"))

    monitor.hear(fact(kind, at("10:01")))

    [cancelled] = monitor.events(SlaCancelled)
    assert isinstance(cancelled, SlaCancelled)
    assert cancelled.reason == kind.value


def test_a_reassignment_starts_anew_what_restarts_and_goes_on_with_the_rest() -> None:
    monitor = Monitor(terms(CONTACT, ABSOLUTE))
    monitor.hear(assigned("10:00"))

    monitor.hear(assigned("10:20", "a2", "joe"))

    assert monitor.types()[1:] == ["cancelled first-contact", "moved absolute-max", "started first-contact"]
    assert monitor.clock("first-contact").due == at("11:20")
    assert (monitor.clock("absolute-max").start, monitor.clock("absolute-max").rep) == (at("10:00"), "joe")
    [cancelled] = monitor.events(SlaCancelled)
    assert isinstance(cancelled, SlaCancelled)
    assert cancelled.reason == "reassigned"


def test_whoever_gets_a_lead_with_its_running_clock_is_named_from_then_on() -> None:
    monitor = Monitor(terms(policy("absolute-max", target="24h", restart=False, steps=(warn(50),))))
    monitor.hear(assigned("10:00"))

    monitor.hear(assigned("10:20", "a2", "joe"))
    monitor.wait_until(at("10:00").replace(day=26))

    moved, warned, breached = (monitor.events(kind)[0].clocks[0] for kind in (SlaMoved, SlaWarned, SlaBreached))
    assert [each.rep for each in (moved, warned, breached)] == ["joe"] * 3
    assert (moved.at, moved.due) == (at("10:20"), at("10:00").replace(day=26))


def test_a_clock_that_goes_on_with_the_same_rep_tells_nothing() -> None:
    monitor = Monitor(terms(ABSOLUTE))
    monitor.hear(assigned("10:00"))

    monitor.hear(assigned("10:20", "a2"))

    assert monitor.types() == ["started absolute-max"]


def test_who_has_the_lead_first_has_the_clock_that_runs_since_it_was_captured() -> None:
    monitor = Monitor(terms(policy("speed", target="1h", start="captured")))
    monitor.hear(captured("10:00"))

    monitor.hear(assigned("10:05"))

    assert [each.clocks[0].rep for each in monitor.told] == [None, "mary"]
    assert monitor.types() == ["started speed", "moved speed"]


def test_a_met_clock_starts_anew_with_the_next_assignment_unless_it_does_not_restart() -> None:
    monitor = Monitor(terms(CONTACT, ABSOLUTE))
    monitor.hear(assigned("10:00"), touched("10:10"))

    monitor.hear(assigned("10:20", "a2"))

    assert monitor.types()[-1] == "started first-contact"


def test_what_does_not_restart_begins_again_after_a_verdict() -> None:
    monitor = Monitor(terms(ABSOLUTE))
    monitor.hear(assigned("10:00"), touched("10:10"), disposed("10:20"))

    monitor.hear(assigned("12:00", "a2"))

    assert monitor.types()[-1] == "started absolute-max"


def test_the_miss_stays_with_who_missed_it() -> None:
    monitor = Monitor(terms(ABSOLUTE))
    monitor.hear(assigned("10:00"))
    monitor.wait_until(at("10:00").replace(day=26))

    monitor.hear(fact(FactKind.ASSIGNED, at("10:00").replace(day=26), assignment="a2", rep="ops"))

    assert monitor.clock("absolute-max").rep == "mary"


def test_what_is_left_of_a_ladder_names_who_has_the_lead_by_then() -> None:
    steps = (step("100%", "notify_rep"), step("110%", "notify_rep"), step("120%", "notify_rep"))
    monitor = Monitor(terms(policy("absolute-max", target="10h", restart=False, steps=steps)))
    monitor.hear(assigned("10:00"))
    monitor.wait_until(at("20:00"))

    monitor.hear(assigned("20:30", "a2", "joe"))
    monitor.wait_until(at("21:00"))
    monitor.hear(assigned("21:30", "a3", "ops"))
    monitor.wait_until(at("23:00"))
    monitor.hear(fact(FactKind.TOUCHED, at("23:30"), assignment="a3", channel="call"))

    assert [each.clocks[0].rep for each in monitor.events(SlaEscalated)] == ["mary", "joe", "ops"]
    assert [each.clocks[0].rep for each in monitor.events(SlaBreached)] == ["mary"]
    assert (monitor.clock("absolute-max").rep, monitor.clock("absolute-max").status) == ("mary", Status.BREACHED)


def test_a_decision_told_again_changes_nothing() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))

    monitor.hear(assigned("10:20"))

    assert monitor.types() == ["started first-contact"]


def test_a_touch_after_the_breach_does_not_undo_the_miss() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))

    monitor.hear(touched("11:30"))

    assert monitor.clock("first-contact").status is Status.BREACHED
    assert monitor.events(SlaMet) == []


def test_a_touch_from_before_the_due_time_corrects_the_breach() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))

    monitor.hear(touched("11:10", happened="10:59"))

    [met] = monitor.events(SlaMet)
    assert isinstance(met, SlaMet)
    assert met.corrected
    assert (met.clocks[0].at, met.clocks[0].lateness) == (at("10:59"), 0)
    assert (monitor.clock("first-contact").status, monitor.clock("first-contact").corrected) == (Status.MET, True)


def test_a_breach_is_corrected_even_after_the_lead_went_to_somebody_else() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))
    monitor.hear(assigned("11:00", "a2", "joe"))

    monitor.hear(touched("11:10", happened="10:40", assignment=None))

    statuses = {clock.assignment: clock.status for clock in monitor.clocks.values()}
    assert statuses == {"a1": Status.MET, "a2": Status.RUNNING}


def test_enough_touches_on_enough_channels_meet_a_cadence() -> None:
    monitor = Monitor(terms(policy("follow-up", target="21d", touches=3, channels=2)))
    monitor.hear(assigned("10:00"))

    monitor.hear(touched("11:00"), touched("12:00"), touched("13:00"))
    after_three_calls = monitor.clock("follow-up").status
    monitor.hear(touched("14:00", channel="email"))

    assert after_three_calls is Status.RUNNING
    assert monitor.types() == ["started follow-up", "met follow-up"]


def test_too_few_touches_breach_a_cadence() -> None:
    monitor = Monitor(terms(policy("follow-up", target="21d", touches=3, channels=1)))
    monitor.hear(assigned("10:00"), touched("11:00"), touched("12:00"))

    monitor.wait_until(datetime.fromisoformat("2026-04-15T10:00:00Z"))

    assert monitor.types()[-1] == "breached follow-up"


def test_an_erasure_cancels_and_forgets() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))

    monitor.erase("lead", told=at("10:10"))

    [cancelled] = monitor.events(SlaCancelled)
    assert isinstance(cancelled, SlaCancelled)
    assert cancelled.reason == "erased"
    assert monitor.clocks == {}


def test_an_erasure_is_silent_about_what_had_ended() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"), touched("10:05"))

    monitor.erase("lead", told=at("10:10"))

    assert monitor.events(SlaCancelled) == []


def test_each_event_of_a_clock_has_a_higher_version() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))
    begun = monitor.clock("first-contact").version

    monitor.wait_until(at("11:00"))

    assert (begun, monitor.clock("first-contact").version) == (1, 2)
    assert len(monitor.events(SlaBreached)) == 1


def test_a_pause_that_is_told_late_lets_a_breached_clock_run_again_and_tells_no_second_breach() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))
    monitor.wait_until(at("11:00"))

    monitor.hear(fact(FactKind.PAUSED, at("10:10"), until=at("11:10")))
    meanwhile = monitor.clock("first-contact").status
    monitor.wait_until(at("12:00"))

    assert (meanwhile, monitor.clock("first-contact").status) == (Status.RUNNING, Status.BREACHED)
    assert len(monitor.events(SlaBreached)) == 1
