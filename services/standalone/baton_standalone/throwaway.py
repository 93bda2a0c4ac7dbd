"""A database for one run: a fresh one on a given server, else an embedded server in a temporary folder."""

import contextlib
import secrets
import shutil
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


@contextlib.contextmanager
def temporary_server(meanwhile: Callable[[], object], *, place: int | None = None) -> Iterator[str]:
    """The fresh database of an embedded server that is gone afterwards; something is done while it starts.

    It is for whoever asks one thing after the other: both are kept on one processor (`place`: as `one_processor` has
    it).

    Raises:
        EmbeddedPostgresError: there are no programs, or they fail.
    """
    folder = Path(tempfile.mkdtemp(prefix="baton-"))
    folder.chmod(0o711)  # root's server runs as somebody else, who passes through
    server = EmbeddedPostgres(folder, settings=_FAST, database=INITIAL)
    try:
        url = start_beside(server, meanwhile)
        with one_processor(*([] if server.pid is None else [server.pid]), place=place):
            yield url
    finally:
        server.stop(mode="immediate")
        shutil.rmtree(folder, ignore_errors=True)


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
