"""All of Baton in one process: what `baton up` wires, starts and keeps alive."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg
import structlog
from fastapi import FastAPI

from baton.flow.bus import Bus, BusUnavailable
from baton.flow.database import Database, DatabaseUnavailable
from baton.kernel.clock import Clock, SystemClock
from baton.leads.playbook.findings import PlaybookError
from baton.service.serving import require_listening, serve
from baton.service.settings import Settings, load_settings, warn_of_unknown
from baton_standalone.apps import PARTS, Apps, import_apps, mount, wrong_with
from baton_standalone.embedded import EmbeddedPostgres, EmbeddedPostgresError, start_beside
from baton_standalone.publishing import read_active
from baton_standalone.reaching import EXIT_AWAY, away_told, make_bus, open_bus
from baton_standalone.shared_bus import SharedBus
from baton_standalone.starting import Chosen, begin
from baton_standalone.topics import make_topics

log = structlog.get_logger()

_PAUSE: Final = 0.5
_GLANCE: Final = 0.1
_LOOK_AFTER: Final = 1.0


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a companion begins with: the four apps, and what they run on."""

    settings: Settings
    apps: Apps
    bus: Bus
    clock: Clock


Companion = Callable[[Beginning], Coroutine[None, None, None]]
"""Something that runs beside the services, in their process, until they stop."""


def run_all(settings: Settings, chosen: Chosen, *, companion: Companion | None = None) -> None:
    """Run everything until SIGTERM or SIGINT; the embedded database, if there is one, stops last.

    Raises:
        PlaybookError: the playbook has mistakes, and would have to be published.
    """
    warn_of_unknown()
    require_listening(settings)
    with _own_database(settings) as (url, embedded):
        if chosen.candidate.mistakes and not asyncio.run(_was_published(chosen, settings, url)):
            raise PlaybookError(chosen.candidate.mistakes)
        clock = SystemClock()
        bus = make_bus(settings, url)
        apps = _create(url, bus, clock)
        helper = _Helper(settings=settings, chosen=chosen, url=url, bus=bus, clock=clock, embedded=embedded,
                         companion=companion)  # fmt: skip
        app = mount(apps, alongside=helper.alongside)
        serve(lambda: app, settings)


async def _was_published(chosen: Chosen, settings: Settings, url: str) -> bool:
    """Whether an older release published it: exits with code 1 and a line where the bus can't say."""
    with away_told():
        async with open_bus(settings, url) as bus:
            await make_topics(bus, settings)
            return not chosen.is_due(await read_active(bus))


def _create(url: str, bus: Bus, clock: Clock) -> Apps:
    from baton_standalone.local_dry_run import connect  # needs what was imported while the database started

    apps: dict[str, FastAPI] = {}
    for part in PARTS:
        settings = load_settings(part.kind)
        database = Database(url, schema=part.chain.schema, size=settings.database_connections)
        apps[part.path] = part.create(settings=settings, bus=SharedBus(bus), clock=clock, database=database)
    connect(apps)
    return apps


@dataclass(frozen=True, slots=True)
class _Helper:
    """What runs beside the services: the first publish, a word when all is ready, a look after the database."""

    settings: Settings
    chosen: Chosen
    url: str
    bus: Bus
    clock: Clock
    embedded: EmbeddedPostgres | None
    companion: Companion | None = None

    def alongside(self, apps: Apps) -> AbstractAsyncContextManager[None]:
        tasks: list[Callable[[], Coroutine[None, None, None]]] = [self._publish, lambda: self._say_ready(apps)]
        if self.embedded is not None:
            tasks.append(self._look_after_database)
        if self.companion is not None:
            tasks.append(lambda: self._accompany(apps))
        return _beside(self.bus, tasks)

    async def _accompany(self, apps: Apps) -> None:
        assert self.companion is not None
        try:
            await self.companion(Beginning(self.settings, apps, self.bus, self.clock))
        except Exception as error:  # whatever it is, the services go on without it
            log.exception("companion_failed", error=type(error).__name__)

    async def _publish(self) -> None:
        """Publish the playbook where that is due, as soon as the bus is there."""
        told: str | None = None
        while True:
            try:
                await make_topics(self.bus, self.settings)
                return _say(await begin(self.chosen, self.bus, clock=self.clock, database_url=self.url))
            except (BusUnavailable, DatabaseUnavailable, OSError, asyncpg.PostgresError, ValueError) as error:
                if told != (told := str(error)[:500]):  # once, not twice a second
                    log.warning("publish_waits", error=told)
            await asyncio.sleep(_PAUSE)

    async def _say_ready(self, apps: Apps) -> None:
        while await wrong_with(apps):  # noqa: ASYNC110  what it waits for is in four services and their servers
            await asyncio.sleep(_GLANCE)
        where = f"embedded in {self.settings.data}" if self.embedded is not None else "yours"
        _say(f"Baton is up at http://{self.settings.listen} (database: {where}; bus: {_bus_name(self.settings)})")

    async def _look_after_database(self) -> None:
        """Start the embedded server again, should it have died."""
        assert self.embedded is not None
        while True:  # a process that isn't our child can only be looked at
            await asyncio.sleep(_LOOK_AFTER)
            if self.embedded.pid is None:
                log.warning("embedded_database_died")
                try:
                    await asyncio.to_thread(self.embedded.start)
                except EmbeddedPostgresError as error:
                    log.warning("embedded_database_away", error=str(error)[:500])


@asynccontextmanager
async def _beside(bus: Bus, tasks: list[Callable[[], Coroutine[None, None, None]]]) -> AsyncIterator[None]:
    await bus.start()
    running = [asyncio.create_task(task()) for task in tasks]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await bus.stop()


@contextmanager
def _own_database(settings: Settings) -> Iterator[tuple[str, EmbeddedPostgres | None]]:
    """The given database, or the embedded one, of which this process is then the owner."""
    if settings.database_url is not None:
        yield settings.database_url, None
        return
    embedded = EmbeddedPostgres(settings.data)
    try:
        yield _started(embedded), embedded
    finally:
        embedded.stop()


def _started(embedded: EmbeddedPostgres) -> str:
    try:
        return start_beside(embedded, import_apps)
    except EmbeddedPostgresError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(EXIT_AWAY)


def _bus_name(settings: Settings) -> str:
    scheme = settings.bus_url.partition(":")[0]
    return {"postgres": "PostgreSQL", "postgresql": "PostgreSQL", "memory": "in memory, gone at exit"}.get(
        scheme, "Kafka"
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
