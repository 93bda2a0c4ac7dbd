"""A service at work: its loops, what it needs, and whether it is ready."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

import asyncpg
import structlog

from baton.flow import inbox, metrics
from baton.flow.bus import Bus, BusUnavailable, Consumer, TopicSpec
from baton.flow.database import Connection, Database, DatabaseUnavailable
from baton.flow.deliveries import ConsumerPaused, Delivery, NotReady
from baton.flow.outbox import Relay
from baton.flow.processing import Handler
from baton.flow.unit_of_work import Units
from baton.flow.worker import MAX_RECORDS, Worker, stand_still
from baton.kernel.clock import Clock
from baton.leads.topics import LEAD_TOPICS, Topic
from baton.service.chains import Chain, bring_to_head
from baton.service.collecting import begin_collecting
from baton.service.playbooks import PlaybookFeed
from baton.service.settings import Settings

log = structlog.get_logger()

_PAUSE_SECONDS: Final = 0.5
_SOON: Final = 0.1
"""How often due work is looked for while some is pending, at a price of 0.05 ms a look."""
_IDLE: Final = 1.0
_UPKEEP: Final = timedelta(seconds=15)
_SHUTDOWN_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 5.0
"""Above the bounds that the adapters set themselves (3 s): this is for what they forgot."""
_CHECK_SECONDS: Final = 2.0
_DEAD_LETTERS_KEPT: Final = timedelta(days=30)
_NONE_ACTIVE: Final = "none is active: publish one with `baton playbook publish`"
_UNREADABLE: Final = "the active one can't be read by this release: see `baton playbook show`"

Loop = Callable[[asyncio.Event], Awaitable[None]]


class Timer(Protocol):
    """Work that is due by the clock."""

    @property
    def name(self) -> str: ...

    @property
    def due(self) -> str | None:
        """SQL for the instant at which there is something to do next, null where nothing is pending.

        It names its tables' schema: the simulator asks for all services at once. None: it can't be foreseen.
        """

    async def step(self) -> int:
        """Do what is due now. Gives how much that was."""


async def next_dues(database: Database, timers: Sequence[Timer]) -> Sequence[datetime | None]:
    """When each of these timers has something to do next, by one question for all of them."""
    if all(timer.due is None for timer in timers):
        return [None] * len(timers)
    columns = ", ".join("null" if timer.due is None else f"({timer.due})" for timer in timers)
    async with database.connection() as connection:
        row = await connection.fetchrow(f"select {columns}")
    return tuple(row or ())


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
    """Other things that run as long as the service does, from its very start: database and bus may be away."""
    _has_database: asyncio.Event = field(default_factory=asyncio.Event)
    _has_bus: asyncio.Event = field(default_factory=asyncio.Event)
    _waits: dict[str, str] = field(default_factory=dict)
    """Why the start of what has not started is put off."""

    async def open(self) -> None:
        """Database, migrations, bus and topics.

        Raises:
            DatabaseUnavailable, BusUnavailable: open again later.
        """
        await self._open_database()
        await self._open_bus()
        for worker in self.workers:
            await worker.consumer.start()

    async def close(self) -> None:
        """Leave the groups, then let go of bus and database. What waits in the outbox is sent by the next owner."""
        for worker in reversed(self.workers):
            await self._closed(worker.consumer.stop(), what=worker.name)
        await self._closed(self.bus.stop(), what="bus")
        await self._closed(self.database.stop(), what="database")

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
        begin_collecting()
        tasks = [
            asyncio.create_task(_kept_alive(name, loop, stopping), name=name) for name, loop in self._production_loops()
        ]
        try:
            await stopping.wait()
        finally:
            await self._finish(tasks)

    async def ready(self) -> Mapping[str, str]:
        """What keeps the service from its work, by what it needs; empty when nothing does."""
        names, checks = ("database", "bus"), (self.database.check(), self.bus.check())
        answers = await asyncio.gather(*(_fault(check) for check in checks))
        wrong = {name: fault for name, fault in zip(names, answers, strict=True) if fault is not None}
        wrong.update(self._waits)
        if self.feed.current_or_none is None:
            wrong["playbook"] = _UNREADABLE if self.feed.is_refused else _NONE_ACTIVE
        return {**wrong, **self._not_started(), **self._overdue()}

    def warnings(self) -> Mapping[str, str]:
        """What should be looked at and keeps nobody from work, by what it is about."""
        if self.feed.is_refused:
            return {"playbook": f"{_UNREADABLE}; the one before it decides"} if self.feed.current_or_none else {}
        count = self.feed.mistakes
        told = f"{count} mistake{'s' if count > 1 else ''} in the active one: see `baton playbook show`"
        return {"playbook": told} if count else {}

    def _not_started(self) -> Mapping[str, str]:
        away = [name for name, has in (("database", self._has_database), ("bus", self._has_bus)) if not has.is_set()]
        return {"start": f"not started yet: waiting for the {' and the '.join(away)}"} if away else {}

    def _overdue(self) -> Mapping[str, str]:
        now, limit = self.clock.now(), self.settings.max_age_unhandled
        return {
            worker.name: f"the record in hand has waited since {worker.unhandled_since.isoformat()}"
            for worker in self.workers
            if worker.unhandled_since is not None and now - worker.unhandled_since > limit
        }

    def _production_loops(self) -> Iterator[tuple[str, Loop]]:
        """Database and bus are opened apart: ingest takes leads while one of them is there."""
        both = (self._has_database, self._has_bus)
        yield "database", self._until_open("database", self._open_database)
        yield "bus", self._until_open("bus", self._open_bus)
        yield "feed", _after((self._has_bus,), self.feed.run)
        yield "relay", _after(both, self.relay.run)
        yield "upkeep", _after(both, self._keep_up)
        for worker in self.workers:
            yield worker.name, _after(both, _consuming(worker))
        for timer in self.timers:
            yield timer.name, _after(both, _timer_loop(timer, self))
        for number, loop in enumerate(self.loops):
            yield f"loop-{number}", loop

    async def _open_database(self) -> None:
        # Migrated first: until its tables are there, the database counts as away.
        if self.settings.migrate:
            await bring_to_head(self.database.url, self.chain)
        await self.database.start()
        try:
            async with self.database.connection() as connection:
                await self._keep_inbox(connection)
        except asyncpg.UndefinedTableError:
            await self.database.stop()
            raise DatabaseUnavailable(f"no tables in schema {self.database.schema}: run `baton migrate`") from None
        self._has_database.set()

    async def _open_bus(self) -> None:
        await self.bus.start()
        await self.bus.ensure_topics(topic_specs(self.settings))
        self._has_bus.set()

    def _until_open(self, what: str, open_it: Callable[[], Awaitable[None]]) -> Loop:
        async def run(stopping: asyncio.Event) -> None:
            while not stopping.is_set():
                try:
                    await open_it()
                    self._waits.pop(what, None)
                    log.info("opened", service=self.name, what=what)
                    await stopping.wait()
                except Exception as error:  # noqa: BLE001 - a service never exits for what it needs; it says why it waits
                    self._say_waits(what, error)
                    await _wait(_PAUSE_SECONDS, stopping)

        return run

    def _say_waits(self, what: str, error: Exception) -> None:
        why = str(error)[:300] or type(error).__name__
        if self._waits.get(what) == why:
            return  # told already; it is tried twice a second
        self._waits[what] = why
        is_away = isinstance(error, DatabaseUnavailable | BusUnavailable)
        say = log.warning if is_away else log.error
        say("service_waits", service=self.name, what=what, error=why, exc_info=None if is_away else error)

    async def _finish(self, tasks: Sequence["asyncio.Task[None]"]) -> None:
        """Let each loop finish what it has in hand, send what is left, and close; all of it within a bound."""
        _, late = await asyncio.wait(tasks, timeout=_SHUTDOWN_SECONDS)
        for task in late:
            log.warning("loop_cut_off", service=self.name, loop=task.get_name())
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await self._closed(self.relay.publish(), what="relay")
        await self.close()
        log.info("service_closed", service=self.name)

    async def _keep_inbox(self, connection: Connection) -> None:
        await inbox.keep_partitions(connection, now=self.clock.now(), retention=self.settings.retention)

    async def _closed(self, closing: Awaitable[object], *, what: str) -> None:
        """Await a step of the shutdown. One that fails or hangs must not keep the next from being taken."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await closing
        except Exception as error:  # noqa: BLE001 - whatever it is, there is nobody left to handle it
            log.warning("not_closed", service=self.name, what=what, error=f"{type(error).__name__}: {error}"[:200])

    async def _keep_up(self, stopping: asyncio.Event) -> None:
        """Partitions of the inbox, and the gauges that cost a question."""
        while not stopping.is_set():
            try:
                async with self.database.connection() as connection:
                    await self._keep_inbox(connection)
                await self._measure_lag()
            except (DatabaseUnavailable, BusUnavailable) as error:
                log.warning("upkeep_waits", service=self.name, error=str(error)[:200])
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
    types: frozenset[str] | None = None,
    concerns: Callable[[Delivery], bool] | None = None,
    gather: timedelta = timedelta(0),
    optimistic: bool = False,
) -> Service:
    """A service with its main consumer, whose lanes are what the service's relay publishes."""
    consumer = bus.consumer(settings.topic_prefix + group, topics, gather=gather)
    relay = Relay(database=database, bus=bus, clock=clock, lanes=lambda: consumer.lanes)
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
    add_worker(
        service, group=group, topics=topics, handler=handler(feed), consumer=consumer, types=types, concerns=concerns,
        optimistic=optimistic,
    )  # fmt: skip
    return service


