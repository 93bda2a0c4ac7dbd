"""Whose turn it is: Tijdeman's chairman assignment, which keeps every rep within one lead of their share.

Among reps with x·W < t·w (x turns so far, w the weight, W all weights, t the number of this turn) the one with the
smallest (x+1)/w. Smooth weighted round robin drifts past one lead with mixed weights; this stayed under one in every
case tried. Source: R. Tijdeman, "The chairman assignment problem", Discrete Mathematics 32 (1980).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from baton_router.deciding.ledger import Ledger, TurnKey

_EPSILON: Final = 1e-9
"""Counts are whole but for those set level: no two that differ do so by less."""


def next_in_turn(counts: Mapping[str, float], weights: Mapping[str, float]) -> str:
    """Who is next of those in `counts`; of equals the first in its order.

    Args:
        counts: turns so far, of those who may be chosen.
        weights: their shares, above zero.
    """
    whole = sum(weights[rep] for rep in counts)
    turn = sum(counts.values()) + 1
    due = [rep for rep, count in counts.items() if count * whole < turn * weights[rep] - _EPSILON]
    # Rounding or credit may leave nobody due; then whoever is furthest behind.
    return min(due or counts, key=lambda rep: round((counts[rep] + 1) / weights[rep], 9))


def set_level(
    ledger: Ledger, key: TurnKey, *, available: Sequence[str], weights: Mapping[str, float], catch_up: bool
) -> None:
    """Note who is available now, and set level whoever was not at the last pick: neither flooded nor owed.

    Level is the mean of the others' counts per weight, times one's own. With `catch_up` the old counter is kept.
    """
    turns = {rep: ledger.turn(key, rep) for rep in weights}
    staying = [rep for rep in available if turns[rep].present]
    if staying and not catch_up:
        level = sum(turns[rep].count / weights[rep] for rep in staying) / len(staying)
        for rep in available:
            if not turns[rep].present:
                ledger.set_turn(key, rep, count=level * weights[rep])
    here = frozenset(available)
    for rep in weights:
        ledger.set_turn(key, rep, present=rep in here)
