"""Requests to an app of this process, one at a time and without what a client needs for a network.

An HTTP client keeps cookies, follows redirects, negotiates encodings and streams both ways. That cost a request more
than the router needs to find its place.
"""

import asyncio
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, unquote

from starlette.types import ASGIApp

_SERVER: Final = "localhost", 8000
_AS_WRITTEN: Final = "%/:@!$&'()*+,;=[]"
"""What a path may hold; the rest is quoted."""
_IMPLIED: Final = {"host": "localhost:8000", "accept": "*/*"}
"""What a client says unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an app answered."""

    status: int
    content: bytes


@dataclass(frozen=True, slots=True)
class DirectRequests:
    """Asks `app`; to it, requests come from this machine. One that fails answers as a server does: with a 500."""

    app: ASGIApp

    async def send(self, method: str, target: str, *, content: bytes = b"", headers: Mapping[str, str]) -> Answer:
        """`target` is a path, perhaps with a query; names of headers are in lower case."""
        exchange = _Exchange(content)
        try:
            await self.app(_scope(method, target, content, headers), exchange.receive, exchange.send)
        except Exception:  # noqa: BLE001 - whatever an app raises; it has logged it, and begun to answer if it could
            exchange.status = exchange.status or 500
        return Answer(exchange.status, b"".join(exchange.parts))


def _scope(method: str, target: str, content: bytes, headers: Mapping[str, str]) -> MutableMapping[str, Any]:
    path, _, query = target.partition("#")[0].partition("?")
    raw_path = quote(path, safe=_AS_WRITTEN)
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "headers": _headers(content, headers),
        "scheme": "http",
        "path": unquote(raw_path),
        "raw_path": raw_path.encode(),
        "query_string": quote(query, safe=_AS_WRITTEN + "?").encode(),
        "server": _SERVER,
        "client": ("127.0.0.1", 0),
        "root_path": "",
    }


def _headers(content: bytes, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    told = {**_IMPLIED, "content-length": str(len(content)), **headers}
    return [(name.encode(), value.encode()) for name, value in told.items()]


@dataclass(slots=True)
class _Exchange:
    """One request's body, and what comes back."""

    body: bytes
    status: int = 0
    parts: list[bytes] = field(default_factory=list)
    _was_read: bool = False
    _is_over: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self) -> MutableMapping[str, Any]:
        if self._was_read:
            await self._is_over.wait()
            return {"type": "http.disconnect"}
        self._was_read = True
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._is_over.set()
