"""The points of one group (fit, engagement or negative), with the reason for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from baton.leads.conditions.condition import Comparison, Condition, Facts
from baton.leads.playbook.model import Decay, PointsFrom, ScoreGroup, ScoreRule
from baton.leads.values import Activity, Reason
from baton_scoring.scoring.decay import remaining

MAX_EVIDENCE: Final = 5
"""More pieces of evidence for one rule tell nobody more."""

Evidence = list[dict[str, object]]


@dataclass(slots=True)
class Tally:
    """A group while it is being summed. Points are whole hundredths, so that reasons add up exactly."""

    group: str
    hundredths: int
    reasons: list[Reason]
    disqualified: bool = False

    def add(self, rule: str, hundredths: int, evidence: Evidence) -> None:
        """One more reason."""
        self.hundredths += hundredths
        self.reasons.append(Reason(rule=rule, group=self.group, points=hundredths / 100, evidence=evidence))


def tally_group(name: str, group: ScoreGroup, facts: Facts) -> Tally:
    """Apply the group's rules in order, then its bounds: the cap, and for `negative` zero from above."""
    tally = Tally(group=name, hundredths=0, reasons=[])
    for rule in group.rules:
        _apply(rule, group.decay, facts, tally)
    least, most = _bounds(name, group)
    if most is not None and tally.hundredths > most:
        tally.add("Never above zero" if name == "negative" else "Cap", most - tally.hundredths, [])
    if least is not None and tally.hundredths < least:
        tally.add("Cap", least - tally.hundredths, [])
    return tally


def _bounds(name: str, group: ScoreGroup) -> tuple[int | None, int | None]:
    """The least and the most that a group may come to. The cap of `negative` may have its sign or not."""
    cap = None if group.cap is None else hundredths(group.cap)
    if name != "negative":
        return None, cap
    return None if cap is None else -abs(cap), 0


def hundredths(points: float) -> int:
    """Points as whole hundredths."""
    return round(points * 100)


def _apply(rule: ScoreRule, group_decay: Decay | None, facts: Facts, tally: Tally) -> None:
    if rule.when is not None and not rule.when.matches(facts):
        return
    activities = () if rule.when is None else rule.when.evidence(facts)
    if rule.disqualify:
        tally.disqualified = True
    if rule.multiply is not None:
        tally.add(rule.name, round(tally.hundredths * (rule.multiply - 1)), _evidence(rule.when, facts, activities))
        return
    points, looked_up = _points(rule, facts)
    if points is None:
        return
    worth = points * _weight(rule, group_decay, activities, facts)
    tally.add(rule.name, hundredths(worth), [*looked_up, *_evidence(rule.when, facts, activities)])


def _points(rule: ScoreRule, facts: Facts) -> tuple[float | None, Evidence]:
    if rule.points_from is not None:
        return _from_table(rule.points_from, facts)
    return (0.0 if rule.points is None else rule.points), []


def _from_table(lookup: PointsFrom, facts: Facts) -> tuple[float | None, Evidence]:
    value = _value(lookup.key, facts)
    if value is None:
        return None, []
    points = lookup.points.get(str(value).strip().casefold())
    return points, [{"table": lookup.table, "field": lookup.key, "actual": value}]


def _value(path: str, facts: Facts) -> object:
    """A field of the lead by its path: `lead.industry`, `lead.custom.plan`."""
    value: object = facts.lead
    for part in path.split(".")[1:]:
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)
    return value


def _weight(rule: ScoreRule, group_decay: Decay | None, activities: Sequence[Activity], facts: Facts) -> float:
    """How often, and how much faded, the rule's points count."""
    if not activities:
        return 1.0
    counted = activities if rule.per_activity else activities[:1]
    decay = rule.decay or group_decay
    if decay is None:
        return float(len(counted))
    return sum(remaining(decay, facts.now - activity.at) for activity in counted)


def _evidence(when: Condition | None, facts: Facts, activities: Sequence[Activity]) -> Evidence:
    if when is None:
        return []
    seen: Evidence = [
        {"activity": activity.kind, "id": activity.id, "at": activity.at} for activity in activities[:MAX_EVIDENCE]
    ]
    if when.fields == {"activity"}:
        return seen
    _, comparisons = when.explain(facts)
    return [_comparison(comparison) for comparison in comparisons if comparison.matched][:MAX_EVIDENCE] + seen


def _comparison(comparison: Comparison) -> dict[str, object]:
    return {
        "field": comparison.field,
        "operator": comparison.operator,
        "expected": comparison.expected,
        "actual": comparison.actual,
    }
