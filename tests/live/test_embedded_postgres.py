import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from baton_standalone.embedded import EmbeddedPostgres, EmbeddedPostgresError
from tests.support.postgres import Databases, PostgresServer, kill_and_wait

OWNER = """
import sys
from pathlib import Path
from baton_standalone.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="baton-pg-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "data"


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_the_first_start_makes_a_durable_cluster_that_reads_every_alphabet(data: Path) -> None:
    server = EmbeddedPostgres(data)

    url = server.start()

    try:
        settings = {name: await ask(url, f"show {name}") for name in ("fsync", "data_checksums", "server_encoding")}
        assert settings == {"fsync": "on", "data_checksums": "on", "server_encoding": "UTF8"}
        assert await ask(url, "select lower('MÜLLER')") == "müller"
        assert await ask(url, "select 'B' < 'a'")
    finally:
        server.stop()


async def test_what_was_committed_is_there_after_a_stop_and_a_start(postgres_server: PostgresServer) -> None:
    await ask(postgres_server.url, "create table leads as select 7 as lead")

    postgres_server.stop()
    url = postgres_server.start()

    assert await ask(url, "select lead from leads") == 7


async def test_what_was_committed_is_there_after_a_kill_of_the_server(postgres_server: PostgresServer) -> None:
    connection = await asyncpg.connect(postgres_server.url)
    await connection.execute("create table leads as select 7 as lead")
    url = postgres_server.url

    postgres_server.kill()
    again = postgres_server.start()

    assert again == url
    assert await ask(again, "select lead from leads") == 7
    await asyncio.wait_for(connection.close(), 10)


async def test_only_its_user_may_enter_the_folder_of_its_socket(postgres_server: PostgresServer) -> None:
    folder = Path(postgres_server.url.partition("host=")[2])

    assert permissions(folder) == 0o700
    assert await ask(postgres_server.url, "show listen_addresses") == ""


async def test_a_killed_owner_leaves_a_server_that_the_next_start_adopts(data: Path) -> None:
    with owner(data) as (process, pid):
        process.kill()
        process.wait(10)
    server = EmbeddedPostgres(data)

    url = server.start()

    try:
        assert server.pid == pid
        assert await ask(url, "select 1") == 1
    finally:
        server.stop()
    assert server.pid is None


def test_a_second_living_owner_is_refused_by_the_name_of_the_first(data: Path) -> None:
    second = EmbeddedPostgres(data)
    with owner(data) as (process, _):
        with pytest.raises(EmbeddedPostgresError, match=rf"in use by another Baton \(process {process.pid}\)"):
            second.start()
        process.kill()
        process.wait(10)

    second.start()
    second.stop()


async def test_a_server_that_died_is_started_again_by_its_owner(data: Path) -> None:
    server = EmbeddedPostgres(data)
    server.start()
    assert server.pid is not None
    kill_and_wait(server.pid)

    url = server.start()

    assert await ask(url, "select 1") == 1
    server.stop()


async def test_a_process_id_that_belongs_to_somebody_else_by_now_stops_nobody(data: Path) -> None:
    server = EmbeddedPostgres(data)
    server.start()
    assert server.pid is not None
    kill_and_wait(server.pid)
    server.release()
    note = data / "postgres" / "postmaster.pid"
    note.write_text("\n".join([str(os.getpid()), *note.read_text().splitlines()[1:]]))

    url = server.start()

    assert await ask(url, "select 1") == 1
    server.stop()


async def test_a_long_path_gets_a_short_socket(data: Path) -> None:
    server = EmbeddedPostgres(data / ("deep" * 30))

    url = server.start()

    assert await ask(url, "select 1") == 1
    server.stop()


async def test_a_start_that_fails_tells_what_the_server_said_and_lets_go(data: Path) -> None:
    server = EmbeddedPostgres(data)
    server.start()
    server.stop()
    version = data / "postgres" / "PG_VERSION"
    right = version.read_text()
    version.write_text("9.6\n")

    with pytest.raises(EmbeddedPostgresError, match=r"initialized by PostgreSQL version 9\.6"):
        server.start()

    version.write_text(right)
    other = EmbeddedPostgres(data)
    other.start()
    other.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
async def test_root_may_keep_its_data_below_a_folder_that_is_closed_to_others(data: Path) -> None:
    closed(data)
    server = EmbeddedPostgres(data / "inner")

    url = server.start()

    assert await ask(url, "select 1") == 1
    assert permissions(data) == 0o700
    server.stop()


async def test_a_template_is_prepared_once_and_cloned(databases: Databases) -> None:
    prepared: list[str] = []

    async def prepare(url: str) -> None:
        prepared.append(url)
        await ask(url, "create table leads as select 7 as lead")

    first, second = await databases.create(prepare), await databases.create(prepare)

    assert await ask(first, "select lead from leads") == await ask(second, "select lead from leads") == 7
    assert len(prepared) == 1
    await databases.drop(first)
    await databases.drop(second)


async def test_each_test_has_an_empty_database(database: str) -> None:
    tables = await ask(database, "select count(*) from pg_tables where schemaname = 'public'")

    assert tables == 0


def permissions(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


def closed(folder: Path) -> None:
    folder.mkdir(mode=0o700)


@contextmanager
def owner(data: Path) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """Another process that owns the server, and the server's process id."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.kill()
