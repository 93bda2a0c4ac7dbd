"""How a pool shares its leads among those who may have one. Each strategy is one entry of `STRATEGIES`.

A new one goes here, and its name into `Strategy` of the playbook's model.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from baton.leads.playbook.model import Strategy
from baton_router.deciding.fairness import least_loaded, next_in_turn


@dataclass(frozen=True, slots=True)
class Standing:
    """Who may have the lead, in the playbook's order, and what each has had: at least one rep."""

    turns: Mapping[str, float]
    weights: Mapping[str, float]
    """Of these reps, and perhaps of others."""
    loads: Mapping[str, int]
    """Open leads of all pools; empty where the strategy doesn't ask for them."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """One strategy: whom it picks, and how that is told of `{rep}` and `{pool}`."""

    choose: Callable[[Standing], str]
    why: str
    by_load: bool = False
    """Whether it asks for open leads: counting them costs every lead."""


def _by_turn(standing: Standing) -> str:
    return next_in_turn(standing.turns, standing.weights)


def _by_load(standing: Standing) -> str:
    least = least_loaded(standing.loads, standing.weights)
    return next_in_turn({rep: standing.turns[rep] for rep in least}, standing.weights)


def _by_order(standing: Standing) -> str:
    return next(iter(standing.turns))


STRATEGIES: Final[Mapping[Strategy, Sharing]] = {
    "round_robin": Sharing(_by_turn, "{rep} is next in turn in {pool}"),
    "least_loaded": Sharing(_by_load, "{rep} has the fewest open leads in {pool}", by_load=True),
    "priority": Sharing(_by_order, "{rep} is the first of {pool} who can have it"),
}
