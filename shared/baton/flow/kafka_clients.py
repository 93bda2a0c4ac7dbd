"""aiokafka's clients, as we set them and as we see them; the only place that imports it.

It ships no types: the protocols below are what we use of it. What is read of its insides is here too, so that a new
release is checked in one file (0.14 was read for it).
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, Protocol, cast

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import InvalidSessionTimeoutError, MessageSizeTooLargeError, TopicAlreadyExistsError
from aiokafka.helpers import create_ssl_context

from baton.flow.bus import MAX_RECORD_BYTES
from baton.flow.kafka_calls import KafkaFailure, bounded, in_background
from baton.flow.kafka_settings import KafkaSettings

MAX_REQUEST_BYTES: Final = MAX_RECORD_BYTES + 64 * 1024
"""Kafka counts headers and the frame around a record, too."""
DRAIN_SECONDS: Final = 10.0
"""How long a rebalance waits for the batch in hand."""
START_SECONDS: Final = 9.0
"""Longer than aiokafka's own bounds: a start that is cut off while it connects leaves its socket to the collector."""
_REQUEST_MS: Final = 4_000
_PROBE_MS: Final = 1_000
_REBALANCE_MS: Final = int(DRAIN_SECONDS * 1000) + 5_000
"""Unset, aiokafka takes the session's timeout, and a member whose batch takes longer would be thrown out."""
_BATCH_BYTES: Final = 256 * 1024
"""The default of 16 KiB caps at 13,000-21,000 records a second, this gave 41,000-67,000."""
_LINGER_MS: Final = 0
"""Records gather by themselves while a request is under way: waiting for more added its millisecond to each hop, and
nothing to the throughput."""
_HEARTBEAT_MS: Final = 300
_FETCH_WAIT_MS: Final = 50
"""How long the broker may hold an empty fetch. A partition that was sought back waits for the one in flight, so not
long; each consumer asks so often while nothing comes, so not too short."""
_FOLLOW_WAIT_MS: Final = 500
"""The same for a reader that follows a topic on which hardly anything happens."""
_FETCH_BYTES: Final = 16 * 1024 * 1024
_LANE_BYTES: Final = 128 * 1024
"""Of one lane at a time: aiokafka hands out one lane's fetch before the next's, and behind an outage's backlog no lane
is to wait for another's. A larger record still comes, alone."""
_STOP_SECONDS: Final = 3.0
_CLOSE_SECONDS: Final = 1.0

too_large: Final[type[Exception]] = MessageSizeTooLargeError
"""The broker refuses a record for its size: a topic that somebody else made may allow less than ours do."""
session_refused: Final[type[Exception]] = InvalidSessionTimeoutError
"""The broker doesn't allow so short a session."""
ALREADY_THERE: Final[int] = TopicAlreadyExistsError.errno


class Place(Protocol):
    """A partition of a topic, under its full name. Equal ones are equal, and can be keys."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...


class Raw(Protocol):
    """A record as aiokafka gives it. `timestamp` in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Client(Protocol):
    """What all of them can."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class ConsumerClient(Client, Protocol):
    async def getmany(self, *, timeout_ms: int, max_records: int | None = None) -> Mapping[Place, Sequence[Raw]]: ...
    async def commit(self, offsets: Mapping[Place, int]) -> None: ...
    async def beginning_offsets(self, places: Sequence[Place]) -> Mapping[Place, int]: ...
    async def end_offsets(self, places: Sequence[Place]) -> Mapping[Place, int]: ...
    async def position(self, place: Place) -> int: ...
    def assignment(self) -> set[Place]: ...
    def seek(self, place: Place, offset: int) -> None: ...


class ProducerClient(Client, Protocol):
    async def partitions_for(self, topic: str) -> set[int]: ...
    async def send(
        self, topic: str, *, value: bytes, key: bytes, partition: int, headers: Sequence[tuple[str, bytes]]
    ) -> Awaitable[object]: ...


class Rebalances(Protocol):
    """Who is told of what a group's member gets and has to give up."""

    async def revoked(self) -> None: ...
    def assigned(self, places: Sequence[Place]) -> None: ...


