"""The score of a lead at an instant: a function of its fields and of the set of its activities."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from baton.leads.conditions.condition import Facts
from baton.leads.playbook.model import Scoring, SegmentRule
from baton.leads.values import TIERS, Activity, Lead, Reason, Score, Tier
from baton_scoring.scoring.groups import Tally, hundredths, tally_group


def score_lead(lead: Lead, activities: Sequence[Activity], *, scoring: Scoring, model: str, now: datetime) -> Score:
    """Score a lead as of `now`.

    Args:
        lead: its whole profile.
        activities: everything it did, in any order; what lies after `now` counts as of `now`.
        scoring: the rules.
        model: the content hash of their playbook, written into the score.
        now: the instant for ages and windows.

    Returns:
        Points rounded to 0.01; `total` is the sum of the reasons and at least 0.
    """
    facts = Facts(lead=lead, now=now, activities=in_order(activities))
    segment = next((s for s in scoring.segments if s.when is None or s.when.matches(facts)), None)
    part = scoring if segment is None else segment
    tallies = (
        tally_group("fit", part.fit, facts),
        tally_group("engagement", part.engagement, facts),
        tally_group("negative", part.negative, facts),
    )
    return _score(tallies, segment=segment, tiers=part.tiers, model=model)


def in_order(activities: Sequence[Activity]) -> Sequence[Activity]:
    """Oldest first, and the same whatever the order in which they came."""
    return sorted(activities, key=lambda activity: (activity.at, activity.source, activity.id))


def _score(
    tallies: tuple[Tally, Tally, Tally], *, segment: SegmentRule | None, tiers: Mapping[Tier, float], model: str
) -> Score:
    reasons = [reason for tally in tallies for reason in tally.reasons]
    total = sum(tally.hundredths for tally in tallies)
    if total < 0:
        reasons.append(Reason(rule="Never below zero", group="total", points=-total / 100, evidence=[]))
        total = 0
    fit, engagement, negative = tallies
    return Score(
        total=total / 100,
        fit=fit.hundredths / 100,
        engagement=engagement.hundredths / 100,
        negative=negative.hundredths / 100,
        tier=tier_of(total, tiers),
        segment=None if segment is None else segment.name,
        disqualified=any(tally.disqualified for tally in tallies),
        model=model,
        reasons=reasons,
    )


def tier_of(total_hundredths: int, tiers: Mapping[Tier, float]) -> Tier:
    """The highest tier whose threshold is reached; `cold` has none."""
    reached: Tier = "cold"
    for tier in TIERS[1:]:
        if tier in tiers and total_hundredths >= hundredths(tiers[tier]):
            reached = tier
    return reached
