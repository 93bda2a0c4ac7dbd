"""Stretches of time and their algebra: merge, subtract. All instants are aware UTC; every segment is half-open."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FOREVER = datetime.max.replace(tzinfo=UTC)
# Merging must end somewhere on a calendar that hardly closes; the cut changes no sum, only the pieces.
_LONGEST_MERGED = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Segment:
    """The instants from `start` up to, but without, `end`."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def clipped(self, to: "Segment") -> "Segment":
        """What of this lies within `to`; with `end <= start` when nothing does."""
        if self.start >= to.start and self.end <= to.end:
            return self
        return Segment(max(self.start, to.start), min(self.end, to.end))


@dataclass(frozen=True, slots=True)
class Pause:
    """A clock stood still from `since` up to, but without, `to`; `None` is a pause without an end in sight."""

    since: datetime
    to: datetime | None = None

    def __post_init__(self) -> None:
        if self.to is not None and self.to < self.since:
            raise ValueError(f"a pause can't end ({self.to.isoformat()}) before it begins ({self.since.isoformat()})")


def merge(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Join segments that touch or overlap; they come ordered by start. Past a month a joined piece is cut in two."""
    joined: Segment | None = None
    for segment in segments:
        if joined is None or segment.start > joined.end:
            if joined is not None and joined.start < joined.end:
                yield joined
            joined = segment
        elif segment.end > joined.end:
            joined = Segment(joined.start, segment.end)
        if joined.length >= _LONGEST_MERGED:
            yield joined
            joined = Segment(joined.end, joined.end)
    if joined is not None and joined.start < joined.end:
        yield joined


def subtract(segments: Iterable[Segment], pauses: Iterable[Pause]) -> Iterator[Segment]:
    """What is left of ordered segments outside of the pauses; pauses come in any order and may overlap."""
    stops = _stops(pauses)
    endless = stops[-1].start if stops and stops[-1].end == FOREVER else FOREVER
    for segment in segments:
        if segment.start >= endless:
            return
        yield from _cut(segment, stops)


def _stops(pauses: Iterable[Pause]) -> list[Segment]:
    spans = (Segment(pause.since, FOREVER if pause.to is None else pause.to) for pause in pauses)
    joined: list[Segment] = []
    for span in sorted(spans, key=lambda each: each.start):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Segment(joined[-1].start, max(joined[-1].end, span.end))
        elif span.start < span.end:
            joined.append(span)
    return joined


def _cut(segment: Segment, stops: Sequence[Segment]) -> Iterator[Segment]:
    start = segment.start
    for stop in stops:
        if stop.end <= start:
            continue
        if stop.start >= segment.end:
            break
        if start < stop.start:
            yield Segment(start, stop.start)
        start = stop.end
    if start < segment.end:
        yield Segment(start, segment.end)
