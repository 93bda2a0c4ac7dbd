"""All of Baton in one process on its own PostgreSQL: killed, killed with its database, and ended, under load."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from baton.flow.bus import Bus
from baton.flow.postgres_log import PostgresBus
from baton.kernel.clock import SystemClock
from baton_standalone.embedded import EmbeddedPostgres
from tests.bench.generator import Generator, Load
from tests.bench.load import Sent
from tests.bench.systems import PLAYBOOK
from tests.faults.counting import Count, drained_of
from tests.support.postgres import kill_and_wait
from tests.support.processes import ServiceProcess

_LONGEST_SECONDS: Final = 300.0


@dataclass
class EmbeddedFaults:
    """`baton up` with its data in `folder`."""

    folder: Path
    rate: float
    """Leads a second."""
    between: float
    """Seconds of load before, between and after the faults."""
    tell: Callable[[str], None] = field(default=lambda _: None)

    def __post_init__(self) -> None:
        self.folder.chmod(0o711)  # root's server runs as somebody else, who passes through
        environment = {
            "BATON_DATA": str(self.folder / "data"), "BATON_PLAYBOOK": str(PLAYBOOK), "BATON_LOG_LEVEL": "warning",
        }  # fmt: skip
        self._process = ServiceProcess("baton_standalone", environment, self.folder / "up.log", ("up",))

    async def run(self) -> tuple[Sent, Count]:
        """Let it all happen while leads come. Gives what was sent, and what became of it."""
        await self._process.start().ready()
        load = Load(
            run=uuid.uuid4().hex[:8], port=self._process.port, path="/ingest/v1/leads", rate=self.rate,
            seconds=_LONGEST_SECONDS,
        )  # fmt: skip
        try:
            generator = await Generator.start(load)
            try:
                await self._let_happen()
            finally:
                generator.stop()
                sent = await generator.sent()
            return sent, await drained_of(sent.accepted, database=self._server.url, bus=self._bus)
        finally:
            self._end()

    @property
    def _server(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self.folder / "data")

    def _bus(self) -> Bus:
        return PostgresBus(self._server.url, clock=SystemClock())

    async def _let_happen(self) -> None:
        for name, fault in (
            ("kill -9 baton up", self._process.kill9),
            ("kill -9 baton up and its PostgreSQL", self._kill_all),
            ("SIGTERM baton up", self._process.terminate),
        ):
            await asyncio.sleep(self.between)
            await asyncio.to_thread(fault)
            await self._process.start().ready()
            self.tell(f"{name}: ready again")
        await asyncio.sleep(self.between)

    def _kill_all(self) -> None:
        self._process.kill9()
        pid = self._server.pid
        assert pid is not None, "its PostgreSQL went with it"
        kill_and_wait(pid)

    def _end(self) -> None:
        """With its database."""
        if self._process.process is not None:
            self._process.terminate()
