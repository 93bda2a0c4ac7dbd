"""The folder and the server that a run has for itself."""

import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from baton_standalone.one_processor import one_processor
from baton_standalone.throwaway import temporary_folder, temporary_server

pytestmark = pytest.mark.postgres

SECONDS = 30
IN_A_FOLDER = """
from baton_standalone.throwaway import temporary_folder
with temporary_folder("baton-test-") as folder:
    (folder / "scenario.jsonl").write_text("ada@acme.example")
    print(folder, flush=True)
    input()
"""
WITH_A_SERVER = """
from baton_standalone.throwaway import temporary_server
with temporary_server(lambda: None) as url:
    print(url, flush=True)
    input()
"""


def test_something_is_done_while_it_starts_and_nothing_is_left_of_it() -> None:
    done: list[str] = []

    with temporary_server(lambda: done.append("meanwhile")) as url:
        [folder] = parse_qs(urlsplit(url).query)["host"]
        was_there = Path(folder).exists()

    assert (was_there, done) == (True, ["meanwhile"])
    assert not Path(folder).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can keep processes on one processor")
async def test_whoever_asks_it_and_what_answers_are_on_one_processor_meanwhile() -> None:
    before = os.sched_getaffinity(0)

    with temporary_server(lambda: None) as url:
        connection = await asyncpg.connect(url)
        ours, its = os.sched_getaffinity(0), os.sched_getaffinity(connection.get_server_pid())
        await connection.close()

    assert (len(ours), its) == (1, ours)
    assert os.sched_getaffinity(0) == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can keep processes on one processor")
def test_each_of_two_that_are_counted_has_a_processor_of_its_own() -> None:
    places = list[set[int]]()

    for place in (0, 1):
        with one_processor(place=place):
            places.append(os.sched_getaffinity(0))

    assert len(set.union(*places)) == min(2, len(os.sched_getaffinity(0)))


@contextmanager
def another_run(program: str) -> Iterator[str]:
    """What it prints first. It is killed at the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        try:
            yield run.stdout.readline().strip()
        finally:
            run.kill()


def test_what_a_killed_run_left_goes_with_the_next_and_what_is_in_use_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".throwaway").touch()
    (tmp_path / "baton-test-link").symlink_to(elsewhere)
    (tmp_path / "baton-test-results").mkdir()

    with another_run(IN_A_FOLDER) as name, temporary_folder("baton-test-") as mine:
        in_use = (Path(name, "scenario.jsonl").exists(), mine.stat().st_mode & 0o777)
    left = Path(name, "scenario.jsonl").exists()
    with temporary_folder("baton-test-"):
        gone = not Path(name).exists()

    assert (in_use, left, gone, elsewhere.exists()) == ((True, 0o700), True, True, True)
    assert {each.name for each in tmp_path.iterdir()} == {"baton-test-link", "baton-test-results", "elsewhere"}


@pytest.fixture
def folder_of_our_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For temporary files: nobody else clears in it."""
    with tempfile.TemporaryDirectory(prefix="b-", dir="/tmp") as folder:  # short: a socket's path is
        Path(folder).chmod(0o711)  # root's server runs as somebody else
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.mark.usefixtures("folder_of_our_own")
def test_the_server_of_a_killed_run_ends_with_the_next() -> None:
    with another_run(WITH_A_SERVER) as url:
        [host] = parse_qs(urlsplit(url).query)["host"]
        server = os.pidfd_open(int(Path(host, "postmaster.pid").read_text().split("\n")[0]))

    with temporary_server(lambda: None):
        ended, _, _ = select.select([server], [], [], SECONDS)
    os.close(server)

    assert (ended, Path(host).exists()) == ([server], False)
