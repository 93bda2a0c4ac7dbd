"""How much of the machine others took meanwhile: times that were measured beside them say little."""

import os
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import psutil

QUIET: Final = 0.15
"""The share of the machine that others may take before times stop counting."""


@dataclass(slots=True)
class Watch:
    """Watches from when it is made. `besides` are CPU seconds of ours that are no children: the database's."""

    besides: Callable[[], float]
    _began: float = field(default_factory=time.monotonic)
    _busy: float = field(init=False)
    _ours: float = field(init=False)

    def __post_init__(self) -> None:
        self._busy, self._ours = _busy_seconds(), self._our_seconds()

    def others(self) -> float:
        """The share of all cores that went to others so far, 0 to 1."""
        theirs = (_busy_seconds() - self._busy) - (self._our_seconds() - self._ours)
        return max(theirs, 0.0) / max((time.monotonic() - self._began) * (os.cpu_count() or 1), 0.001)

    def _our_seconds(self) -> float:
        """Ours, our children's that live, and what those took that were waited for."""
        total = self.besides()
        for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            used = resource.getrusage(whose)
            total += used.ru_utime + used.ru_stime
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                times = child.cpu_times()
                total += times.user + times.system
        return total


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))
