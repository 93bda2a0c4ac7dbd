"""A member of a consumer group on Kafka: explicit offsets, and a rebalance that waits for the batch in hand."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

import structlog

from baton.flow.bus import BusUnavailable, Handle
from baton.flow.kafka_calls import KafkaFailure, bounded
from baton.flow.kafka_clients import DRAIN_SECONDS, ConsumerClient, Place, Raw
from baton.flow.kafka_membership import Membership
from baton.flow.kafka_reader import received
from baton.flow.kafka_settings import KafkaSettings

log = structlog.get_logger()

_COMMIT_EVERY_SECONDS: Final = 0.1
"""What a crash repeats, the inbox knows."""
_COMMIT_SECONDS: Final = 2.0
_POLL_GRACE_SECONDS: Final = 0.1

Batch = Mapping[Place, Sequence[Raw]]


class KafkaConsumer:
    """Polls, handles, and marks behind the scenes."""

    def __init__(self, settings: KafkaSettings, *, group: str, topics: Sequence[str], gather: timedelta) -> None:
        self._prefix = settings.prefix
        self._group = group
        self._membership = Membership(
            settings, group=group, topics=topics, gather=gather, rebalances=self, lost=self._forget
        )
        self._marking: asyncio.Task[None] | None = None
        self._committing = asyncio.Lock()
        self._idle = asyncio.Event()
        self._idle.set()
        self._unmarked = asyncio.Event()
        self._handled: dict[Place, int] = {}
        """The next offset of partitions that are ours, where it is not committed yet."""
        self._complained = False
        self._ownership = 0
        """Counts what was ours until it was taken: a batch that outlives its ownership may not move offsets."""
        self._lanes: frozenset[int] = frozenset()
        self._gather = gather.total_seconds()
        self._gathers = False
        """Whether all there was is handled: then the next ones may come together first."""

    @property
    def lanes(self) -> frozenset[int]:
        return self._lanes

    async def start(self) -> None:
        self._membership.start()
        if self._marking is None:
            self._marking = asyncio.create_task(self._mark())

    async def stop(self) -> None:
        if self._marking is not None:
            self._marking.cancel()
            await asyncio.gather(self._marking, return_exceptions=True)
            self._marking = None
        await self._membership.stop(self._settle)

    async def consume(self, handle: Handle, *, max_records: int, wait: timedelta) -> int:
        await self.start()
        if self._gathers and wait:
            await asyncio.sleep(self._gather)
        if not await self._membership.joined(wait):
            return self._nothing()
        client = self._membership.client
        assert client is not None
        batch = await self._poll(client, max_records, wait)
        self._gathers = 0 < sum(map(len, batch.values())) < max_records
        if not batch:
            return self._nothing()
        return await self._handle(client, batch, handle)

    async def revoked(self) -> None:
        """A rebalance begins: wait for the batch in hand, commit, and let go of the lanes."""
        client = self._membership.client
        if client is not None:
            await self._settle(client)
        self._forget()

    def assigned(self, places: Sequence[Place]) -> None:
        """A rebalance ended: these are ours."""
        self._lanes = frozenset(place.partition for place in places)
        log.info("lanes_assigned", group=self._group, lanes=sorted(self._lanes))

    def _nothing(self) -> int:
        if self._membership.problem is not None:
            raise BusUnavailable(self._membership.problem)
        return 0

    async def _poll(self, client: ConsumerClient, limit: int, wait: timedelta) -> Batch:
        """What has come. No task may come between this and `_handle`, or a rebalance could slip in."""
        seconds = wait.total_seconds()
        try:
            call = client.getmany(timeout_ms=int(seconds * 1000), max_records=limit)
            return await bounded(call, seconds + _POLL_GRACE_SECONDS)
        except KafkaFailure as failure:
            if failure.timed_out:  # a rebalance is under way
                return {}
            raise BusUnavailable(str(failure)) from failure

    async def _handle(self, client: ConsumerClient, batch: Batch, handle: Handle) -> int:
        ownership = self._ownership
        records = [received(raw, self._prefix) for raws in batch.values() for raw in raws]
        self._idle.clear()
        try:
            await handle(records)
        except BaseException:
            if ownership == self._ownership:
                _seek_back(client, batch)
            raise
        else:
            if ownership == self._ownership:
                self._handled.update({place: raws[-1].offset + 1 for place, raws in batch.items()})
                self._unmarked.set()
        finally:
            self._idle.set()
        return len(records)

    async def _mark(self) -> None:
        """Commit what was handled, a while after it was, so that many batches share a commit."""
        while True:
            await self._unmarked.wait()
            await asyncio.sleep(_COMMIT_EVERY_SECONDS)
            self._unmarked.clear()
            client = self._membership.client
            if client is not None and not await self._commit(client):
                self._unmarked.set()

    async def _settle(self, client: ConsumerClient) -> None:
        """Wait for the batch in hand, so long at most, and commit."""
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            log.warning("batch_outlives_ownership", group=self._group)
        await self._commit(client)

    async def _commit(self, client: ConsumerClient) -> bool:
        """A failure costs a repetition, no more. Gives False when it is worth another try."""
        async with self._committing:
            ours = client.assignment()
            handled = {place: offset for place, offset in self._handled.items() if place in ours}
            if not handled:
                return True
            try:
                await bounded(client.commit(handled), _COMMIT_SECONDS)
            except KafkaFailure as failure:
                if not self._complained:  # once an outage, not every two seconds of it
                    log.warning("offsets_not_committed", group=self._group, error=str(failure))
                self._complained = True
                return False
            self._complained = False
            self._handled = {place: offset for place, offset in self._handled.items() if handled.get(place) != offset}
            return True

    def _forget(self) -> None:
        """What was ours is no longer."""
        self._ownership += 1
        self._lanes = frozenset()
        self._handled = {}


def _seek_back(client: ConsumerClient, batch: Batch) -> None:
    ours = client.assignment()
    for place, raws in batch.items():
        if place in ours:
            client.seek(place, raws[0].offset)
