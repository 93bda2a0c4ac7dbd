"""What became of each lead, read from what the router, scoring and the monitor tell. Pure.

The lines are those that a simulation prints; what was recorded has the same shape.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from baton.kernel.instants import parse_instant

_STATES: Final = {
    "lead.assigned": "assigned", "lead.reassigned": "assigned", "lead.held": "held",
    "lead.nurtured": "nurtured", "lead.rejected": "rejected",
}  # fmt: skip
_BY_RULES: Final = "rerouted"
"""Why a lead changed hands, where the rules said so and nothing that people did or left undone."""
_REFUSED: Final = 400
_CONFLICT: Final = 409
_FAILED: Final = 500
_COMMANDS: Final = "POST /router/v1/leads/"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules said of a lead: whom it went to, or to which program or for which reason to nobody (`to`)."""

    state: str
    rep: str | None = None
    pool: str | None = None
    rule: str | None = None
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """How often a promise was kept and missed."""

    met: int = 0
    breached: int = 0

    def __add__(self, other: "Kept") -> "Kept":
        return Kept(self.met + other.met, self.breached + other.breached)

    @property
    def attainment(self) -> float | None:
        """The share that was kept, None where none came to an end."""
        volume = self.met + self.breached
        return None if volume == 0 else self.met / volume


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a lead by the end. What is counted is counted in the time that is looked at.

    `decision` is the last by the rules: that a lead moves on when its rep misses or declines it is counted in `moved`,
    and `rep` is who has it, or had it, last.
    """

    decision: Decision
    rep: str | None = None
    tier: str | None = None
    score: float | None = None
    held: int = 0
    moved: int = 0
    promises: Mapping[str, Kept] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What came of all. `decided`: the leads on which something was decided in that time.

    `unplaced`: so many things that people did found no lead to do them on. `failed`: other requests that did nothing.
    """

    leads: Mapping[str, Outcome]
    decided: frozenset[str]
    unplaced: int = 0
    failed: tuple[str, ...] = ()


@dataclass(slots=True)
class _Lead:
    decision: Decision | None = None
    rep: str | None = None
    tier: str | None = None
    score: float | None = None
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a clock ended. `counts`: in the time that is looked at."""

    policy: str
    lead_id: str
    met: bool
    counts: bool


@dataclass(slots=True)
class Observer:
    """Takes lines in, in order; what happened before `since` counts for how things stand only."""

    since: datetime
    _leads: dict[str, _Lead] = field(default_factory=dict)
    _decided: set[str] = field(default_factory=set)
    _ended: dict[str, _Ended] = field(default_factory=dict)
    _merged: dict[str, str] = field(default_factory=dict)
    _unplaced: int = 0
    _failed: list[str] = field(default_factory=list)

    def take(self, line: Mapping[str, Any]) -> None:
        """One line of a simulation: an event, an answer, or what was left out."""
        if "topic" in line:
            self.event(line["type"] or "", line["data"], at=parse_instant(line["at"]))
            return
        request, status = line.get("left_out") or line["request"], line.get("response", _CONFLICT)
        if status >= _FAILED or (status >= _REFUSED and not request.startswith(_COMMANDS)):
            self._failed.append(f"{request} ({status})")
        elif status >= _REFUSED:
            self._unplaced += 1

    def event(self, kind: str, data: Mapping[str, Any], *, at: datetime) -> None:
        """One event."""
        if kind in _STATES:
            self._decide(kind, data, at)
        elif kind == "lead.scored":
            score, lead = data["score"], self._lead(data["lead"]["lead_id"])
            lead.tier = "disqualified" if score["disqualified"] else score["tier"]
            lead.score = score["total"]
        elif kind in ("sla.breached", "sla.met"):
            self._end(kind, data, at)
        elif kind == "lead.merged":
            self._merged[data["from"]] = data["into"]
        elif kind == "lead.unmerged":
            self._merged.pop(data["from"], None)

    def outcomes(self) -> Outcomes:
        """What has become of everybody. Who was merged into somebody is no lead of their own."""
        promises: dict[str, dict[str, Kept]] = {}
        for ended in self._ended.values():
            if ended.counts:
                of_lead = promises.setdefault(ended.lead_id, {})
                of_lead[ended.policy] = of_lead.get(ended.policy, Kept()) + Kept(ended.met, not ended.met)
        leads = {
            lead_id: Outcome(
                lead.decision,
                rep=lead.rep,
                tier=lead.tier,
                score=lead.score,
                held=lead.counts["held"],
                moved=lead.counts["moved"],
                promises=promises.get(lead_id, {}),
            )
            for lead_id, lead in self._leads.items()
            if lead.decision is not None and lead_id not in self._merged
        }
        return Outcomes(leads, frozenset(self._decided & leads.keys()), self._unplaced, tuple(self._failed))

    def _lead(self, lead_id: str) -> _Lead:
        return self._leads.setdefault(lead_id, _Lead())

    def _decide(self, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        lead_id, assignment = data["lead"]["lead_id"], data.get("assignment") or {}
        lead = self._lead(lead_id)
        lead.rep = assignment.get("rep") or lead.rep
        previous = assignment.get("previous") or data.get("previous")
        if previous is None or previous["why"] == _BY_RULES:
            lead.decision = _decision(_STATES[kind], data)
        if at >= self.since:
            self._decided.add(lead_id)
            lead.counts["held"] += kind == "lead.held"
            lead.counts["moved"] += kind == "lead.reassigned"

    def _end(self, kind: str, data: Mapping[str, Any], at: datetime) -> None:
        """A touch after the breach doesn't undo the miss; one that was told late does."""
        is_met = kind == "sla.met"
        for clock in data["clocks"]:
            known = self._ended.get(clock["id"])
            if known is None or (is_met and data.get("corrected")):
                self._ended[clock["id"]] = _Ended(clock["policy"], data["lead_id"], is_met, at >= self.since)


def _decision(state: str, data: Mapping[str, Any]) -> Decision:
    assignment, trace = data.get("assignment"), data.get("trace")
    if assignment is not None:
        return Decision(state, rep=assignment["rep"], pool=assignment.get("pool"), rule=assignment["rule"])
    rule = next((each["name"] for each in reversed(trace["rules"]) if each["matched"]), None) if trace else None
    match state:
        case "held":
            return Decision(state, pool=data["hold"].get("pool"), rule=rule)
        case "nurtured":
            return Decision(state, rule=rule, to=data["nurture"]["program"])
        case _:
            return Decision(state, rule=rule, to=data["reason"])
