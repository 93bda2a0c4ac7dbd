"""Requests to an app of this process, one at a time and without what a client needs for a network.

As httpx's own transport for ASGI, which looks for another event loop's library at each request and streams both ways.
"""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import ASGIApp


@dataclass(frozen=True, slots=True)
class DirectTransport(httpx.AsyncBaseTransport):
    """Calls `app`; to it, requests come from this machine. One that fails answers as a server does: with a 500."""

    app: ASGIApp

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        exchange = _Exchange(await request.aread())
        try:
            await self.app(_scope(request), exchange.receive, exchange.send)
        except Exception:  # noqa: BLE001 - whatever an app raises; it has logged it, and begun to answer if it could
            exchange.status = exchange.status or 500
        return httpx.Response(exchange.status, headers=exchange.headers, content=b"".join(exchange.parts))


def _scope(request: httpx.Request) -> MutableMapping[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.split(b"?")[0],
        "query_string": request.url.query,
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 0),
        "root_path": "",
    }


@dataclass(slots=True)
class _Exchange:
    """One request's body, and what comes back."""

    body: bytes
    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
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
            self.status, self.headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self.parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._is_over.set()
