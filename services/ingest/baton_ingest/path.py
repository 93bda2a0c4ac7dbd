"""The one path by which everything enters: made durable together, then answered, then published.

Requests of the last five milliseconds share one transaction (ledger and outbox). While the database is away they go
straight to the bus; while the bus is away the outbox waits; with both away the sender is told to come again.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import structlog

from baton.flow.bus import Bus, BusUnavailable
from baton.flow.database import Connection, DatabaseUnavailable
from baton.flow.unit_of_work import UnitOfWork, Units, as_record
from baton_ingest import metrics, plain_group, repository
from baton_ingest.captures import NO_ADDRESS, Capture, Nameless
from baton_ingest.merging import merge
from baton_ingest.repository import Waiting
from baton_ingest.sources.source_type import Outcome, Refused

log = structlog.get_logger()

LINGER_SECONDS: Final = 0.005
"""Measured at 300 leads a second: with two milliseconds each lead took a third longer to be assigned, for every group
is a batch in all that follows."""
MAX_GROUP: Final = 500
MAX_WAITING: Final = 20_000
"""Beyond it senders are told to come again (503): a longer queue could not be answered within their time limits."""
GROUPS_AT_ONCE: Final = 2
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
    sources: Callable[[], Collection[str]] = frozenset
    """The names that captures are counted under."""
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
        entered = [self._enter(item) for item in items]
        return [await entered[0]] if len(entered) == 1 else await asyncio.gather(*entered)

    @property
    def waiting(self) -> int:
        """How many live ones aren't in a group yet."""
        return len(self._queue)

    async def drain(self) -> None:
        """Wait until everything that was submitted is answered."""
        while self._collector is not None or self._tasks:
            await asyncio.gather(*filter(None, (self._collector, *self._tasks)), return_exceptions=True)

    def _enter(self, item: Capture | Nameless | Refused) -> asyncio.Future[Outcome]:
        answer = asyncio.get_running_loop().create_future()
        if isinstance(item, Refused):
            answer.set_result(Outcome(lead_id=None, refused=item.why, hint=item.hint))
            return answer
        self._queue.append(_Waiter(item, answer))
        if self._collector is None:
            self._collector = asyncio.create_task(self._collect())
        return answer

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
        """Answer each of the group, whatever happens: a request that is never answered would wait for ever."""
        metrics.group_size.observe(len(group))
        try:
            await self._settle_together(group)
        except Exception as error:  # noqa: BLE001 - the requests are the edge where it is told
            _fail(group, error)

    async def _settle_together(self, group: Sequence[_Waiter]) -> None:
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
            _fail(group, error)
            return
        for waiter in group:
            await self._settle_together([waiter])

    async def _commit(self, items: Sequence[Capture | Nameless]) -> Sequence[Outcome]:
        captures = [item for item in items if isinstance(item, Capture)]
        if len(captures) == len(items) and not self.bus.appends_in_transaction:
            answers = await self._commit_plain(captures)
            if answers is not None:
                return in_order(items, answers)
        return await self._commit_any(items, captures)

    async def _commit_plain(self, captures: Sequence[Capture]) -> dict[tuple[str, str], Outcome] | None:
        """In one statement; None if the group is unusual."""
        async with self.units.database.connection() as connection:
            distinct = await _keyed(connection, first_of_each(captures))
            relay = self.units.relay
            written = await plain_group.write(connection, distinct, bus=self.bus, standing=relay.standing)
            if written is None:
                return None
            entered, left = written
            relay.hand(left)
            old = [one.identity for one in distinct if one.identity not in entered]
            repeated = await repository.first_answers(connection, old)
            await relay.tell_others(connection, left.lanes)
        relay.wake()
        return self._answers([one for one in distinct if one.identity in entered], repeated)

    async def _commit_any(self, items: Sequence[Capture | Nameless], captures: Sequence[Capture]) -> Sequence[Outcome]:
        async with self.units.begin() as unit:
            nameless = [one for one in items if isinstance(one, Nameless)]
            named = await _named(unit.connection, captures, nameless, now=unit.now)
            # All at once: a second writing might wait for who merges or erases, and they for the rows of the first.
            answers = await self.write(unit, [*captures, *named])
            for item in items:
                if isinstance(item, Nameless) and item.identity not in answers:
                    answers[item.identity] = await _park(unit.connection, item)
        return in_order(items, answers)

    async def write(self, unit: UnitOfWork, captures: Sequence[Capture]) -> dict[tuple[str, str], Outcome]:
        """Make captures durable in this unit, and tell those that are new. Gives how each identity ended."""
        distinct = await _keyed(unit.connection, first_of_each(captures))
        if not distinct:
            return {}
        if await repository.are_renamed(unit.connection, distinct):
            # Before any row is locked, as whoever merges or erases does it; what they did is seen and told before this.
            await repository.merge_alone(unit.connection)
            unit.now = self.units.now()
        repeated = await repository.enter(unit.connection, distinct)
        fresh = [one for one in distinct if one.identity not in repeated]
        known = await repository.know(unit.connection, fresh)
        # What waited for an address happened before it came: it is told first, and with the address, or the lead
        # would be decided on without it.
        keys = {one.lead_id: one.event.key for one in fresh}
        addresses = {one.lead_id: one.told.address for one in fresh if not one.by_id}
        await emit_waiting(unit, known.waiting, keys, addresses=addresses)
        for event in (event for new in fresh for event in new.events):
            unit.emit(event)
        await _merge_renamed(unit, known.renamed, fresh)
        return self._answers(fresh, repeated)

    def _answers(
        self, fresh: Sequence[Capture], repeated: Mapping[tuple[str, str], str | None]
    ) -> dict[tuple[str, str], Outcome]:
        metrics.captured(fresh, sources=self.sources())
        answers = {one.identity: new_outcome(one) for one in fresh}
        return answers | {identity: Outcome(lead_id=lead, duplicate=True) for identity, lead in repeated.items()}

    async def _straight_to_bus(self, group: Sequence[_Waiter]) -> None:
        """The database is away. Repeats are not known then; consumers know them by the event's id."""
        captures = [waiter for waiter in group if isinstance(waiter.item, Capture)]
        nameless = [waiter for waiter in group if isinstance(waiter.item, Nameless)]
        _fail(nameless, Away("the database is away, and this one lacks an address"))
        if self.bus.appends_in_transaction:
            _fail(captures, Away("the database is away"))
            return
        try:
            await self.bus.publish(
                [as_record(event) for w in captures if isinstance(w.item, Capture) for event in w.item.events]
            )
        except BusUnavailable:
            _fail(captures, Away("database and bus are away"))
            return
        metrics.past_the_database.inc(len(captures))
        _resolve(captures, [new_outcome(w.item) for w in captures if isinstance(w.item, Capture)])


