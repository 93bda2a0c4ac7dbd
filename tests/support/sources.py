"""Requests as vendors send them, and what a source makes of them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from baton.leads.playbook.model import Source
from baton_ingest.captures import Capture, Nameless, capture
from baton_ingest.sources.registry import SOURCE_TYPES
from baton_ingest.sources.source_type import RawCapture, Refused, SourceRequest, SourceType, Unproven, Unusable

NOW = datetime(2026, 1, 15, 10, tzinfo=UTC)
"""The instant of the worked vectors: 1768471200 s."""
KEY = "demo-secret"
BODY = b'{"lead":"42"}'
URL = "https://leads.example.com/in"


def request(
    body: bytes | str | Mapping[str, object] | Sequence[object] = b"",
    *,
    method: str = "POST",
    url: str = URL,
    content_type: str = "application/json",
    at: datetime = NOW,
    **headers: str,
) -> SourceRequest:
    """A request; header names are written with underscores."""
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    query = dict(parse_qsl(urlsplit(url).query))
    return SourceRequest(method, url, {"content-type": content_type, **named}, query, raw, at)


def source(kind: str, **more: Any) -> Source:
    return Source(**({"name": kind, "type": kind} | more))


def proves(sent: SourceRequest, configured: Source, *secrets: str) -> bool:
    """Whether the request is proven to come from that source."""
    try:
        source_type(configured).prove(sent, configured, secrets)
    except Unproven:
        return False
    return True


def source_type(configured: Source) -> SourceType:
    return SOURCE_TYPES[configured.type]


def read(sent: SourceRequest, configured: Source) -> list[RawCapture]:
    """What the body says, all of it usable."""
    found = source_type(configured).read(sent, configured)
    assert not [each for each in found if isinstance(each, Refused)]
    return [each for each in found if isinstance(each, RawCapture)]


def read_one(sent: SourceRequest, configured: Source) -> RawCapture:
    (one,) = read(sent, configured)
    return one


def captured(raw: RawCapture, configured: Source, **more: Any) -> Capture:
    found = capture(raw, configured, **({"received_at": NOW} | more))
    assert isinstance(found, Capture), found
    return found


def nameless(raw: RawCapture, configured: Source, **more: Any) -> Nameless:
    found = capture(raw, configured, **({"received_at": NOW} | more))
    assert isinstance(found, Nameless), found
    return found


def hmac_base64(key: str, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(key.encode(), signed, hashlib.sha256)).decode()


def answer_to(sent: SourceRequest, configured: Source, *outcomes: Any) -> tuple[int, Any]:
    answer = source_type(configured).answer(outcomes, sent, configured)
    return answer.status, json.loads(answer.body) if answer.content_type == "application/json" else answer.body


def refuses(status: int) -> Any:
    """The body can't be read, for this status."""
    return pytest.raises(Unusable, check=lambda error: error.status == status)
