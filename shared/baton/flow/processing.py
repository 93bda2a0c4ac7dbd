"""From records to a committed effect: each ends as done, tried again later, or a dead letter."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from baton.flow import dead_letters, metrics, retries
from baton.flow.budget import Budget, origin_of
from baton.flow.bus import Bus, BusUnavailable, Received, RecordTooLarge
from baton.flow.database import DatabaseUnavailable, Overtaken, StatementTimedOut
from baton.flow.dead_letters import Failure
from baton.flow.deliveries import Delivery, NotReady, RetryLater, Unreadable, read_delivery
from baton.flow.inbox import Admission, admit, admit_late
from baton.flow.reasons import Reason
from baton.flow.unit_of_work import UnitOfWork, Units
from baton.leads.envelope import UnreadableEvent

log = structlog.get_logger()

Handler = Callable[[Sequence[Delivery], UnitOfWork], Awaitable[None]]
"""Handles new deliveries in order, in one unit of work. Any exception undoes all of them; they then come one by one."""

_NOT_THE_RECORDS_FAULT = (DatabaseUnavailable, BusUnavailable, NotReady)
_WHOLE_TRIES: Final = 2
"""So often a batch whose statements take too long comes again whole: the database may just have been slow. Each try has
taken a statement's bound, 15 s; the worker waits half a second at most between them."""
_SPLIT_TRIES: Final = 10
"""So many of its parts may then take too long one after the other. From 250 records down to one it is nine."""
_LATELY: Final = timedelta(minutes=1)


