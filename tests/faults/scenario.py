"""One fault after the other, while leads keep coming."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from baton.flow.bus import Bus
from baton.flow.kafka import KafkaBus
from baton.flow.kafka_settings import KafkaSettings
from tests.bench.arrivals import Arrivals
from tests.bench.generator import Generator, Load
from tests.bench.load import Sent
from tests.bench.machine import Watch
from tests.bench.systems import MODULES, PARTITIONS, Baton, Ground
from tests.faults.counting import STILL_SECONDS, Count, drained_of
from tests.faults.recovery import BROKER_SECONDS, SERVICE_SECONDS, Happened, Recovery, recoveries

_LONGEST_SECONDS: Final = 900.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes away and comes back by itself."""

    name: str
    happen: Callable[[], Awaitable[None]]
    counts_from_return: bool = False
    """Whether the lanes are watched from when it is back; else from when it goes."""
    bound: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What was sent, what became of it, and how long the lanes stood still after each fault."""

    sent: Sent
    count: Count
    recoveries: Sequence[Recovery]
    others: float
    """The share of the machine that went to others, while it happened."""

    @property
    def late(self) -> Sequence[Recovery]:
        return [recovery for recovery in self.recoveries if not recovery.is_in_time]


@dataclass
class Scenario:
    """A load and its faults on a running Baton."""

    ground: Ground
    baton: Baton
    rate: float
    """Leads a second."""
    outage: float = 10.0
    """How long broker and database stay away, in seconds."""
    between: float = 6.0
    """From when all lanes move again to the next fault, in seconds."""
    seconds: float = 0.0
    """How long leads come at least."""
    tell: Callable[[str], None] = field(default=lambda _: None)

    async def run(self, faults: Sequence[Fault]) -> Outcome:
        """Send leads until the last fault is over, wait until all is drained, and count."""
        arrivals = self.baton.arrivals()
        await arrivals.start()
        watch, began = Watch(self.ground.postgres_cpu), time.monotonic()
        load = Load(
            run=uuid.uuid4().hex[:8], port=self.baton.port, path=self.baton.path, rate=self.rate,
            seconds=_LONGEST_SECONDS,
        )  # fmt: skip
        generator = await Generator.start(load)
        try:
            happened = await self._let_happen(faults, arrivals)
            await asyncio.sleep(max(self.between, began + self.seconds - time.monotonic()))
            until, others = time.monotonic(), watch.others()
        finally:
            generator.stop()
            sent = await generator.sent()
        try:
            count = await self.drained_of(sent.accepted)
            await arrivals.wait_for(sent.accepted - count.lost - count.dead, seconds=10)
        finally:
            await arrivals.stop()
        lanes = {lane: arrivals.lanes[lane] for lane in range(PARTITIONS)}
        return Outcome(sent, count, recoveries(happened, lanes, until=until), others)

    async def drained_of(self, accepted: set[str]) -> Count:
        """Wait for the last of these, then count."""
        return await drained_of(accepted, database=self.ground.postgres.url, bus=self._bus)

    def _bus(self) -> Bus:
        servers, prefix = self.ground.broker.servers, self.baton.prefix
        return KafkaBus(KafkaSettings(servers=servers, partitions=PARTITIONS, replication=1, prefix=prefix))

    def all_faults(self) -> Sequence[Fault]:
        """Each service killed, then the broker, the database, and a rolling restart."""
        return [
            *(Fault(f"kill -9 {name}", self._kill(name), bound=SERVICE_SECONDS) for name in MODULES),
            Fault("kill -9 kafka", self.broker_away, counts_from_return=True, bound=BROKER_SECONDS),
            Fault("kill -9 postgres", self.database_away, counts_from_return=True),
            *(Fault(f"SIGTERM {name}", self._roll(name)) for name in MODULES),
        ]

    async def broker_away(self) -> None:
        """`kill -9` of the broker, back after a while."""
        await asyncio.to_thread(self.ground.broker.kill)
        await asyncio.sleep(self.outage)
        await asyncio.to_thread(self.ground.broker.start)

    async def database_away(self) -> None:
        """`kill -9` of PostgreSQL, back after a while."""
        await asyncio.to_thread(self.ground.kill_postgres)
        await asyncio.sleep(self.outage)
        await asyncio.to_thread(self.ground.postgres.start)

    async def _let_happen(self, faults: Sequence[Fault], arrivals: Arrivals) -> list[Happened]:
        happened = []
        for fault in faults:
            await asyncio.sleep(self.between)
            went = time.monotonic()
            await fault.happen()
            back = time.monotonic()
            happened.append(
                Happened(fault.name, began=went, since=back if fault.counts_from_return else went, bound=fault.bound)
            )
            await _all_lanes_moved(arrivals, since=back)
            self.tell(f"{fault.name}: answers after {back - went:.1f} s, all lanes moved by {_now_since(went):.1f} s")
        return happened

    def _kill(self, name: str) -> Callable[[], Awaitable[None]]:
        async def fault() -> None:
            process = self.baton.processes[name]
            process.kill9()
            process.start()
            await process.ready(path="/healthz")

        return fault

    def _roll(self, name: str) -> Callable[[], Awaitable[None]]:
        async def fault() -> None:
            process = self.baton.processes[name]
            await asyncio.to_thread(process.terminate)
            process.start()
            await process.ready(path="/healthz")

        return fault


async def _all_lanes_moved(arrivals: Arrivals, *, since: float) -> None:
    """Wait until something arrived on each lane, a minute at most: one fault must not count as the next one's."""
    until = time.monotonic() + STILL_SECONDS
    while time.monotonic() < until:
        if all((at := arrivals.lanes[lane]) and at[-1] > since for lane in range(PARTITIONS)):
            return
        await asyncio.sleep(0.05)


def _now_since(instant: float) -> float:
    return time.monotonic() - instant
