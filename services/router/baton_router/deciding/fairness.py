"""Whose turn it is: Tijdeman's chairman assignment, which keeps every rep within one lead of their share.

Among reps with x·W < t·w (x turns so far, w the weight, W all weights, t the number of this turn) the one with the
smallest (x+1)/w. Smooth weighted round robin drifts past one lead with mixed weights. For fixed shares this is the
quota method too, of which it is proven that nobody ever leaves the whole numbers around their share.
Sources: R. Tijdeman, "The chairman assignment problem", Discrete Mathematics 32 (1980); M. Balinski and H. P. Young,
"The quota method of apportionment", American Mathematical Monthly 82 (1975).

All of it is reckoned in whole numbers: a rounding error must not decide who gets a lead.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from typing import Final

from baton_router.deciding.ledger import Ledger, TurnKey

_GRAIN: Final = 2**20
"""Who is set level may have a part of a turn: a multiple of 1/_GRAIN, which a float holds exactly."""


def next_in_turn(counts: Mapping[str, float], weights: Mapping[str, float]) -> str:
    """Who is next of those in `counts`; of equals the first in its order.

    Args:
        counts: turns so far, of those who may be chosen; at least one.
        weights: their shares, above zero.
    """
    grains = {rep: round(count * _GRAIN) for rep, count in counts.items()}
    shares = dict(zip(counts, whole_shares(tuple(weights[rep] for rep in counts)), strict=True))
    turn, whole = sum(grains.values()) + _GRAIN, sum(shares.values())
    due = [rep for rep, grain in grains.items() if grain * whole < turn * shares[rep]]
    best, *others = due or grains  # credit that came back may leave nobody due
    for rep in others:
        if (grains[rep] + _GRAIN) * shares[best] < (grains[best] + _GRAIN) * shares[rep]:
            best = rep
    return best


def least_loaded(loads: Mapping[str, int], weights: Mapping[str, float]) -> Sequence[str]:
    """Those with the fewest leads per weight."""
    shares = dict(zip(loads, whole_shares(tuple(weights[rep] for rep in loads)), strict=True))
    least = min(Fraction(load, shares[rep]) for rep, load in loads.items())
    return [rep for rep, load in loads.items() if load * least.denominator == least.numerator * shares[rep]]


@lru_cache(maxsize=1024)
def whole_shares(weights: tuple[float, ...]) -> tuple[int, ...]:
    """The smallest whole numbers in the same proportion, reading weights as people write them: 0.1 is a tenth."""
    exact = [Fraction(repr(weight)) for weight in weights]
    scale = lcm(*(each.denominator for each in exact))
    whole = [int(each * scale) for each in exact]
    common = gcd(*whole)
    return tuple(each // common for each in whole)


def set_level(
    ledger: Ledger, key: TurnKey, *, available: Sequence[str], weights: Mapping[str, float], catch_up: bool
) -> None:
    """Note who is available now, and set level whoever was not at the last pick: neither flooded nor owed.

    Closed hours and a reached cap count as being away, like an absence: nobody finds the night's leads waiting as a
    debt in the morning. A reason that lies in one lead doesn't (a language, a decline): the rep was there all the time.

    Level is the mean of the others' counts per weight, times one's own. It is weighted: of a plain mean, the one lead
    that a small weight is ahead or behind would cost a large weight many. With `catch_up` the old counter is kept.
    """
    present = {rep: ledger.turn(key, rep).present for rep in weights}
    returning = [rep for rep in available if not present[rep]]
    if returning and not catch_up:
        _level(ledger, key, returning, staying=[rep for rep in available if present[rep]], weights=weights)
    here = frozenset(available)
    for rep, was_here in present.items():
        if was_here != (rep in here):
            ledger.set_turn(key, rep, present=not was_here)


def _level(
    ledger: Ledger, key: TurnKey, returning: Sequence[str], *, staying: Sequence[str], weights: Mapping[str, float]
) -> None:
    """Of a shift that comes back as a whole, nobody may owe or be owed more than the lead that fairness allows."""
    others = staying or returning
    level = sum(ledger.turn(key, rep).count for rep in others) / sum(weights[rep] for rep in others)
    for rep in returning:
        count = round(level * weights[rep] * _GRAIN) / _GRAIN
        if staying or abs(count - ledger.turn(key, rep).count) >= 1:
            ledger.set_turn(key, rep, count=count)
