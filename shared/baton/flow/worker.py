"""A consumer at work: poll, handle in one transaction, have published what followed, mark as handled, again."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from baton.flow import metrics, retries
from baton.flow.bus import Bus, BusUnavailable, Consumer, Received
from baton.flow.database import DatabaseUnavailable
from baton.flow.deliveries import ConsumerPaused, Delivery, NotReady
from baton.flow.processing import Handler, Processor
from baton.flow.unit_of_work import Units
from baton.kernel.clock import Clock

log = structlog.get_logger()

MAX_RECORDS: Final = 250
"""Larger batches gain next to nothing, and hold the rebalance, and the other lanes, longer."""
_FEW_RECORDS: Final = 25
"""The first batch at the start and after an outage; each one after it may be twice as large. A backlog stands there,
and a service that takes 250 at once keeps the next one, and every other lane, waiting for all of them."""
_WAIT: Final = timedelta(milliseconds=250)
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 0.5
"""Short, because what was away is to be served within two seconds of its return."""
_RETRY_LOOK: Final = timedelta(milliseconds=250)


class Worker:
    """One consumer group's member in this process. Production runs it; the simulator calls `step` by hand.

    `types` are the events that its handler is for (None: all), `concerns` says it of one of them. A batch has `most`
    records at most. `optimistic`: see Processor. `idempotent`: what the handler writes is the same however often it is
    given, so that it needs no inbox.
    """

    def __init__(  # noqa: PLR0913 - what a worker is made of, each by its name
        self,
        *,
        name: str,
        group: str,
        topics: Sequence[str],
        consumer: Consumer,
        handler: Handler,
        units: Units,
        bus: Bus,
        clock: Clock,
        types: frozenset[str] | None = None,
        most: int = MAX_RECORDS,
        concerns: Callable[[Delivery], bool] | None = None,
        optimistic: bool = False,
        idempotent: bool = False,
    ) -> None:
        self.name = name
        self.group = group
        self.topics = topics
        self.consumer = consumer
        self._processor = Processor(
            consumer=name,
            handler=handler,
            units=units,
            bus=bus,
            types=types,
            concerns=concerns,
            optimistic=optimistic,
            idempotent=idempotent,
        )
        self._units = units
        self._clock = clock
        self._most = most
        self._now_most = most
        self._lanes: frozenset[int] = frozenset()
        self._next_look: datetime | None = None
        self._next_retry: datetime | None = None
        self._told: str | None = None
        self._oldest_unhandled = metrics.oldest_unhandled.labels(consumer=name)
        self.unhandled_since: datetime | None = None
        """When the bus took the oldest record in hand; None when nothing waits. `/readyz` looks at it."""

    async def step(self, *, wait: timedelta = timedelta(0)) -> int:
        """One round: retries that are due, then one batch from the bus. Gives how many records were in it.

        Raises:
            BusUnavailable, DatabaseUnavailable, NotReady, ConsumerPaused: nothing is lost; step again later.
        """
        await self._take_over()
        retried = await self._step_retries()
        handled = await self.consumer.consume(self._handle, max_records=self._now_most, wait=wait)
        if handled:
            self._now_most = min(self._now_most * 2, self._most)
        return retried + handled

    async def next_due(self) -> datetime | None:
        """When `step` has something to do even if nothing comes from the bus.

        For who steps the only process there is: what others let wait meanwhile is not known here.
        """
        if self._processor.has_changed_retries:
            async with self._units.database.connection() as connection:
                self._next_retry = await retries.next_due(connection, consumer=self.name)
            self._processor.has_changed_retries = False
        return self._next_retry

    async def run(self, stopping: asyncio.Event) -> None:
        """Step until told to stop, whatever goes away meanwhile."""
        pause = _FIRST_PAUSE
        self._begin_small()
        while not stopping.is_set():
            try:
                await self.step(wait=_WAIT)
                pause, self._told = _FIRST_PAUSE, None
            except ConsumerPaused as paused:
                await stand_still(paused, consumer=self.name, clock=self._clock, stopping=stopping)
            except (BusUnavailable, DatabaseUnavailable, NotReady) as error:
                self._begin_small()
                self._say_failed(error)
                await _sleep(pause, stopping)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception as error:  # the loop must outlive its own mistakes: the records come again
                log.exception("worker_failed", consumer=self.name)
                metrics.failures.labels(consumer=self.name, error=type(error).__name__).inc()
                await _sleep(_LONGEST_PAUSE, stopping)

    async def _handle(self, records: Sequence[Received]) -> None:
        self._hold(min(record.at for record in records))
        await self._take_over()
        await self._processor.process(records)
        await self._units.relay.publish_soon()
        self._hold(None)

    async def _take_over(self) -> None:
        """Publish what the last owner of a lane left, before anything new of that lane."""
        lanes = self.consumer.lanes
        if not lanes <= self._lanes:
            await self._units.relay.publish()
        self._lanes = lanes

    async def _step_retries(self) -> int:
        now = self._clock.now()
        if not self._lanes or (self._next_look is not None and now < self._next_look) or self._knows_of_none(now):
            return 0
        self._next_look = now + _RETRY_LOOK
        async with self._units.database.connection() as connection:
            due = await retries.due(connection, consumer=self.name, lanes=self._lanes, now=now, limit=MAX_RECORDS)
        if due:
            self._next_look = None
            await self._processor.settle(due)
            await self._units.relay.publish_soon()
        return len(due)

    def _knows_of_none(self, now: datetime) -> bool:
        """Whether `next_due` was asked since retries changed, and said later. A worker that runs is never asked."""
        return not self._processor.has_changed_retries and (self._next_retry is None or self._next_retry > now)

    def _begin_small(self) -> None:
        self._now_most = min(_FEW_RECORDS, self._most)

    def _hold(self, since: datetime | None) -> None:
        self.unhandled_since = since
        self._oldest_unhandled.set(since.timestamp() if since else 0)

    def _say_failed(self, error: Exception) -> None:
        metrics.failures.labels(consumer=self.name, error=type(error).__name__).inc()
        why = str(error)[:200]
        if why != self._told:  # it may be away for hours, and is asked twice a second
            self._told = why
            log.warning("worker_waits", consumer=self.name, error=type(error).__name__, why=why)


async def stand_still(paused: ConsumerPaused, *, consumer: str, clock: Clock, stopping: asyncio.Event) -> None:
    """Say that a consumer pauses, and return when it may go on."""
    log.error("consumer_paused", consumer=consumer, until=paused.until.isoformat())
    metrics.paused.labels(consumer=consumer).set(1)
    await _sleep((paused.until - clock.now()).total_seconds(), stopping)
    metrics.paused.labels(consumer=consumer).set(0)


async def _sleep(seconds: float, stopping: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), timeout=max(seconds, 0))
    except TimeoutError:
        return
