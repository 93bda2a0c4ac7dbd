"""Bodies from strangers: bounded before and after decompression."""

import zlib
from typing import Final

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from baton.service.errors import Refusal, error_response

_GZIP: Final = 16 + zlib.MAX_WBITS
_ENCODINGS: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}


def sent_header(scope: Scope, name: bytes) -> str | None:
    """The first header of that name, which is in lower case as all names in a scope are.

    Starlette's `headers.get` raises and catches an error for each that isn't there, at four times the price.
    """
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return None


async def read_body(request: Request, limit: int) -> bytes:
    """The body, at most `limit` bytes, decompressed.

    Raises:
        Refusal: 413 too large, 415 an encoding that we don't know, 422 one that can't be undone.
    """
    if _declared(request.scope) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return _decompressed(b"".join(chunks), sent_header(request.scope, b"content-encoding") or "", limit)


class BodyBound:
    """Plain ASGI: no body above `limit` bytes reaches a route.

    In the place of `FastAPI(max_body_size=…)`, which answers in plain text, unlike every other error, and turns any
    other answer to a large body, a 401 too, into its 413.
    """

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _declared(scope) > self._limit:
            await error_response(_too_large(self._limit))(scope, receive, send)
        else:
            await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        size = 0

        async def receive_bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._limit:
                # What FastAPI passes on while it reads a body; of anything else it makes a 400.
                raise HTTPException(413, str(_too_large(self._limit)))
            return message

        return receive_bounded


def _declared(scope: Scope) -> int:
    declared = sent_header(scope, b"content-length") or ""
    return int(declared) if declared.isascii() and declared.isdigit() else 0


def _decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in _ENCODINGS:
        raise Refusal(415, f"content encoding {name[:40]} is not known", hint="send gzip, deflate or none")
    inflater = zlib.decompressobj(_ENCODINGS[name])
    try:
        plain = inflater.decompress(body, limit + 1)
    except zlib.error:
        raise Refusal(422, f"the body is not {name}") from None
    if len(plain) > limit:
        raise _too_large(limit)
    if not inflater.eof:
        raise Refusal(422, f"the {name} body ends too early")
    return plain


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"the body is larger than {limit} bytes")