@dataclass(slots=True)
class Processor:
    """Runs one consumer's handler over records, whether they come from the bus or from the table of retries."""

    consumer: str
    handler: Handler
    units: Units
    bus: Bus
    budget: Budget = field(default_factory=Budget)

    types: frozenset[str] | None = None
    """Those that the handler is for, where it isn't for all: the others cost no transaction."""
    concerns: Callable[[Delivery], bool] | None = None
    """Of these types, which the handler does anything for: as with the types, where it isn't all."""
    optimistic: bool = False
    """The handler's writes say what they rest on, so that it may read before its transaction begins."""
    idempotent: bool = False
    """The handler's own rows know what came before, and it asks for no retries: then it needs no inbox."""
    has_changed_retries: bool = True
    """Whether it wrote to the table of retries since somebody who read it set this to False."""
    _timeouts: int = 0
    """How many tries in a row took too long, of a batch and then of its parts."""
    _handled_at: datetime | None = None
    """When something was handled last."""

    async def process(self, records: Sequence[Received]) -> None:
        """Handle records in order.

        Raises:
            DatabaseUnavailable, BusUnavailable, NotReady: give the same records again later. So too, a few times, if
                a statement takes too long: then they are halved as after a mistake, and the one that takes too long by
                itself is put off, again and again. It becomes a dead letter only if others are handled meanwhile.
            ConsumerPaused: too many of them became dead letters.
        """
        readable: list[Delivery] = []
        for read in map(read_delivery, records):
            if isinstance(read, Unreadable):
                await self._bury_unreadable(read)
            elif self._is_wanted(read):
                readable.append(read)
        if readable:
            await self.settle(readable)

    def _is_wanted(self, delivery: Delivery) -> bool:
        if self.types is not None and delivery.head.type not in self.types:
            return False
        try:
            return self.concerns is None or self.concerns(delivery)
        except UnreadableEvent:  # the handler finds out again, and then it is buried
            return True

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Handle deliveries in one transaction; if that fails, halve them until the one that fails is alone."""
        await self._settle(deliveries)
        self._timeouts = 0

    async def _settle(self, deliveries: Sequence[Delivery]) -> None:
        try:
            await self._attempt(deliveries)
        except StatementTimedOut as error:
            self._count_timeout(deliveries, error)
            await self._halve(deliveries, error)
        except _NOT_THE_RECORDS_FAULT:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler may raise belongs to one of the records
            await self._halve(deliveries, error)

    async def _halve(self, deliveries: Sequence[Delivery], error: Exception) -> None:
        if len(deliveries) == 1:
            await self._put_aside(deliveries[0], error)
            return
        middle = len(deliveries) // 2
        await self._settle(deliveries[:middle])
        await self._settle(deliveries[middle:])

    def _count_timeout(self, deliveries: Sequence[Delivery], error: StatementTimedOut) -> None:
        """Pass the error on while it may be the database that is slow, and no record.

        What waits for a retry failed by itself before: it isn't tried whole first, for the bus waits behind it.
        """
        self._timeouts += 1
        if self._timeouts > _WHOLE_TRIES + _SPLIT_TRIES:
            self._timeouts = 0
            raise error
        if self._timeouts <= _WHOLE_TRIES and deliveries[0].retry_id is None:
            raise error

    async def _attempt(self, deliveries: Sequence[Delivery]) -> None:
        if self.idempotent or deliveries[0].retry_id is not None:
            await self._attempt_locked(deliveries)
            return
        try:
            await self._attempt_late(deliveries)
        except Overtaken:
            metrics.overtaken.labels(consumer=self.consumer).inc()
            await self._attempt_locked(deliveries)

    async def _attempt_late(self, deliveries: Sequence[Delivery]) -> None:
        """With as few round trips as can be: that the records are new is checked at the end, as all is written."""
        async with self.units.begin_late() if self.optimistic else self.units.begin(wake=False) as unit:
            fresh = admit_late(unit.writes, deliveries, consumer=self.consumer, now=unit.now)
            await self.handler(fresh, unit)
        self._count(Admission(fresh, (), len(deliveries) - len(fresh)), unit)

    async def _attempt_locked(self, deliveries: Sequence[Delivery]) -> None:
        async with self.units.begin(wake=False) as unit:  # the worker publishes
            admission = await self._admit(unit, deliveries)
            if admission.fresh:
                await self.handler(admission.fresh, unit)
            await retries.done(unit.connection, admission.fresh)
            for delivery in admission.held:
                await self._wait_behind(unit, delivery)
        self._count(admission, unit)

    async def _admit(self, unit: UnitOfWork, deliveries: Sequence[Delivery]) -> Admission:
        if deliveries[0].retry_id is not None:  # seen when they first came
            self.has_changed_retries = True
            ours = await retries.claim(unit.connection, deliveries, now=unit.now)
            return Admission(fresh=tuple(ours), held=(), duplicates=len(deliveries) - len(ours))
        if self.idempotent:
            return Admission(fresh=tuple(deliveries), held=(), duplicates=0)
        return await admit(unit.connection, deliveries, consumer=self.consumer, now=unit.now)

    async def _wait_behind(self, unit: UnitOfWork, delivery: Delivery) -> None:
        self.has_changed_retries = True
        await retries.put(
            unit.connection,
            delivery,
            consumer=self.consumer,
            bus=self.bus,
            due=unit.now,
            attempts=delivery.attempts,
            reason="behind another",
        )

    async def _put_aside(self, delivery: Delivery, error: Exception) -> None:
        async with self.units.begin() as unit:
            admission = await self._admit(unit, [delivery])
            if not admission.fresh:
                return
            if (later := self._later(error, delivery, now=unit.now)) is not None:
                await self._try_again(unit, delivery, later)
            else:
                await self._bury(unit, delivery, error)

    def _later(self, error: Exception, delivery: Delivery, *, now: datetime) -> RetryLater | None:
        """For what it is put off once more; None: it is dead."""
        has_tries = delivery.attempts + 1 < retries.MAX_ATTEMPTS
        if isinstance(error, StatementTimedOut):
            others_are_handled = self._handled_at is not None and now - self._handled_at <= _LATELY
            return RetryLater(str(error)) if has_tries or not others_are_handled else None
        return error if isinstance(error, RetryLater) and has_tries else None

    async def _try_again(self, unit: UnitOfWork, delivery: Delivery, error: RetryLater) -> None:
        after = error.after if error.after is not None else retries.delay(delivery.attempts)
        due = unit.now + after
        self.has_changed_retries = True
        await retries.put(
            unit.connection,
            delivery,
            consumer=self.consumer,
            bus=self.bus,
            due=due,
            attempts=delivery.attempts + 1,
            reason=_storable(error.reason),
        )
        metrics.retried.labels(consumer=self.consumer).inc()

    async def _bury(self, unit: UnitOfWork, delivery: Delivery, error: Exception) -> None:
        failure = failure_of(error, attempts=delivery.attempts + 1)
        await self._write_letter(unit, delivery.record, failure, subject=delivery.subject, event_id=delivery.head.id)
        await retries.done(unit.connection, [delivery])

    async def _bury_unreadable(self, unreadable: Unreadable) -> None:
        async with self.units.begin() as unit:
            failure = Failure(reason=Reason.UNREADABLE, error=_storable(unreadable.error), attempts=1)
            await self._write_letter(unit, unreadable.record, failure, subject=None, event_id=None)

    async def _write_letter(
        self, unit: UnitOfWork, record: Received, failure: Failure, *, subject: str | None, event_id: str | None
    ) -> None:
        if not await dead_letters.bury(unit, record, failure, consumer=self.consumer, subject=subject):
            return
        origin = origin_of(record, lead=subject)
        self.budget.spend(origin, now=unit.now)
        metrics.dead_lettered.labels(consumer=self.consumer).inc()
        log.error(
            "dead_letter",
            consumer=self.consumer,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=failure.reason,
            source=origin.source,
            event_id=event_id,
        )

    def _count(self, admission: Admission, unit: UnitOfWork) -> None:
        self._timeouts = min(self._timeouts, _WHOLE_TRIES)
        if admission.fresh:
            self._handled_at = unit.now
            self.budget.note(admission.fresh, now=unit.now)
        if admission.duplicates:
            metrics.duplicates.labels(consumer=self.consumer).inc(admission.duplicates)
        metrics.batch_of(self.consumer).observe(len(admission.fresh))
        now = unit.now.timestamp()
        by_topic: dict[str, list[float]] = {}
        for delivery in admission.fresh:
            by_topic.setdefault(delivery.record.topic, []).append(max(now - delivery.head.time.timestamp(), 0.0))
        for topic, ages in by_topic.items():
            count, stage_seconds = metrics.records_of(self.consumer, topic)
            count.inc(len(ages))
            for age in ages:
                stage_seconds.observe(age)


def failure_of(error: Exception, *, attempts: int) -> Failure:
    """What a dead letter says of the error that it ended with."""
    return Failure(_reason(error), f"{type(error).__name__}: {_first_line(error)}", attempts)


def _reason(error: Exception) -> Reason:
    if isinstance(error, UnreadableEvent):
        return Reason.UNREADABLE
    if isinstance(error, RecordTooLarge):
        return Reason.TOO_LARGE
    if isinstance(error, StatementTimedOut):
        return Reason.TIMED_OUT
    return Reason.GAVE_UP if isinstance(error, RetryLater) else Reason.FAILED


def _first_line(error: Exception) -> str:
    """Enough to find the fault by; the record itself is kept beside it."""
    return _storable(str(error).split("\n", 1)[0][:500])


def _storable(text: str) -> str:
    """The text as PostgreSQL can keep it: a dead letter must never fail for the words of its error."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
