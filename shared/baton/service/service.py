"""A service at work: its loops, what it needs, and whether it is ready."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from baton.flow import inbox, metrics
from baton.flow.bus import Bus, BusUnavailable, Consumer, TopicSpec
from baton.flow.database import Database, DatabaseUnavailable
from baton.flow.deliveries import NotReady
from baton.flow.outbox import Relay
from baton.flow.processing import Handler
from baton.flow.unit_of_work import Units
from baton.flow.worker import Worker
from baton.kernel.clock import Clock
from baton.leads.topics import LEAD_TOPICS, Topic
from baton.service.migrations import Chain, upgrade
from baton.service.playbooks import PlaybookFeed
from baton.service.settings import Settings

log = structlog.get_logger()

_PAUSE_SECONDS: Final = 0.5
_SOON: Final = 0.1
"""How often due work is looked for while some is pending: its price is 0.05 ms, its lateness this."""
_IDLE: Final = 1.0
_UPKEEP: Final = timedelta(seconds=15)
_SHUTDOWN_SECONDS: Final = 10.0
_DEAD_LETTERS_KEPT: Final = timedelta(days=30)

Loop = Callable[[asyncio.Event], Awaitable[None]]


class Timer(Protocol):
    """Work that is due by the clock."""

    @property
    def name(self) -> str: ...

    async def step(self) -> int:
        """Do what is due now. Gives how much that was."""

    async def next_due(self) -> datetime | None:
        """When there is something to do next, None if nothing is pending."""


@dataclass(slots=True)
class Service:
    """What `app.py` wired. Production runs it; the simulator opens it and steps it by hand."""

    name: str
    settings: Settings
    chain: Chain
    database: Database
    bus: Bus
    clock: Clock
    units: Units
    relay: Relay
    feed: PlaybookFeed
    workers: list[Worker]
    timers: list[Timer] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    """Other things that run as long as the service does."""
    _open: bool = False

    async def open(self) -> None:
        """Database, migrations, bus and topics.

        Raises:
            DatabaseUnavailable, BusUnavailable: open again later.
        """
        await self.database.start()
        if self.settings.migrate:
            await _migrate(self.database.url, self.chain)
        async with self.database.connection() as connection:
            await inbox.keep_partitions(connection, now=self.clock.now())
        await self.bus.start()
        await self.bus.ensure_topics(topic_specs(self.settings))
        for worker in self.workers:
            await worker.consumer.start()
        self._open = True

    async def close(self) -> None:
        """Leave the groups, then let go of bus and database. What waits in the outbox is sent by the next owner."""
        for worker in self.workers:
            await worker.consumer.stop()
        await self.bus.stop()
        await self.database.stop()

    async def step(self) -> int:
        """One round of everything, in a fixed order. Gives how many records were handled."""
        await self.feed.step()
        await self.relay.publish()
        handled = 0
        for worker in self.workers:
            handled += await worker.step()
        return handled

    async def run(self, stopping: asyncio.Event) -> None:
        """All loops, until told to stop. Whatever they need may come and go; the service stays."""
        await self.database.start()
        await self._open_at_last(stopping)
        _spare_the_collector()
        loops: list[tuple[str, Loop]] = [
            ("feed", self.feed.run),
            ("relay", self.relay.run),
            ("upkeep", self._keep_up),
            *((worker.name, worker.run) for worker in self.workers),
            *((timer.name, _timer_loop(timer)) for timer in self.timers),
            *((f"loop-{number}", loop) for number, loop in enumerate(self.loops)),
        ]
        tasks = [asyncio.create_task(_kept_alive(name, loop, stopping), name=name) for name, loop in loops]
        await stopping.wait()
        await self._finish(tasks)

    async def ready(self) -> Mapping[str, str]:
        """What keeps the service from its work, by what it needs; empty when nothing does."""
        wrong: dict[str, str] = {}
        if not self._open:
            wrong["start"] = "not started yet: waiting for the database or the bus"
        for name, check in (("database", self.database.check), ("bus", self.bus.check)):
            try:
                await check()
            except (DatabaseUnavailable, BusUnavailable) as error:
                wrong[name] = str(error)[:200] or "away"
        if self.feed.current_or_none is None:
            wrong["playbook"] = "none is active: publish one with `baton playbook publish`"
        wrong.update(self._overdue())
        return wrong

    def _overdue(self) -> Mapping[str, str]:
        now, limit = self.clock.now(), self.settings.max_age_unhandled
        return {
            worker.name: f"the record in hand has waited since {worker.unhandled_since.isoformat()}"
            for worker in self.workers
            if worker.unhandled_since is not None and now - worker.unhandled_since > limit
        }

    async def _open_at_last(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await self.open()
                log.info("service_open", service=self.name)
                return
            except (DatabaseUnavailable, BusUnavailable) as error:
                log.warning("service_waits", service=self.name, error=str(error)[:200])
            except Exception:
                log.exception("service_not_open", service=self.name)
            await _wait(_PAUSE_SECONDS, stopping)

    async def _finish(self, tasks: Sequence["asyncio.Task[None]"]) -> None:
        """Let each loop finish what it has in hand, within a bound, then close."""
        _, late = await asyncio.wait(tasks, timeout=_SHUTDOWN_SECONDS)
        for task in late:
            log.warning("loop_cut_off", service=self.name, loop=task.get_name())
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await self.close()
        log.info("service_closed", service=self.name)

    async def _keep_up(self, stopping: asyncio.Event) -> None:
        """Partitions of the inbox, and the gauges that cost a question."""
        while not stopping.is_set():
            try:
                async with self.database.connection() as connection:
                    await inbox.keep_partitions(connection, now=self.clock.now())
                await self._measure_lag()
            except (DatabaseUnavailable, BusUnavailable):
                log.warning("upkeep_waits", service=self.name)
            await _wait(_UPKEEP.total_seconds(), stopping)

    async def _measure_lag(self) -> None:
        for worker in self.workers:
            for topic, depth in (await self.bus.depths(worker.group, worker.topics)).items():
                metrics.lag.labels(consumer=worker.name, topic=topic).set(depth)


def build(  # noqa: PLR0913 - the parts of a service, each by its name
    *,
    name: str,
    package: str,
    settings: Settings,
    bus: Bus,
    clock: Clock,
    database: Database,
    group: str,
    topics: Sequence[Topic],
    handler: Callable[[PlaybookFeed], Handler],
) -> Service:
    """A service with its main consumer, whose lanes are what the service's relay publishes."""
    consumer = bus.consumer(settings.topic_prefix + group, topics)
    relay = Relay(database=database, bus=bus, lanes=lambda: consumer.lanes)
    units = Units(database=database, bus=bus, clock=clock, relay=relay)
    feed = PlaybookFeed(bus)
    service = Service(
        name=name,
        settings=settings,
        chain=Chain(package),
        database=database,
        bus=bus,
        clock=clock,
        units=units,
        relay=relay,
        feed=feed,
        workers=[],
    )
    add_worker(service, group=group, topics=topics, handler=handler(feed), consumer=consumer)
    return service


