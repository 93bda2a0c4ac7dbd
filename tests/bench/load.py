"""An open-loop load of leads, each of a company of its own: sent in its time, whatever became of those before."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import orjson

from baton.kernel.ids import lead_id_for_email

CONNECTIONS: Final = 64
_ANSWER_SECONDS: Final = 15.0
_LAST_SECONDS: Final = 60.0
_END: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Lead:
    """One lead of a load."""

    email: str
    body: bytes

    @property
    def lead_id(self) -> str:
        return lead_id_for_email(self.email)


def leads(run: str) -> Iterator[Lead]:
    """Ever new leads; `run` sets those of one load apart from those of others."""
    number = 0
    while True:
        number += 1
        email = f"lead@c{number}-{run}.example"
        fields = {
            "email": email, "first_name": "Ada", "last_name": f"Lovelace {number}", "title": "VP Sales",
            "company": f"Company {number} {run}", "employees": 300, "country": "US", "state": "CA",
            "industry": "software", "activity": "demo_request",
        }  # fmt: skip
        yield Lead(email, orjson.dumps(fields))


@dataclass(slots=True)
class Sent:
    """What a load did: when each lead was sent, and which of them were accepted (2xx)."""

    at: dict[str, float] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    refused: int = 0
    broken: int = 0

    @property
    def accepted_at(self) -> dict[str, float]:
        return {lead: at for lead, at in self.at.items() if lead in self.accepted}


class Connection:
    """One keep-alive connection of a minimal HTTP/1.1 client: a library's would take the CPU that is to be measured."""

    def __init__(self, port: int, path: str) -> None:
        self._port = port
        self._head = (
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\ncontent-length: "
        ).encode()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes) -> int:
        """The status of the answer. Raises OSError or TimeoutError; the connection is then made anew."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await self._post(body)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            self.close()
            raise

    async def _post(self, body: bytes) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(self._head + str(len(body)).encode() + _END + body)
        head = await reader.readuntil(_END)
        lower = head.lower()
        start = lower.index(b"content-length:") + 15
        await reader.readexactly(int(lower[start : lower.index(b"\r\n", start)]))
        return int(head[9:12])

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def send_at_rate(
    source: Iterator[Lead], *, port: int, path: str, rate: float, seconds: float, stopping: asyncio.Event
) -> Sent:
    """Send leads at a steady rate for so long. One that fails is counted and not sent again."""
    sent = Sent()
    queue: asyncio.Queue[Lead | None] = asyncio.Queue()
    workers = [asyncio.create_task(_work(queue, sent, Connection(port, path))) for _ in range(CONNECTIONS)]
    began = time.monotonic()
    for number in range(int(rate * seconds)):
        wait = began + number / rate - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        if stopping.is_set():
            break
        lead = next(source)
        sent.at[lead.lead_id] = time.monotonic()
        queue.put_nowait(lead)
    for _ in workers:
        queue.put_nowait(None)
    # What waits in the queue behind a service that hangs is given up: it was never sent, so it is nobody's lead.
    await asyncio.wait(workers, timeout=_LAST_SECONDS)
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    return sent


async def send_as_fast_as_answered(
    source: Iterator[Lead], *, port: int, path: str, seconds: float, stopping: asyncio.Event
) -> Sent:
    """Send the next lead as soon as one is answered, on every connection, for so long: what saturates."""
    sent = Sent()
    until = time.monotonic() + seconds

    async def run() -> None:
        connection = Connection(port, path)
        while time.monotonic() < until and not stopping.is_set():
            lead = next(source)
            sent.at[lead.lead_id] = time.monotonic()
            await _send(lead, sent, connection.post)
        connection.close()

    await asyncio.gather(*(run() for _ in range(CONNECTIONS)))
    return sent


async def _work(queue: "asyncio.Queue[Lead | None]", sent: Sent, connection: Connection) -> None:
    while (lead := await queue.get()) is not None:
        await _send(lead, sent, connection.post)
    connection.close()


async def _send(lead: Lead, sent: Sent, post: Callable[[bytes], Awaitable[int]]) -> None:
    try:
        status = await post(lead.body)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
        sent.broken += 1
        return
    if 200 <= status < 300:
        sent.accepted.add(lead.lead_id)
    else:
        sent.refused += 1
