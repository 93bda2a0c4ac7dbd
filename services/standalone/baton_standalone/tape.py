"""What a run prints: every event of every topic and every response, as JSON lines in order."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from baton.flow.bus import Consumer, Received, Record, TopicSpec
from baton.flow.database import Connection
from baton.flow.memory import MemoryBus
from baton.flow.writes import Writes
from baton.kernel.clock import Clock
from baton.kernel.instants import format_instant
from baton.leads.envelope import header
from baton.leads.topics import LEAD_TOPICS, Topic
from baton_standalone.direct_requests import Answer

Write = Callable[[bytes], object]

_DEAD_LETTER: Final = ("dl_topic", "dl_consumer", "dl_reason", "dl_error", "dl_attempts")


class TapedBus:
    """The simulator's bus: in memory, and it writes down what is published, across topics in the order in which it was.

    Appending is part of the caller's transaction, as on the log in PostgreSQL: no outbox stands between, which halves
    what a lead costs here. What was appended is on the bus with the next `deliver`.
    """

    appends_in_transaction: Final = True

    def __init__(self, clock: Clock, *, write: Write) -> None:
        self._memory = MemoryBus(clock, partitions=1)
        self._clock = clock
        self._write = write
        self._appended: list[Record] = []
        self._committed: list[Record] = []

    async def start(self) -> None:
        await self._memory.start()

    async def stop(self) -> None:
        await self._memory.stop()

    async def check(self) -> None:
        await self._memory.check()

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        await self._memory.ensure_topics(topics)

    def lane(self, key: bytes) -> int:
        return self._memory.lane(key)

    async def publish(self, records: Sequence[Record]) -> None:
        await self._memory.publish(records)
        for record in records:
            self._write(event_line(record, at=self._clock.now()))

    async def append(self, connection: Connection, records: Sequence[Record], *, writes: Writes) -> None:
        """Keep them until `announce`. Appending is the last that a unit does before its commit."""
        await writes.send(connection)
        self._appended += records

    def announce(self, topics: Collection[str]) -> None:
        del topics
        self._committed += self._appended
        self._appended.clear()

    async def deliver(self) -> None:
        """Publish what was committed."""
        if not self._committed:
            return
        records, self._committed = self._committed, []
        await self.publish(records)

    def consumer(self, group: str, topics: Sequence[str], *, gather: timedelta = timedelta(0)) -> Consumer:
        return self._memory.consumer(group, topics, gather=gather)

    def read(self, topic: str, *, follow: bool, from_end: bool = False) -> AsyncIterator[Received]:
        return self._memory.read(topic, follow=follow, from_end=from_end)

    async def depths(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        return await self._memory.depths(group, topics)

    def waiting(self, group: str, topics: Sequence[str]) -> int:
        """How many records a group has not handled yet."""
        return self._memory.waiting(group, topics)

    def forget_handled(self) -> int:
        """Forget what every group that reads it has handled: a long run would keep all of it. Gives how many."""
        return self._memory.forget_handled()


def event_line(record: Record, *, at: datetime) -> bytes:
    """`{"at", "topic", "type", "data"}`, the topic by its full name; a dead letter also says why."""
    line: dict[str, object] = {
        "at": format_instant(at),
        "topic": str(record.topic),
        "type": header(record.headers, "ce_type"),
        "data": _data(record),
    }
    if record.topic == Topic.DEAD_LETTERS:
        line["dead_letter"] = {name.removeprefix("dl_"): header(record.headers, name) for name in _DEAD_LETTER}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def response_line(answer: Answer, *, request: str, at: datetime) -> bytes:
    """`{"at", "response", "request", "body"}`; the body as JSON where it is, null where there is none."""
    line = {"at": format_instant(at), "response": answer.status, "request": request, "body": _body(answer.content)}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def left_out_line(request: str, *, only_while: Mapping[str, str | None], at: datetime) -> bytes:
    """`{"at", "left_out", "only_while"}`: a request that was not made, because its lead is with somebody else."""
    line = {"at": format_instant(at), "left_out": request, "only_while": only_while}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _data(record: Record) -> Any:
    if record.topic in LEAD_TOPICS:
        return orjson.Fragment(record.value)  # an event: compact JSON already
    try:
        data = orjson.loads(record.value)
    except orjson.JSONDecodeError:
        return record.value.decode("utf-8", "replace")
    if record.topic == Topic.PLAYBOOK and isinstance(data, dict):
        data.pop("files", None)  # the packed files, of no use to a reader
    return data


def _body(content: bytes) -> Any:
    if not content:
        return None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return content.decode("utf-8", "replace")
