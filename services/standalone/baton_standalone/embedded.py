"""The PostgreSQL that Baton starts itself, when it was given no other.

It listens on a private Unix socket only (a folder that nobody else may enter), so it needs neither password nor port.
It outlives a `kill -9` of its owner; the next start adopts it if it answers, else ends it and starts anew. Waiting is
left to `pg_ctl`, whose waits have a bound. The calls block: start it before the event loop, or in a thread.
"""

import contextlib
import fcntl
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Literal
from urllib.parse import quote

from baton_standalone.postgres_programs import EmbeddedPostgresError, Programs, server_user

__all__ = ["INITIAL", "EmbeddedPostgres", "EmbeddedPostgresError", "start_beside"]

_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "port": "5432",  # only the socket's name
    "max_connections": "200",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_level": "minimal",  # nobody replicates from it: less is written
    "max_wal_senders": "0",
    "wal_compression": "on",
    "wal_buffers": "16MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",  # compiling costs short statements more than it gives
    "max_parallel_workers_per_gather": "0",  # parallel plans need a large /dev/shm, containers have 64 MB
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
_OWNER: Final = "baton"  # superuser and, unless told otherwise, database
INITIAL: Final = "postgres"
"""The database that every cluster has from its creation."""
_CTYPE: Final = "C.UTF-8" if sys.platform == "linux" else "UTF-8"
_INITDB_SECONDS: Final = 120
_START_SECONDS: Final = 300  # recovery after a crash replays up to max_wal_size; a server that dies is noticed at once
_STOP_SECONDS: Final = 30
_ANSWER_SECONDS: Final = 10
_START_ATTEMPTS: Final = 50  # each takes over 100 ms
_PASSING: Final = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')
_LOG_CHARACTERS: Final = 5_000_000  # then the next start begins a new one and keeps the old
_LOG_TAIL: Final = 15
_SOCKET_LOCK: Final = ".s.PGSQL.5432.lock"
_SOCKET_PATH_BYTES: Final = 103  # macOS; Linux has 107
_NO_PROCESS: Final = 4_194_305  # above Linux's largest process id

Mode = Literal["smart", "fast", "immediate"]


