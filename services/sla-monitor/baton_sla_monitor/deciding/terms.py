"""The terms of a clock: its policy with the ladder, and the calendar it counts on, as they were when it began.

They are kept apart from the playbook: a clock keeps the ladder it began with, whatever is published later.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final

import orjson

from baton.kernel.calendars import ALWAYS, Boundary, Calendar
from baton.kernel.durations import Duration, parse_duration
from baton.kernel.holiday_sets import HolidaySet
from baton.kernel.ids import derived_id
from baton.kernel.instants import format_instant, parse_instant
from baton.kernel.segments import Pause
from baton.kernel.windows import Window
from baton.leads.conditions.condition import Facts
from baton.leads.decisions import Assignment
from baton.leads.playbook.model import Playbook, SlaPolicy, Step

_ALWAYS: Final = "always"
_REP: Final = "rep"


@dataclass(frozen=True, slots=True)
class Terms:
    """What was promised. `id` is the same for the same policy of the same playbook on the same calendar."""

    id: str
    playbook: str
    policy: SlaPolicy
    """Its `when` has been checked; it isn't kept with the terms."""
    calendar: Calendar


def terms_at_capture(playbook: Playbook, facts: Facts) -> tuple[Terms, ...]:
    """The terms of every policy that a capture may start a clock of."""
    return _agreed(playbook, facts, start="captured", assignment=None)


def terms_at_assignment(playbook: Playbook, facts: Facts, assignment: Assignment) -> tuple[Terms, ...]:
    """The terms of every policy that an assignment may start a clock of."""
    return _agreed(playbook, facts, start="assigned", assignment=assignment)


def _agreed(playbook: Playbook, facts: Facts, *, start: str, assignment: Assignment | None) -> tuple[Terms, ...]:
    return tuple(
        _terms(playbook, policy, assignment)
        for policy in playbook.sla
        if policy.start == start and (policy.when is None or policy.when.matches(facts))
    )


def _terms(playbook: Playbook, policy: SlaPolicy, assignment: Assignment | None) -> Terms:
    name = policy.clock
    zone: str | None = None
    if name == _REP:
        name = (assignment.calendar if assignment else None) or _ALWAYS
        zone = assignment.time_zone if assignment else None
    calendar = playbook.calendars.get(name, ALWAYS).in_zone(zone)
    return Terms(_identity(playbook.hash, policy.name, name, calendar.time_zone or ""), playbook.hash, policy, calendar)


@lru_cache(maxsize=4096)
def _identity(playbook: str, policy: str, calendar: str, zone: str) -> str:
    return derived_id("terms", playbook, policy, calendar, zone)


def pack_terms(terms: Terms) -> bytes:
    """The terms as JSON."""
    policy = terms.policy
    return orjson.dumps(
        {
            "playbook": terms.playbook,
            "name": policy.name,
            "start": policy.start,
            "to": policy.to,
            "target": str(policy.target),
            "clock": policy.clock,
            "restart": policy.restart,
            "steps": [_pack_step(step) for step in policy.steps],
            "touches": policy.touches,
            "channels": policy.channels,
            "calendar": _pack_calendar(terms.calendar),
        }
    )


def unpack_terms(identity: str, packed: bytes) -> Terms:
    """What `pack_terms` wrote."""
    read: dict[str, Any] = orjson.loads(packed)
    policy = SlaPolicy(
        name=read["name"],
        start=read["start"],
        to=read["to"],
        target=parse_duration(read["target"]),
        clock=read["clock"],
        restart=read["restart"],
        steps=tuple(_unpack_step(step) for step in read["steps"]),
        touches=read["touches"],
        channels=read["channels"],
    )
    return Terms(identity, read["playbook"], policy, _unpack_calendar(read["calendar"]))


def _pack_step(step: Step) -> dict[str, object]:
    return {
        "written": step.written,
        "fraction": step.fraction,
        "after": None if step.after is None else str(step.after),
        "actions": step.actions,
        "warns": step.warns,
    }


def _unpack_step(read: Mapping[str, Any]) -> Step:
    after: Duration | None = None if read["after"] is None else parse_duration(read["after"])
    return Step(read["written"], read["fraction"], after, tuple(read["actions"]), read["warns"])


def _pack_calendar(calendar: Calendar) -> dict[str, object]:
    return {
        "name": calendar.name,
        "time_zone": calendar.time_zone,
        "hours": [_pack_windows(windows) for windows in calendar.hours],
        "codes": sorted(calendar.holidays.codes),
        "dates": sorted(day.isoformat() for day in calendar.holidays.dates),
        "special": {day.isoformat(): _pack_windows(windows) for day, windows in calendar.special.items()},
        "boundary": calendar.boundary.value,
        "pauses": [_pack_pause(pause) for pause in calendar.pauses],
    }


def _unpack_calendar(read: Mapping[str, Any]) -> Calendar:
    return Calendar(
        read["name"],
        read["time_zone"],
        tuple(_unpack_windows(windows) for windows in read["hours"]),
        HolidaySet(frozenset(read["codes"]), frozenset(map(date.fromisoformat, read["dates"]))),
        {date.fromisoformat(day): _unpack_windows(windows) for day, windows in read["special"].items()},
        Boundary(read["boundary"]),
        tuple(_unpack_pause(pause) for pause in read.get("pauses", ())),  # terms of before a calendar had some
    )


def _pack_pause(pause: Pause) -> tuple[str, str | None]:
    return format_instant(pause.since), None if pause.to is None else format_instant(pause.to)


def _unpack_pause(read: tuple[str, str | None]) -> Pause:
    since, to = read
    return Pause(parse_instant(since), None if to is None else parse_instant(to))


def _pack_windows(windows: tuple[Window, ...]) -> list[tuple[int, int]]:
    return [(window.opens, window.closes) for window in windows]


def _unpack_windows(read: list[tuple[int, int]]) -> tuple[Window, ...]:
    return tuple(Window(opens, closes) for opens, closes in read)
