"""One fault after the other, while leads keep coming."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.load import Sent, leads, send_at_rate
from tests.bench.systems import MODULES, Baton, Ground
from tests.faults.counting import Count, count_leads

DRAIN_SECONDS: Final = 180.0
Fault = Callable[[], Awaitable[None]]


@dataclass
class Scenario:
    """A load and its faults on a running Baton."""

    ground: Ground
    baton: Baton
    rate: float
    outage: float = 10.0
    """How long broker and database stay away, in seconds."""
    between: float = 6.0
    """From one fault to the next."""

    async def run(self, faults: Sequence[tuple[str, Fault]]) -> tuple[Sent, Count]:
        """Send leads while the faults happen, then wait until all is drained, and count."""
        long_ones = sum(name in ("kafka", "postgres") for name, _ in faults)
        seconds = self.between * (len(faults) + 1) + self.outage * long_ones
        load = asyncio.create_task(
            send_at_rate(
                leads(uuid.uuid4().hex[:8]), port=self.baton.port, path=self.baton.path, rate=self.rate, seconds=seconds
            )
        )
        for name, fault in faults:
            await asyncio.sleep(self.between)
            began = time.monotonic()
            await fault()
            print(f"  {name}: away for {time.monotonic() - began:.1f} s", flush=True)
        sent = await load
        return sent, await self.drained_of(sent.accepted)

    async def drained_of(self, accepted: set[str]) -> Count:
        """Count until nothing of these is missing, so long at most."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while True:
            count = await count_leads(
                accepted,
                database=self.ground.postgres.url,
                servers=self.ground.broker.servers,
                prefix=self.baton.prefix,
            )
            if count.is_clean or time.monotonic() > deadline:
                return count
            await asyncio.sleep(1)

    def all_faults(self) -> Sequence[tuple[str, Fault]]:
        """Each service killed, then the broker, the database, and a rolling restart."""
        kills = [(f"kill -9 {name}", self._kill(name)) for name in MODULES]
        rolling = [(f"SIGTERM {name}", self._roll(name)) for name in MODULES]
        return [*kills, ("kafka", self.broker_away), ("postgres", self.database_away), *rolling]

    async def broker_away(self) -> None:
        """`kill -9` of the broker, back after a while."""
        await asyncio.to_thread(self.ground.broker.kill)
        await asyncio.sleep(self.outage)
        await asyncio.to_thread(self.ground.broker.start)

    async def database_away(self) -> None:
        """`kill -9` of PostgreSQL, back after a while."""
        await asyncio.to_thread(self.ground.postgres.kill)
        await asyncio.sleep(self.outage)
        await asyncio.to_thread(self.ground.postgres.start)

    def _kill(self, name: str) -> Fault:
        async def fault() -> None:
            process = self.baton.processes[name]
            process.kill9()
            process.start()
            await process.ready(path="/healthz")

        return fault

    def _roll(self, name: str) -> Fault:
        async def fault() -> None:
            process = self.baton.processes[name]
            await asyncio.to_thread(process.terminate)
            process.start()
            await process.ready(path="/healthz")

        return fault
