"""What happens when nobody is eligible: overflow, outside hours, held, the catch-all."""

from dataclasses import replace
from datetime import timedelta

import pytest

from baton.kernel.calendars import Calendar
from baton.kernel.durations import parse_duration
from baton.leads.playbook.model import Caps, Member, Pool, Target
from baton_router.deciding.values import Absence, Held
from tests.support.playbooks import WEDNESDAY, Router, candidate, codes, playbook, pool, rep, rules

HOUR = timedelta(hours=1)
SHUT = replace(pool("sdr", "mary", "joe", calendar="office"), outside_hours="hold")


def away(hours: float) -> Absence:
    return Absence(WEDNESDAY - HOUR, WEDNESDAY + timedelta(hours=hours))


def test_the_overflow_has_it_when_nobody_of_the_pool_is_eligible() -> None:
    book = playbook(pool("a", "ann", overflow="b"), pool("b", "bob", overflow="c"), pool("c", "cid"))
    router = Router(book).say("ann", paused=True).say("bob", paused=True)

    decision = router.decide()

    assert codes(decision) == {"ann": "paused", "bob": "paused", "cid": None}
    assert candidate(decision, "cid").pool == "c"


def test_an_overflow_in_hours_comes_before_the_pool_itself_outside_hours() -> None:
    book = playbook(pool("a", "ann", overflow="b", calendar="office"), pool("b", "bob"))

    assert Router(book).at("03:00").assign().rep == "bob"


def test_outside_hours_the_next_in_turn_of_those_otherwise_eligible_has_it() -> None:
    book = playbook(pool("sdr", "mary", "joe", "ann", calendar="office", overflow="b"), pool("b", calendar="office"))
    router = Router(book).at("03:00").say("joe", paused=True)

    decision = router.decide()

    assert codes(decision) == {"joe": "paused", "mary": None, "ann": "not_next"}
    assert candidate(decision, "ann").eligible
    assert router.reps(3) == ["ann", "mary", "ann"]
    assert "outside working hours" in router.assign().reason


def test_outside_hours_a_pool_may_hold_its_leads_until_it_opens() -> None:
    held = Router(playbook(SHUT)).at("03:00").hold()

    assert held == Held(
        reason="outside working hours",
        pool="sdr",
        rule="Everyone",
        until=WEDNESDAY.replace(hour=17) + timedelta(days=2),  # three days of eight hours
        look_at=WEDNESDAY.replace(hour=9),
        only_hours=True,
    )


def test_a_pool_that_holds_does_not_leave_its_leads_to_a_closed_overflow() -> None:
    book = playbook(replace(SHUT, overflow="b"), pool("b", "bob", calendar="office"))

    held = Router(book).at("03:00").hold()

    assert (held.pool, held.reason) == ("sdr", "outside working hours")


def test_a_closed_overflow_that_holds_is_not_troubled() -> None:
    book = playbook(pool("a", "ann", overflow="sdr"), SHUT)

    held = Router(book).at("03:00").say("ann", active=False).hold()

    assert (held.pool, held.look_at) == ("a", WEDNESDAY.replace(hour=9))


def test_a_hold_lasts_24_hours_of_the_pools_calendar() -> None:
    held = Router(playbook(replace(SHUT, caps=Caps(open=0)))).at("10:00").hold()

    # Wednesday 7 h, Thursday 8 h, Friday 8 h, the last one on Monday
    assert held.until == WEDNESDAY.replace(hour=10) + timedelta(days=5)
    assert held.reason == "everyone has reached a cap"
    assert not held.only_hours


def test_a_pool_without_a_calendar_holds_24_hours() -> None:
    assert Router(playbook(pool("sdr", "mary"))).say("mary", paused=True).hold().until == WEDNESDAY + 24 * HOUR


def test_a_pool_may_say_how_long_it_holds() -> None:
    book = playbook(replace(SHUT, hold=parse_duration("2h")))

    assert Router(book).at("03:00").hold().until == WEDNESDAY.replace(hour=11)


@pytest.mark.parametrize("clock", ["03:00", "12:00"])
def test_a_hold_of_nothing_gives_it_to_the_catch_all_at_once(clock: str) -> None:
    book = playbook(replace(SHUT, hold=parse_duration("0s")))

    found = Router(book).at(clock).say("mary", paused=True).say("joe", paused=True).assign()

    assert (found.rep, found.rule, found.pool, found.turn) == ("ops", "catch_all", None, None)
    assert Router(book).at("03:00").assign().rep == "ops"


@pytest.mark.parametrize(
    ("state", "declined", "missed"),
    [({}, {"mary", "joe"}, set()), ({}, {"mary"}, {"joe"}), ({"active": False}, {"mary"}, set())],
)
def test_where_time_can_make_nobody_eligible_the_catch_all_has_it_at_once(
    state: dict[str, object], declined: set[str], missed: set[str]
) -> None:
    router = Router(playbook(SHUT)).at("03:00").say("joe", **state)

    decision = router.decide(declined=frozenset(declined), missed=frozenset(missed))

    assert codes(decision)["ops"] is None
    assert rules(decision)["catch_all"].matched


