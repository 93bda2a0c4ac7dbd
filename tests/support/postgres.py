"""A PostgreSQL for the tests: yours by `BATON_TEST_DATABASE_URL`, else an embedded one; and one to kill."""

import asyncio
import os
import select
import shutil
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import pytest

from baton.flow.database import Connection
from baton_standalone.embedded import EmbeddedPostgres, EmbeddedPostgresError
from tests.support.available import unavailable

_KILL_SECONDS: Final = 10
_PATIENCE_SECONDS: Final = 10
_FAST: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

Prepare = Callable[[str], Awaitable[None]]
_CUT: Final = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{}'"
_WAITING: Final = """
select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')
"""


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server that all tests share, by the URL of its maintenance database."""
    given = os.environ.get("BATON_TEST_DATABASE_URL")
    if given:
        yield given
        return
    with _data_folder() as data:
        server = EmbeddedPostgres(data, settings=_FAST)
        try:
            url = server.start()
        except EmbeddedPostgresError as error:
            unavailable("postgres", f"{error}; or set BATON_TEST_DATABASE_URL")
        try:
            yield url
        finally:
            server.stop()


@pytest.fixture(scope="session")
def databases(postgres_url: str) -> "Databases":
    return Databases(postgres_url)


@pytest.fixture
async def database(databases: "Databases") -> AsyncIterator[str]:
    """The URL of an empty database, dropped after the test."""
    url = await databases.create()
    yield url
    await databases.drop(url)


@dataclass(slots=True)
class Databases:
    """Databases on one server. What takes long to prepare is prepared once, and then cloned."""

    server: str
    _templates: dict[Prepare, str] = field(default_factory=dict)

    async def create(self, prepare: Prepare | None = None) -> str:
        """The URL of a new database, empty or as `prepare(url)` leaves one (it has to close its connections)."""
        template = await self._template(prepare) if prepare is not None else "template0"
        return await self._clone(template)

    async def drop(self, url: str) -> None:
        await self._execute(f'drop database if exists "{_name_in(url)}" with (force)')

    async def alter(self, url: str, how: str) -> None:
        """Change what holds for whoever connects from now on."""
        await self._execute(f'alter database "{_name_in(url)}" {how}')

    async def cut(self, url: str) -> None:
        """End all connections to a database."""
        await self._execute(_CUT.format(_name_in(url)))

    async def _template(self, prepare: Prepare) -> str:
        if prepare not in self._templates:
            url = await self._clone("template0")
            await prepare(url)
            self._templates[prepare] = _name_in(url)
        return self._templates[prepare]

    async def _clone(self, template: str) -> str:
        name = f"test_{uuid.uuid4().hex[:16]}"
        await self._execute(f'create database "{name}" template "{template}"')
        return with_database(self.server, name)

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.server, timeout=10)
        try:
            await connection.execute(statement, timeout=30)
        finally:
            await connection.close()


@pytest.fixture
def postgres_server() -> Iterator["PostgresServer"]:
    """A durable server of the test's own, to stop and to kill. Started; its URL stays the same."""
    with _data_folder() as data:
        server = PostgresServer(data)
        try:
            server.start()
        except EmbeddedPostgresError as error:
            unavailable("postgres", str(error))
        try:
            yield server
        finally:
            server.stop()


@dataclass(slots=True)
class PostgresServer:
    """An embedded server under `folder`, with `settings` of its own. The calls block: a fault happens at once."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    _embedded: EmbeddedPostgres = field(init=False)

    def __post_init__(self) -> None:
        self._embedded = EmbeddedPostgres(self.folder, settings=self.settings)

    @property
    def url(self) -> str:
        return self._embedded.url

    @property
    def pid(self) -> int:
        """Of the postmaster."""
        pid = self._embedded.pid
        assert pid is not None, "it does not run"
        return pid

    def start(self) -> str:
        return self._embedded.start()

    def stop(self) -> None:
        """Cleanly: what is under way is rolled back, nothing is left to recover."""
        self._embedded.stop()

    def kill(self) -> None:
        """`kill -9` of the postmaster; over when it is gone."""
        kill_and_wait(self.pid)


async def somebody_waits(connection: Connection) -> None:
    """Return once somebody in this database waits for a lock; not within the look of an open transaction."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not await connection.fetchval(_WAITING):
            pass


def with_database(url: str, name: str) -> str:
    """The same server's database of that name."""
    parts = urlsplit(url)
    # By hand: `urlunsplit` drops the slashes before an empty host, which is what a socket's URL has.
    return f"{parts.scheme}://{parts.netloc}/{name}" + (f"?{parts.query}" if parts.query else "")


def kill_and_wait(pid: int) -> None:
    """`kill -9` of one process, which needn't be our child."""
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        assert select.select([handle], [], [], _KILL_SECONDS)[0], f"process {pid} survived a SIGKILL"
    finally:
        os.close(handle)


@contextmanager
def _data_folder() -> Iterator[Path]:
    """Short, for the socket's path; open to pass through, for the user that root's server runs as."""
    folder = Path(tempfile.mkdtemp(prefix="baton-pg-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _name_in(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")
