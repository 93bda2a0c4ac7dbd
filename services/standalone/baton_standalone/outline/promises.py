"""Calendars, and the promises whose clocks may run on them."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import groupby

from baton.kernel.calendars import Boundary, Calendar
from baton.kernel.durations import Duration, spell_duration, spell_length
from baton.kernel.instants import format_instant
from baton.kernel.windows import WEEKDAYS, Window
from baton.leads.conditions.prose import value_words
from baton.leads.playbook.model import SlaPolicy, Step
from baton_standalone.outline.facts import Entry, Fact, Part, Section, fact, length_value, listed, only_when
from baton_standalone.outline.people import Names

_ENDS = {"assigned": "a rep", "first_touch": "a first touch", "accepted": "accepted", "disposed": "a verdict"}
_CLOCKS = {"always": "day and night", "rep": "in the rep's hours"}


def calendars(every: Mapping[str, Calendar]) -> Section:
    """`always` goes without saying."""
    found = (calendar for name, calendar in every.items() if name != "always")
    return Section("calendars", "Calendars", tuple(Entry(each.name, tuple(_calendar(each))) for each in found))


def promises(policies: Sequence[SlaPolicy], names: Names) -> Section:
    """The ladder of each is its lines."""
    entries = (
        Entry(policy.name, tuple(_policy(policy, names)), lines=tuple(_step(each, names) for each in policy.steps))
        for policy in policies
    )
    return Section("sla", "Promises", tuple(entries))


def _calendar(calendar: Calendar) -> Iterator[Fact]:
    yield fact("hours", calendar.hours, _week(calendar.hours))
    if calendar.time_zone is not None:
        yield fact("time zone", calendar.time_zone, clause=", {}")
    holidays = [*sorted(calendar.holidays.codes), *sorted(map(str, calendar.holidays.dates))]
    if holidays:
        yield listed("holidays", {each: Part(each, each) for each in holidays}, "; closed on holidays: {}")
    special: dict[Hashable, Part] = {
        day: Part(windows, f"{day} {_windows(windows)}") for day, windows in sorted(calendar.special.items())
    }
    if special:
        yield listed("special dates", special, "; {}")
    is_late = calendar.boundary is Boundary.NEXT_OPEN
    ends = "ends at the next opening" if is_late else "ends then"
    yield fact("what runs out at closing", calendar.boundary, ends, "; what runs out at closing {}" if is_late else "")
    pauses: dict[Hashable, Part] = {
        each: Part(None, f"from {format_instant(each.since)} to {format_instant(each.to) if each.to else 'no end'}")
        for each in calendar.pauses
    }
    if pauses:
        yield listed("pauses", pauses, "; clocks stand still {}")


def _week(hours: Sequence[tuple[Window, ...]]) -> str:
    """`mon-thu 08:30-17:30, fri 08:30-16:30`, as a playbook has it."""
    told: list[str] = []
    for windows, run in groupby(enumerate(hours), key=lambda item: item[1]):
        days = [WEEKDAYS[day] for day, _ in run]
        if windows:
            told.append(f"{days[0]}{f'-{days[-1]}' if len(days) > 1 else ''} {_windows(windows)}")
    return ", ".join(told) or "closed all week"


def _windows(windows: Sequence[Window]) -> str:
    return " and ".join(f"{_clock(each.opens)}-{_clock(each.closes)}" for each in windows) or "closed"


def _clock(minute: int) -> str:
    """Past midnight it is the next day's."""
    hour = minute // 60
    return f"{hour if hour <= 24 and minute <= 24 * 60 else hour - 24:02}:{minute % 60:02}"


def _policy(policy: SlaPolicy, names: Names) -> Iterator[Fact]:
    promise, target = _promise(policy), spell_duration(policy.target)
    whole = f"{promise} within {target} of being {policy.start}"
    yield fact("promise", (policy.to, policy.touches, policy.channels), promise, whole)
    yield fact("target", length_value(policy.target), target, "")
    yield fact("from", policy.start, clause="")
    yield fact("clock", policy.clock, _CLOCKS.get(policy.clock, f"in the hours of {policy.clock}"), ", {}")
    yield from only_when(policy.when, ", when {}")
    on = "" if policy.restart else "; the clock goes on with the next rep"
    yield fact("starts anew with each rep", policy.restart, clause=on)
    if policy.bench is not None:
        yield fact("bench", policy.bench, _bench(policy), "; no leads for {}")
    if policy.steps:
        yield listed("steps", _steps(policy, names), "")


def _promise(policy: SlaPolicy) -> str:
    if policy.touches is None:
        return _ENDS[policy.to]
    return f"{policy.touches} touches" + (f" over {policy.channels} channels" if policy.channels else "")


def _bench(policy: SlaPolicy) -> str:
    assert policy.bench is not None
    length, within = spell_length(policy.bench.for_), spell_length(policy.bench.within)
    return f"{length} after {policy.bench.misses} misses within {within}"


def _steps(policy: SlaPolicy, names: Names) -> Mapping[Hashable, Part]:
    """By their moments; there may be several at one."""
    parts: dict[Hashable, Part] = {}
    for step in policy.steps:
        moment = step.fraction if step.after is None else length_value(step.after)
        nth = sum(1 for known in parts if isinstance(known, tuple) and known[0] == moment)
        parts[moment, nth] = Part((step.actions, step.warns), _step(step, names))
    return parts


def _step(step: Step, names: Names) -> str:
    when = f"at {step.fraction * 100:g}%" if step.fraction is not None else f"after {_spelled(step.after)}"
    actions = [_action(each, names) for each in step.actions]
    return f"{when}: {', '.join([*(['a warning'] if step.warns else []), *actions])}"


def _spelled(duration: Duration | None) -> str:
    assert duration is not None, "a step has a fraction or a length"
    return spell_duration(duration)


def _action(action: str | Mapping[str, object], names: Names) -> str:
    match action:
        case str():
            return action.replace("_", " ")
        case {"assign": "catch_all"}:
            return "assign to the catch-all"
        case {"assign": str(rep)}:
            return f"assign to {names[rep]}"
        case {"set": dict(fields)}:
            return "set " + ", ".join(f"{name} to {value_words(value)}" for name, value in fields.items())
        case _:
            return ", ".join(f"{name} {value_words(value)}" for name, value in action.items())