@pytest.mark.parametrize(
    "state", [{"paused": True}, {"absences": [away(3)]}, {"benched_until": WEDNESDAY + HOUR}], ids=str
)
def test_nobody_is_waited_for_who_comes_back_and_still_can_not_have_the_lead(state: dict[str, object]) -> None:
    router = Router(playbook(replace(SHUT, calendar=None))).say("mary", **state)

    decision = router.decide(declined=frozenset({"joe"}), missed=frozenset({"mary"}))

    assert codes(decision) == {"mary": "missed", "joe": "declined", "ops": None}


def test_where_one_of_them_may_come_back_it_is_held() -> None:
    router = Router(playbook(replace(SHUT, calendar=None))).say("mary", active=False).say("joe", absences=[away(3)])

    held = router.hold(declined=frozenset({"mary"}))

    assert held.look_at == WEDNESDAY + 3 * HOUR
    assert held.reason == "everyone is absent"


def test_where_the_overflow_may_come_back_it_is_held() -> None:
    book = playbook(pool("a", "ann", overflow="b"), pool("b", "bob"))

    held = Router(book).say("bob", benched_until=WEDNESDAY + HOUR).hold(declined=frozenset({"ann"}))

    assert (held.pool, held.look_at, held.reason) == ("a", WEDNESDAY + HOUR, "everyone is benched")


def test_a_pool_without_members_leaves_its_leads_to_the_catch_all() -> None:
    assert Router(playbook(Pool("empty", ()))).assign().rep == "ops"


def test_a_calendar_that_opens_no_more_is_waited_for_until_the_deadline_at_most() -> None:
    over = Calendar.parse("over", {"hours": {"mon-sun": []}, "special": {"2026-01-05": ["09:00-12:00"]}})
    book = playbook(pool("sdr", "mary", outside_hours="hold"), reps=[rep("mary", calendar="over")], calendars=[over])

    held = Router(book).hold()

    assert held.look_at == held.until == WEDNESDAY + 24 * HOUR


@pytest.mark.parametrize(
    ("mary", "joe", "minutes"),
    [
        ({"absences": [away(2)]}, {"absences": [away(1)]}, 60),
        ({"paused": True}, {"absences": [away(1)]}, 15),
        ({"benched_until": WEDNESDAY + HOUR / 2}, {"absences": [away(1)]}, 30),
        ({"absences": [away(48)]}, {"absences": [away(30)]}, 24 * 60),
    ],
)
def test_a_held_lead_is_looked_at_when_somebody_might_have_it_and_at_its_deadline_at_the_latest(
    mary: dict[str, object], joe: dict[str, object], minutes: int
) -> None:
    held = Router(playbook(pool("sdr", "mary", "joe"))).say("mary", **mary).say("joe", **joe).hold()

    assert held.look_at == WEDNESDAY + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("caps", "look_at"),
    [
        (Caps(per_hour=1), WEDNESDAY + HOUR),
        (Caps(per_day=1), WEDNESDAY + 12 * HOUR),
        (Caps(per_day=1, per_hour=1), WEDNESDAY + 12 * HOUR),
        (Caps(per_week=1), WEDNESDAY + 24 * HOUR),
        (Caps(open=1), WEDNESDAY + timedelta(minutes=15)),
    ],
)
def test_a_cap_is_looked_at_when_it_frees(caps: Caps, look_at: object) -> None:
    router = Router(playbook(pool("sdr", "mary", caps=caps)))
    router.reps(1)

    assert router.hold().look_at == look_at


def test_nobody_is_held_for_who_is_only_out_of_hours_while_another_is_capped() -> None:
    book = playbook(pool("sdr", Member("mary", caps=Caps(open=0)), "joe", calendar="office"))

    decision = Router(book).at("03:00").decide()

    assert codes(decision) == {"mary": "cap_open", "joe": None}


def test_of_a_catch_all_pool_somebody_has_it_and_the_least_troubled_first() -> None:
    members = pool("rest", "ann", "bob", "cid", calendar="office")
    book = playbook(pool("sdr", "mary"), members, catch_all=Target(pool="rest"))
    router = Router(book).at("03:00").say("ann", paused=True).say("bob", benched_until=WEDNESDAY)

    decision = router.decide(declined=frozenset({"mary"}))

    assert codes(decision) == {"mary": "declined", "ann": "paused", "bob": "benched", "cid": None}
    found = router.assign(declined=frozenset({"mary"}))
    assert (found.rep, found.rule, found.pool, found.turn) == ("cid", "catch_all", "rest", ("rest", ""))


def test_of_a_catch_all_pool_where_all_are_paused_the_next_in_turn_has_it() -> None:
    book = playbook(pool("sdr", "mary"), pool("rest", "ann", "bob"), catch_all=Target(pool="rest"))
    router = Router(book).say("ann", paused=True).say("bob", paused=True)

    assert router.reps(3, declined=frozenset({"mary"})) == ["ann", "bob", "ann"]
