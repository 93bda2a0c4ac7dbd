"""A monitor without a database: facts in, events out, on a hand-driven clock."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from baton.kernel.calendars import ALWAYS, Calendar
from baton.kernel.durations import parse_duration
from baton.leads.events import SlaEvent
from baton.leads.playbook.model import SlaPolicy, Step
from baton_sla_monitor.deciding.clock_state import ClockState
from baton_sla_monitor.deciding.courses import Moment
from baton_sla_monitor.deciding.facts import Fact, FactKind
from baton_sla_monitor.deciding.firing import fire
from baton_sla_monitor.deciding.replaying import replay
from baton_sla_monitor.deciding.settling import settle
from baton_sla_monitor.deciding.terms import Terms
from baton_sla_monitor.deciding.transitions import tell

DAY = datetime(2026, 3, 25, tzinfo=UTC)
"""A Wednesday."""


def at(text: str, day: datetime = DAY) -> datetime:
    """`10:30` or `10:30:15` on the day, in UTC."""
    hour, minute, *second = (int(part) for part in text.split(":"))
    return day.replace(hour=hour, minute=minute, second=second[0] if second else 0)


def warn(percent: int) -> Step:
    return Step(f"{percent}%", percent / 100, None, (), warns=True)


def step(after: str, *actions: str | dict[str, object], warns: bool = False) -> Step:
    """A step of the ladder: `15m` or `80%`."""
    fraction = int(after[:-1]) / 100 if after.endswith("%") else None
    duration = None if fraction is not None else parse_duration(after)
    return Step(after, fraction, duration, actions, warns=warns)


def policy(name: str, *, target: str, start: str = "assigned", to: str = "first_touch", **more: Any) -> SlaPolicy:
    given: dict[str, Any] = {
        "name": name,
        "start": start,
        "to": to,
        "target": parse_duration(target),
        "clock": "always",
    }
    return SlaPolicy(**(given | more))


def terms(*policies: SlaPolicy, calendar: Calendar = ALWAYS) -> tuple[Terms, ...]:
    return tuple(Terms(f"terms of {each.name}", "playbook", each, calendar) for each in policies)


def fact(kind: FactKind, told: datetime, *, lead: str = "lead", **more: Any) -> Fact:
    given: dict[str, Any] = {
        "id": f"{kind} at {told.isoformat()} of {lead}",
        "kind": kind,
        "lead": lead,
        "told": told,
        "at": told,
    }
    return Fact(**(given | more))


@dataclass
class Monitor:
    """What the handler and the timer do, with lists for tables. Time only moves forward."""

    promised: tuple[Terms, ...]
    facts: dict[str, Fact] = field(default_factory=dict)
    clocks: dict[str, ClockState] = field(default_factory=dict)
    told: list[SlaEvent] = field(default_factory=list)
    now: datetime = DAY

    def hear(self, *facts: Fact, now: datetime | None = None) -> None:
        """Facts that arrive together; by default as soon as the last of them was told."""
        self.wait_until(max(self.now, now or max(each.told for each in facts)))
        ids = tuple(each.id for each in self.promised)
        starts = (FactKind.CAPTURED, FactKind.ASSIGNED)
        self.facts.update((each.id, replace(each, terms=ids) if each.kind in starts else each) for each in facts)
        self._settle()

    def erase(self, lead: str, *, told: datetime) -> None:
        self.wait_until(told)
        self.facts = {key: each for key, each in self.facts.items() if each.lead != lead}
        self._settle({lead: Moment(told, "erasure")})

    def wait_until(self, moment: datetime) -> None:
        """Let time pass; whatever is due fires at its own instant."""
        while due := [clock.next_at for clock in self.clocks.values() if clock.next_at and clock.next_at <= moment]:
            self.now = max(self.now, min(due))
            self._fire()
        self.now = max(self.now, moment)

    def sleep_until(self, moment: datetime) -> None:
        """Time passes while the monitor is down; then it fires what is due, late."""
        self.now = moment
        self._fire()

    def types(self) -> list[str]:
        """What was told, in short: `breached first-contact`."""
        return [
            f"{each.type.removeprefix('sla.')} {' '.join(clock.policy for clock in each.clocks)}" for each in self.told
        ]

    def events(self, kind: type[SlaEvent]) -> list[SlaEvent]:
        return [each for each in self.told if type(each) is kind]

    def clock(self, name: str) -> ClockState:
        """The newest clock of a policy, as it is now."""
        newest = max((each for each in self.clocks.values() if each.policy == name), key=lambda each: each.start)
        return replace(newest)

    def _settle(self, erased: dict[str, Moment] | None = None) -> None:
        known = {each.id: each for each in self.promised}
        keys = {each.lead: each.lead for each in self.facts.values()}
        result = settle(replay(self.facts.values(), known), self.clocks, keys=keys, now=self.now, erased=erased or {})
        self.told += [telling.data for telling in tell(result.transitions, known)]
        for retracted in result.retracted:
            del self.clocks[retracted.id]
        self.clocks.update((each.id, each) for each in result.clocks)

    def _fire(self) -> None:
        known = {each.id: each for each in self.promised}
        fired = [each for clock in self.clocks.values() for each in fire(clock, known[clock.terms], now=self.now)]
        self.told += [telling.data for telling in tell(fired, known)]
