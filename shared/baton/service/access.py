"""Who may call: API keys with scopes, or the machine's own user while nothing of it is reachable from outside.

Open to all are only `/healthz`, `/readyz` and `/metrics`, and the sources, which prove themselves. Everything else is
denied at the door to whom we don't know, whether a route asks for a scope or not; then `require` asks for the scope.
"""

import hashlib
import hmac
import ipaddress
import re
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, cast
from urllib.parse import urlsplit

import structlog
from fastapi import Request
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from baton.service.errors import Refusal, error_response
from baton.service.requests import sent_header

log = structlog.get_logger()

Scope = Literal["ingest", "score", "route", "read", "admin"]
SCOPES: Final[tuple[Scope, ...]] = ("ingest", "score", "route", "read", "admin")
ALWAYS_OPEN: Final = ("/healthz", "/readyz", "/metrics")
_PROXIED: Final = (b"forwarded", b"via", b"x-real-ip")
_READING: Final = ("GET", "HEAD")
_KNOWN_HOSTS: Final = 1024
"""How many addresses and names of hosts are remembered by what they are: nearly all callers come again."""
_SHA256: Final = re.compile("[0-9a-f]{64}")
_CALLER: Final = "baton.caller"
"""Where the door leaves, in the ASGI scope, whom it let in."""


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
    """The keys file, read anew whenever it changes. One that is blank or unreadable, or gone again, lets nobody in."""

    path: Path | None
    _stamp: tuple[int, int, int] | None = None
    _keys: tuple[Key, ...] = ()
    _is_broken: bool = False
    _had_any: bool = False

    @property
    def is_needed(self) -> bool:
        """Whether there are keys, so that nobody comes in without one."""
        self._refresh()
        return bool(self._keys) or self._is_broken

    def caller(self, key: str) -> Caller | None:
        """Who has this key. Compares with every one, so that the time tells nothing."""
        self._refresh()
        given = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
        found: Caller | None = None
        for one in self._keys:
            if hmac.compare_digest(given, one.sha256):
                found = Caller(one.name, one.scopes)
        return found

    def _refresh(self) -> None:
        if self.path is None:
            return
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            self._keys = read_keys(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self._stamp = None  # the same file may come back
            self._close(is_broken=self._had_any, why="it is gone")  # before the first key there is no file
        except OSError as error:
            self._stamp = None  # the file is as it was when it can be read again
            self._close(is_broken=True, why=str(error))
        except (ValueError, TypeError) as error:
            self._close(is_broken=True, why=str(error))
        else:
            self._is_broken = False
            self._had_any = self._had_any or bool(self._keys)

    def _close(self, *, is_broken: bool, why: str) -> None:
        if is_broken and not self._is_broken:
            log.error("keys_unreadable", why=why[:200])
        self._keys, self._is_broken = (), is_broken


def read_keys(text: str) -> tuple[Key, ...]:
    """The content of a keys file: JSON or YAML, a list of `{name, scopes, sha256}`.

    Raises:
        ValueError: it is none. The message holds no hash.
    """
    try:
        entries: object = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        raise ValueError("it is neither JSON nor YAML") from None
    if entries is None:  # as it is while somebody rewrites it in place
        raise ValueError("it is blank (no keys are written [])")
    if not isinstance(entries, list):
        raise ValueError("it has to be a list of {name, scopes, sha256}")  # noqa: TRY004 - wrong text, not a wrong call
    return tuple(_key(number, entry) for number, entry in enumerate(entries, start=1))


def _key(number: int, entry: object) -> Key:
    if not isinstance(entry, dict):
        raise ValueError(f"entry {number} is no {{name, scopes, sha256}}")  # noqa: TRY004 - same
    name, scopes, sha256 = (entry.get(part) for part in ("name", "scopes", "sha256"))
    if not isinstance(name, str) or not name:
        raise ValueError(f"entry {number} has no name")
    if not isinstance(scopes, list) or not set(scopes) <= set(SCOPES):
        raise ValueError(f"key {name}: scopes has to be a list of {', '.join(SCOPES)}")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256.lower()):
        raise ValueError(f"key {name}: sha256 has to be 64 hexadecimal digits")
    return Key(name, frozenset(cast("list[str]", scopes)), sha256.lower())