def place_of(topic: str, partition: int) -> Place:
    return cast("Place", TopicPartition(topic, partition))


def new_member(
    settings: KafkaSettings,
    *,
    group: str,
    topics: Sequence[str],
    session: timedelta,
    gather: timedelta,
    rebalances: Rebalances,
) -> ConsumerClient:
    """A member of a group, not started. The broker holds an empty fetch for `gather`: fewer answers to read."""
    # The answer to a join comes when all members are there: at the latest when the rebalance gives up on the others.
    client = AIOKafkaConsumer(
        **_connection(settings) | {"request_timeout_ms": _REBALANCE_MS + _REQUEST_MS},
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=int(session.total_seconds() * 1000),
        heartbeat_interval_ms=_HEARTBEAT_MS,
        rebalance_timeout_ms=_REBALANCE_MS,
        fetch_max_wait_ms=max(_FETCH_WAIT_MS, int(gather.total_seconds() * 1000)),
        fetch_max_bytes=_FETCH_BYTES,
        max_partition_fetch_bytes=_LANE_BYTES,
        # One assignor: a second costs a join round. Range: the same lane of every topic goes to the same member.
        partition_assignment_strategy=(RangePartitionAssignor,),
    )
    client.subscribe(list(topics), listener=_Listener(rebalances))
    return cast("ConsumerClient", client)


