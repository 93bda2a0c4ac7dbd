"""What is measured: Baton's four processes, all of Baton in one, and the bare pipeline's, on one durable PostgreSQL."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Final, Protocol, Self

import asyncpg
import psutil

from baton.flow.bus import TopicSpec
from baton.flow.kafka import KafkaBus
from baton.flow.kafka_settings import KafkaSettings
from baton.kernel.clock import SystemClock
from baton.leads.playbook.loader import load_directory
from baton.service.playbooks import publish
from tests.bench.arrivals import Arrivals, bare_lead, baton_lead, from_kafka, from_postgres
from tests.support.kafka import KafkaBroker, free_port
from tests.support.postgres import PostgresServer, with_database
from tests.support.processes import ServiceProcess

PARTITIONS: Final = 4
PLAYBOOK: Final = Path(__file__).parent / "playbook"
MODULES: Final = {
    "ingest": "baton_ingest", "scoring": "baton_scoring", "router": "baton_router", "sla-monitor": "baton_sla_monitor",
}  # fmt: skip
_PATIENCE: Final = 60.0


class System(Protocol):
    """A pipeline that a load can be put on."""

    name: str
    path: str
    processes: dict[str, ServiceProcess]

    @property
    def port(self) -> int: ...

    def arrivals(self) -> Arrivals:
        """Its assignments from now on."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...


@dataclass
class Ground:
    """The broker and the database under everything."""

    folder: Path
    broker: KafkaBroker = field(init=False)
    postgres: PostgresServer = field(init=False)
    _postgres_before: float = 0.0
    """CPU seconds of the servers that were killed."""

    def __post_init__(self) -> None:
        (self.folder / "kafka").mkdir()
        self.broker = KafkaBroker(self.folder / "kafka")
        self.postgres = PostgresServer(self.folder / "pg")

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(self.broker.start)
            await asyncio.to_thread(self.postgres.start)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await asyncio.to_thread(self.broker.kill)
        finally:
            await asyncio.to_thread(self.postgres.stop)

    @property
    def cpu(self) -> Mapping[str, float]:
        """CPU seconds of broker and database so far."""
        pid = self.broker.process.pid if self.broker.process is not None else None
        return {"kafka": cpu_seconds(pid), "postgres": self.postgres_cpu()}

    def postgres_cpu(self) -> float:
        """Of all its servers so far; one that is away right now has none yet."""
        with suppress(AssertionError):
            return self._postgres_before + cpu_seconds(self.postgres.pid)
        return self._postgres_before

    def kill_postgres(self) -> None:
        """`kill -9` of the server; `postgres.start` brings it back."""
        self._postgres_before = self.postgres_cpu()
        self.postgres.kill()

    async def database(self, name: str) -> str:
        """The URL of a database of that name, made if it isn't there."""
        connection = await asyncpg.connect(self.postgres.url, timeout=10)
        try:
            if not await connection.fetchval("select exists (select from pg_database where datname = $1)", name):
                await connection.execute(f"create database {name}")
        finally:
            await connection.close()
        return with_database(self.postgres.url, name)


@dataclass
class Baton:
    """Four processes, with a database and topics of their own. `copies` of a service share its partitions."""

    ground: Ground
    prefix: str = "bench."
    playbook: Path = PLAYBOOK
    copies: Mapping[str, int] = field(default_factory=dict)
    processes: dict[str, ServiceProcess] = field(default_factory=dict)
    name: str = "baton"
    path: str = "/v1/leads"

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
            # As where it is installed: a restart finds its bytecode, whatever the shell says that runs us. Compiling
            # anew takes more than half of a start.
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(self.ground.folder / "bytecode"),
        }

    def arrivals(self) -> Arrivals:
        return Arrivals(from_kafka(self.ground.broker.servers, f"{self.prefix}baton.leads.assigned", baton_lead))

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        kill_all(self.processes)

    async def _start(self) -> None:
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
class Embedded:
    """All of Baton in one process, with the log in PostgreSQL as its bus."""

    ground: Ground
    database: str = ""
    processes: dict[str, ServiceProcess] = field(default_factory=dict)
    name: str = "embedded"
    path: str = "/ingest/v1/leads"

    @property
    def port(self) -> int:
        return self.processes["up"].port

    def arrivals(self) -> Arrivals:
        return Arrivals(from_postgres(self.database))

    async def __aenter__(self) -> Self:
        self.database = await self.ground.database("embedded")
        environment = {
            "BATON_DATABASE_URL": self.database,
            "BATON_BUS_URL": "postgres:",
            "BATON_PLAYBOOK": str(PLAYBOOK),
            "BATON_LOG_LEVEL": "warning",
        }
        log = self.ground.folder / "embedded.log"
        self.processes["up"] = ServiceProcess("baton_standalone", environment, log, ("up",)).start()
        try:
            await self.processes["up"].ready()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        kill_all(self.processes)


@dataclass
class Bare:
    """The same hops without logic."""

    ground: Ground
    processes: dict[str, ServiceProcess] = field(default_factory=dict)
    name: str = "bare"
    path: str = "/in"

    @property
    def port(self) -> int:
        return self.processes["front"].port

    def arrivals(self) -> Arrivals:
        return Arrivals(from_kafka(self.ground.broker.servers, "bare.assigned", bare_lead))

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        kill_all(self.processes)

    async def _start(self) -> None:
        bus = KafkaBus(KafkaSettings(servers=self.ground.broker.servers, partitions=PARTITIONS, replication=1))
        await bus.ensure_topics(
            [TopicSpec(f"bare.{t}", PARTITIONS) for t in ("captured", "scored", "assigned", "timed")]
        )
        await bus.stop()
        database = await self.ground.database("bare")
        for role in ("front", "score", "route", "sla"):
            log = self.ground.folder / f"bare-{role}.log"
            process = ServiceProcess("tests.bench.bare", {}, log, (role,))
            process.port = free_port()
            process.environment = {
                "BARE_DATABASE": database, "BARE_KAFKA": self.ground.broker.servers, "BARE_PORT": str(process.port),
            }  # fmt: skip
            self.processes[role] = process.start()
        await self.processes["front"].ready(path="/openapi.json")


def kill_all(processes: Mapping[str, ServiceProcess]) -> None:
    """End what was started; one that doesn't die keeps none of the others alive."""
    for process in processes.values():
        with suppress(OSError, TimeoutExpired):
            process.kill9()


def cpu_seconds(pid: int | None) -> float:
    """CPU of a process and its children, those included that ended and were waited for."""
    if pid is None:
        return 0.0
    total = 0.0
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        ended = root.cpu_times()
        total = ended.children_user + ended.children_system
        for each in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                total += times.user + times.system
    return total
