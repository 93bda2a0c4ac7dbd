"""The one path by which everything enters: made durable together, then answered, then published.

Requests of the last two milliseconds share one transaction (ledger and outbox). While the database is away they go
straight to the bus; while the bus is away the outbox waits; with both away the sender is told to come again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from baton.flow.bus import Bus, BusUnavailable, Record
from baton.flow.database import DatabaseUnavailable
from baton.flow.unit_of_work import UnitOfWork, Units
from baton.leads.envelope import encode
from baton_ingest import metrics, repository
from baton_ingest.captures import Capture, Nameless, Refused
from baton_ingest.repository import Waiting
from baton_ingest.sources.source_type import Outcome

log = structlog.get_logger()

LINGER_SECONDS: Final = 0.002
"""Measured: long enough for a burst to share one fsync, too short for anyone to notice."""
MAX_GROUP: Final = 500
MAX_WAITING: Final = 20_000
"""Beyond it senders are told to come again (503): a longer queue could not be answered within their time limits."""
GROUPS_AT_ONCE: Final = 4
"""While one group waits for the disk the next may be written."""
PATIENCE_SECONDS: Final = 3.0
"""How long the database is waited for before the bus is asked: HubSpot gives a batch five seconds in all."""


class Away(Exception):
    """Nothing durable is within reach, or too much waits: come again."""


@dataclass(slots=True)
class _Waiter:
    """One request in the queue, and where its answer goes."""

    item: Capture | Nameless
    answer: asyncio.Future[Outcome]


@dataclass(slots=True)
class Path:
    """The way in. `submit` returns once everything given to it is durable."""

    units: Units
    bus: Bus
    linger_seconds: float = LINGER_SECONDS
    _queue: list[_Waiter] = field(default_factory=list)
    _groups: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(GROUPS_AT_ONCE))
    _collector: asyncio.Task[None] | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def submit(self, items: Sequence[Capture | Nameless | Refused]) -> Sequence[Outcome]:
        """Make captures durable, in order.

        Returns:
            How each ended, in the same order: new, repeated, waiting for an address, or refused.

        Raises:
            Away: database and bus are away, or too many requests wait. Nothing may be assumed of these items.
        """
        if len(self._queue) > MAX_WAITING:
            raise Away("too many requests are waiting")
        return await asyncio.gather(*(self._enter(item) for item in items))

    async def drain(self) -> None:
        """Wait until everything that was submitted is answered."""
        while self._collector is not None or self._tasks:
            await asyncio.gather(*filter(None, (self._collector, *self._tasks)), return_exceptions=True)

    async def _enter(self, item: Capture | Nameless | Refused) -> Outcome:
        if isinstance(item, Refused):
            return Outcome(lead_id=None, refused=item.why, hint=item.hint)
        waiter = _Waiter(item, asyncio.get_running_loop().create_future())
        self._queue.append(waiter)
        if self._collector is None:
            self._collector = asyncio.create_task(self._collect())
        return await waiter.answer

    async def _collect(self) -> None:
        """Gather what arrives within the linger into groups, until nothing waits."""
        try:
            while self._queue:
                await asyncio.sleep(self.linger_seconds)
                await self._groups.acquire()
                group, self._queue = self._queue[:MAX_GROUP], self._queue[MAX_GROUP:]
                task = asyncio.create_task(self._settle(group))
                self._tasks.add(task)
                task.add_done_callback(self._settled)
        finally:
            self._collector = None

    def _settled(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._groups.release()

    async def _settle(self, group: Sequence[_Waiter]) -> None:
        metrics.group_size.observe(len(group))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                outcomes = await self._commit([waiter.item for waiter in group])
        except (DatabaseUnavailable, TimeoutError):
            await self._straight_to_bus(group)
            return
        except Exception as error:  # noqa: BLE001 - one of the requests can't be written: find it, the others must not suffer
            await self._settle_singly(group, error)
            return
        _resolve(group, outcomes)

    async def _settle_singly(self, group: Sequence[_Waiter], error: Exception) -> None:
        if len(group) == 1:
            log.error("capture_unwritable", error=type(error).__name__)
            if not group[0].answer.done():
                group[0].answer.set_exception(error)
            return
        for waiter in group:
            await self._settle([waiter])

    async def _commit(self, items: Sequence[Capture | Nameless]) -> Sequence[Outcome]:
        async with self.units.begin() as unit:
            captures = [item for item in items if isinstance(item, Capture)]
            answers = await self._write(unit, captures)
            for item in items:
                if isinstance(item, Nameless):
                    answers[item.source, item.identity] = await self._write_nameless(unit, item)
        return _in_order(items, answers)

    async def _write(self, unit: UnitOfWork, captures: Sequence[Capture]) -> dict[tuple[str, str], Outcome]:
        distinct = list({(c.source, c.identity): c for c in reversed(captures)}.values())[::-1]
        if not distinct:
            return {}
        repeated = await repository.enter(unit.connection, distinct)
        fresh = [c for c in distinct if (c.source, c.identity) not in repeated]
        for waiting in await repository.know(unit.connection, fresh):
            self._emit_waiting(unit, waiting, fresh)
        for new in fresh:
            unit.emit(new.event)
        metrics.captured(fresh)
        answers = {(c.source, c.identity): _new(c) for c in fresh}
        answers |= {identity: Outcome(lead_id=lead, duplicate=True) for identity, lead in repeated.items()}
        return answers

    def _emit_waiting(self, unit: UnitOfWork, waiting: Waiting, fresh: Sequence[Capture]) -> None:
        """What waited for an address happened before it came: it is told first, as of then."""
        with_address = next(c for c in fresh if c.lead_id == waiting.lead_id)
        unit.emit(with_address.joined_by(waiting.raw, waiting.identity, received_at=waiting.received_at))

    async def _write_nameless(self, unit: UnitOfWork, item: Nameless) -> Outcome:
        lead_id = await repository.lead_of(unit.connection, item.source, item.vendor_id)
        if lead_id is None:
            await repository.park(unit.connection, item)
            return Outcome(lead_id=None)
        known = item.known_as(lead_id)
        return (await self._write(unit, [known]))[known.source, known.identity]

    async def _straight_to_bus(self, group: Sequence[_Waiter]) -> None:
        """The database is away. Repeats are not known then; consumers know them by the event's id."""
        captures = [waiter for waiter in group if isinstance(waiter.item, Capture)]
        nameless = [waiter for waiter in group if isinstance(waiter.item, Nameless)]
        _fail(nameless, Away("the database is away, and this one lacks an address"))
        if self.bus.appends_in_transaction:
            _fail(captures, Away("the database is away"))
            return
        try:
            await self.bus.publish([_record(w.item) for w in captures if isinstance(w.item, Capture)])
        except BusUnavailable:
            _fail(captures, Away("database and bus are away"))
            return
        metrics.past_the_database.inc(len(captures))
        _resolve(captures, [_new(w.item) for w in captures if isinstance(w.item, Capture)])


def _record(item: Capture) -> Record:
    headers, value = encode(item.event)
    return Record(topic=item.event.data.topic, key=item.event.key.encode(), value=value, headers=headers)


def _new(item: Capture) -> Outcome:
    return Outcome(lead_id=item.lead_id, changes=[change.model_dump(mode="json") for change in item.changes])


def _in_order(items: Sequence[Capture | Nameless], answers: dict[tuple[str, str], Outcome]) -> Sequence[Outcome]:
    """Each item's outcome; the second of two equal ones in one group is a repeat of the first."""
    told: set[tuple[str, str]] = set()
    outcomes = []
    for item in items:
        identity = (item.source, item.identity)
        answer = answers[identity]
        outcomes.append(Outcome(lead_id=answer.lead_id, duplicate=True) if identity in told else answer)
        told.add(identity)
    return outcomes


def _resolve(group: Sequence[_Waiter], outcomes: Sequence[Outcome]) -> None:
    for waiter, outcome in zip(group, outcomes, strict=True):
        if not waiter.answer.done():  # a sender that hung up
            waiter.answer.set_result(outcome)


def _fail(group: Sequence[_Waiter], error: Away) -> None:
    for waiter in group:
        if not waiter.answer.done():
            waiter.answer.set_exception(error)