def new_reader(settings: KafkaSettings, *topics: str, follow: bool = False) -> ConsumerClient:
    """A consumer that belongs to no group, on all partitions of `topics`, not started."""
    client = AIOKafkaConsumer(
        *topics,
        **_connection(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=_FOLLOW_WAIT_MS if follow else _FETCH_WAIT_MS,
        fetch_max_bytes=_FETCH_BYTES,
    )
    return cast("ConsumerClient", client)


def new_producer(settings: KafkaSettings) -> ProducerClient:
    """An idempotent producer that waits for all replicas in sync, not started."""
    client = AIOKafkaProducer(
        **_connection(settings),
        acks="all",
        enable_idempotence=True,
        max_batch_size=_BATCH_BYTES,
        max_request_size=MAX_REQUEST_BYTES,
        linger_ms=_LINGER_MS,
    )
    return cast("ProducerClient", client)


class AdminClient:
    """Makes topics, tells of those there are, and how far a group is."""

    def __init__(self, settings: KafkaSettings, *, request_ms: int = _REQUEST_MS) -> None:
        self.client: Any = AIOKafkaAdminClient(**_connection(settings) | {"request_timeout_ms": request_ms})

    async def start(self) -> None:
        await self.client.start()

    async def stop(self) -> None:
        await self.client.close()

    async def topics(self, named: Sequence[str] | None = None) -> Mapping[str, int]:
        """Topics that are there, of those named or of all, with how many partitions they have. Asks a broker."""
        told = await self.client.describe_topics(None if named is None else list(named))
        return {topic["topic"]: len(topic["partitions"]) for topic in told if not topic["error_code"]}

    async def create(self, topic: str, *, partitions: int, replication: int, configuration: Mapping[str, str]) -> None:
        """Make one; it may be there by now.

        Raises:
            ValueError: the broker refuses, and says why.
        """
        # The library takes a replication of -1, the broker's own default, only beside an assignment: an empty one does.
        assignments: Any = {} if replication == -1 else None
        new = NewTopic(topic, partitions, replication, assignments, topic_configs=dict(configuration))
        answer = await self.client.create_topics([new])
        for _, code, *why in answer.topic_errors:
            if code not in (0, ALREADY_THERE):
                raise ValueError(f"topic {topic} can't be made: error {code} {' '.join(map(str, filter(None, why)))}")

    async def committed(self, group: str) -> Mapping[Place, int]:
        """The next offset of each partition that the group has ever committed."""
        told = await self.client.list_consumer_group_offsets(group)
        return {place: known.offset for place, known in told.items() if known.offset >= 0}


def is_blind(member: ConsumerClient) -> bool:
    """Whether a member has lost its group's coordinator; it looks for one by itself, mostly with success."""
    coordinator: Any = getattr(member, "_coordinator", None)
    return coordinator is None or coordinator.coordinator_id is None


def is_broken(member: ConsumerClient) -> bool:
    """Whether one of the tasks that a member lives by has ended: it will never get better."""
    inside: Any = member
    tasks = (inside._coordinator._coordination_task, inside._fetcher._fetch_task, inside._client._sync_task)  # noqa: SLF001
    return any(task is None or task.done() for task in tasks)


async def answers(settings: KafkaSettings) -> bool:
    """Whether a new client gets through to the cluster, and soon."""
    probe = AdminClient(settings, request_ms=_PROBE_MS)
    try:
        await bounded(probe.start(), START_SECONDS)
    except KafkaFailure:
        return False
    else:
        return True
    finally:
        await end(probe)


async def end(client: Client) -> None:
    """Stop a client: what it has in hand is sent, and its group told. If it hangs with its broker, tear it down."""
    try:
        await bounded(client.stop(), _STOP_SECONDS)
    except KafkaFailure:
        await tear_down(client)
    except asyncio.CancelledError:
        in_background(tear_down(client))
        raise


async def tear_down(client: Any) -> None:
    """End a client and forget what it has in hand. One that is only let go of beats on, and keeps its lanes."""
    client._closed = True  # noqa: SLF001 - or it complains when it is collected
    tasks = _inner_tasks(client)
    for task in tasks:
        task.cancel()
    for _ in range(2):  # what still runs may have connected once more
        await _ended(tasks)
        with suppress(KafkaFailure):
            await bounded(_connections(client).close(), _CLOSE_SECONDS)


async def _ended(tasks: Sequence["asyncio.Task[object]"]) -> None:
    if tasks:
        done, _ = await asyncio.wait(tasks, timeout=_CLOSE_SECONDS)
        for task in done:
            _ = task.cancelled() or task.exception()  # or it is logged as never looked at


def _connections(client: Any) -> Any:
    """A consumer hides them, a producer and our administrator don't; aiokafka's administrator does again."""
    outer = client._client if hasattr(client, "_client") else client.client  # noqa: SLF001
    return getattr(outer, "_client", outer)


def _inner_tasks(client: Any) -> Sequence["asyncio.Task[object]"]:
    coordinator, fetcher = getattr(client, "_coordinator", None), getattr(client, "_fetcher", None)
    found = (
        getattr(coordinator, "_coordination_task", None),
        getattr(coordinator, "_heartbeat_task", None),
        getattr(coordinator, "_commit_refresh_task", None),
        getattr(coordinator, "_reset_committed_task", None),
        getattr(fetcher, "_fetch_task", None),
        *getattr(fetcher, "_pending_tasks", ()),
        getattr(getattr(client, "_sender", None), "sender_task", None),
    )
    return [task for task in found if isinstance(task, asyncio.Task)]


def _connection(settings: KafkaSettings) -> dict[str, Any]:
    """What every client is given."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.servers,
        "client_id": "baton",
        "request_timeout_ms": _REQUEST_MS,
        "security_protocol": ("SASL_" if settings.sasl_mechanism else "") + ("SSL" if settings.tls else "PLAINTEXT"),
    }
    if settings.tls:
        options["ssl_context"] = create_ssl_context()
    if settings.sasl_mechanism:
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = settings.sasl_password
    return options


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Passes aiokafka's calls on."""

    def __init__(self, rebalances: Rebalances) -> None:
        self._rebalances = rebalances

    async def on_partitions_revoked(self, revoked: object) -> None:
        del revoked
        await self._rebalances.revoked()

    def on_partitions_assigned(self, assigned: Sequence[Place]) -> None:
        self._rebalances.assigned(assigned)
