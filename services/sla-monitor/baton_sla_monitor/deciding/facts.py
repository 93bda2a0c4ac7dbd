"""What happened to a lead, as far as its clocks care; and in which order."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class FactKind(StrEnum):
    CAPTURED = "captured"
    ASSIGNED = "assigned"
    HELD = "held"
    NURTURED = "nurtured"
    REJECTED = "rejected"
    TOUCHED = "touched"
    ACCEPTED = "accepted"
    DISPOSED = "disposed"
    PAUSED = "paused"
    RESUMED = "resumed"
    MERGED = "merged"
    UNMERGED = "unmerged"


@dataclass(frozen=True, slots=True)
class Fact:
    """One event, reduced. Fields that a kind doesn't need stay None.

    `told` is when the event was told, `at` when what it tells happened: only a touch may have happened earlier.
    """

    id: str
    kind: FactKind
    lead: str
    told: datetime
    at: datetime
    sequence: int | None = None
    """The lead's version at the router: the order of what the router tells, whatever the machines' clocks say."""
    assignment: str | None = None
    rep: str | None = None
    """Who has the clocks: the rep of the assignment, or the nominee."""
    pool: str | None = None
    source: str | None = None
    terms: tuple[str, ...] = ()
    """Ids of the terms of each clock that it may start, in the playbook's order."""
    channel: str | None = None
    until: datetime | None = None
    outside_hours: bool = False
    """A hold for no other reason than working hours."""
    other: str | None = None
    """The lead into which this one was merged."""


# Of facts told at one instant, a verdict comes before the capture that follows it, a capture before the decision that
# it caused. Only facts of one writer have a sequence; across writers an equal instant happens in the simulator alone.
_RANKS: Final = {FactKind.DISPOSED: 0, FactKind.CAPTURED: 1, FactKind.MERGED: 3, FactKind.UNMERGED: 3}
_RANK: Final = 2

_Place = tuple[datetime, int, int, str]


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    """The facts as they happened, the same for every order of arrival.

    What the router told of a lead keeps the order of its versions; the rest is placed between by its instants.
    """
    decided: dict[str, list[Fact]] = defaultdict(list)
    others: list[Fact] = []
    for fact in facts:
        (others if fact.sequence is None else decided[fact.lead]).append(fact)
    streams = [_placed_by_version(of_lead) for of_lead in decided.values()]
    streams.append(iter([(_place(fact), fact) for fact in sorted(others, key=_place)]))
    return [fact for _, fact in heapq.merge(*streams, key=lambda placed: placed[0])]


def _placed_by_version(facts: list[Fact]) -> Iterator[tuple[_Place, Fact]]:
    """Instants only rise: a later version told by a slower clock is placed where the one before it is."""
    latest: _Place | None = None
    for number, fact in enumerate(sorted(facts, key=lambda each: (each.sequence or 0, each.told, each.id))):
        place = (fact.told, _RANKS.get(fact.kind, _RANK), number, fact.id)
        if latest is not None and place[:2] < latest[:2]:
            place = (*latest[:2], number, fact.id)
        latest = place
        yield place, fact


def _place(fact: Fact) -> _Place:
    return fact.told, _RANKS.get(fact.kind, _RANK), 0, fact.id
