"""Topics may deliver in any order: the clocks end up the same."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from baton_sla_monitor.deciding.clock_state import ClockState, Status
from baton_sla_monitor.deciding.facts import Fact, FactKind
from tests.support.sla import DAY, Monitor, fact, policy, step, terms, warn

PROMISED = terms(
    policy("route", target="5m", start="captured", to="assigned", steps=(step("10m", "notify_manager"),)),
    policy("contact", target="30m", steps=(warn(50), step("100%", "reassign"))),
    policy("absolute", target="90m", restart=False),
    policy("accept", target="20m", to="accepted"),
    policy("follow-up", target="3h", touches=2, channels=2),
    policy("disposition", target="4h", to="disposed"),
)
DECISIONS = (FactKind.ASSIGNED, FactKind.HELD, FactKind.NURTURED, FactKind.REJECTED)
LATER = DAY + timedelta(days=3)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """What may happen to one lead, and to another that may turn out to be the same person."""
    facts: list[Fact] = []
    open_assignments = dict.fromkeys(("one", "two"), "none")
    minutes = draw(st.lists(st.integers(0, 300), min_size=1, max_size=9, unique=True).map(sorted))
    for number, minute in enumerate(minutes):
        lead = draw(st.sampled_from(["one", "one", "two"]))
        kind = draw(st.sampled_from(list(FactKind)))
        made = replace(fact(kind, DAY + timedelta(minutes=minute), lead=lead), id=f"f{number}")
        if kind is FactKind.ASSIGNED:
            open_assignments[lead] = f"a{number}"
        facts.append(_detailed(draw, made, assignment=open_assignments[lead], version=number))
    return facts


def _detailed(draw: st.DrawFn, made: Fact, *, assignment: str, version: int) -> Fact:
    match made.kind:
        case FactKind.ASSIGNED:
            return replace(made, assignment=assignment, rep=draw(st.sampled_from(("mary", "joe"))), sequence=version)
        case FactKind.TOUCHED:
            early = timedelta(minutes=draw(st.sampled_from([0, 0, 3, 15])))
            return replace(
                made, at=made.at - early, assignment=assignment, channel=draw(st.sampled_from(["call", "email"])),
                sequence=version,
            )  # fmt: skip
        case FactKind.ACCEPTED | FactKind.DISPOSED:
            return replace(made, assignment=assignment, sequence=version)
        case FactKind.PAUSED:
            until = draw(st.none() | st.integers(1, 100).map(lambda each: made.at + timedelta(minutes=each)))
            return replace(made, until=until, sequence=version)
        case FactKind.HELD:
            return replace(made, outside_hours=draw(st.booleans()), sequence=version)
        case FactKind.MERGED | FactKind.UNMERGED:
            return replace(made, other="two" if made.lead == "one" else "one")
        case _:
            return made


def end_state(clock: ClockState) -> ClockState:
    """What must not depend on the order: all but what was told on the way."""
    return replace(clock, breached_at=None, corrected=False, fired=0, next_at=None, version=0)


def end_states(monitor: Monitor) -> dict[str, ClockState]:
    return {key: end_state(clock) for key, clock in monitor.clocks.items()}


def in_time(facts: Sequence[Fact]) -> Monitor:
    """Each fact is heard when it is told."""
    monitor = Monitor(PROMISED)
    for each in facts:
        monitor.hear(each)
    monitor.wait_until(LATER)
    return monitor


@given(histories().flatmap(lambda facts: st.tuples(st.just(facts), st.permutations(facts))))
def test_the_end_state_is_the_same_in_any_order_of_arrival(histories: tuple[list[Fact], list[Fact]]) -> None:
    facts, shuffled = histories
    monitor = Monitor(PROMISED)

    for each in shuffled:
        monitor.hear(each, now=facts[-1].told)
    monitor.wait_until(LATER)

    assert end_states(monitor) == end_states(in_time(facts))


@given(histories())
def test_hearing_everything_at_once_is_the_same_as_one_by_one(facts: list[Fact]) -> None:
    monitor = Monitor(PROMISED)

    monitor.hear(*facts)
    monitor.wait_until(LATER)

    assert end_states(monitor) == end_states(in_time(facts))


@given(histories(), st.data())
def test_hearing_a_fact_again_tells_nothing(facts: list[Fact], data: st.DataObject) -> None:
    monitor = in_time(facts)
    told = len(monitor.told)

    monitor.hear(data.draw(st.sampled_from(facts)))

    assert len(monitor.told) == told


@given(histories())
def test_every_clock_begins_once_and_breaches_at_most_once(facts: list[Fact]) -> None:
    monitor = in_time(facts)

    for clock in monitor.clocks.values():
        told = [each.type for each in monitor.told for told_of in each.clocks if told_of.id == clock.id]
        assert told.count("sla.started") == 1
        assert told.count("sla.breached") <= 1


@given(histories())
def test_one_clock_of_a_policy_runs_per_lead(facts: list[Fact]) -> None:
    monitor = Monitor(PROMISED)

    for each in facts:
        monitor.hear(each)

        running = [(clock.lead, clock.policy) for clock in monitor.clocks.values() if clock.status is Status.RUNNING]
        assert len(running) == len(set(running))


@given(histories().flatmap(st.permutations))
def test_what_was_told_last_of_a_running_clock_is_when_it_is_due_and_whose_it_is(facts: list[Fact]) -> None:
    monitor = Monitor(PROMISED)

    for each in facts:
        monitor.hear(each, now=max(told.told for told in facts))

        told = {clock.id: clock for event in monitor.told for clock in event.clocks}
        running = [clock for clock in monitor.clocks.values() if clock.status is Status.RUNNING]
        assert [(told[clock.id].due, told[clock.id].rep) for clock in running] == [
            (clock.due, clock.rep) for clock in running
        ]


@given(histories())
def test_a_running_clock_always_has_something_due_unless_it_stands_still(facts: list[Fact]) -> None:
    monitor = in_time(facts)

    for clock in monitor.clocks.values():
        if clock.status is Status.RUNNING:
            assert clock.due is None or clock.next_at is not None
