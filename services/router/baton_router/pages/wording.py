"""Events, traces and clocks in the words of people. Pure: JSON of events in, text out; nothing here is markup."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from baton.leads.conditions.prose import expected_words, value_words

Names = Callable[[str | None], str]
"""A rep's name by id; the id where nobody knows it."""

_STATES: Final[Mapping[str, str]] = {
    "captured": "just came in", "held": "held", "assigned": "assigned", "accepted": "accepted", "working": "in work",
    "disposed": "closed", "nurtured": "nurtured", "rejected": "rejected", "erased": "erased",
}  # fmt: skip
_KINDS: Final[Mapping[str, str]] = {
    "call": "called", "email": "wrote an email", "linkedin": "wrote on LinkedIn", "meeting": "met them",
}  # fmt: skip
_MOST_LISTED: Final = 12


def state_word(state: str) -> str:
    return _STATES.get(state, state)


def value_text(value: object) -> str:
    """A value as people write it; a list is cut off where nobody reads on."""
    return value_words(value, most=_MOST_LISTED)


def expected_text(condition: Mapping[str, Any]) -> str:
    """What a condition asks of its field: `is at least 50`."""
    return expected_words(str(condition["operator"]), condition["expected"], most=_MOST_LISTED)


def sentence(kind: str, data: Mapping[str, Any], names: Names) -> str:
    """What happened, in one sentence without its full stop."""
    if not data:
        return f"{kind}, which can't be read"
    tell = _SENTENCES.get(kind)
    return kind if tell is None else tell(data, names)


def _captured(data: Mapping[str, Any], _: Names) -> str:
    activity, lead = data.get("activity") or {}, data["lead"]
    what = f" by {activity['kind'].replace('_', ' ')}" if activity.get("kind") else ""
    return f"Came in from {lead.get('source') or 'somewhere'}{what}" + (" (a test)" if data.get("test") else "")


def _activity(data: Mapping[str, Any], names: Names) -> str:
    activity = data["activity"]
    who = f", told by {names(data['by'])}" if data.get("by") else ""
    return f"{activity['kind'].replace('_', ' ').capitalize()} ({activity['source']}){who}"


def _scored(data: Mapping[str, Any], _: Names) -> str:
    score = data["score"]
    return f"Scored {value_text(float(score['total']))}: {score['tier']}"


def _qualified(data: Mapping[str, Any], _: Names) -> str:
    return f"Rose from {data['from']} to {data['to']}"


def _assigned(data: Mapping[str, Any], names: Names) -> str:
    assignment = data["assignment"]
    return f"Assigned to {names(assignment['rep'])}: {assignment['rule']}"


def _reassigned(data: Mapping[str, Any], names: Names) -> str:
    assignment = data["assignment"]
    previous = assignment.get("previous") or {}
    why = f" ({previous['why']})" if previous.get("why") else ""
    return f"Moved from {names(previous.get('rep'))} to {names(assignment['rep'])}{why}"


def _held(data: Mapping[str, Any], names: Names) -> str:
    previous = data.get("previous")
    still = "" if previous is None else f", still with {names(previous['rep'])} ({previous['why']})"
    return f"Held{still}: {data['hold']['reason']}"


def _nurtured(data: Mapping[str, Any], _: Names) -> str:
    return f"Given to the program {data['nurture']['program']}"


def _rejected(data: Mapping[str, Any], _: Names) -> str:
    return f"Rejected: {data['reason']}"


def _accepted(data: Mapping[str, Any], names: Names) -> str:
    return f"Accepted by {names(data['by'])}" if data.get("by") else "Accepted"


def _declined(data: Mapping[str, Any], names: Names) -> str:
    return f"Declined{_by(data, names)}: {data['reason']}"


def _touched(data: Mapping[str, Any], names: Names) -> str:
    touch = data["touch"]
    note = f": {touch['note']}" if touch.get("note") else ""
    who = names(touch["by"]) if touch.get("by") else "Somebody"
    return f"{who} {_KINDS.get(touch['kind'], touch['kind'])}{note}"


def _disposed(data: Mapping[str, Any], names: Names) -> str:
    disposition = data["disposition"]
    return f"Verdict {disposition['verdict'].replace('_', ' ')}{_by(disposition, names)}: {disposition['reason']}"


def _paused(data: Mapping[str, Any], _: Names) -> str:
    return f"Clocks stopped: {data['reason']}"


def _resumed(data: Mapping[str, Any], _: Names) -> str:
    return "Clocks go on" + (f": {data['reason']}" if data.get("reason") else "")


def _merged(data: Mapping[str, Any], _: Names) -> str:
    return f"{data['from']} became {data['into']}"


def _unmerged(data: Mapping[str, Any], _: Names) -> str:
    return f"{data['from']} is no longer {data['into']}"


def _meeting(what: str) -> "Tell":
    def tell(data: Mapping[str, Any], names: Names) -> str:
        host = data["meeting"].get("host")
        return f"Meeting {what}" + (f" with {names(host)}" if host else "")

    return tell


def _clocks(what: str) -> "Tell":
    def tell(data: Mapping[str, Any], _: Names) -> str:
        policies = _together([clock["policy"] for clock in data["clocks"]])
        corrected = ", as was told later" if data.get("corrected") else ""
        reason = f": {data['reason']}" if data.get("reason") else ""
        return f"{what} {policies}{corrected}{reason}"

    return tell


def _moved(data: Mapping[str, Any], names: Names) -> str:
    if all(clock.get("stopped") for clock in data["clocks"]):
        return _clocks("Standing still:")(data, names)
    reps = _together(list(dict.fromkeys(names(clock["rep"]) for clock in data["clocks"] if clock.get("rep"))))
    return _clocks(f"Going on with {reps}:" if reps else "Going on:")(data, names)


def _escalated(data: Mapping[str, Any], _: Names) -> str:
    policies = _together([clock["policy"] for clock in data["clocks"]])
    return f"{policies} at {data['step']}: {_together([value_text(each) for each in data['do']])}"


def _by(data: Mapping[str, Any], names: Names) -> str:
    return f" by {names(data['by'])}" if data.get("by") else ""


def _together(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


Tell = Callable[[Mapping[str, Any], Names], str]

_SENTENCES: Final[Mapping[str, Tell]] = {
    "lead.captured": _captured,
    "lead.activity": _activity,
    "lead.scored": _scored,
    "lead.qualified": _qualified,
    "lead.assigned": _assigned,
    "lead.reassigned": _reassigned,
    "lead.held": _held,
    "lead.nurtured": _nurtured,
    "lead.rejected": _rejected,
    "lead.accepted": _accepted,
    "lead.declined": _declined,
    "lead.touched": _touched,
    "lead.disposed": _disposed,
    "lead.paused": _paused,
    "lead.resumed": _resumed,
    "lead.merged": _merged,
    "lead.unmerged": _unmerged,
    "meeting.booked": _meeting("booked"),
    "meeting.cancelled": _meeting("cancelled"),
    "sla.started": _clocks("Clock started:"),
    "sla.moved": _moved,
    "sla.warned": _clocks("Time is running out:"),
    "sla.breached": _clocks("Promise missed:"),
    "sla.met": _clocks("Promise kept:"),
    "sla.cancelled": _clocks("Clock ended:"),
    "sla.escalated": _escalated,
}
