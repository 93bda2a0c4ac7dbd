"""Clocks of leads that turn out to be one person."""

from baton.leads.decisions import Standstill
from baton.leads.events import SlaCancelled, SlaMoved
from baton_sla_monitor.deciding.clock_state import Status
from baton_sla_monitor.deciding.facts import Fact, FactKind
from tests.support.sla import Monitor, at, fact, policy, terms

ROUTE = policy("route", target="5m", start="captured", to="assigned")
CONTACT = policy("contact", target="4h")


def captured(told: str, lead: str) -> Fact:
    return fact(FactKind.CAPTURED, at(told), lead=lead)


def assigned(told: str, lead: str) -> Fact:
    return fact(FactKind.ASSIGNED, at(told), lead=lead, assignment=f"of {lead}", rep="mary")


def merged(told: str, lead: str, into: str) -> Fact:
    return fact(FactKind.MERGED, at(told), lead=lead, other=into)


def statuses(monitor: Monitor, name: str) -> dict[str, Status]:
    return {each.lead: each.status for each in monitor.clocks.values() if each.policy == name}


def test_the_clocks_of_the_younger_assignment_are_cancelled() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00", "old"), assigned("10:30", "new"))

    monitor.hear(merged("11:00", "old", "new"))

    assert statuses(monitor, "contact") == {"old": Status.RUNNING, "new": Status.CANCELLED}
    [cancelled] = monitor.events(SlaCancelled)
    assert isinstance(cancelled, SlaCancelled)
    assert (cancelled.reason, cancelled.lead_id) == ("merged", "new")


def test_a_lead_that_waits_stops_waiting_when_the_other_has_a_rep() -> None:
    monitor = Monitor(terms(ROUTE, CONTACT))
    monitor.hear(assigned("10:00", "one"))
    monitor.hear(captured("10:58", "two"))

    monitor.hear(merged("11:00", "two", "one"))

    assert statuses(monitor, "route") == {"two": Status.CANCELLED}
    assert statuses(monitor, "contact") == {"one": Status.RUNNING}


def test_of_two_that_wait_the_older_clock_goes_on() -> None:
    monitor = Monitor(terms(ROUTE))
    monitor.hear(captured("10:00", "one"))
    monitor.hear(captured("10:01", "two"))

    monitor.hear(merged("10:02", "one", "two"))

    assert statuses(monitor, "route") == {"one": Status.RUNNING, "two": Status.CANCELLED}


def test_a_touch_on_either_lead_meets_the_clock() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00", "one"), merged("10:30", "one", "two"))

    monitor.hear(fact(FactKind.TOUCHED, at("11:00"), lead="two", channel="call"))

    assert statuses(monitor, "contact") == {"one": Status.MET}


def test_after_unmerging_each_is_a_person_again() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00", "one"), merged("10:30", "one", "two"))
    monitor.hear(fact(FactKind.UNMERGED, at("11:00"), lead="one", other="two"))

    monitor.hear(fact(FactKind.TOUCHED, at("11:30"), lead="two", channel="call"))

    assert statuses(monitor, "contact") == {"one": Status.RUNNING}


def test_the_clocks_that_stay_stand_still_while_the_other_lead_was_paused() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00", "old"), assigned("10:30", "new"))
    monitor.hear(fact(FactKind.PAUSED, at("10:40"), lead="new"))

    monitor.hear(merged("11:00", "new", "old"))
    monitor.hear(fact(FactKind.RESUMED, at("12:00"), lead="old"))

    stopped, resumed = (each.clocks[0] for each in monitor.events(SlaMoved)[-2:])
    assert (stopped.stopped, stopped.due) == (Standstill(since=at("11:00"), until=None, left=3 * 3600), None)
    assert resumed.due == at("15:00")


def test_merging_in_a_circle_ends() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00", "one"), merged("10:30", "one", "two"))

    monitor.hear(merged("11:00", "two", "one"))

    assert statuses(monitor, "contact") == {"one": Status.RUNNING}
