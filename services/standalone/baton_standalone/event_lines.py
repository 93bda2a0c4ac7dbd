"""Records of the bus as lines, several topics together."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from baton.flow.bus import Bus, Received
from baton.kernel.instants import format_instant, parse_instant
from baton.leads.envelope import header
from baton.leads.topics import Topic

_WAITING: Final = 1000
"""Records read ahead while the terminal is slow."""


async def in_order(bus: Bus, topics: Sequence[Topic], *, from_end: bool = False) -> AsyncGenerator[Received]:
    """What is there now, by the time at which the bus took it; of each topic and partition in its own order."""
    readers = [bus.read(topic, follow=False, from_end=from_end) for topic in topics]
    heads: list[tuple[Received, AsyncIterator[Received]]] = []
    for reader in readers:
        await _take_next(reader, heads)
    while heads:
        place = min(range(len(heads)), key=lambda number: heads[number][0].at)
        record, reader = heads.pop(place)
        yield record
        await _take_next(reader, heads)


async def following(bus: Bus, topics: Sequence[Topic], *, from_end: bool = False) -> AsyncGenerator[Received]:
    """What there is and what comes, as it comes."""
    queue: asyncio.Queue[Received] = asyncio.Queue(_WAITING)
    readers = [asyncio.create_task(_pass_on(bus, topic, queue, from_end=from_end)) for topic in topics]
    try:
        while True:
            yield await _next(queue, readers)
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)


def as_json_line(record: Received) -> bytes:
    """`{at, topic, partition, offset, id, key, type, data}`."""
    line: dict[str, object] = {
        "at": format_instant(happened_at(record)),
        "topic": str(record.topic),
        "partition": record.partition,
        "offset": record.offset,
        "id": header(record.headers, "ce_id"),
        "key": record.key.decode("utf-8", "replace"),
        "type": header(record.headers, "ce_type"),
        "data": _data(record),
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def as_text_line(record: Received) -> bytes:
    """For people: when, where, what, and whom it is about. No personal data."""
    kind = header(record.headers, "ce_type") or "?"
    subject = header(record.headers, "ce_subject") or record.key.decode("utf-8", "replace")
    topic = record.topic.removeprefix("baton.")
    return f"{format_instant(happened_at(record)):<27}  {topic:<16}  {kind:<18}  {subject}\n".encode()


def happened_at(record: Received) -> datetime:
    """The event's own instant; a dead letter's is when it died, as its place on the topic."""
    told = None if record.topic == Topic.DEAD_LETTERS else header(record.headers, "ce_time")
    try:
        return record.at if told is None else parse_instant(told)
    except ValueError:
        return record.at


def _data(record: Received) -> Any:
    try:
        return orjson.loads(record.value)
    except orjson.JSONDecodeError:
        return record.value.decode("utf-8", "replace")


async def _take_next(reader: AsyncIterator[Received], heads: list[tuple[Received, AsyncIterator[Received]]]) -> None:
    record = await anext(reader, None)
    if record is not None:
        heads.append((record, reader))


async def _pass_on(bus: Bus, topic: Topic, queue: "asyncio.Queue[Received]", *, from_end: bool) -> None:
    async for record in bus.read(topic, follow=True, from_end=from_end):
        await queue.put(record)


async def _next(queue: "asyncio.Queue[Received]", readers: Sequence["asyncio.Task[None]"]) -> Received:
    """The next record; passes on the error of a reader that ended."""
    getting = asyncio.create_task(queue.get())
    try:
        done, _ = await asyncio.wait((getting, *readers), return_when=asyncio.FIRST_COMPLETED)
    finally:
        getting.cancel()
    if getting in done:
        return getting.result()
    for reader in done:
        reader.result()
    raise RuntimeError("a reader that follows has ended")
