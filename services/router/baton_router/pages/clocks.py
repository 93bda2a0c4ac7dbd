"""Clocks as a page shows them: how long is left, and whether it is high time. The browser counts on from there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from baton.kernel.instants import parse_instant

_SOON: Final = 0.2
"""The last fifth of a promise."""


@dataclass(frozen=True, slots=True)
class ShownStop:
    """How a clock stands still. `until` None: nobody knows when it goes on."""

    since: datetime
    until: datetime | None
    left: timedelta


@dataclass(frozen=True, slots=True)
class ShownClock:
    """One clock. `urgency`: running, soon, late, stopped, or how it ended (met, breached, cancelled)."""

    policy: str
    status: str
    urgency: str
    start: datetime
    due: datetime | None
    stopped: ShownStop | None
    left: str
    lateness: float

    @property
    def is_ticking(self) -> bool:
        """Whether the browser has to count."""
        return self.due is not None and self.urgency in ("running", "soon", "late")

    @property
    def nearness(self) -> tuple[bool, float]:
        """What is due first comes first; then what stands still without an end, by what is left."""
        if self.due is not None:
            return False, self.due.timestamp()
        return True, 0.0 if self.stopped is None else self.stopped.left.total_seconds()


def shown_clock(clock: Mapping[str, Any], *, now: datetime) -> ShownClock:
    """A clock as it is stored with a lead, with its `status`."""
    start, due = parse_instant(clock["start"]), _instant(clock["due"])
    status, stopped = str(clock["status"]), None if clock["stopped"] is None else _stop(clock["stopped"])
    urgency = _urgency(start, due, now=now, is_stopped=stopped is not None) if status == "running" else status
    return ShownClock(
        policy=str(clock["policy"]),
        status=status,
        urgency=urgency,
        start=start,
        due=due,
        stopped=stopped,
        left=_left(due, urgency, now) if stopped is None else f"stopped, {length_text(stopped.left)} left",
        lateness=float(clock["lateness"]),
    )


def pressing(clocks: Iterable[ShownClock]) -> ShownClock | None:
    """The one to look at: the running clock that is due first, or has least left; else one that was missed."""
    known = list(clocks)
    running = [each for each in known if each.status == "running"]
    missed = [each for each in known if each.status == "breached"]
    return min(running, key=lambda each: each.nearness, default=None) or next(iter(missed), None)


def length_text(length: timedelta) -> str:
    """`2 d 3 h`, `5 h 07 min`, `4:59`: the two largest units, as the browser writes it too."""
    seconds = int(length.total_seconds())
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes}:{seconds % 60:02}"


def _urgency(start: datetime, due: datetime | None, *, now: datetime, is_stopped: bool) -> str:
    if due is None or is_stopped:
        return "stopped"
    if now >= due:
        return "late"
    return "soon" if (due - now) < (due - start) * _SOON else "running"


def _left(due: datetime | None, urgency: str, now: datetime) -> str:
    if due is None or urgency not in ("running", "soon", "late"):
        return "stopped" if urgency == "stopped" else ""
    return f"{length_text(now - due)} late" if urgency == "late" else length_text(due - now)


def _stop(told: Mapping[str, Any]) -> ShownStop:
    return ShownStop(parse_instant(told["since"]), _instant(told["until"]), timedelta(seconds=told["left"]))


def _instant(told: str | None) -> datetime | None:
    return None if told is None else parse_instant(told)
