"""What a run prints: every event of every topic and every response, as JSON lines in order."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from httpx import Response

from baton.flow.bus import Record
from baton.flow.memory import MemoryBus
from baton.kernel.clock import Clock
from baton.kernel.instants import format_instant
from baton.leads.envelope import header
from baton.leads.topics import Topic

Write = Callable[[bytes], object]

_DEAD_LETTER: Final = ("dl_topic", "dl_consumer", "dl_reason", "dl_error", "dl_attempts")


class TapedBus(MemoryBus):
    """A bus in memory that writes down what is published, across its topics in the order in which it was."""

    def __init__(self, clock: Clock, *, write: Write) -> None:
        super().__init__(clock, partitions=1)
        self._time = clock
        self._write = write

    async def publish(self, records: Sequence[Record]) -> None:
        await super().publish(records)
        for record in records:
            self._write(event_line(record, at=self._time.now()))


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


def response_line(response: Response, *, request: str, at: datetime) -> bytes:
    """`{"at", "response", "request", "body"}`; the body as JSON where it is, null where there is none."""
    line = {"at": format_instant(at), "response": response.status_code, "request": request, "body": _body(response)}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _data(record: Record) -> Any:
    try:
        data = orjson.loads(record.value)
    except orjson.JSONDecodeError:
        return record.value.decode("utf-8", "replace")
    if record.topic == Topic.PLAYBOOK and isinstance(data, dict):
        data.pop("files", None)  # the packed files, of no use to a reader
    return data


def _body(response: Response) -> Any:
    if not response.content:
        return None
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return response.text
