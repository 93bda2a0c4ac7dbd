"""The file of API keys: made, listed and revoked here, read by every service. The keys themselves are nowhere."""

import fcntl
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from baton.service.access import Key, Scope, read_keys

_PREFIX: Final = "baton_"
_BYTES: Final = 32


class KeyringError(Exception):
    """What was asked of the keys file can't be done; the message says why."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """A keys file: a JSON list of `{name, scopes, sha256}`, readable by its owner only, replaced as a whole."""

    path: Path

    def all(self) -> Sequence[Key]:
        """The keys there are. Raises KeyringError if the file can't be read."""
        try:
            text = self.path.read_text(encoding="utf-8")
            return read_keys(text) if text.strip() else ()
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise KeyringError(f"{self.path} is no file of API keys: {error}") from None

    def create(self, name: str, scopes: Sequence[Scope]) -> str:
        """Add a key and give it: the only time that anyone sees it."""
        key = _PREFIX + secrets.token_urlsafe(_BYTES)
        with self._alone():
            known = self.all()
            if any(one.name == name for one in known):
                raise KeyringError(f"there is a key {name} already: revoke it first, or choose another name")
            digest = hashlib.sha256(key.encode()).hexdigest()
            self._write([*known, Key(name, frozenset(scopes), digest)])
        return key

    def revoke(self, name: str) -> None:
        """Take a key away; services notice with the next request."""
        with self._alone():
            known = self.all()
            left = [one for one in known if one.name != name]
            if len(left) == len(known):
                raise KeyringError(f"there is no key {name}")
            self._write(left)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two who change the file at once do so one after the other."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.with_name(self.path.name + ".lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise KeyringError(f"{self.path} can't be written: {error.strerror}") from None

    def _write(self, keys: Sequence[Key]) -> None:
        content = [{"name": one.name, "scopes": sorted(one.scopes), "sha256": one.sha256} for one in keys]
        target = self.path.resolve()
        # mkstemp makes it 0600 from the first byte on.
        descriptor, fresh = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(json.dumps(content, indent=2) + "\n")
                file.flush()
                os.fsync(file.fileno())
            Path(fresh).replace(target)
        except BaseException:
            Path(fresh).unlink(missing_ok=True)
            raise