async def emit_waiting(
    unit: UnitOfWork,
    waiting: Sequence[Waiting],
    keys: Mapping[str, str],
    *,
    addresses: Mapping[str, Mapping[str, object]] | None = None,
) -> None:
    """Tell what waited for an address, once. `keys` and `addresses` of the leads, as far as known.

    It keeps its own `at`, but is told as of now: nobody could have acted on it before, so no clock runs from then.
    What came before the person was erased is let go of.
    """
    if not waiting:
        return
    erased = await repository.erasures(unit.connection, {each.lead_id for each in waiting})
    captures = [
        _joined(each, keys.get(each.lead_id), (addresses or {}).get(each.lead_id, {}))
        for each in waiting
        if each.lead_id not in erased or each.told.received_at > erased[each.lead_id]
    ]
    distinct = list({one.identity: one for one in captures}.values())
    repeated = await repository.enter(unit.connection, distinct)
    for one in distinct:
        for event in one.events if one.identity not in repeated else ():
            unit.emit(event._replace(time=unit.now))


def _joined(one: Waiting, key: str | None, address: Mapping[str, object]) -> Capture:
    told = replace(one.told, fields={**address, **one.told.fields})
    return Capture(told, told.events(one.lead_id, key=key or one.lead_id))


def first_of_each(captures: Sequence[Capture]) -> Sequence[Capture]:
    """Of each identity, in their order."""
    firsts: dict[tuple[str, str], Capture] = {}
    for one in captures:
        firsts.setdefault(one.identity, one)
    return list(firsts.values())


