"""The four apps on a bus in memory and a clock driven by hand: nothing runs by itself, everything is stepped.

Each step is taken only where something moved, so that a lead costs what its handling costs and no idle questions.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from baton.flow.deliveries import ConsumerPaused
from baton.flow.worker import Worker
from baton.kernel.clock import ManualClock
from baton.service.service import Service, Timer, next_dues
from baton_router import TIMELINE_GROUP
from baton_standalone.stepped_database import SteppedDatabase
from baton_standalone.tape import TapedBus

log = structlog.get_logger()

_AGAIN: Final = timedelta(milliseconds=250)
"""When to ask again what said to be due and then did nothing; a worker looks at its retries no more often."""
_WATCHERS: Final = frozenset({TIMELINE_GROUP})
"""Consumers from which nothing follows: they have their turn when somebody may look, with all of it at once."""
_MANY: Final = 50
"""So many records are too many to let them wait for that: half of what the timeline takes at once, which never splits
what follows from one cause."""
_PATIENCE: Final = 1000
_ROUNDS: Final = 100_000


class Stuck(Exception):
    """Something claims to be due, or goes on producing, and never comes to rest: a mistake of ours."""


@dataclass(slots=True)
class Actor:
    """A timer or a worker: who may have something to do by the clock alone."""

    act: Timer | Worker
    asked_due: datetime | None = None
    """When it is due, as it said when it was asked last."""
    not_before: datetime | None = None
    resumes: datetime | None = None
    """When a consumer that stands still, after too many dead letters, goes on."""
    idle: int = 0

    @property
    def due(self) -> datetime | None:
        """When it is to be stepped even if nothing comes from the bus."""
        due = self.asked_due
        if self.resumes is not None and (due is None or self.resumes < due):
            due = self.resumes
        if due is None or self.not_before is None:
            return due
        return max(due, self.not_before)


@dataclass(slots=True)
class Member:
    """A service, with the database that only it uses."""

    service: Service
    database: SteppedDatabase
    actors: list[Actor] = field(init=False)
    _asked_after: int | None = None
    """So many uses of the database had there been when it was asked when its actors are due."""

    def __post_init__(self) -> None:
        acts: list[Timer | Worker] = [*self.service.timers, *self.service.workers]
        self.actors = [Actor(act) for act in acts]

    @property
    def may_have_changed(self) -> bool:
        """Whether another moment may be due than the last time that it was asked: that is written in the database."""
        return self._asked_after != self.database.uses

    def note_asked(self) -> None:
        """Its actors were asked when they are due."""
        self._asked_after = self.database.uses


@dataclass(slots=True)
class Stage:
    """Moves the services and the clock."""

    cast: list[Member]
    bus: TapedBus
    clock: ManualClock
    _actors: list[Actor] = field(init=False)
    _workers: list[Actor] = field(init=False)
    _watchers: list[Actor] = field(init=False)
    _settled_at: datetime | None = None

    def __post_init__(self) -> None:
        self._actors = [actor for member in self.cast for actor in member.actors]
        workers = [actor for actor in self._actors if isinstance(actor.act, Worker)]
        self._workers = [actor for actor in workers if actor.act.name not in _WATCHERS]
        self._watchers = [actor for actor in workers if actor.act.name in _WATCHERS]

    async def open(self) -> None:
        """Migrate and begin to consume."""
        for member in self.cast:
            await member.service.open()

    async def close(self) -> None:
        for member in reversed(self.cast):
            await member.service.close()

    async def load_playbook(self) -> None:
        """Let every service read what is new on the playbook's topic."""
        for member in self.cast:
            await member.service.feed.step()
        await self.settle()

    async def settle(self) -> None:
        """Let every worker handle what there is, in a fixed order, until nothing moves; watchers may wait."""
        if self._settled_at == self.clock.now():
            await self.let_watch()  # so that what follows from one cause never mixes with what follows from another
        self._settled_at = self.clock.now()
        for _ in range(_ROUNDS):
            await self.bus.deliver()
            if not await self._step_all(self._workers):
                await self._step_all(self._watchers, if_many=_MANY)
                return
        raise Stuck("events follow from events without an end")

    async def let_watch(self) -> None:
        """Let the watchers take in all that was told: to be called before anybody looks."""
        while await self._step_all(self._watchers):
            pass

    async def _step_all(self, actors: Iterable[Actor], *, if_many: int = 1) -> int:
        return sum([await self._step_worker(actor, if_many=if_many) for actor in actors])

    async def advance(self, to: datetime) -> None:
        """Let time pass: all that is due until then, and at that moment, happens at exactly its own."""
        while (moment := await self._next_moment()) is not None and moment <= to:
            self._set_clock(moment)
            for actor in self._actors:
                await self._ask()
                if actor.due is not None and actor.due <= self.clock.now():
                    await self._step_due(actor)
        self._set_clock(to)

    def _set_clock(self, to: datetime) -> None:
        if to > self.clock.now():
            self.clock.set(to)

    async def _next_moment(self) -> datetime | None:
        await self._ask()
        return min((actor.due for actor in self._actors if actor.due is not None), default=None)

    async def _ask(self) -> None:
        """Ask whoever did something when it is due now: all timers at once."""
        changed = [member for member in self.cast if member.may_have_changed]
        if not changed:
            return
        actors = [actor for member in changed for actor in member.actors]
        timers = [actor.act for actor in actors if not isinstance(actor.act, Worker)]
        dues = iter(await next_dues(changed[0].database, timers))
        for actor in actors:
            actor.asked_due = await actor.act.next_due() if isinstance(actor.act, Worker) else next(dues)
        for member in changed:
            member.note_asked()

    async def _step_due(self, actor: Actor) -> None:
        done = await self._step(actor)
        if done:
            actor.idle, actor.not_before = 0, None
        else:
            actor.idle += 1
            actor.not_before = max(actor.not_before or self.clock.now(), self.clock.now() + _AGAIN)
        if actor.idle > _PATIENCE:
            raise Stuck(f"{actor.act.name} is due at {actor.asked_due}, but does nothing")
        await self.settle()

    async def _step_worker(self, actor: Actor, *, if_many: int) -> int:
        """One step, if so many records wait."""
        worker = actor.act
        assert isinstance(worker, Worker)
        if actor.not_before is not None and actor.not_before > self.clock.now():
            return 0
        if self.bus.waiting(worker.group, worker.topics) < if_many:
            return 0
        done = await self._step(actor)
        await self.bus.deliver()
        return done

    async def _step(self, actor: Actor) -> int:
        actor.resumes = None
        try:
            return await actor.act.step()
        except ConsumerPaused as paused:
            log.warning("consumer_paused", consumer=actor.act.name, until=paused.until.isoformat())
            actor.not_before = actor.resumes = paused.until
            return 0