def add_worker(  # noqa: PLR0913 - what a worker is told, each by its name
    service: Service,
    *,
    group: str,
    topics: Sequence[Topic],
    handler: Handler,
    consumer: Consumer | None = None,
    types: frozenset[str] | None = None,
    concerns: Callable[[Delivery], bool] | None = None,
    gather: timedelta = timedelta(0),
    most: int = MAX_RECORDS,
    optimistic: bool = False,
    idempotent: bool = False,
) -> Worker:
    """One more consumer in the service. `gather`: see Bus; the rest: see Worker."""
    full_name = service.settings.topic_prefix + group
    worker = Worker(
        name=group,
        group=full_name,
        topics=topics,
        consumer=consumer or service.bus.consumer(full_name, topics, gather=gather),
        handler=handler,
        units=service.units,
        bus=service.bus,
        clock=service.clock,
        types=types,
        concerns=concerns,
        most=most,
        optimistic=optimistic,
        idempotent=idempotent,
    )
    service.workers.append(worker)
    return worker


def topic_specs(settings: Settings) -> Sequence[TopicSpec]:
    """All topics, as they are created where missing."""
    leads = [TopicSpec(topic, settings.partitions, settings.retention) for topic in LEAD_TOPICS]
    playbook = TopicSpec(Topic.PLAYBOOK, 1, None, compacted=True)
    return [*leads, playbook, TopicSpec(Topic.DEAD_LETTERS, settings.partitions, _DEAD_LETTERS_KEPT)]


