"""When time alone may change a tier: the instant at which a lead is to be looked at again.

A lower bound, found cheaply at each scoring and never late: either a jump (a window closes, a step of a decay) or the
earliest moment at which fading points could have used up the distance to a threshold. A look that finds the tier
unchanged gives the next bound, closer by half at least, until less is left to fade than rounding shows.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from baton.leads.playbook.model import Decay, ScoreGroup, ScoreRule, Scoring, SegmentRule
from baton.leads.values import Activity, Score
from baton_scoring.scoring.decay import breakpoints

_RESOLUTION: Final = timedelta(minutes=1)
_JUST_AFTER: Final = timedelta(microseconds=1)
_FADED: Final = 0.005
"""Points that are rounded away: looking before so many have faded would find the same rounded total."""


class Horizon:
    """What of a model matters to time alone, read out of its rules once, and asked for each lead."""

    def __init__(self, scoring: Scoring) -> None:
        self.scoring = scoring
        windows = _segment_windows(scoring)
        # Of two segments with one name the first is meant.
        self._segments = {segment.name: _Part.of(segment, windows) for segment in reversed(scoring.segments)}
        self._general = _Part.of(scoring, windows)

    def next_look(self, activities: Sequence[Activity], score: Score, *, now: datetime) -> datetime | None:
        """The earliest instant after `now` at which the tier may be another without anything happening, or None."""
        if not activities:
            return None
        part = self._general if score.segment is None else self._segments.get(score.segment, self._general)
        jumps = [at for at in _jumps(part, activities) if at > now]
        fading = _fading(part, activities, score, now=now)
        found = [*jumps, *([fading] if fading is not None else [])]
        return min(found, default=None)


@dataclass(frozen=True, slots=True)
class _Part:
    """The rules of one segment, or the general ones."""

    thresholds: tuple[float, ...]
    jumps: tuple[tuple[frozenset[str], tuple[timedelta, ...]], ...]
    """Kinds of activities, and the ages at which one of them makes the score jump."""
    half_life: timedelta | None
    """The shortest in play."""
    linear: tuple[tuple[ScoreRule, timedelta], ...]

    @staticmethod
    def of(part: Scoring | SegmentRule, windows: ScoreGroup) -> "_Part":
        rules = [
            (rule, rule.decay or group.decay)
            for group in (part.fit, part.engagement, part.negative, windows)
            for rule in group.rules
        ]
        decaying = [(rule, decay) for rule, decay in rules if decay is not None]
        return _Part(
            thresholds=tuple(part.tiers.values()),
            jumps=tuple((kinds, ages) for rule, decay in rules for kinds, ages in _jumping(rule, decay)),
            half_life=min((decay.half_life for _, decay in decaying if decay.half_life), default=None),
            linear=tuple((rule, decay.linear) for rule, decay in decaying if decay.linear),
        )


def _segment_windows(scoring: Scoring) -> ScoreGroup:
    """Segments that ask for behaviour change with time too; their windows count like those of rules."""
    return ScoreGroup(rules=tuple(ScoreRule(name=segment.name, when=segment.when) for segment in scoring.segments))


def _jumping(rule: ScoreRule, decay: Decay | None) -> Iterator[tuple[frozenset[str], tuple[timedelta, ...]]]:
    kinds = frozenset[str]() if rule.when is None else rule.when.activity_kinds
    # A window still holds at its very end, and just after it is closed; a step counts from its very age.
    closings = [window + _JUST_AFTER for window in (rule.when.windows if rule.when else ())]
    ages = (*closings, *(breakpoints(decay) if decay else ()))
    if kinds and ages:
        yield kinds, ages


def _jumps(part: _Part, activities: Sequence[Activity]) -> Iterator[datetime]:
    for kinds, ages in part.jumps:
        for activity in activities:
            if activity.kind in kinds or "any" in kinds:
                yield from (activity.at + age for age in ages)


def _fading(part: _Part, activities: Sequence[Activity], score: Score, *, now: datetime) -> datetime | None:
    fading = Fading.of(part, activities, score)
    waits = [wait for threshold in part.thresholds if (wait := fading.wait(score.total - threshold))]
    return now + min(waits) if waits else None


@dataclass(frozen=True, slots=True)
class Fading:
    """How fast a score may change by fading alone, at most."""

    positive: float
    """Points that halving may take away; `negative` those below zero that it may give back."""
    negative: float
    half_life: timedelta | None
    """The shortest in play."""
    slope: float
    """Points a second that linear decays take or give at most."""

    @staticmethod
    def of(part: _Part, activities: Sequence[Activity], score: Score) -> "Fading":
        seen = [reason.points for reason in score.reasons if any("activity" in piece for piece in reason.evidence)]
        return Fading(
            positive=sum(points for points in seen if points > 0),
            negative=-sum(points for points in seen if points < 0),
            half_life=part.half_life,
            slope=sum(_slope(rule, linear, activities) for rule, linear in part.linear),
        )

    def wait(self, above: float) -> timedelta | None:
        """The least time until a threshold that lies so far below (or, negative, above) can be crossed."""
        points = self.positive if above >= 0 else self.negative
        halving = self._halving(points, abs(above) / 2 if self.slope else abs(above))
        sliding = timedelta(seconds=abs(above) / 2 / self.slope) if self.slope else None
        waits = [wait for wait in (halving, sliding) if wait is not None]
        return max(min(waits), self._until_shown(points), _RESOLUTION) if waits else None

    def _until_shown(self, points: float) -> timedelta:
        """How long it takes at least until the fading shows in a rounded total."""
        halving = 0.0 if self.half_life is None else points * math.log(2) / self.half_life.total_seconds()
        return timedelta(seconds=_FADED / speed) if (speed := halving + self.slope) else _RESOLUTION

    def _halving(self, points: float, distance: float) -> timedelta | None:
        if self.half_life is None or points <= max(distance - _FADED, _FADED):
            return None
        left = 1.0 - max(distance - _FADED, 0.0) / points
        return timedelta(seconds=-math.log2(left) * self.half_life.total_seconds())


def _slope(rule: ScoreRule, linear: timedelta, activities: Sequence[Activity]) -> float:
    table = () if rule.points_from is None else rule.points_from.points.values()
    points = max((abs(p) for p in (rule.points or 0.0, *table)), default=0.0)
    return points * (len(activities) if rule.per_activity else 1) / linear.total_seconds()
