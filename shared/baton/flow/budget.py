"""When dead letters are the consumer's own fault, and it stands still rather than empty its topics into them.

A count alone can't tell. A broken release, a bad playbook or a full disk fails nearly everybody's records: that has to
stop before it has moved all of them. One sender whose records can't be handled, broken or hostile, fails only its own,
however many: that must stop nobody else's. So it is the sources that are asked, each with one voice, and within a
source the leads, for one bad lead may do many things:

- a source fails if in the last minute more of its leads ended as dead letters than were handled;
- the fault is the consumer's if most of the sources heard from in that minute fail, with 50 leads at least;
- one source that fails alone is its own fault if another one's leads were handled within the day. Where there is only
  one source it speaks for everybody.

Events that name no source (a touch, a clock) are asked apart, each lead with one voice: nothing that a sender wrote is
in them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import orjson

from baton.flow.bus import Received
from baton.flow.deliveries import ConsumerPaused, Delivery

_LATELY: Final = timedelta(days=1)
_LOOK: Final = timedelta(seconds=10)
"""How often it is noted whose lead is handled, while all is well: it means to read a record again."""
_MOST: Final = 1000
"""Voices, and leads of each: beyond that nothing changes the result."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose a record is. `source` None: it names none."""

    source: str | None
    lead: str


def origin_of(record: Received, *, lead: str | None) -> Origin:
    """As far as the record can be read. Without a lead it is nobody's but its key's."""
    try:
        data = orjson.loads(record.value)
    except orjson.JSONDecodeError:
        data = None
    named = next(filter(None, (_source(data, part) for part in ("activity", "lead"))), None)
    return Origin(source=named, lead=record.key.hex() if lead is None else lead)


def _source(data: object, part: str) -> str | None:
    told = data.get(part) if isinstance(data, Mapping) else None
    source = told.get("source") if isinstance(told, Mapping) else None
    return source if isinstance(source, str) else None


@dataclass(slots=True)
class _Voice:
    """One source, or one lead without a source: the leads that failed, and those that were handled."""

    failed: set[str] = field(default_factory=set)
    handled: set[str] = field(default_factory=set)

    @property
    def fails(self) -> bool:
        return len(self.failed) > len(self.handled)


@dataclass(slots=True)
class Budget:
    """How many leads of most sources may end as dead letters in `window` before a consumer pauses.

    50 a minute is far above single bad records, and stops a broken release within a second.
    """

    limit: int = 50
    window: timedelta = timedelta(minutes=1)
    pause: timedelta = timedelta(seconds=30)
    _since: datetime | None = None
    """When the first of the running window failed; None while all is well."""
    _sources: dict[str, _Voice] = field(default_factory=dict)
    _leads: dict[str, _Voice] = field(default_factory=dict)
    _known: dict[str, datetime] = field(default_factory=dict)
    """The sources whose leads were handled lately, and when."""
    _looked: datetime | None = None

    def note(self, handled: Sequence[Delivery], *, now: datetime) -> None:
        """These were handled. While nothing fails, one of them now and then is enough."""
        is_well = self._since is None or now >= self._since + self.window
        if is_well and self._looked is not None and now < self._looked + _LOOK:
            return
        self._looked = now
        for origin in (origin_of(each.record, lead=each.subject) for each in (handled[-1:] if is_well else handled)):
            if origin.source is not None and (origin.source in self._known or len(self._known) < _MOST):
                self._known[origin.source] = now
            if not is_well and (voice := self._voice(origin)) is not None and len(voice.handled) < _MOST:
                voice.handled.add(origin.lead)

    def spend(self, failed: Origin, *, now: datetime) -> None:
        """One more is to become a dead letter. Raises ConsumerPaused if it is not to be written."""
        if self._since is None or now >= self._since + self.window:
            self._begin_anew(now)
        voice = self._voice(failed)
        if voice is not None and len(voice.failed) < _MOST:
            voice.failed.add(failed.lead)
        if self._most_sources_fail(now) or _most_fail(self._leads, limit=self.limit):
            self._begin_anew(None)
            raise ConsumerPaused(now + self.pause)

    def _most_sources_fail(self, now: datetime) -> bool:
        if not _most_fail(self._sources, limit=self.limit):
            return False
        failing = [source for source, voice in self._sources.items() if voice.fails]
        return len(failing) > 1 or not any(
            source != failing[0] and now - at <= _LATELY for source, at in self._known.items()
        )

    def _begin_anew(self, since: datetime | None) -> None:
        self._since = since
        self._sources.clear()
        self._leads.clear()

    def _voice(self, origin: Origin) -> _Voice | None:
        voices, name = (self._leads, origin.lead) if origin.source is None else (self._sources, origin.source)
        return voices.setdefault(name, _Voice()) if name in voices or len(voices) < _MOST else None


def _most_fail(voices: Mapping[str, _Voice], *, limit: int) -> bool:
    """Whether more of them fail than not, with more leads than the limit."""
    if sum(len(voice.failed) for voice in voices.values()) <= limit:
        return False
    failing = sum(voice.fails for voice in voices.values())
    return failing > len(voices) - failing
