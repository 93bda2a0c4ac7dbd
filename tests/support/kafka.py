"""A real Apache Kafka for the tests: given, from a container, or from Maven's jars in seconds."""

import asyncio
import base64
import importlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.support.available import unavailable

VERSION: Final = "4.3.0"
_IMAGE: Final = "confluentinc/cp-kafka:7.9.1"
_HOW_TO_GET_ONE: Final = "set BATON_TEST_KAFKA=host:port, or install java and mvn (Debian: default-jre-headless maven)"
_READY_SECONDS: Final = 60
_STOP_SECONDS: Final = 30
_CLUSTER: Final = base64.urlsafe_b64encode(uuid.UUID(int=1).bytes).decode().rstrip("=")
# slf4j-simple 1.7: Kafka's slf4j-api is 1.7 and ignores bindings of 2.x.
_POM: Final = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>baton</groupId><artifactId>kafka</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>"""
_PROPERTIES: Final = """process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
offsets.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
log.retention.check.interval.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""


class KafkaUnavailableError(Exception):
    """No broker can be had here. The message says why, or how to get one."""


@dataclass(slots=True)
class KafkaBroker:
    """One broker (KRaft) on loopback with its data in `folder`. It may be killed and started again on the same data.

    The calls block, `start` for about three seconds.
    """

    folder: Path
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def servers(self) -> str:
        """`host:port`, the same after a restart."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> str:
        """Start it and wait until it answers. Gives its address.

        Raises:
            KafkaUnavailableError: no Java, no jars, or a broker that ends or doesn't answer within a minute.
        """
        assert self.process is None, "it runs already"
        jars = kafka_jars()
        if not self.port:
            self._format(jars)
        self.process = self._java(jars, "-Xms256m", "-Xmx512m", "kafka.Kafka")
        try:
            # In a thread of its own: a test that starts it may have a running loop.
            with ThreadPoolExecutor(1) as pool:
                pool.submit(asyncio.run, self._answers()).result()
        except BaseException:
            self.kill()
            raise
        return self.servers

    def kill(self) -> None:
        """`kill -9`, over when it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Shut it down cleanly; after half a minute no longer so."""
        try:
            self._end(signal.SIGTERM)
        except subprocess.TimeoutExpired:
            self.kill()

    def restart(self) -> None:
        """Cleanly, on the same data."""
        self.stop()
        self.start()

    def tail(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-2000:] if self._log.exists() else ""

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _format(self, jars: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, controller = free_ports(2)
        text = _PROPERTIES.format(port=self.port, controller=controller, data=self.folder / "data")
        self._properties.write_text(text)
        tool = self._java(jars, "-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c")
        if tool.wait(_READY_SECONDS) != 0:
            raise KafkaUnavailableError(f"the data could not be formatted: {self.tail()}")

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(_STOP_SECONDS)
            self.process = None

    def _java(self, jars: Path, *arguments: str) -> "subprocess.Popen[bytes]":
        options = [argument for argument in arguments if argument.startswith("-X")]
        rest = [argument for argument in arguments if not argument.startswith("-X")]
        with self._log.open("ab") as output:
            return subprocess.Popen(
                ["java", *options, "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                 "-cp", f"{jars}/*", *rest, str(self._properties)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    async def _answers(self) -> None:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                while not await _is_answering(self.servers):
                    self._must_live()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise KafkaUnavailableError(f"the broker did not answer for a minute: {self.tail()}") from None

    def _must_live(self) -> None:
        assert self.process is not None
        if self.process.poll() is not None:
            raise KafkaUnavailableError(f"the broker ended: {self.tail()}")


def kafka_jars() -> Path:
    """The folder with Kafka's jars, fetched once by Maven.

    Raises:
        KafkaUnavailableError: no Java or Maven, or Maven could not fetch them.
    """
    folder = _cache() / VERSION
    if shutil.which("java") is None:
        raise KafkaUnavailableError(_HOW_TO_GET_ONE)
    if not (folder / "complete").exists():
        if shutil.which("mvn") is None:
            raise KafkaUnavailableError(_HOW_TO_GET_ONE)
        _fetch_jars(folder)
    return folder


def _fetch_jars(folder: Path) -> None:
    """Aside, then moved into place: two runs at once, or one that is killed, leave no half."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        (Path(scratch) / "pom.xml").write_text(_POM)
        done = subprocess.run(
            ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libs", "-DincludeScope=runtime"],
            cwd=scratch, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=600,
        )  # fmt: skip
        if done.returncode != 0:
            raise KafkaUnavailableError(f"Maven could not fetch Kafka: {done.stdout.decode(errors='replace')[-500:]}")
        (Path(scratch) / "libs" / "complete").touch()
        try:
            (Path(scratch) / "libs").rename(folder)
        except OSError:
            if not (folder / "complete").exists():
                raise


def _cache() -> Path:
    """In the checkout, where git ignores it; where that can't be written, in the user's cache."""
    inside = Path(__file__).parents[2] / ".cache" / "kafka"
    try:
        inside.mkdir(parents=True, exist_ok=True)
    except OSError:
        outside = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "baton" / "kafka"
        outside.mkdir(parents=True, exist_ok=True)
        return outside
    return inside


async def _is_answering(servers: str) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=5_000)
    try:
        await admin.start()
        await admin.list_topics()
    except (KafkaError, OSError):
        return False
    else:
        return True
    finally:
        await admin.close()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> tuple[int, ...]:
    """Different ones: all are held until all are known."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = tuple(int(probe.getsockname()[1]) for probe in probes)
    for probe in probes:
        probe.close()
    return ports


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker for the whole run: `BATON_TEST_KAFKA`, else a container, else Java and Maven."""
    given = os.environ.get("BATON_TEST_KAFKA")
    if given:
        yield given
    elif (containers := _containers()) is not None:
        image = containers.KafkaContainer(_IMAGE).with_kraft().with_env("KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS", "1000")
        with image as container:
            yield container.get_bootstrap_server()
    else:
        with _running(tmp_path_factory.mktemp("kafka")) as broker:
            yield broker.servers


@pytest.fixture
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A broker of the test's own, started, to be killed. Needs Java and Maven."""
    with _running(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def topic_prefix() -> str:
    """Before every topic and group of one test, so that tests share a broker."""
    return f"t{uuid.uuid4().hex[:12]}."


@contextmanager
def _running(folder: Path) -> Iterator[KafkaBroker]:
    broker = KafkaBroker(folder)
    try:
        broker.start()
    except KafkaUnavailableError as error:
        unavailable("kafka", str(error))
    try:
        yield broker
    finally:
        broker.stop()


def _containers() -> Any:
    """The module `testcontainers.kafka`, if it is installed and an engine answers; else None."""
    if importlib.util.find_spec("testcontainers") is None:
        return None
    try:
        importlib.import_module("docker").from_env(timeout=5).ping()
    except Exception:  # noqa: BLE001  whatever the engine's client finds wrong, we go on without it
        return None
    return importlib.import_module("testcontainers.kafka")
