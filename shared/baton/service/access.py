"""Who may call: API keys with scopes, or the machine's own user while nothing of it is reachable from outside.

Open to all are only `/healthz`, `/readyz` and `/metrics`; sources prove themselves. Everything else is denied unless a
route asks for a scope and the caller has it.
"""

import hashlib
import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import structlog
from fastapi import Request

from baton.service.errors import Refusal

log = structlog.get_logger()

Scope = Literal["ingest", "score", "route", "read", "admin"]
SCOPES: Final[tuple[Scope, ...]] = ("ingest", "score", "route", "read", "admin")
_PROXY_HEADERS: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
                         "x-forwarded-port", "x-forwarded-prefix", "x-forwarded-server", "x-real-ip")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking. `admin` implies every scope."""

    name: str
    scopes: frozenset[str]

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or "admin" in self.scopes


LOCAL: Final = Caller("local", frozenset({"admin"}))


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of the keys file: the key itself is nowhere."""

    name: str
    scopes: frozenset[str]
    sha256: str


@dataclass(slots=True)
class Keys:
    """The keys file, read anew whenever it changes. A file that can't be read lets nobody in."""

    path: Path | None
    _stamp: tuple[int, int] | None = None
    _keys: tuple[Key, ...] = ()

    def all(self) -> tuple[Key, ...]:
        """The keys that are valid now."""
        if self.path is None:
            return ()
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._stamp:
                self._keys = read_keys(self.path.read_text(encoding="utf-8"))
                self._stamp = stamp
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("keys_unreadable", error=type(error).__name__)
            self._stamp, self._keys = None, ()
        return self._keys

    def caller(self, key: str) -> Caller | None:
        """Who has this key. Compares with every one, so that the time tells nothing."""
        given = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
        found: Caller | None = None
        for one in self.all():
            if hmac.compare_digest(given, one.sha256):
                found = Caller(one.name, one.scopes)
        return found


def read_keys(text: str) -> tuple[Key, ...]:
    """The content of a keys file: JSON, a list of `{name, scopes, sha256}`."""
    return tuple(Key(one["name"], frozenset(one["scopes"]), one["sha256"].lower()) for one in json.loads(text))


@dataclass(slots=True)
class Access:
    """The rules by which a request is let in."""

    keys: Keys
    public_url: str | None = None
    trust_all: bool = False
    """The simulator: every request is the owner's."""
    _hosts: frozenset[str] = field(default=frozenset({"localhost", "127.0.0.1", "::1"}))

    def caller(self, request: Request) -> Caller | None:
        """Who is asking, or None."""
        if self.trust_all:
            return LOCAL
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and key:
            return self.keys.caller(key.strip())
        return LOCAL if self._is_own_user(request) else None

    def _is_own_user(self, request: Request) -> bool:
        """Without any key: only who sits at this machine. A tunnel or a web page must not become an administrator."""
        return (
            not self.keys.all()
            and self.keys.path is None
            and is_loopback_url(self.public_url)
            and request.client is not None
            and is_loopback(request.client.host)
            and _host_of(request.headers.get("host", "")) in self._hosts
            and not any(name in request.headers for name in _PROXY_HEADERS)
            and self._is_own_origin(request)
        )

    def _is_own_origin(self, request: Request) -> bool:
        origin = request.headers.get("origin")
        return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")


def require(scope: Scope) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: the caller, if they may. 401 without a known key, 403 without the scope."""

    async def allowed(request: Request) -> Caller:
        access: Access = request.app.state.access
        caller = access.caller(request)
        if caller is None:
            raise Refusal(
                401,
                "an API key is needed",
                hint="send Authorization: Bearer KEY; `baton keys create NAME --scope …` makes one",
                headers={"www-authenticate": "Bearer"},
            )
        if not caller.may(scope):
            raise Refusal(403, f"this key lacks the scope {scope}")
        return caller

    return allowed


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host in ("localhost", "testclient")
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def is_loopback_url(url: str | None) -> bool:
    """Whether a public URL is none, or leads to this machine."""
    return url is None or is_loopback(urlsplit(url).hostname or "")


def _host_of(header: str) -> str:
    return (urlsplit(f"//{header}").hostname or "").lower()