def add_worker(
    service: Service, *, group: str, topics: Sequence[Topic], handler: Handler, consumer: Consumer | None = None
) -> Worker:
    """One more consumer in the service."""
    full_name = service.settings.topic_prefix + group
    worker = Worker(
        name=group,
        group=full_name,
        topics=topics,
        consumer=consumer or service.bus.consumer(full_name, topics),
        handler=handler,
        units=service.units,
        bus=service.bus,
        clock=service.clock,
    )
    service.workers.append(worker)
    return worker


def topic_specs(settings: Settings) -> Sequence[TopicSpec]:
    """All topics, as they are created where missing."""
    leads = [TopicSpec(topic, settings.partitions, settings.retention) for topic in LEAD_TOPICS]
    playbook = TopicSpec(Topic.PLAYBOOK, 1, None, compacted=True)
    return [*leads, playbook, TopicSpec(Topic.DEAD_LETTERS, settings.partitions, _DEAD_LETTERS_KEPT)]


def _spare_the_collector() -> None:
    """What is loaded by now lives as long as the process. Not looking at it again saved a quarter of the CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def _migrate(url: str, chain: Chain) -> None:
    try:
        await upgrade(url, chain)
    except OSError as error:
        raise DatabaseUnavailable(str(error)) from error


def _timer_loop(timer: Timer) -> Loop:
    async def run(stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                done = await timer.step()
                pause = 0.0 if done else _SOON if await timer.next_due() is not None else _IDLE
            except (DatabaseUnavailable, BusUnavailable, NotReady) as error:
                log.warning("timer_waits", timer=timer.name, error=str(error)[:200])
                pause = _IDLE
            await _wait(pause, stopping)

    return run


async def _kept_alive(name: str, loop: Loop, stopping: asyncio.Event) -> None:
    """Run a loop; should it end by a mistake of ours, say so and run it again."""
    while not stopping.is_set():
        try:
            await loop(stopping)
        except Exception:
            log.exception("loop_failed", loop=name)
            await _wait(_IDLE, stopping)


async def _wait(seconds: float, stopping: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), timeout=seconds)
    except TimeoutError:
        return
