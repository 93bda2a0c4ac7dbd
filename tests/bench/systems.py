"""What is measured: Baton's four processes, and the bare pipeline's, on one broker and one durable PostgreSQL."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import asyncpg
import psutil

from baton.flow.bus import TopicSpec
from baton.flow.kafka import KafkaBus
from baton.flow.kafka_settings import KafkaSettings
from baton.kernel.clock import SystemClock
from baton.leads.playbook.loader import load_directory
from baton.service.playbooks import publish
from tests.support.kafka import KafkaBroker, free_port
from tests.support.postgres import PostgresServer
from tests.support.processes import ServiceProcess

PARTITIONS: Final = 4
PLAYBOOK: Final = Path(__file__).parent / "playbook"
MODULES: Final = {
    "ingest": "baton_ingest", "scoring": "baton_scoring", "router": "baton_router", "sla-monitor": "baton_sla_monitor",
}  # fmt: skip
_PATIENCE: Final = 60.0


@dataclass
class Ground:
    """The broker and the database under everything."""

    folder: Path
    broker: KafkaBroker = field(init=False)
    postgres: PostgresServer = field(init=False)

    def __post_init__(self) -> None:
        (self.folder / "kafka").mkdir()
        self.broker = KafkaBroker(self.folder / "kafka")
        self.postgres = PostgresServer(self.folder / "pg")

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.broker.start)
        await asyncio.to_thread(self.postgres.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(AssertionError):
            await asyncio.to_thread(self.broker.stop)
        await asyncio.to_thread(self.postgres.stop)

    @property
    def cpu(self) -> Mapping[str, float]:
        """CPU seconds of broker and database so far."""
        pid = self.broker.process.pid if self.broker.process is not None else None
        return {"kafka": _cpu(pid), "postgres": _cpu(self.postgres.pid)}


@dataclass
class Baton:
    """Four processes, with a database and topics of their own. `copies` of a service share its partitions."""

    ground: Ground
    prefix: str = "bench."
    playbook: Path = PLAYBOOK
    copies: Mapping[str, int] = field(default_factory=dict)
    processes: dict[str, ServiceProcess] = field(default_factory=dict)
    path: str = "/v1/leads"

    @property
    def topic(self) -> str:
        return f"{self.prefix}baton.leads.assigned"

    @property
    def port(self) -> int:
        return self.processes["ingest"].port

    @property
    def environment(self) -> dict[str, str]:
        return {
            "BATON_DATABASE_URL": self.ground.postgres.url,
            "BATON_BUS_URL": f"kafka://{self.ground.broker.servers}",
            "BATON_TOPIC_PREFIX": self.prefix,
            "BATON_PARTITIONS": str(PARTITIONS),
            "BATON_REPLICATION": "1",
            "BATON_LOG_LEVEL": "warning",
        }

    async def __aenter__(self) -> Self:
        for name, module in MODULES.items():
            for number in range(self.copies.get(name, 1)):
                full = name if number == 0 else f"{name}-{number + 1}"
                log = self.ground.folder / f"{self.prefix}{full}.log"
                self.processes[full] = ServiceProcess(module, self.environment, log).start()
        for process in self.processes.values():
            await process.ready(path="/healthz")
        await self._publish()
        for process in self.processes.values():
            await process.ready()
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.kill9()

    @property
    def cpu(self) -> Mapping[str, float]:
        return {name: _cpu(process.pid) for name, process in self.processes.items()}

    async def _publish(self) -> None:
        settings = KafkaSettings(
            servers=self.ground.broker.servers, partitions=PARTITIONS, replication=1, prefix=self.prefix
        )
        bus = KafkaBus(settings)
        playbook = load_directory(self.playbook).playbook
        async with asyncio.timeout(_PATIENCE):
            while True:
                try:
                    await publish(bus, playbook.files, clock=SystemClock())
                except Exception as error:  # noqa: BLE001 - whatever a topic that isn't there yet gives
                    del error
                    await asyncio.sleep(0.2)
                else:
                    break
        await bus.stop()


@dataclass
class Bare:
    """The same hops without logic."""

    ground: Ground
    processes: dict[str, ServiceProcess] = field(default_factory=dict)
    path: str = "/in"
    topic: str = "bare.assigned"

    @property
    def port(self) -> int:
        return self.processes["front"].port

    async def __aenter__(self) -> Self:
        settings = KafkaSettings(servers=self.ground.broker.servers, partitions=PARTITIONS, replication=1)
        bus = KafkaBus(settings)
        await bus.ensure_topics(
            [TopicSpec(f"bare.{t}", PARTITIONS) for t in ("captured", "scored", "assigned", "timed")]
        )
        await bus.stop()
        database = await self._database()
        for role in ("front", "score", "route", "sla"):
            log = self.ground.folder / f"bare-{role}.log"
            process = ServiceProcess("tests.bench.bare", {}, log, (role,))
            process.port = free_port()
            process.environment = {
                "BARE_DATABASE": database, "BARE_KAFKA": self.ground.broker.servers, "BARE_PORT": str(process.port),
            }  # fmt: skip
            self.processes[role] = process.start()
        await self.processes["front"].ready(path="/openapi.json")
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.kill9()

    @property
    def cpu(self) -> Mapping[str, float]:
        return {name: _cpu(process.pid) for name, process in self.processes.items()}

    async def _database(self) -> str:
        connection = await asyncpg.connect(self.ground.postgres.url)
        try:
            if not await connection.fetchval("select exists (select from pg_database where datname = 'bare')"):
                await connection.execute("create database bare")
        finally:
            await connection.close()
        head, _, tail = self.ground.postgres.url.partition("?")
        return f"{head.rpartition('/')[0]}/bare?{tail}"


def _cpu(pid: int | None) -> float:
    """CPU seconds of a process and its children."""
    if pid is None:
        return 0.0
    total = 0.0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                total += times.user + times.system
    return total