def _after(needed: Sequence[asyncio.Event], loop: Loop) -> Loop:
    """The loop, begun when all that it needs has been there once."""

    async def run(stopping: asyncio.Event) -> None:
        for event in needed:
            await _first_of(event, stopping)
        if not stopping.is_set():
            await loop(stopping)

    return run


def _consuming(worker: Worker) -> Loop:
    async def run(stopping: asyncio.Event) -> None:
        await worker.consumer.start()
        await worker.run(stopping)

    return run


def _timer_loop(timer: Timer, service: Service) -> Loop:
    async def run(stopping: asyncio.Event) -> None:
        told: str | None = None
        last: str | None = None
        while not stopping.is_set():
            try:
                done = await timer.step()
                pause = 0.0 if done else await _until_due(timer, service)
                told = last = None
            except ConsumerPaused as paused:
                await stand_still(paused, consumer=timer.name, clock=service.clock, stopping=stopping)
                pause = 0.0
            except (DatabaseUnavailable, BusUnavailable, NotReady) as error:
                # At the second time: at a start the playbook is a moment away. And not each second, while it is away.
                if last == (last := str(error)[:200]) != told:
                    log.warning("timer_waits", timer=timer.name, error=last)
                    told = last
                pause = _IDLE
            await _wait(pause, stopping)

    return run


async def _until_due(timer: Timer, service: Service) -> float:
    [due] = await next_dues(service.database, [timer])
    return _pause_until(due, service.clock.now())


def _pause_until(due: datetime | None, now: datetime) -> float:
    """Until it is due, but not longer than we look for what others make due meanwhile."""
    if due is None:
        return _IDLE
    if due <= now:  # and was not done just now: somebody else has it, or it can't be done yet
        return _SOON
    return min((due - now).total_seconds(), _SOON)


async def _kept_alive(name: str, loop: Loop, stopping: asyncio.Event) -> None:
    """Run a loop; should it end before its time, say so and run it again."""
    while not stopping.is_set():
        try:
            await loop(stopping)
            if not stopping.is_set():
                log.error("loop_ended", loop=name)
        except (DatabaseUnavailable, BusUnavailable, NotReady) as error:
            log.warning("loop_waits", loop=name, error=str(error)[:200])
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            log.exception("loop_failed", loop=name)  # aiokafka may raise a cancellation that nobody sent
        except Exception:  # a mistake of ours: the other loops, and this one from its start, still do their work
            log.exception("loop_failed", loop=name)
        await _wait(_IDLE, stopping)


async def _fault(check: Awaitable[None]) -> str | None:
    """Why a check fails, None if it doesn't."""
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await check
    except (DatabaseUnavailable, BusUnavailable) as error:
        return str(error)[:200] or "away"
    except TimeoutError:
        return f"no answer within {_CHECK_SECONDS:g} seconds"
    return None


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _wait(seconds: float, stopping: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), timeout=seconds)
    except TimeoutError:
        return
