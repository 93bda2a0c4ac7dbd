"""The bus: one port, three adapters (Kafka, PostgreSQL log, memory). Services can't tell which they have."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from baton.flow.database import Connection
from baton.flow.writes import Writes
from baton.leads.envelope import Headers

MAX_RECORD_BYTES: Final = 8 * 1024 * 1024
"""Of one record on any bus, its key and its value. What ingest makes of the largest body is far below."""


class RecordTooLarge(Exception):
    """A record that no bus ever takes. Of what was published with it, some may have arrived."""

    def __init__(self, topic: str, size: int | None = None) -> None:
        told = (
            "more bytes than the broker allows"
            if size is None
            else f"{size:,} bytes, and at most {MAX_RECORD_BYTES:,} go"
        )
        super().__init__(f"a record for {topic} has {told}")


class BusUnavailable(Exception):
    """The bus can't be reached, or did not answer in time. What was being published may have arrived in part."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it is created when missing. `retention` None keeps for ever; `compacted` keeps the last of a key.

    `partitions` is for Kafka: in PostgreSQL a topic is one log, in memory the bus says how many.
    """

    name: str
    partitions: int
    retention: timedelta | None = timedelta(days=14)
    compacted: bool = False


class Record(NamedTuple):
    """Bytes on their way to a topic. Records of one key keep their order."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers = ()

    @property
    def size(self) -> int:
        """In bytes. Headers don't count, for they are ours and short: each bus has room for them beside."""
        return len(self.key) + len(self.value)


def refuse_too_large(records: Sequence[Record]) -> None:
    """Raises RecordTooLarge for the first that is."""
    for record in records:
        if (size := record.size) > MAX_RECORD_BYTES:
            raise RecordTooLarge(record.topic, size)


class Received(NamedTuple):
    """A record as it came. `offset` is its place in its partition; `at` when the bus took it."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: Headers
    at: datetime


Handle = Callable[[Sequence[Received]], Awaitable[None]]


class Consumer(Protocol):
    """One member of a group. It never forgets a record that was not handled, and may give one again."""

    @property
    def lanes(self) -> frozenset[int]:
        """The partition numbers that this member owns now; all topics of a group share them."""

    async def start(self) -> None:
        """Join the group. Returns at once while the bus is away; joining goes on behind `consume`."""

    async def stop(self) -> None:
        """Commit what was handled and leave, within a bound."""

    async def consume(self, handle: Handle, *, max_records: int, wait: timedelta) -> int:
        """Poll once, give what came to `handle`, and mark it handled when that returns.

        Waits at most `wait` for the first record. A rebalance waits for a running `handle`, ten seconds at most; one
        that takes longer goes on beside the new owner, and marks nothing. If `handle` raises, nothing is marked, the
        same records come again, and the error is passed on. One call at a time.

        Returns:
            How many records were handled, 0 when none came.

        Raises:
            BusUnavailable: the bus is away; call again later.
        """


class Bus(Protocol):
    """Where events go from service to service."""

    async def start(self) -> None:
        """Open what is needed; returns while the bus is away too."""

    async def stop(self) -> None:
        """Close, within a bound."""

    async def check(self) -> None:
        """Ask the bus for a sign of life. Raises BusUnavailable."""

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        """Create what is missing. Raises BusUnavailable, and ValueError where partitions differ from the spec."""

    def lane(self, key: bytes) -> int:
        """The partition of a key, the same on all topics: the unit in which ownership moves."""

    async def publish(self, records: Sequence[Record]) -> None:
        """Returns once all of them are durable.

        Raises:
            BusUnavailable: within a bound.
            RecordTooLarge: to publish the same again can't help.
        """

    @property
    def appends_in_transaction(self) -> bool:
        """Whether `append` is there: then it takes the place of an outbox."""

    async def append(self, connection: Connection, records: Sequence[Record], *, writes: Writes) -> None:
        """Send `writes` and append, both or neither, in the caller's transaction if there is one.

        Commit order is position order: others who append to these topics wait until the transaction ends, so append
        once, and last.
        """

    def announce(self, topics: Collection[str]) -> None:
        """What `append` wrote to these topics is committed: wake who waits for it."""

    def consumer(self, group: str, topics: Sequence[str], *, gather: timedelta = timedelta(0)) -> Consumer:
        """A member of `group`. New groups begin at the earliest record.

        For `gather` at most it lets records come together where nobody waits for them: a batch costs the same for one
        record as for a hundred.
        """

    def read(self, topic: str, *, follow: bool, from_end: bool = False) -> AsyncIterator[Received]:
        """Everything on a topic, outside any group; with `follow` it goes on waiting. Survives a bus that goes away."""

    async def depths(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        """Records not yet handled by `group`, by topic. Raises BusUnavailable."""
