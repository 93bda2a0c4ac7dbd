"""The load's own process: what it takes of a core is not taken from the loop that reads the arrivals.

`python -m tests.bench.generator LOAD`, with the load as JSON; what was sent comes back on its output. Its instants are
those of the machine's monotonic clock, which all processes share. SIGTERM ends the load early, not what is under way.
"""

import asyncio
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

import orjson

from tests.bench.load import Sent, leads, send_as_fast_as_answered, send_at_rate

_ROOT: Final = Path(__file__).parents[2]
_SPARE_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Load:
    """New leads for `seconds` at most: `rate` a second, or without one as many as are answered."""

    run: str
    """Sets its leads apart from those of other loads."""
    port: int
    path: str
    seconds: float
    rate: float | None


class Generator:
    """A load under way."""

    def __init__(self, process: asyncio.subprocess.Process, load: Load) -> None:
        self._process = process
        self._load = load

    @classmethod
    async def start(cls, load: Load) -> Self:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.generator", orjson.dumps(asdict(load)).decode(),
            cwd=_ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        return cls(process, load)

    def stop(self) -> None:
        """Send no more."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)

    async def sent(self) -> Sent:
        """Wait for the last answer. Raises TimeoutError two minutes after the load should have been over."""
        try:
            async with asyncio.timeout(self._load.seconds + _SPARE_SECONDS):
                output, _ = await self._process.communicate()
        finally:
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()
        told = orjson.loads(output)
        return Sent(at=told["at"], accepted=set(told["accepted"]), refused=told["refused"], broken=told["broken"])


async def generate(load: Load) -> Sent:
    """Put the whole load on, from a process of its own."""
    return await (await Generator.start(load)).sent()


async def _send(load: Load) -> Sent:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    source = leads(load.run)
    if load.rate is None:
        return await send_as_fast_as_answered(
            source, port=load.port, path=load.path, seconds=load.seconds, stopping=stopping
        )
    return await send_at_rate(
        source, port=load.port, path=load.path, rate=load.rate, seconds=load.seconds, stopping=stopping
    )


def main() -> None:
    """Send, then tell what was sent."""
    sent = asyncio.run(_send(Load(**orjson.loads(sys.argv[1]))))
    told = {"at": sent.at, "accepted": list(sent.accepted), "refused": sent.refused, "broken": sent.broken}
    sys.stdout.buffer.write(orjson.dumps(told))


if __name__ == "__main__":
    main()
