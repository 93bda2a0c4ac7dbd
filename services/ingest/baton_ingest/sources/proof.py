"""Proofs of origin: signatures over the raw bytes, tokens in headers and queries, all compared in constant time."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from baton.leads.playbook.model import Source
from baton_ingest.sources.source_type import Secrets, SourceRequest, Unproven

TOLERANCE: Final = timedelta(seconds=300)
"""How far the time in a signature may be from ours, either way."""


def same(given: str, expected: str) -> bool:
    """Compare in constant time, whatever characters either has."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())


def any_same(given: str, expected: Iterable[str]) -> bool:
    """Compare with each, all of them, so that the time doesn't tell which one fitted."""
    return sum(same(given, one) for one in expected) > 0


def has_header(request: SourceRequest, source: Source, secrets: Secrets) -> bool:
    """Whether the header that the source names (else `Authorization`) carries a secret."""
    given = request.headers.get((source.header or "authorization").lower(), "")
    return any_same(given.removeprefix("Bearer ").strip(), secrets)


def has_token(request: SourceRequest, secrets: Secrets) -> bool:
    """Whether `?token=` carries a secret."""
    return any_same(request.query.get("token", ""), secrets)


def prove_by_secret(request: SourceRequest, source: Source, secrets: Secrets) -> None:
    """For senders that sign nothing: a header, or `?token=` where the playbook names no header. Raises Unproven."""
    if has_header(request, source, secrets) or (source.header is None and has_token(request, secrets)):
        return
    raise Unproven


def hmac_sha256(secret: str, signed: bytes) -> bytes:
    return hmac.digest(secret.encode(), signed, hashlib.sha256)


def base64_text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def is_fresh(milliseconds: str, now: datetime) -> bool:
    """Whether a time as Unix milliseconds lies within the tolerance. Anything but digits doesn't."""
    if not (milliseconds.isascii() and milliseconds.isdigit() and len(milliseconds) <= 15):
        return False
    return abs(now.timestamp() * 1000 - int(milliseconds)) <= TOLERANCE.total_seconds() * 1000
