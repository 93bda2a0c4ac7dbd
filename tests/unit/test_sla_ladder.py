"""Warnings, escalations and what they carry."""

from baton.leads.events import SlaEscalated, SlaWarned
from baton_sla_monitor.deciding.facts import Fact, FactKind
from tests.support.sla import Monitor, at, fact, policy, step, terms, warn


def assigned(told: str, assignment: str = "a1") -> Fact:
    return fact(FactKind.ASSIGNED, at(told), assignment=assignment, rep="mary")


def touched(told: str) -> Fact:
    return fact(FactKind.TOUCHED, at(told), assignment="a1", channel="call")


def escalations(monitor: Monitor) -> list[tuple[str, list[str | dict[str, object]]]]:
    return [(each.step, each.do) for each in monitor.told if isinstance(each, SlaEscalated)]


CONTACT = policy("contact", target="1h", steps=(warn(50), warn(80), step("100%", "notify_rep", "reassign")))


def test_warnings_come_at_their_share_of_the_target() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))

    monitor.wait_until(at("10:59:59"))

    warned = [(each.clocks[0].at, each.clocks[0].percent) for each in monitor.events(SlaWarned)]
    assert warned == [(at("10:30"), 50), (at("10:48"), 80)]


def test_a_plain_warning_is_told_only_as_warned() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))

    monitor.wait_until(at("10:59"))

    assert escalations(monitor) == []


def test_the_breach_comes_before_what_is_done_about_it() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))

    monitor.wait_until(at("11:00"))

    assert monitor.types()[-2:] == ["breached contact", "escalated contact"]
    assert escalations(monitor) == [("100%", ["notify_rep", "reassign"])]


def test_a_step_below_the_target_warns_and_escalates() -> None:
    monitor = Monitor(terms(policy("contact", target="1h", steps=(step("15m", "notify_rep", warns=True),))))
    monitor.hear(assigned("10:00"))

    monitor.wait_until(at("10:15"))

    assert monitor.types()[1:] == ["warned contact", "escalated contact"]
    assert escalations(monitor) == [("15m", ["notify_rep"])]


def test_a_warning_and_a_step_at_one_instant_warn_once() -> None:
    both = (warn(50), step("50%", "notify_rep", warns=True))
    monitor = Monitor(terms(policy("contact", target="1h", steps=both)))
    monitor.hear(assigned("10:00"))

    monitor.wait_until(at("10:30"))

    assert monitor.types()[1:] == ["warned contact", "escalated contact"]


def test_the_ladder_goes_on_after_the_breach() -> None:
    steps = (step("100%", "notify_rep"), step("90m", {"assign": "catch_all"}), step("200%", {"set": {"late": True}}))
    monitor = Monitor(terms(policy("contact", target="1h", steps=steps)))
    monitor.hear(assigned("10:00"))

    monitor.wait_until(at("12:00"))

    instants = [each.clocks[0].at for each in monitor.events(SlaEscalated)]
    assert instants == [at("11:00"), at("11:30"), at("12:00")]
    assert escalations(monitor)[1:] == [("90m", [{"assign": "catch_all"}]), ("200%", [{"set": {"late": True}}])]
    assert [each.clocks[0].percent for each in monitor.events(SlaEscalated)] == [100, 150, 200]


def test_a_touch_after_the_breach_ends_the_remaining_steps() -> None:
    monitor = Monitor(terms(policy("contact", target="1h", steps=(step("2h", "reassign"),))))
    monitor.hear(assigned("10:00"))

    monitor.hear(touched("11:30"))
    monitor.wait_until(at("23:00"))

    assert escalations(monitor) == []


def test_a_touch_ends_the_warnings() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))

    monitor.hear(touched("10:29"))
    monitor.wait_until(at("23:00"))

    assert monitor.types() == ["started contact", "met contact"]


def test_a_new_assignment_ends_the_ladder_of_the_last() -> None:
    monitor = Monitor(terms(policy("contact", target="1h", steps=(step("2h", "notify_manager"),))))
    monitor.hear(assigned("10:00"))

    monitor.hear(assigned("11:30", "a2"))
    monitor.wait_until(at("13:29"))

    assert escalations(monitor) == []


def test_a_monitor_that_was_down_fires_every_step_in_order() -> None:
    monitor = Monitor(terms(CONTACT))
    monitor.hear(assigned("10:00"))

    monitor.sleep_until(at("11:30"))

    assert monitor.types()[1:] == ["warned contact", "warned contact", "breached contact", "escalated contact"]


def test_a_target_of_zero_is_due_at_once() -> None:
    monitor = Monitor(terms(policy("contact", target="0s")))
    monitor.hear(assigned("10:00"))

    monitor.wait_until(at("10:00"))

    assert monitor.types() == ["started contact", "breached contact"]
    assert monitor.told[-1].clocks[0].percent == 100
