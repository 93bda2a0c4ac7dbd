"""How long the lanes stood still after a fault, by what arrived on each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

SERVICE_SECONDS: Final = 4.0
"""From the `kill -9` of a service until its partitions are served again."""
BROKER_SECONDS: Final = 2.0
"""From the broker's return until all lanes move again."""


@dataclass(frozen=True, slots=True)
class Happened:
    """A fault, in seconds of the monotonic clock."""

    name: str
    began: float
    since: float
    """From when the lanes are watched: a kill, or the return of what was away."""
    bound: float | None
    """How long they may stand still, if that was promised."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """The longest that any lane stood still after a fault, in seconds."""

    name: str
    seconds: float
    bound: float | None

    @property
    def is_in_time(self) -> bool:
        return self.bound is None or self.seconds <= self.bound


def recoveries(happened: Sequence[Happened], lanes: Mapping[int, Sequence[float]], *, until: float) -> list[Recovery]:
    """Each fault's, watched until the next one or the end of the load; a lane without arrivals stood still all along.

    `lanes` are the instants of arrivals, in order.
    """
    ends = [*(fault.began for fault in happened[1:]), until]
    return [
        Recovery(
            fault.name, max((_longest_gap(at, fault.since, end) for at in lanes.values()), default=0.0), fault.bound
        )
        for fault, end in zip(happened, ends, strict=True)
    ]


def _longest_gap(arrivals: Sequence[float], since: float, until: float) -> float:
    inside = [since, *(at for at in arrivals if since < at < until), until]
    return max(later - earlier for earlier, later in pairwise(inside))