@dataclass(slots=True)
class Access:
    """The rules by which a request is let in."""

    keys: Keys
    public_url: str | None = None
    trust_all: bool = False
    """The simulator: every request is the owner's."""
    _is_public: bool = field(init=False)

    def __post_init__(self) -> None:
        self._is_public = not is_loopback_url(self.public_url)

    def caller(self, request: Request) -> Caller | None:
        """Who is asking, or None."""
        if self.trust_all:
            return LOCAL
        key = _key_in(request)
        if key:
            return self.keys.caller(key)
        return LOCAL if self._is_own_user(request) else None

    def _is_own_user(self, request: Request) -> bool:
        """Without any key: only who sits at this machine. A tunnel or a web page must not become an administrator."""
        return (
            not self._is_public
            and request.client is not None
            and is_loopback(request.client.host)
            and _is_own_host(request.headers)
            and not _is_proxied(request.headers)
            and _is_own_origin(request.headers)
            and not self.keys.is_needed
        )


class Door:
    """Plain ASGI: nobody unknown passes, but to the open paths. A path that ends in `/` opens all below it."""

    def __init__(self, app: ASGIApp, *, access: Access, open_paths: Iterable[str] = ()) -> None:
        self._app = app
        self._access = access
        paths = (*ALWAYS_OPEN, *open_paths)
        self._exactly = frozenset(path for path in paths if not path.endswith("/"))
        self._below = tuple(path for path in paths if path.endswith("/"))

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_open(path_in(scope)):
            caller = self._access.caller(Request(scope))
            if caller is None:
                await error_response(_unknown())(scope, receive, send)
                return
            scope[_CALLER] = caller
        await self._app(scope, receive, send)

    def _is_open(self, path: str) -> bool:
        return path in self._exactly or path.startswith(self._below)


def require(*scopes: Scope) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: the caller, if one of these scopes is theirs. 401 without a known key, 403 without the scope."""

    async def allowed(request: Request) -> Caller:
        access: Access = request.app.state.access
        caller: Caller | None = request.scope.get(_CALLER) or access.caller(request)
        if caller is None:
            raise _unknown()
        if not any(map(caller.may, scopes)):
            raise Refusal(403, f"this key lacks the scope {' or '.join(scopes)}")
        return caller

    return allowed


def may_still(request: Request, scope: Scope) -> bool:
    """Whether who was let in would be again: what goes on for long outlives its key otherwise."""
    access: Access = request.app.state.access
    caller = access.caller(request)
    return caller is not None and caller.may(scope)


def _key_in(request: Request) -> str:
    """The key that was sent, or nothing. A browser sends it as the password of any user, for the pages.

    It does so for other sites' forms too: such a key reads, and does nothing else.
    """
    scheme, _, given = (sent_header(request.scope, b"authorization") or "").partition(" ")
    match scheme.lower():
        case "bearer":
            return given.strip()
        case "basic" if request.method in _READING:
            try:
                return b64decode(given, validate=True).decode().partition(":")[2]
            except ValueError:
                return ""
        case _:
            return ""


def path_in(scope: AsgiScope) -> str:
    """The path as the app's own routes know it: without the prefix under which it is mounted."""
    path: str = scope["path"]
    prefix: str = scope.get("root_path", "")
    if prefix and (path == prefix or path.startswith(prefix + "/")):
        return path[len(prefix) :] or "/"
    return path


def _unknown() -> Refusal:
    return Refusal(
        401,
        "an API key is needed",
        hint="send Authorization: Bearer KEY; `baton keys create NAME --scope …` makes one",
        # A browser asks its user then. Chromium does so only where the line names no other scheme.
        headers={"www-authenticate": 'Basic realm="Baton"'},
    )


@lru_cache(maxsize=_KNOWN_HOSTS)
def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host.lower() == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def is_loopback_url(url: str | None) -> bool:
    """Whether a public URL is none, or leads to this machine."""
    return url is None or is_loopback(urlsplit(url).hostname or "")


def _is_own_host(headers: Headers) -> bool:
    """Whether the one Host is this machine. Two of them are somebody's attempt at one for us and one for another."""
    hosts = headers.getlist("host")
    return len(hosts) == 1 and is_loopback(_host_in(hosts[0]))


@lru_cache(maxsize=_KNOWN_HOSTS)
def _host_in(header: str) -> str:
    """The name in a Host header, empty if it has none, or something else before it."""
    try:
        return "" if "@" in header else urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _is_proxied(headers: Headers) -> bool:
    return any(name in _PROXIED or name.startswith(b"x-forwarded-") for name, _ in headers.raw)


def _is_own_origin(headers: Headers) -> bool:
    """No page sent it, or one of ours."""
    origins = headers.getlist("origin")
    if not origins:
        return True
    own = {f"{scheme}://{headers.get('host', '')}" for scheme in ("http", "https")}
    return all(origin.lower() in own for origin in origins)
