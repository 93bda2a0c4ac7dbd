"""What a recorded history becomes when it is told again."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from baton.kernel.ids import derived_id
from baton.leads.playbook.model import Caps
from baton_router.deciding.values import Absence, Account, RepState
from baton_router.timeline_repository import Entry
from baton_standalone.backtesting.converting import Conversion, Line, directory_line, rep_lines
from baton_standalone.scenario import Request, Told, read_lines
from tests.support.playbooks import playbook, pool

AT = datetime(2026, 3, 25, 9, tzinfo=UTC)
LEAD = "3d21f9ee-d85e-5a10-bda2-dff7da80567a"
OTHER = "0e6a6a3c-9f0f-5a8b-9a0e-6d3e1fd4a111"
DISPOSED: Mapping[str, Any] = {
    "assignment_id": "a1",
    "disposition": {"verdict": "sql", "reason": "budget", "by": "mary"},
}


def entry(kind: str, *, lead: str = LEAD, minute: int = 0, id: str = "", **data: Any) -> Entry:  # noqa: A002
    at = AT + timedelta(minutes=minute)
    return Entry(lead, at, kind, id or derived_id(kind, lead, str(minute)), orjson.dumps({"lead_id": lead, **data}))


def given(rep: str, *, pool: str | None = "sales", id: str = "a1", rule: str = "Everyone", **more: Any) -> Any:  # noqa: A002
    return {"id": id, "rep": rep, "pool": pool, "rule": rule, **more}


def converted(*entries: Entry) -> list[Line]:
    conversion = Conversion()
    return [line for each in entries if (line := conversion.line(each)) is not None]


def commands(*entries: Entry) -> list[tuple[str, Any, Mapping[str, Any] | None]]:
    return [(line["request"].rpartition("/")[2], line["body"], line.get("only_while")) for line in converted(*entries)]


@pytest.mark.parametrize("kind", ["lead.captured", "lead.activity", "meeting.booked", "meeting.cancelled"])
def test_what_came_in_is_told_again_as_it_was(kind: str) -> None:
    (line,) = converted(entry(kind, minute=5, what="ever"))

    assert line == {
        "at": "2026-03-25T09:05:00Z",
        "event": kind,
        "id": derived_id(kind, LEAD, "5"),
        "data": {"lead_id": LEAD, "what": "ever"},
    }


def test_what_follows_by_the_playbook_is_left_out() -> None:
    assert converted(entry("lead.assigned", assignment=given("mary")), entry("lead.nurtured")) == []


def test_a_test_delivery_is_left_out() -> None:
    assert converted(entry("lead.captured", test=True)) == []


def test_a_merge_that_stands_in_two_stories_is_told_once() -> None:
    merged: Mapping[str, Any] = {"from": LEAD, "into": OTHER, "id": derived_id("merge")}

    lines = converted(entry("lead.merged", **merged), entry("lead.merged", lead=OTHER, **merged))

    assert [line["event"] for line in lines] == ["lead.merged"]


def test_people_do_again_what_they_did_whoever_has_the_lead() -> None:
    touch = {"kind": "call", "at": "2026-03-25T09:01:00Z", "by": "mary", "note": "private"}

    assert commands(
        entry("lead.accepted", assignment_id="a1", by="mary"),
        entry("lead.touched", minute=2, assignment_id="a1", touch=touch),
        entry("lead.paused", minute=3, reason="away", until=None),
        entry("lead.resumed", minute=4, reason=None, until=None),
        entry("lead.disposed", minute=5, **DISPOSED),
    ) == [
        ("accept", {}, None),
        ("touches", {"kind": "call", "at": "2026-03-25T09:01:00Z"}, None),
        ("pause", {"reason": "away", "until": None}, None),
        ("resume", {}, None),
        ("disposition", {"verdict": "sql", "reason": "budget"}, None),
    ]


@pytest.mark.parametrize("kind", ["lead.activity", "meeting.booked"])
def test_a_touch_that_follows_from_what_is_told_again_is_not_made_twice(kind: str) -> None:
    told = entry(kind, by="mary@example.com")
    touched = derived_id("lead.touched", told.event_id)

    lines = converted(told, entry("lead.touched", id=touched, touch={"kind": "call", "at": "2026-03-25T09:00:00Z"}))

    assert [line.get("event") for line in lines] == [kind]


def test_a_pause_whose_end_was_said_ends_by_itself() -> None:
    paused = entry("lead.paused", reason="away", until="2026-03-25T09:30:00Z")

    by_itself = commands(paused, entry("lead.resumed", minute=30, reason="the pause has ended"))
    earlier = commands(paused, entry("lead.resumed", minute=20, reason="back"))

    assert [what for what, *_ in by_itself] == ["pause"]
    assert [what for what, *_ in earlier] == ["pause", "resume"]


@pytest.mark.parametrize(
    ("pool_", "like"), [("sales", {"pool": "sales"}), (None, {"rep": "mary"})], ids=["of a pool", "of a rep"]
)
def test_a_decline_counts_where_the_lead_is_in_the_same_hands(pool_: str | None, like: dict[str, str]) -> None:
    assigned = entry("lead.assigned", assignment=given("mary", pool=pool_))

    (decline,) = commands(assigned, entry("lead.declined", minute=1, assignment_id="a1", reason="not mine"))

    assert decline == ("decline", {"reason": "not mine"}, like)


def moved(why: str, to: Any, *, minute: int = 2) -> Entry:
    return entry(
        "lead.reassigned", minute=minute, assignment={**to, "previous": {"id": "a1", "rep": "mary", "why": why}}
    )


@pytest.mark.parametrize(
    ("why", "rule", "body"),
    [
        ("reassigned", "Everyone", {}),
        ("reassigned", "reassigned", {"rep": "joe"}),
        ("handover", "handover", {"rep": "joe"}),
    ],
    ids=["to the next", "to somebody named", "all of a rep's"],
)
def test_who_was_reassigned_by_a_person_is_so_again(why: str, rule: str, body: dict[str, str]) -> None:
    assigned = entry("lead.assigned", assignment=given("mary"))

    (again,) = commands(assigned, moved(why, given("joe", id="a2", rule=rule)))

    assert again == ("reassign", {"reason": "as recorded", **body}, {"pool": "sales"})


@pytest.mark.parametrize("why", ["declined", "missed", "rerouted", "absent", "inactive"])
def test_who_was_reassigned_by_the_rules_is_left_to_them(why: str) -> None:
    assert commands(entry("lead.assigned", assignment=given("mary")), moved(why, given("joe", id="a2"))) == []


def test_a_reassignment_that_was_held_first_is_one() -> None:
    previous = {"id": "a1", "rep": "mary", "why": "reassigned"}

    again = commands(
        entry("lead.assigned", assignment=given("mary")),
        entry("lead.held", minute=1, previous=previous, hold={"reason": "nobody", "pool": "sales"}),
        moved("reassigned", given("joe", id="a2"), minute=30),
    )

    assert again == [("reassign", {"reason": "as recorded"}, {"pool": "sales"})]


def test_who_got_a_lead_by_name_that_nobody_had_gets_it_unless_somebody_has() -> None:
    (again,) = commands(entry("lead.assigned", assignment=given("joe", pool=None, rule="reassigned")))

    assert again == ("reassign", {"reason": "as recorded", "rep": "joe"}, {"rep": None})


def test_only_acts_of_people_are_counted() -> None:
    conversion = Conversion()

    for each in (entry("lead.captured"), entry("lead.assigned", assignment=given("mary")), entry("lead.accepted")):
        conversion.line(each)

    assert conversion.acts == 1


def test_absences_and_caps_are_said_of_reps_whom_the_playbook_knows() -> None:
    until = AT + timedelta(days=1)
    states = {
        "gone": RepState(caps=Caps(open=1)),
        "mary": RepState(paused=True, absences=[Absence(AT, until, "gone"), Absence(AT, None, None)]),
        "joe": RepState(active=False, caps=Caps(per_day=5)),
        "ops": RepState(paused=True),
    }

    lines = list(rep_lines(states, playbook(pool("sales", "mary", "joe")), at=AT))

    away = {"from": "2026-03-25T09:00:00Z", "to": "2026-03-26T09:00:00Z", "nominee": None}
    caps = {"per_hour": None, "per_day": 5, "per_week": None, "per_month": None, "open": None}
    assert [(line["request"], line["body"]) for line in lines] == [
        ("PATCH /router/v1/reps/joe", {"caps": caps}),
        ("PATCH /router/v1/reps/mary", {"absences": [away]}),
    ]


def test_every_line_is_one_of_a_scenario() -> None:
    lead = {"lead_id": LEAD, "account": "oak.example"}
    lines = [
        directory_line([Account("oak", "Oak", ("oak.example",), owner="mary")], at=AT),
        *converted(
            Entry(LEAD, AT, "lead.captured", derived_id("c"), orjson.dumps({"lead": lead, "activity": None})),
            entry("lead.assigned", assignment=given("mary")),
            entry("lead.declined", minute=1, assignment_id="a1", reason="no time"),
        ),
    ]

    put, told, decline = read_lines(orjson.dumps(line).decode() for line in lines)

    assert isinstance(put, Request)
    assert put.written == "PUT /router/v1/accounts"
    assert isinstance(told, Told)
    assert told.data.subject == LEAD
    assert isinstance(decline, Request)
    assert (decline.lead, decline.only_while) == (LEAD, {"pool": "sales"})