@dataclass(slots=True)
class EmbeddedPostgres:
    """A PostgreSQL cluster kept in the folder `data`/postgres. `settings` override the server's own (see above).

    `database` is made where it isn't there.
    """

    data: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    database: str = _OWNER
    _lock: IO[str] | None = None

    @property
    def url(self) -> str:
        """How asyncpg, SQLAlchemy and psql reach it while it runs."""
        return f"postgresql://{_OWNER}@/{self.database}?host={quote(str(self._socket_dir), safe='/')}"

    @property
    def exists(self) -> bool:
        """Whether there is a cluster, running or not."""
        return self._cluster.exists()

    @property
    def pid(self) -> int | None:
        """The process id of its postmaster, if one runs."""
        pid = self._noted_pid()
        return pid if pid is not None and str(self._cluster) in _command_of(pid) else None

    def start(self) -> str:
        """Start it, or adopt one that was left running; a second call looks after it and starts it again if it died.

        The first start creates the cluster (about a second).

        Returns:
            Its URL.

        Raises:
            EmbeddedPostgresError: no programs, another owner, or a server that doesn't start.
        """
        try:
            if self._lock is None:
                self._take_lock()
            self._bring_up()
        except OSError as error:
            self.release()
            why = f"the data in {self.data} can't be used: {error.strerror or error}"
            raise EmbeddedPostgresError(f"{why} (set BATON_DATA to a folder that may be written)") from error
        except BaseException:
            self.release()
            raise
        return self.url

    def stop(self, *, mode: Mode = "fast") -> None:
        """Shut it down and let go of the data. Harder when `mode` doesn't get there within 30 s."""
        if self._lock is None:
            return
        self._end(mode)
        if self._socket_dir != self._cluster:
            with contextlib.suppress(OSError):
                self._socket_dir.rmdir()
        self.release()

    def release(self) -> None:
        """Let go of the data without stopping the server, as a killed owner does."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def log_tail(self) -> str:
        """The last lines of the server's log."""
        return "\n".join(self._said().splitlines()[-_LOG_TAIL:])

    @property
    def _cluster(self) -> Path:
        return self.data.resolve() / "postgres"

    @property
    def _log(self) -> Path:
        return self._cluster / "server.log"

    @property
    def _socket_dir(self) -> Path:
        """The running server's; for a new one the cluster itself, or a short name where that would be too long."""
        noted = self._noted_lines()
        if len(noted) > 4 and self.pid is not None:
            return Path(noted[4])
        if len(os.fsencode(self._cluster / _SOCKET_LOCK)) <= _SOCKET_PATH_BYTES:
            return self._cluster
        name = hashlib.sha256(os.fsencode(self._cluster)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"baton-{os.getuid()}-{name}"

    @property
    def _programs(self) -> Programs:
        return Programs(paths=(self._cluster,))

    def _take_lock(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        lock = (self.data / "postgres.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            owner = lock.read().strip()
            lock.close()
            raise EmbeddedPostgresError(
                f"{self.data} is in use by another Baton (process {owner}):"
                " stop that one, or set BATON_DATA to another folder"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _bring_up(self) -> None:
        if not (self._cluster / "PG_VERSION").exists():
            self._create_cluster()
        if not self._answers():
            self._end("fast")
            self._launch()
        self._create_database()

    def _create_cluster(self) -> None:
        """Make the cluster aside and move it into place, so that a crash leaves none half made."""
        for leftover in self.data.glob("postgres.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=self.data.resolve()))
        self._programs.give(fresh)
        # Sorted by code point: the same order on every machine, and no library whose version may change under an
        # index. Letters are Unicode's: trigrams and lower() know "Müller".
        self._programs.run(
            "initdb", "-D", str(fresh), "-U", _OWNER, "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8",
            "--locale=C", f"--lc-ctype={_CTYPE}", "--data-checksums", "--no-instructions",
            *(["--no-sync"] if self.settings.get("fsync") == "off" else []),
            timeout=_INITDB_SECONDS,
        )  # fmt: skip
        fresh.rename(self._cluster)

    def _launch(self) -> None:
        """Start the server.

        One that was killed leaves children, who need a moment to notice: then it tries again, with a bound.
        """
        if self.pid is None:
            self._forget_the_dead()
        self._rotate_log()
        for attempt in range(1, _START_ATTEMPTS + 1):
            said_before = len(self._said())
            try:
                self._start_once()
            except EmbeddedPostgresError as error:
                said = self._said()[said_before:]
                if attempt == _START_ATTEMPTS or not any(reason in said for reason in _PASSING):
                    raise EmbeddedPostgresError(f"{error}\nThe last lines of {self._log}:\n{self.log_tail()}") from None
            else:
                return

    def _start_once(self) -> None:
        settings = {**_SETTINGS, **self.settings, "unix_socket_directories": str(self._prepared_socket_dir())}
        options = " ".join(shlex.quote(part) for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        self._programs.run(
            "pg_ctl", "start", "-D", str(self._cluster), "-w", "-t", str(_START_SECONDS), "-l", str(self._log),
            "-o", options, timeout=_START_SECONDS + 10,
        )  # fmt: skip

    def _rotate_log(self) -> None:
        if len(self._said()) > _LOG_CHARACTERS:
            self._log.replace(self._log.with_suffix(".log.1"))

    def _said(self) -> str:
        try:
            return self._log.read_text(errors="replace")
        except OSError:
            return ""

    def _prepared_socket_dir(self) -> Path:
        folder = self._socket_dir
        if folder == self._cluster:
            return folder
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not folder.is_dir() or folder.is_symlink() or found.st_uid not in {os.getuid(), server_user().pw_uid}:
            raise EmbeddedPostgresError(f"{folder} belongs to somebody else: remove it")
        folder.chmod(0o700)
        self._programs.give(folder)
        return folder

    def _answers(self) -> bool:
        """Whether the server that runs is reached, and is the one of this cluster."""
        if self.pid is None:
            return False
        try:
            return Path(self._sql("show data_directory")).resolve() == self._cluster
        except EmbeddedPostgresError:
            return False

    def _create_database(self) -> None:
        if self.database == INITIAL:
            return
        if self._sql(f"select 1 from pg_database where datname = '{self.database}'") != "1":  # noqa: S608  our own word
            self._sql(f"create database {self.database}")

    def _sql(self, statement: str) -> str:
        return self._programs.run(
            "psql", "--no-psqlrc", "-qAt", "-h", str(self._socket_dir), "-U", _OWNER, "-d", INITIAL, "-c", statement,
            timeout=_ANSWER_SECONDS,
        )  # fmt: skip

    def _end(self, mode: Mode) -> None:
        if self.pid is None:
            return
        for attempt in (mode, "immediate"):
            with contextlib.suppress(EmbeddedPostgresError):
                self._programs.run(
                    "pg_ctl", "stop", "-D", str(self._cluster), "-w", "-t", str(_STOP_SECONDS), "-m", attempt,
                    timeout=_STOP_SECONDS + 10,
                )  # fmt: skip
                return
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def _forget_the_dead(self) -> None:
        """Let PostgreSQL start though the process id that its predecessor noted lives: it is somebody else's by now.

        So it is after a reboot, or where nobody reaps (process 1 of a container). `postmaster.pid` itself stays:
        PostgreSQL finds in it whether children of the predecessor are still at work.
        """
        _, *rest = self._noted_lines() or [""]
        if rest:
            self._pid_file.write_text("\n".join([str(_NO_PROCESS), *rest]) + "\n")
        (self._socket_dir / _SOCKET_LOCK).unlink(missing_ok=True)

    @property
    def _pid_file(self) -> Path:
        return self._cluster / "postmaster.pid"

    def _noted_lines(self) -> list[str]:
        try:
            return self._pid_file.read_text().splitlines()
        except OSError:
            return []

    def _noted_pid(self) -> int | None:
        lines = self._noted_lines()
        return int(lines[0]) if lines and lines[0].strip().isdigit() else None


def start_beside(server: EmbeddedPostgres, work: Callable[[], object]) -> str:
    """As the server's `start`, with work done meanwhile: to start is to wait for programs, up to a second at first."""
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(server.start)
        work()
        return started.result()


def _command_of(pid: int) -> str:
    """The command line of a living process, empty if there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        if Path("/proc/self").exists():
            return ""
    return subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout  # noqa: S603, S607  macOS
