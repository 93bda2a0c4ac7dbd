"""One lead as its page shows it: who it is, who has it and why, its clocks, and all that happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from baton.kernel.instants import parse_instant
from baton_router.pages.clocks import ShownClock, pressing, shown_clock
from baton_router.pages.lead_list import person_name
from baton_router.pages.wording import Names, expected_text, sentence, value_text

_FIELDS: Final[Mapping[str, str]] = {
    "email": "Email", "phone": "Phone", "title": "Title", "seniority": "Seniority", "function": "Function",
    "company": "Company", "account": "Account", "employees": "Employees", "industry": "Industry", "website": "Website",
    "city": "City", "state": "State", "postal_code": "Postal code", "country": "Country", "language": "Language",
    "source": "Source", "channel": "Channel", "sourced_by": "Sourced by", "partner_manager": "Partner manager",
    "utm": "Campaign", "consent": "Consent", "custom": "Further fields",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShownCondition:
    field: str
    expected: str
    actual: str
    matched: bool


@dataclass(frozen=True, slots=True)
class ShownRule:
    name: str
    matched: bool
    unresolved: str | None
    conditions: list[ShownCondition]


@dataclass(frozen=True, slots=True)
class ShownCandidate:
    """A rep who was looked at, or several left out for one reason."""

    who: str
    pool: str
    standing: str
    """chosen, eligible or left out"""
    code: str
    reason: str
    counters: str


@dataclass(frozen=True, slots=True)
class ShownTrace:
    playbook: str
    rules: list[ShownRule]
    candidates: list[ShownCandidate]
    account: str | None
    account_candidates: list[str]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class ShownStep:
    at: datetime
    kind: str
    text: str
    trace: ShownTrace | None


@dataclass(frozen=True, slots=True)
class Story:
    """All that the page shows."""

    lead_id: str
    name: str
    about: str
    state: str
    paused: bool
    merged: list[str]
    """How people called the leads that were merged into this one."""
    score: Mapping[str, Any] | None
    assignment: Mapping[str, Any] | None
    rep: str | None
    hold: Mapping[str, Any] | None
    fields: list[tuple[str, str]]
    clocks: list[ShownClock]
    steps: list[ShownStep]
    decision: ShownStep | None
    """Why the lead stands as it does, with its trace."""

    @property
    def clock(self) -> ShownClock | None:
        return pressing(self.clocks)


def story(told: Mapping[str, Any], *, now: datetime, names: Names) -> Story:
    """From what the API answers about the lead."""
    lead = told["lead"] or {}
    steps = [_step(each, names) for each in told["steps"]]
    assignment = told["assignment"]
    return Story(
        lead_id=told["lead_id"],
        name=person_name(lead) or told["lead_id"],
        about=", ".join(str(lead[each]) for each in ("title", "company", "country") if lead.get(each)),
        state=told["state"],
        paused=bool(told["paused"]),
        merged=_merged(told),
        score=told["score"],
        assignment=assignment,
        rep=None if assignment is None else names(assignment["rep"]),
        hold=told["hold"],
        fields=[(label, value_text(lead[name])) for name, label in _FIELDS.items() if lead.get(name) not in (None, {})],
        clocks=_in_order([shown_clock(each, now=now) for each in told["clocks"]]),
        steps=list(reversed(steps)),
        decision=_decision(told, steps),
    )


def _decision(told: Mapping[str, Any], steps: Sequence[ShownStep]) -> ShownStep | None:
    """The one that gave the lead to its rep; else, and of one that is held, the last.

    A lead that was merged has those of both.
    """
    decided = [(step, each["data"]) for step, each in zip(steps, told["steps"], strict=True) if step.trace is not None]
    current = None if told["assignment"] is None or told["hold"] is not None else told["assignment"]["id"]
    gave = [
        step for step, data in decided if current is not None and (data.get("assignment") or {}).get("id") == current
    ]
    return next(reversed(gave or [step for step, _ in decided]), None)


def _merged(told: Mapping[str, Any]) -> list[str]:
    """By what they came in as; by their ids, where that isn't told."""
    captured = [step["data"]["lead"] for step in told["steps"] if step["type"] == "lead.captured" and step["data"]]
    names = {lead["lead_id"]: str(lead.get("email") or person_name(lead)) for lead in captured}
    return [names.get(lead_id) or lead_id for lead_id in told["merged"]]


def _in_order(clocks: Sequence[ShownClock]) -> list[ShownClock]:
    """Running ones first, by when they are due."""
    return sorted(clocks, key=lambda each: (each.status != "running", *each.nearness))


def _step(step: Mapping[str, Any], names: Names) -> ShownStep:
    kind, data = str(step["type"]), step["data"]
    trace = data.get("trace") if isinstance(data, Mapping) else None
    return ShownStep(
        at=parse_instant(step["at"]),
        kind=kind,
        text=sentence(kind, data, names),
        trace=None if trace is None else shown_trace(trace, names),
    )


def shown_trace(trace: Mapping[str, Any], names: Names) -> ShownTrace:
    """A trace as it is stored: what equals its default may be left out there."""
    account = trace.get("account") or {}
    return ShownTrace(
        playbook=str(trace["playbook"]),
        rules=[_rule(each) for each in trace.get("rules", ())],
        candidates=[_candidate(each, names) for each in trace.get("candidates", ())],
        account=None if account.get("id") is None else f"{account['id']} (by {account['how'].replace('_', ' ')})",
        account_candidates=[_account(each) for each in account.get("candidates", ())],
        notes=[str(each) for each in trace.get("notes", ())],
    )


def _rule(rule: Mapping[str, Any]) -> ShownRule:
    conditions = [
        ShownCondition(str(each["field"]), expected_text(each), value_text(each.get("actual")), bool(each["matched"]))
        for each in rule.get("conditions", ())
    ]
    return ShownRule(str(rule["name"]), bool(rule["matched"]), rule.get("unresolved"), conditions)


def _candidate(candidate: Mapping[str, Any], names: Names) -> ShownCandidate:
    reps = candidate.get("reps") or [candidate.get("rep")]
    counters = candidate.get("counters") or {}
    code = candidate.get("code")
    return ShownCandidate(
        who=", ".join(names(each) for each in reps),
        pool=str(candidate.get("pool") or ""),
        standing=_standing(bool(candidate["eligible"]), code),
        code=str(code or ""),
        reason=str(candidate.get("reason", "")),
        counters=", ".join(f"{name.replace('_', ' ')} {value_text(value)}" for name, value in counters.items()),
    )


def _standing(eligible: bool, code: str | None) -> str:  # noqa: FBT001  as the trace has it
    if not eligible:
        return "left out"
    return "chosen" if code is None else "eligible"


def _account(candidate: Mapping[str, Any]) -> str:
    decided = f", decided by {candidate['decided_by']}" if candidate.get("decided_by") else ""
    return f"{candidate['name']} (by {str(candidate['how']).replace('_', ' ')}{decided})"