async def _named(
    connection: Connection, captures: Sequence[Capture], nameless: Sequence[Nameless], *, now: datetime
) -> Sequence[Capture]:
    """Those without an address whose person is known, also by what is new beside them, as captures."""
    if not nameless:
        return ()
    leads = dict(await repository.leads_known(connection, nameless))
    items: Sequence[Capture | Nameless] = [*captures, *nameless]
    repeated = await repository.first_answers(connection, [item.identity for item in items], now=now)
    named: list[Capture] = []
    for item in items:
        one = item.known_among(leads) if isinstance(item, Nameless) else item
        if one is None:
            continue
        if isinstance(item, Nameless):
            named.append(one)
        if one.identity not in repeated:
            leads |= {(source, each): lead_id for source, each, lead_id, *_ in repository.known_ids([one])}
    return named


async def _park(connection: Connection, nameless: Nameless) -> Outcome:
    """Let it wait for its person's address, where that may come."""
    if not nameless.may_wait:
        return Outcome(lead_id=None, refused=NO_ADDRESS.why, hint=NO_ADDRESS.hint)
    return Outcome(lead_id=None, waits=True, duplicate=not await repository.park(connection, nameless))


async def _keyed(connection: Connection, captures: Sequence[Capture]) -> Sequence[Capture]:
    """Captures of leads that were named by id get the key that their leads came with, before or beside them."""
    if not any(one.by_id for one in captures):
        return captures
    keys = {one.lead_id: one.event.key for one in captures if not one.by_id}
    keys |= await repository.accounts(connection, {one.lead_id for one in captures if one.by_id})
    return [one.with_key(keys[one.lead_id]) if one.by_id and one.lead_id in keys else one for one in captures]


async def _merge_renamed(unit: UnitOfWork, renamed: Sequence[tuple[str, str]], fresh: Sequence[Capture]) -> None:
    """A person whom the sender knows by one id has another address now: that is one person of two leads."""
    keys = {one.lead_id: one.event.key for one in fresh if one.told.proven and not one.told.test}
    for former, lead_id in renamed:
        if lead_id in keys:
            await merge(unit, former, into=lead_id, key=keys[lead_id])


def new_outcome(item: Capture) -> Outcome:
    return Outcome(lead_id=item.lead_id, changes=[change.model_dump(mode="json") for change in item.told.notes])


def in_order(items: Sequence[Capture | Nameless], answers: dict[tuple[str, str], Outcome]) -> Sequence[Outcome]:
    """Each item's outcome; the second of two equal ones in one group is a repeat of the first."""
    told: set[tuple[str, str]] = set()
    outcomes = []
    for item in items:
        answer = answers[item.identity]
        outcomes.append(replace(answer, duplicate=True, changes=()) if item.identity in told else answer)
        told.add(item.identity)
    return outcomes


def _resolve(group: Sequence[_Waiter], outcomes: Sequence[Outcome]) -> None:
    for waiter, outcome in zip(group, outcomes, strict=True):
        if not waiter.answer.done():  # a sender that hung up
            waiter.answer.set_result(outcome)


def _fail(group: Sequence[_Waiter], error: Exception) -> None:
    for waiter in group:
        if not waiter.answer.done():
            waiter.answer.set_exception(error)
