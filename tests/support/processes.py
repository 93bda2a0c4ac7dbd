"""Services as processes: started, waited for, killed; nothing survives the test, and a failure shows their logs."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import pytest

from tests.support.kafka import free_port

_STARTED: Final = pytest.StashKey["list[ServiceProcess]"]()


@dataclass(slots=True)
class ServiceProcess:
    """`python -m MODULE` on a free port of loopback, the same after a restart. Its output goes to the file `log`."""

    module: str
    environment: Mapping[str, str]
    log: Path
    arguments: tuple[str, ...] = ()
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None, "it does not run"
        return self.process.pid

    def start(self) -> Self:
        """Start it; `wait_ready` waits."""
        assert self.process is None, "it runs already"
        self.port = self.port or free_port()
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module, *self.arguments],
                env={**_inherited(), "BATON_LISTEN": f"127.0.0.1:{self.port}", **self.environment},
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        return self

    def wait_ready(self, *, path: str = "/readyz", seconds: float = 60) -> Self:
        """Wait until `path` answers with success; a failure tells what it said last and the end of its log."""
        deadline = time.monotonic() + seconds
        last = ""
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                raise AssertionError(f"{self.module} ended:\n{self.tail()}")
            try:
                with urllib.request.urlopen(self.url + path, timeout=2):  # noqa: S310  loopback
                    return self
            except urllib.error.HTTPError as error:
                with error:
                    last = error.read().decode(errors="replace")
            except OSError as error:
                last = str(error)
            time.sleep(0.05)
        raise AssertionError(f"{self.module} is not ready: {last}\n{self.tail()}")

    async def ready(self, *, path: str = "/readyz", seconds: float = 60) -> Self:
        """As `wait_ready`, while the test's own loop goes on (it may serve what the service calls)."""
        return await asyncio.to_thread(self.wait_ready, path=path, seconds=seconds)

    def kill9(self) -> None:
        """As the machine's power going."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None

    def terminate(self, *, seconds: float = 30) -> int:
        """SIGTERM, and wait. Gives the exit code."""
        assert self.process is not None, "it does not run"
        self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds=seconds)

    def wait(self, *, seconds: float = 30) -> int:
        """Wait until it ends by itself. Gives the exit code."""
        assert self.process is not None, "it does not run"
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.module} did not end within {seconds:.0f} s:\n{self.tail()}") from None
        self.process = None
        return code

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill9()


@dataclass(slots=True)
class Processes:
    """Starts the services of one test, and ends what is left of them."""

    folder: Path
    started: list[ServiceProcess]
    _stack: ExitStack = field(default_factory=ExitStack)

    def start(self, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> ServiceProcess:
        """`python -m MODULE ARGUMENTS`; wait for it with `ready` or `wait_ready`."""
        log = self.folder / f"{len(self.started)}-{module}.log"
        process = ServiceProcess(module, environment or {}, log, arguments)
        self._stack.enter_context(process)
        self.started.append(process)
        return process.start()

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def processes(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Processes]:
    started = request.node.stash.setdefault(_STARTED, [])
    running = Processes(tmp_path, started)
    try:
        yield running
    finally:
        running.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for process in item.stash.get(_STARTED, []):
            report.sections.append((f"the end of {process.log.name}", process.tail()))
    return report


def _inherited() -> Mapping[str, str]:
    """Our environment without settings of Baton: a test says all that it means."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
