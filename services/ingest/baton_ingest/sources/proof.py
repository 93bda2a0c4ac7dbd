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


_MAX_SIGNATURES: Final = 10


def same(given: str, expected: str) -> bool:
    """Compare in constant time, whatever characters either has."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass"))


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


def prove_by_secret_or_signature(request: SourceRequest, source: Source, secrets: Secrets) -> None:
    """As `prove_by_secret`, or by the signature of Standard Webhooks where one is sent. Raises Unproven."""
    if "webhook-signature" in request.headers:
        prove_standard_webhook(request, secrets)
    else:
        prove_by_secret(request, source, secrets)


def prove_standard_webhook(request: SourceRequest, secrets: Secrets) -> None:
    """Raises Unproven. Source: Standard Webhooks 1.0.0; `v1` of several signatures may be from any of several keys."""
    message_id, sent_at = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
    if not message_id or not is_fresh(sent_at, request.received_at, unit=1):
        raise Unproven
    signed = f"{message_id}.{sent_at}.".encode("utf-8", "surrogatepass") + request.body
    keys = [key for secret in secrets if (key := _standard_key(secret))]
    expected = [base64_text(hmac.digest(key, signed, hashlib.sha256)) for key in keys]
    sent = request.headers.get("webhook-signature", "").split()
    given = [each.removeprefix("v1,") for each in sent if each.startswith("v1,")]
    if sum(any_same(each, expected) for each in given[:_MAX_SIGNATURES]) == 0:
        raise Unproven


def _standard_key(secret: str) -> bytes | None:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return None


def prove_by_secret(request: SourceRequest, source: Source, secrets: Secrets) -> None:
    """For senders that sign nothing: a header, or `?token=` where the playbook names no header. Raises Unproven."""
    if has_header(request, source, secrets) or (source.header is None and has_token(request, secrets)):
        return
    raise Unproven


def hmac_sha256(secret: str, signed: bytes) -> bytes:
    return hmac.digest(secret.encode("utf-8", "surrogatepass"), signed, hashlib.sha256)


def base64_text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def is_fresh(sent_at: str, now: datetime, *, unit: int = 1000) -> bool:
    """Whether a Unix time, in `unit`s a second, lies within the tolerance. Anything but digits doesn't."""
    if not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) <= 15):
        return False
    return abs(now.timestamp() - int(sent_at) / unit) <= TOLERANCE.total_seconds()
