"""`sla`: the promises. `warn` and `on_breach` are read as steps; the cadence form promises so many touches."""

import re
from datetime import timedelta
from typing import Literal

from baton.kernel.durations import Duration
from baton.leads.conditions.fields import Scope
from baton.leads.decisions import TOUCH_KINDS
from baton.leads.playbook.known import Known
from baton.leads.playbook.model import Bench, SlaPolicy, Step
from baton.leads.playbook.reader import Reader

_KEYS = (
    *("when", "from", "to", "target", "clock", "restart", "steps", "warn", "on_breach", "bench"),
    *("touches", "channels", "within"),
)
_STARTS: tuple[Literal["captured", "assigned"], ...] = ("captured", "assigned")
_ENDS: tuple[Literal["assigned", "first_touch", "accepted", "disposed"], ...] = (
    "assigned",
    "first_touch",
    "accepted",
    "disposed",
)
_WORDS = ("notify_rep", "notify_manager", "reassign")
_ACTIONS = ("notify", "assign", "set")
_PERCENT = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,2})?)\s*%")
# For sorting only: how long a working day may be that somebody writes beside hours.
_WORKING_DAY = timedelta(hours=8)
_ONE_HOUR = Duration.of(timedelta(hours=1))


def read_sla(section: Reader | None, known: Known) -> tuple[SlaPolicy, ...]:
    """Policies in the order written."""
    found = [_policy(name, entry, known) for name, entry in (section.entries() if section else ())]
    return tuple(policy for policy in found if policy is not None)


def _policy(name: str, entry: Reader, known: Known) -> SlaPolicy | None:
    if not entry.keys(_KEYS):
        return None
    start, restart = entry.get("from"), entry.get("restart")
    told = start.one_of(_STARTS, "start") if start else "assigned"
    begins = told or "assigned"
    clock = _clock(entry.get("clock"), begins, known)
    bench = entry.get("bench")
    scope = Scope.SLA_CAPTURED if begins == "captured" else Scope.SLA_ASSIGNED
    business = clock == "rep" or not known.never_closes(clock)
    target = _target(entry, business=business)
    touches, channels = _cadence(entry)
    return SlaPolicy(
        name=name,
        start=begins,
        to=_to(entry, told),
        target=target,
        clock=clock,
        when=entry.when(scope, known.vocabulary),
        restart=restart.flag() is not False if restart else True,
        steps=_steps(entry, target, known, business=business),
        bench=_bench(bench) if bench else None,
        touches=touches,
        channels=channels,
    )


def _clock(written: Reader | None, start: str, known: Known) -> str:
    clock = written.known({*known.calendars, "rep"}, "clock") if written else None
    if written and clock == "rep" and start == "captured":
        written.error("nobody's hours are known before a rep is assigned", "write always, or a calendar's name")
    return clock or "always"


def _to(entry: Reader, start: str | None) -> Literal["assigned", "first_touch", "accepted", "disposed"]:
    written = entry.get("to")
    if written is None:
        if entry.get("touches") is None:
            entry.error('"to" is missing', f"one of {', '.join(_ENDS)}")
        return "first_touch"
    end = written.one_of(_ENDS, "end") or "first_touch"
    if entry.get("touches"):
        written.error("a cadence ends with its touches", "leave out to")
    elif end == start:
        written.error(f"from {start} to {end} takes no time", "choose another end")
    return end


def _target(entry: Reader, *, business: bool) -> Duration:
    is_cadence = entry.get("touches") is not None
    key, other = ("within", "target") if is_cadence else ("target", "within")
    written, stray = entry.get(key), entry.get(other)
    if stray:
        stray.error(
            f"{other} belongs to {'one act in time' if is_cadence else 'a cadence with touches'}", f"write {key}"
        )
    if written is None:
        entry.error(f'"{key}" is missing', f"write {key}: {'21d' if is_cadence else '1h'}")
        return _ONE_HOUR
    found = written.duration(business=business)
    if found is not None and found.fixed == timedelta() and (is_cadence or not business):
        written.error(
            "a promise of no time",
            "write how long it may take; 0s is the next opening of a clock with hours",
            stands=True,
        )
    return found or _ONE_HOUR


