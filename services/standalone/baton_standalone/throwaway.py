"""What one run has for itself: a folder, an embedded server in one, or a fresh database on a given server.

They hold personal data, so none outlives its run for long: what a killed one left goes with the next.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from baton_standalone.embedded import INITIAL, EmbeddedPostgres, start_beside
from baton_standalone.one_processor import one_processor

_FAST: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "256MB"}
"""Nobody misses it after a crash."""
_SECONDS: Final = 30.0
_MARK: Final = ".throwaway"
"""The file by which a folder is known as one of these, whatever else has such a name. Its run has it locked."""


@contextlib.contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder that nobody else may enter and that is gone afterwards, with those that killed runs have left.

    It gets its name once its run has its mark locked: one of that name with a mark and no lock has nobody any more.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        _clear(left)
    fresh = Path(tempfile.mkdtemp(prefix=f"new-{prefix}"))
    with _locked(fresh, os.O_CREAT):
        folder = fresh.rename(fresh.with_name(fresh.name.removeprefix("new-")))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _clear(left: Path) -> None:
    """Delete a folder that a dead run of ours left, and end the server in it, if there is one."""
    with contextlib.suppress(OSError):  # it is in use, gone by now, or none of these
        if not left.is_symlink() and left.stat().st_uid == os.getuid():
            with _locked(left):
                server = EmbeddedPostgres(left).pid
                if server is not None:
                    os.kill(server, signal.SIGQUIT)
                shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path, how: int = 0) -> Iterator[None]:
    """Raises OSError where somebody has it locked, or where it has no mark."""
    lock = os.open(folder / _MARK, os.O_RDWR | os.O_NOFOLLOW | how, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)


@contextlib.contextmanager
def temporary_server(meanwhile: Callable[[], object], *, place: int | None = None) -> Iterator[str]:
    """The fresh database of an embedded server that is gone afterwards; something is done while it starts.

    It is for whoever asks one thing after the other: both are kept on one processor (`place`: as `one_processor` has
    it).

    Raises:
        EmbeddedPostgresError: there are no programs, or they fail.
    """
    with temporary_folder("baton-server-") as folder:
        folder.chmod(0o711)  # root's server runs as somebody else, who passes through
        server = EmbeddedPostgres(folder, settings=_FAST, database=INITIAL)
        try:
            url = start_beside(server, meanwhile)
            with one_processor(*([] if server.pid is None else [server.pid]), place=place):
                yield url
        finally:
            server.stop(mode="immediate")


@contextlib.asynccontextmanager
async def temporary_database(server: str) -> AsyncIterator[str]:
    """A fresh database beside the one of the URL, dropped afterwards."""
    name = f"baton_simulation_{secrets.token_hex(8)}"
    await _execute(server, f'create database "{name}" template template0')
    try:
        yield _beside(server, name)
    finally:
        await _execute(server, f'drop database if exists "{name}" with (force)')


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=_SECONDS)
    try:
        await connection.execute(statement, timeout=_SECONDS)
    finally:
        await connection.close()


def _beside(url: str, name: str) -> str:
    parts = urlsplit(url)
    # By hand: `urlunsplit` drops the slashes before an empty host, which is what a socket's URL has.
    return f"{parts.scheme}://{parts.netloc}/{name}" + (f"?{parts.query}" if parts.query else "")
