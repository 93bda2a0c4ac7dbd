"""Who may have a lead, and the code that each other is left out with."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from baton.kernel.calendars import Calendar
from baton.leads.decisions import SkipCode
from baton.leads.playbook.model import Caps, Member
from baton_router.deciding.ledger import Load
from baton_router.deciding.periods import periods
from baton_router.deciding.values import Absence
from tests.support.playbooks import WEDNESDAY, Router, candidate, codes, lead, playbook, pool, rep

HOUR = timedelta(hours=1)
PAIR = pool("sdr", "mary", "joe")


def router() -> Router:
    return Router(playbook(PAIR))


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"paused": True}, "paused"),
        ({"active": False}, "inactive"),
        ({"absences": [Absence(WEDNESDAY, WEDNESDAY + HOUR)]}, "absent"),
        ({"absences": [Absence(WEDNESDAY, None)]}, "absent"),
        ({"absences": [Absence(WEDNESDAY - HOUR, WEDNESDAY + HOUR, "joe")]}, "absent"),
        ({"benched_until": WEDNESDAY + HOUR}, "benched"),
    ],
)
def test_a_rep_who_is_not_there_is_left_out_with_the_reason(state: dict[str, object], code: str) -> None:
    decision = router().say("mary", **state).decide()

    assert codes(decision) == {"mary": code, "joe": None}
    assert candidate(decision, "mary").reason
    assert not candidate(decision, "mary").eligible


def test_a_reason_gives_its_moment_as_people_read_it() -> None:
    decision = router().say("mary", absences=[Absence(WEDNESDAY, WEDNESDAY + HOUR)]).decide()

    assert "until 2026-03-25 13:00 UTC" in candidate(decision, "mary").reason


@pytest.mark.parametrize(
    "state",
    [
        {"absences": [Absence(WEDNESDAY - HOUR, WEDNESDAY)]},
        {"absences": [Absence(WEDNESDAY + HOUR, WEDNESDAY + 2 * HOUR)]},
        {"benched_until": WEDNESDAY},
    ],
)
def test_an_absence_is_half_open_and_a_bench_ends(state: dict[str, object]) -> None:
    assert router().say("mary", **state).assign().rep == "mary"


def test_what_was_said_of_a_rep_beats_the_playbook() -> None:
    book = playbook(PAIR, reps=[rep("mary", active=False)])

    assert Router(book).assign().rep == "joe"
    assert Router(book).say("mary", active=True).assign().rep == "mary"


def test_who_declined_or_missed_this_lead_does_not_get_it_again() -> None:
    decision = router().decide(declined=frozenset({"mary"}), missed=frozenset({"joe"}))

    assert codes(decision) == {"mary": "declined", "joe": "missed", "ops": None}


def test_a_pool_may_ask_for_a_language_that_the_lead_speaks() -> None:
    book = playbook(
        replace(PAIR, match={"languages": "lead.language", "skills": "lead.custom.product"}),
        reps=[rep("mary", attributes={"languages": ("en",)}), rep("joe", attributes={"languages": ("de", "en")})],
    )

    assert codes(Router(book).decide(lead(language="DE "))) == {"mary": "skill", "joe": None}
    assert Router(book).assign(lead()).rep == "mary"


def test_a_skill_may_be_asked_for_by_a_field_of_ones_own() -> None:
    book = playbook(
        replace(PAIR, match={"skills": "lead.custom.product"}), reps=[rep("joe", attributes={"skills": ("crm",)})]
    )

    assert Router(book).assign(lead(custom={"product": "CRM"})).rep == "joe"


@pytest.mark.parametrize(
    ("clock", "free"), [("08:59", []), ("09:00", ["joe"]), ("16:59", ["joe"]), ("17:00", [])]
)  # fmt: skip
def test_working_hours_are_half_open(clock: str, free: list[str]) -> None:
    book = playbook(pool("sdr", "joe", calendar="office", outside_hours="hold"))

    told = codes(Router(book).at(clock).decide())

    assert [name for name, code in told.items() if code is None] == free


def test_a_reps_own_calendar_holds_before_the_pools() -> None:
    night = Calendar.parse("night", {"hours": {"mon-sun": ["22:00-06:00"]}, "time_zone": "UTC"})
    book = playbook(replace(PAIR, calendar="office"), reps=[rep("mary", calendar="night")], calendars=[night])

    assert codes(Router(book).at("12:00").decide()) == {"mary": "outside_hours", "joe": None}
    assert codes(Router(book).at("23:00").decide()) == {"joe": "outside_hours", "mary": None}


def test_hours_without_a_zone_are_the_reps_and_a_zone_of_the_calendar_stays() -> None:
    local = Calendar.parse("local", {"hours": {"mon-fri": ["09:00-17:00"]}})
    book = playbook(
        pool("sdr", "tokyo", "berlin", calendar="local"), calendars=[local],
        reps=[rep("tokyo", time_zone="Asia/Tokyo"), rep("berlin", time_zone="Europe/Berlin")],
    )  # fmt: skip

    assert codes(Router(book).at("02:00").decide()) == {"berlin": "outside_hours", "tokyo": None}
    assert codes(Router(book).at("12:00").decide()) == {"tokyo": "outside_hours", "berlin": None}
    assert Router(playbook(pool("sdr", "tokyo", calendar="office"), reps=[rep("tokyo", time_zone="Asia/Tokyo")])).at(
        "12:00"
    ).reps(1) == ["tokyo"]


def test_without_a_calendar_a_rep_is_always_in_hours() -> None:
    assert router().at("03:00", days=4).assign().rep == "mary"


@pytest.mark.parametrize(
    ("cap", "code"),
    [
        ("per_hour", "cap_hour"), ("per_day", "cap_day"), ("per_week", "cap_week"), ("per_month", "cap_month"),
        ("open", "cap_open"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["pool", "member", "rep"])
def test_every_cap_holds_on_a_pool_a_member_and_a_rep(cap: str, code: str, place: str) -> None:
    caps = Caps(**{cap: 2})
    mary = Member("mary", caps=caps) if place == "member" else Member("mary")
    wanted = pool("sdr", mary, Member("joe", caps=Caps()), caps=caps if place == "pool" else Caps())
    router = Router(playbook(wanted, reps=[rep("mary", caps=caps if place == "rep" else Caps())]))
    declined = frozenset({"joe"})

    given = [router.decide(declined=declined) for _ in range(3)]

    assert [codes(each)["mary"] for each in given] == [None, None, code]
    told = candidate(given[2], "mary")
    assert told.counters == {"count": 2, "limit": 2}
    assert "2 of at most 2" in told.reason


def test_a_pools_cap_holds_for_each_member_and_a_members_for_that_pool_only() -> None:
    book = playbook(pool("sdr", "mary", "joe", caps=Caps(per_day=1), overflow="ae"), pool("ae", "mary"))

    assert Router(book).reps(4) == ["mary", "joe", "mary", "mary"]


def test_a_reps_cap_holds_over_all_pools() -> None:
    book = playbook(pool("sdr", "mary", overflow="ae"), pool("ae", "mary"), reps=[rep("mary", caps=Caps(per_day=2))])

    router = Router(book)
    router.reps(2)

    assert router.hold().reason == "everyone has reached a cap"


def test_caps_that_were_said_replace_the_reps_own() -> None:
    book = playbook(PAIR, reps=[rep("mary", caps=Caps(per_day=1))])
    declined = frozenset({"joe"})

    assert Router(book).say("mary", caps=Caps(per_day=3)).reps(3, declined=declined) == ["mary"] * 3


def test_an_owners_leads_count_as_load_and_not_as_a_turn() -> None:
    router = Router(playbook(PAIR, reps=[rep("mary", caps=Caps(open=1))]))
    router.ledger.took("mary", None, turn=None)

    decision = router.decide()

    assert codes(decision) == {"mary": "cap_open", "joe": None}
    assert router.ledger.turn(("sdr", ""), "mary").count == 0


def test_the_hour_rolls_and_the_others_are_calendar_periods_of_the_reps_zone() -> None:
    now = datetime.fromisoformat("2026-03-29T22:30:00+00:00")  # the day on which Berlin's clocks went forward

    frame = periods(now, "Europe/Berlin")

    assert frame.hour == now - HOUR
    assert frame.day.isoformat() == "2026-03-29T22:00:00+00:00"
    assert frame.week.isoformat() == "2026-03-29T22:00:00+00:00"  # Monday there
    assert frame.month.isoformat() == "2026-02-28T23:00:00+00:00"
    assert frame.next_day.isoformat() == "2026-03-30T22:00:00+00:00"
    assert frame.next_month.isoformat() == "2026-03-31T22:00:00+00:00"


def test_periods_are_those_of_the_calendar_where_the_rep_has_no_zone() -> None:
    tokyo = Calendar.parse("tokyo", {"hours": {"mon-sun": ["00:00-24:00"]}, "time_zone": "Asia/Tokyo"})
    router = Router(playbook(pool("sdr", "mary", calendar="tokyo", caps=Caps(per_day=1)), calendars=[tokyo]))
    router.reps(1)

    held = router.hold()

    assert held.look_at.isoformat() == "2026-03-25T15:00:00+00:00"


def test_a_cap_of_an_hour_frees_when_the_oldest_lead_leaves_it() -> None:
    router = Router(playbook(pool("sdr", "mary", caps=Caps(per_hour=2))))
    router.ledger.loads["mary", "sdr"] = Load(hour=2, hour_frees_at=WEDNESDAY + timedelta(minutes=7))

    assert router.hold().look_at == WEDNESDAY + timedelta(minutes=7)


def test_only_the_first_reason_is_told_and_hours_only_where_nothing_else_is_in_the_way() -> None:
    book = playbook(replace(PAIR, calendar="office", caps=Caps(open=0)))

    decision = Router(book).at("03:00").say("mary", paused=True).decide()

    assert codes(decision) == {"mary": SkipCode.PAUSED, "joe": SkipCode.CAP_OPEN}