def _cadence(entry: Reader) -> tuple[int | None, int | None]:
    """So many touches, over so many channels."""
    touches, channels = entry.get("touches"), entry.get("channels")
    count = touches.whole(least=1) if touches else None
    if channels is None:
        return count, None
    spread = channels.whole(least=1)
    if touches is None:
        channels.error("channels without touches", "write touches: 8, channels: 2, within: 21d")
    elif spread is not None and spread > len(TOUCH_KINDS):
        channels.error(
            f"{spread} channels, and there are {len(TOUCH_KINDS)}", f"known: {', '.join(TOUCH_KINDS)}", stands=True
        )
    elif spread is not None and count is not None and spread > count:
        message = f"{spread} channels in {count} touches: a touch has one channel"
        channels.error(message, f"at most channels: {count}", stands=True)
    return count, spread


def _steps(entry: Reader, target: Duration, known: Known, *, business: bool) -> tuple[Step, ...]:
    warn, steps, breach = (entry.get(key) for key in ("warn", "steps", "on_breach"))
    found = [_warning(each) for each in (warn.items() if warn else ())]
    found += [_step(each, target, known, business=business) for each in (steps.items() if steps else ())]
    if breach:
        found.append(Step("100%", 1.0, None, _actions(breach, known), warns=False))
    return tuple(sorted((step for step in found if step is not None), key=lambda step: _moment(step, target)))


def _warning(written: Reader) -> Step | None:
    text = written.text("a percentage like 50%") or ""
    percent = _PERCENT.fullmatch(text)
    if percent is None or not 0 < float(percent[1]) < 100:
        if text:
            written.error(f'"{text}" is no warning', "write a percentage below 100, like 80%")
        return None
    return Step(text, float(percent[1]) / 100, None, (), warns=True)


def _step(entry: Reader, target: Duration, known: Known, *, business: bool) -> Step | None:
    if not entry.keys(("after", "do"), required=("after", "do")):
        return None
    after, do = entry.get("after"), entry.get("do")
    text = after.text("a percentage or a duration") if after else None
    if after is None or do is None or text is None:
        return None
    actions = _actions(do, known)
    percent = _PERCENT.fullmatch(text)
    if percent:
        return Step(text, float(percent[1]) / 100, None, actions, warns=float(percent[1]) < 100)
    duration = after.duration(business=business)
    if duration is None:
        return None
    return Step(text, None, duration, actions, warns=_length(duration) < _length(target))


def _moment(step: Step, target: Duration) -> timedelta:
    return _length(step.after) if step.after is not None else _length(target) * (step.fraction or 0)


def _length(duration: Duration) -> timedelta:
    return duration.fixed if duration.fixed is not None else _WORKING_DAY * (duration.working_days or 0)


def _actions(written: Reader, known: Known) -> tuple[str | dict[str, object], ...]:
    found = [(each, _action(each, known)) for each in written.items("a list of actions")]
    giving = [(each, action) for each, action in found if action is not None and _gives_away(action)]
    for each, action in giving[1:]:
        hint = (
            f"only {_named(giving[0][1])} is carried out; give {_named(action)} a step of its own, with a later after"
        )
        each.warn("one step gives a lead away twice", hint)
    return tuple(action for _, action in found if action is not None)


def _gives_away(action: str | dict[str, object]) -> bool:
    return action == "reassign" or (isinstance(action, dict) and "assign" in action)


def _named(action: str | dict[str, object]) -> str:
    return action if isinstance(action, str) else f"assign: {action['assign']}"


def _action(entry: Reader, known: Known) -> str | dict[str, object] | None:
    if entry.scalar is not None:
        return entry.one_of(_WORDS, "action")
    if not entry.keys(_ACTIONS):
        return None
    given = [(key, value) for key in _ACTIONS if (value := entry.get(key))]
    if len(given) != 1:
        entry.error("an action is exactly one thing", f"one of {', '.join(_ACTIONS)}")
        return None
    key, value = given[0]
    _check_action(key, value, known)
    return {key: value.plain()}


def _check_action(key: str, value: Reader, known: Known) -> None:
    match key:
        case "assign":
            value.known(None if known.reps is None else {*known.reps, "catch_all"}, "rep")
        case "notify":
            value.text("an address")
        case _:
            if not list(value.entries()):
                value.error("nothing to set", "write {set: {field: value}}", stands=True)


def _bench(written: Reader) -> Bench | None:
    if not written.keys(("misses", "within", "for"), required=("misses", "within", "for")):
        return None
    misses, within, length = (written.get(key) for key in ("misses", "within", "for"))
    count = misses.whole(least=1) if misses else None
    window, time = (each.length() if each else None for each in (within, length))
    return None if count is None or window is None or time is None else Bench(count, window, time)
