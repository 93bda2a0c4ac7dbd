"""The active playbook in a service: followed on its topic, loaded aside, swapped at once."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import structlog

from baton.flow import metrics
from baton.flow.bus import Bus, BusUnavailable, Received, Record, RecordTooLarge
from baton.flow.deliveries import NotReady
from baton.kernel.clock import Clock
from baton.kernel.ids import derived_id
from baton.leads.envelope import Event, UnreadableEvent, decode, encode
from baton.leads.events import EventData, PlaybookActivated, PlaybookPublished
from baton.leads.playbook.content import pack, unpack
from baton.leads.playbook.findings import Finding, PlaybookError, Severity
from baton.leads.playbook.loader import Loaded, load_files, load_published
from baton.leads.playbook.model import Playbook
from baton.leads.topics import Topic

log = structlog.get_logger()

_SOURCE: Final = "/baton/playbook"
_ACTIVE: Final = b"active"
_PAUSE_SECONDS: Final = 0.5
_KEPT: Final = 20
_TOLD: Final = 20
_one_at_a_time: Final = threading.Lock()


async def publish(bus: Bus, files: Mapping[str, bytes], *, clock: Clock, configured: str | None = None) -> Playbook:
    """Make a playbook the active one. `configured`: as `PlaybookActivated` has it.

    Raises:
        PlaybookError: it has mistakes; nothing was published.
        BusUnavailable: it may have been published, publish it again.
    """
    playbook = (await asyncio.to_thread(load_files, files)).playbook
    published = PlaybookPublished(hash=playbook.hash, version=playbook.version, files=pack(files))
    records = [
        _record(published, key=playbook.hash.encode(), clock=clock),
        _activation(playbook.hash, configured, clock=clock),
    ]
    try:
        await bus.publish(records)
    except RecordTooLarge as error:
        told = f"it is too large to be published: {error}"
        raise PlaybookError([Finding(Severity.ERROR, "playbook.yaml", 1, "", told)]) from None
    return playbook


async def note_configured(bus: Bus, active: str, *, clock: Clock) -> None:
    """Write beside what is active that BATON_PLAYBOOK holds just that. Raises BusUnavailable."""
    await bus.publish([_activation(active, active, clock=clock)])


def _activation(playbook: str, configured: str | None, *, clock: Clock) -> Record:
    activated = PlaybookActivated(hash=playbook, at=clock.now(), configured=configured)
    return _record(activated, key=_ACTIVE, clock=clock)


def _record(data: PlaybookPublished | PlaybookActivated, *, key: bytes, clock: Clock) -> Record:
    now = clock.now()
    event_id = derived_id(data.type, data.hash, now.isoformat())
    headers, value = encode(Event(id=event_id, source=_SOURCE, time=now, key=key.decode(), data=data))
    return Record(topic=Topic.PLAYBOOK, key=key, value=value, headers=headers)


@dataclass(slots=True)
class PlaybookFeed:
    """Knows the playbook that decides now."""

    bus: Bus
    mistakes: int = 0
    """How many this release finds in the playbook that decides; it was published by one that found none."""
    _playbook: Playbook | None = None
    _packed: dict[str, str] = field(default_factory=dict)
    """The files of the playbooks published last, by hash: an activation may come long after its publication."""
    _wanted: str | None = None
    _refused: str | None = None
    """The one that this release can't load: told once, not tried again."""
    _listeners: list[Callable[[Playbook], None]] = field(default_factory=list)

    def current(self) -> Playbook:
        """The active playbook. Raises NotReady while there is none."""
        if self._playbook is None:
            raise NotReady("no playbook is active: publish one with `baton playbook publish`")
        return self._playbook

    @property
    def is_refused(self) -> bool:
        """Whether the one that was made active last can't be loaded here; who had one before goes on with that."""
        return self._refused is not None

    @property
    def current_or_none(self) -> Playbook | None:
        return self._playbook

    def on_change(self, listener: Callable[[Playbook], None]) -> None:
        """Be told of each new playbook, after the swap."""
        self._listeners.append(listener)

    async def step(self) -> None:
        """Read the topic to its end and load at once: for the simulator."""
        await self._read_to_the_end()
        files = self._files_to_load()
        if files is not None:
            self._adopt(_loaded(files))

    async def run(self, stopping: asyncio.Event) -> None:
        """Follow the topic until told to stop, and whenever it is there."""
        following = asyncio.create_task(self._follow())
        stop = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait((following, stop), return_when=asyncio.FIRST_COMPLETED)
        finally:
            following.cancel()
            stop.cancel()
            _, failure = await asyncio.gather(stop, following, return_exceptions=True)
        if isinstance(failure, Exception):
            raise failure

    async def _follow(self) -> None:
        while True:
            try:
                # First what is active now: nothing is decided by those that were active before it.
                last = await self._read_to_the_end()
                await self._swap()
                async for record in self.bus.read(Topic.PLAYBOOK, follow=True):
                    if record.offset > last:
                        self._take(record)
                        await self._swap()
            except BusUnavailable as error:
                log.warning("playbook_feed_waits", error=str(error)[:200])
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _read_to_the_end(self) -> int:
        """Take what the topic has. Gives the offset of the last; it has one partition."""
        last = -1
        async for record in self.bus.read(Topic.PLAYBOOK, follow=False):
            self._take(record)
            last = record.offset
        return last

    def _take(self, record: Received) -> None:
        data = _data(record)
        if isinstance(data, PlaybookPublished):
            self._packed.pop(data.hash, None)
            self._packed[data.hash] = data.files
            if len(self._packed) > _KEPT:
                self._packed.pop(next(iter(self._packed)))
        elif isinstance(data, PlaybookActivated):
            self._wanted, self._refused = data.hash, None

    async def _swap(self) -> None:
        """Load the wanted playbook in a thread, so that the loop stays free, then let it decide."""
        files = self._files_to_load()
        if files is not None:
            self._adopt(await asyncio.to_thread(_loaded, files))

    def _files_to_load(self) -> str | None:
        wanted = self._wanted
        if wanted is None or wanted == self._refused or (self._playbook and self._playbook.hash == wanted):
            return None
        if wanted not in self._packed:
            self._refuse("its files were never published, or too many others since")
        return self._packed.get(wanted)

    def _adopt(self, loaded: Loaded | Exception) -> None:
        """Let it decide from now on. One that can't be loaded changes nothing."""
        if isinstance(loaded, Exception):
            self._refuse(f"{type(loaded).__name__}: {loaded}")
            return
        self._playbook, self.mistakes = loaded.playbook, len(loaded.mistakes)
        log.info("playbook_active", playbook=loaded.playbook.hash, version=loaded.playbook.version)
        _tell_mistakes(loaded)
        for listener in self._listeners:
            listener(loaded.playbook)

    def _refuse(self, why: str) -> None:
        self._refused = self._wanted
        log.error("playbook_not_loaded", playbook=self._wanted, error=why[:500])


def _tell_mistakes(loaded: Loaded) -> None:
    """Where they are; what they say may name people, and is for `baton playbook show`."""
    metrics.playbook_mistakes.set(len(loaded.mistakes))
    if loaded.mistakes:
        places = [f"{each.file}:{each.line}: {each.path}" for each in loaded.mistakes[:_TOLD]]
        count, playbook = len(loaded.mistakes), loaded.playbook.hash
        log.error("playbook_has_mistakes", playbook=playbook, count=count, places=places, see="baton playbook show")


def _loaded(packed: str) -> Loaded | Exception:
    try:
        with _one_at_a_time:
            return _load(packed)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the playbook in force must go on
        return error


@lru_cache(maxsize=1)
def _load(packed: str) -> Loaded:
    """Frozen, so that services which share a process share it too: the first loads it for all of them.

    It was accepted when it was published: a check that has come since doesn't stop it.
    """
    return load_published(unpack(packed))


def _data(record: Received) -> EventData | None:
    try:
        return decode(record.headers, record.value).data
    except UnreadableEvent as error:
        log.warning("playbook_record_unreadable", offset=record.offset, error=str(error)[:200])
        return None
