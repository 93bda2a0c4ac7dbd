"""From events and playbook to facts and terms."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import orjson

from baton.kernel.calendars import Calendar
from baton.kernel.segments import Pause
from baton.leads.conditions.condition import Comparison, Facts
from baton.leads.decisions import AccountTrace, Assignment, Hold, Touch, Trace
from baton.leads.envelope import Event
from baton.leads.events import EventData, LeadActivity, LeadAssigned, LeadCaptured, LeadHeld, LeadTouched
from baton.leads.playbook.model import Playbook, Scoring, SlaPolicy, Target
from baton.leads.values import Activity, Lead
from baton_sla_monitor.deciding.facts import FactKind
from baton_sla_monitor.deciding.terms import pack_terms, unpack_terms
from baton_sla_monitor.history import pack_facts, unpack_facts
from baton_sla_monitor.reading import agreed_terms, read_fact
from tests.support.sla import policy, step, terms, warn

NOW = datetime(2026, 3, 25, 10, tzinfo=UTC)
US_WEST = Calendar.parse(
    "us-west",
    {
        "hours": {"mon-fri": ["09:00-12:00", "22:00-06:00"]},
        "holidays": ["US", "2026-07-03"],
        "special": {"2026-12-24": ["09:00-12:00"]},
        "boundary": "next_open",
    },
)


@dataclass(frozen=True)
class Expects:
    """A condition that wants the facts to have certain account fields."""

    account: Mapping[str, object]
    fields: frozenset[str] = frozenset()
    activity_kinds: frozenset[str] = frozenset()
    windows: frozenset[timedelta] = field(default_factory=frozenset)

    def matches(self, facts: Facts) -> bool:
        return dict(facts.account) == dict(self.account)

    def explain(self, facts: Facts) -> tuple[bool, tuple[Comparison, ...]]:
        return self.matches(facts), ()

    def evidence(self, _: Facts) -> tuple[Activity, ...]:
        return ()


def playbook(*policies: SlaPolicy) -> Playbook:
    return Playbook(
        hash="h1", version="1", files={}, sources={}, scoring=Scoring(), territories=(), reps={}, pools={},
        routing=(), catch_all=Target(assign="ops"), calendars={"us-west": US_WEST}, sla=policies,
    )  # fmt: skip


def event(data: EventData, sequence: int | None = None) -> Event:
    return Event(id="e1", source="/test", time=NOW, key="key", data=data, sequence=sequence)


def assigned(assignment: Assignment, account: AccountTrace | None = None) -> LeadAssigned:
    trace = Trace(playbook="h1", rules=[], candidates=[], account=account)
    return LeadAssigned(lead=Lead(lead_id="lead", source="web"), score=None, assignment=assignment, trace=trace)


def assignment(**more: str) -> Assignment:
    given = {"id": "a1", "rep": "mary", "pool": "sdr", "rule": "r", "reason": "turn"} | more
    return Assignment.model_validate({**given, "at": NOW - timedelta(seconds=1)})


def test_a_rep_clock_counts_the_calendar_of_the_assignment_in_the_reps_zone() -> None:
    told = event(assigned(assignment(calendar="us-west", time_zone="America/Los_Angeles")))

    [agreed] = agreed_terms(told, playbook(policy("contact", target="1h", clock="rep")))

    assert (agreed.calendar.name, agreed.calendar.time_zone) == ("us-west", "America/Los_Angeles")


def test_a_rep_without_a_calendar_is_always_open() -> None:
    [agreed] = agreed_terms(event(assigned(assignment())), playbook(policy("contact", target="1h", clock="rep")))

    assert agreed.calendar.never_closes


def test_a_clock_may_name_a_calendar() -> None:
    [agreed] = agreed_terms(event(assigned(assignment())), playbook(policy("contact", target="1h", clock="us-west")))

    assert agreed.calendar == US_WEST


def test_a_policy_whose_condition_does_not_hold_starts_nothing() -> None:
    unmet = policy("contact", target="1h", when=Expects({"status": "customer"}))

    agreed = agreed_terms(event(assigned(assignment())), playbook(unmet, policy("other", target="1h")))

    assert [each.policy.name for each in agreed] == ["other"]


def test_a_condition_sees_the_account_that_the_lead_was_matched_to() -> None:
    known: dict[str, object] = {"id": "acme.com", "status": "customer"}
    matched = AccountTrace(id="acme.com", how="domain", facts=known)
    told = event(assigned(assignment(account="acme.com"), matched))

    agreed = agreed_terms(told, playbook(policy("contact", target="1h", when=Expects(known))))

    assert len(agreed) == 1


def test_a_capture_starts_only_what_begins_there() -> None:
    told = event(LeadCaptured(lead=Lead(lead_id="lead"), activity=None))
    both = playbook(policy("route", target="5m", start="captured", to="assigned"), policy("contact", target="1h"))

    agreed = agreed_terms(told, both)

    assert [each.policy.name for each in agreed] == ["route"]


def test_a_test_capture_is_no_fact() -> None:
    told = event(LeadCaptured(lead=Lead(lead_id="lead"), activity=None, test=True))

    agreed = agreed_terms(told, playbook(policy("route", target="5m", start="captured", to="assigned")))

    assert (agreed, read_fact(told, agreed)) == ((), None)


def test_an_activity_is_no_fact() -> None:
    visit = Activity(id="1", kind="page_view", at=NOW, source="web")

    assert read_fact(event(LeadActivity(lead_id="lead", account=None, activity=visit)), ()) is None


def test_a_clock_starts_at_the_instant_of_the_assignment_and_belongs_to_the_nominee() -> None:
    fact = read_fact(event(assigned(assignment(nominee="joe")), sequence=7), ())

    assert fact is not None
    assert (fact.at, fact.told, fact.rep, fact.sequence) == (NOW - timedelta(seconds=1), NOW, "joe", 7)


def test_a_touch_happened_when_the_rep_says() -> None:
    touch = Touch(kind="call", at=NOW - timedelta(minutes=10), by="mary")

    fact = read_fact(event(LeadTouched(lead_id="lead", assignment_id="a1", touch=touch)), ())

    assert fact is not None
    assert (fact.at, fact.channel) == (NOW - timedelta(minutes=10), "call")


def test_only_a_hold_for_working_hours_stops_a_clock() -> None:
    trace = Trace(playbook="h1", rules=[], candidates=[])

    held = [
        read_fact(
            event(
                LeadHeld(
                    lead=Lead(lead_id="lead"),
                    score=None,
                    hold=Hold(reason=reason, since=NOW, until=NOW + timedelta(days=1)),
                    trace=trace,
                )
            ),
            (),
        )
        for reason in ("outside_hours", "outside working hours", "cap_day")
    ]

    assert [fact.outside_hours for fact in held if fact] == [True, True, False]


def test_terms_survive_being_stored() -> None:
    ladder = (warn(50), step("15m", "notify_rep", warns=True), step("100%", {"assign": "catch_all"}))
    promised = policy("contact", target="2wd", clock="rep", restart=False, steps=ladder, touches=8, channels=2)
    told = event(assigned(assignment(calendar="us-west", time_zone="Europe/Berlin")))
    [agreed] = agreed_terms(told, playbook(promised))

    read = unpack_terms(agreed.id, pack_terms(agreed))

    assert read == agreed
    assert read.calendar.special == {date(2026, 12, 24): US_WEST.special[date(2026, 12, 24)]}


def test_the_pauses_of_a_calendar_are_stored_with_the_terms_and_missing_in_older_ones() -> None:
    pauses = (Pause(datetime(2026, 3, 27, 12, tzinfo=UTC), datetime(2026, 3, 27, 13, tzinfo=UTC)),)
    [agreed] = terms(policy("contact", target="1h"), calendar=replace(US_WEST, pauses=pauses))
    packed = orjson.loads(pack_terms(agreed))
    older = packed | {"calendar": {key: value for key, value in packed["calendar"].items() if key != "pauses"}}

    assert unpack_terms(agreed.id, orjson.dumps(packed)).calendar.pauses == pauses
    assert unpack_terms(agreed.id, orjson.dumps(older)).calendar.pauses == ()


def test_facts_survive_being_stored() -> None:
    agreed = agreed_terms(event(assigned(assignment())), playbook(policy("contact", target="1h")))
    fact = read_fact(event(assigned(assignment()), sequence=3), agreed)
    assert fact is not None

    read = unpack_facts("lead", pack_facts([fact]))

    assert read == [fact]
    assert read[0].kind is FactKind.ASSIGNED
