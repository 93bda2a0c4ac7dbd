"""Bodies from strangers: bounded before and after decompression."""

import zlib
from typing import Final

from fastapi import Request

from baton.service.errors import Refusal

_GZIP: Final = 16 + zlib.MAX_WBITS
_ENCODINGS: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}


async def read_body(request: Request, limit: int) -> bytes:
    """The body, at most `limit` bytes, decompressed.

    Raises:
        Refusal: 413 too large, 415 an encoding that we don't know, 422 one that can't be undone.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return _decompressed(b"".join(chunks), request.headers.get("content-encoding", "identity"), limit)


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
