"""Live streams: what a rep is given and how its clocks stand, as server-sent events that can be resumed.

A stream reads the timeline after the last position it has shown. A notification wakes it; a poll stands behind that.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import asyncpg
import orjson
import structlog
from fastapi.sse import format_sse_event

from baton.flow.database import Database, DatabaseUnavailable
from baton.kernel.instants import format_instant
from baton_router import timeline_repository as repository
from baton_router.timeline_repository import CHANNEL, Entry

log = structlog.get_logger()

EVERYBODY: Final = "*"
"""The name that is woken by whatever is told of anybody. No rep has it: ids are words."""
HEARTBEAT_SECONDS: Final = 15.0
"""Below the idle limit of common proxies (30 to 60 s)."""
_POLL_SECONDS: Final = 2.0
_RECONNECT_SECONDS: Final = 0.5
_AT_ONCE: Final = 200


@dataclass(slots=True)
class Wakes:
    """Tells streams that there may be something new: one listening connection for all of them."""

    url: str
    _sleepers: dict[str, set[asyncio.Event]] = field(default_factory=lambda: defaultdict(set))

    @property
    def count(self) -> int:
        """How many streams are open."""
        return sum(len(events) for events in self._sleepers.values())

    @contextmanager
    def sleeper(self, rep: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever this rep's stream has something new."""
        event = asyncio.Event()
        self._sleepers[rep].add(event)
        try:
            yield event
        finally:
            self._sleepers[rep].discard(event)
            if not self._sleepers[rep]:
                del self._sleepers[rep]

    def wake(self, names: str) -> None:
        """Wake the streams of these reps, one a line, and those of everybody; all, if there is no name."""
        reps = [*names.split("\n"), EVERYBODY] if names else list(self._sleepers)
        for rep in reps:
            for event in self._sleepers.get(rep, ()):
                event.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Listen until told to stop; while the database is away, the polls do the work."""
        listening = asyncio.create_task(self._listen())
        await stopping.wait()
        self.wake("")
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                connection = await asyncpg.connect(self.url, timeout=5)
            except (OSError, TimeoutError, asyncpg.PostgresError):
                await asyncio.sleep(_RECONNECT_SECONDS)
                continue
            try:
                lost = asyncio.Event()
                connection.add_termination_listener(lambda _, lost=lost: lost.set())
                await connection.add_listener(CHANNEL, lambda *told: self.wake(str(told[3])))
                self.wake("")  # whatever was told while nobody listened
                await lost.wait()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(_RECONNECT_SECONDS)
            finally:
                connection.terminate()


@dataclass(frozen=True, slots=True)
class RepStream:
    """One rep's stream."""

    database: Database
    wakes: Wakes
    stopping: asyncio.Event
    rep: str
    may_go_on: Callable[[], bool] = lambda: True
    """Whether its reader may still hear it."""

    async def run(self, last_seen: int | None) -> AsyncGenerator[bytes]:
        """Server-sent events after `last_seen`; without it, first what is still open, then what happens from now on.

        Each is `id: position`, `event: type`, `data: {at, type, lead_id, data}`.
        """
        place, idle = last_seen, 0
        with self.wakes.sleeper(self.rep) as news:
            yield format_sse_event(comment="open", retry=1000)
            while not self.stopping.is_set():
                news.clear()
                entries, place = await self._next(place)
                if not self.may_go_on():
                    return
                for entry in entries:
                    yield _frame(entry)
                idle = 0 if entries or await _woken(news) else idle + 1
                if idle * _POLL_SECONDS >= HEARTBEAT_SECONDS:
                    idle = 0
                    yield format_sse_event(comment="still here")

    async def _next(self, place: int | None) -> tuple[list[Entry], int | None]:
        try:
            async with self.database.connection() as connection:
                if place is not None:
                    entries = await repository.feed(connection, self.rep, after=place, limit=_AT_ONCE)
                    return entries, entries[-1].position if entries else place
                end = await repository.end_of_feed(connection, self.rep)
                return await repository.open_feed(connection, self.rep, until=end, limit=_AT_ONCE), end
        except DatabaseUnavailable:
            log.warning("stream_waits")
            return [], place


async def _woken(news: asyncio.Event) -> bool:
    """Wait until there may be something new; False if nobody said so in time."""
    try:
        await asyncio.wait_for(news.wait(), timeout=_POLL_SECONDS)
    except TimeoutError:
        return False
    return True


def _frame(entry: Entry) -> bytes:
    data = {"at": format_instant(entry.at), "type": entry.type, "lead_id": entry.lead_id, "data": entry.content}
    return format_sse_event(data_str=orjson.dumps(data).decode(), event=entry.type, id=str(entry.position))
