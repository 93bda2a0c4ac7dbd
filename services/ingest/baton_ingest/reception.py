"""What happens to a request at a source's door: found, measured, proved, read, made durable, answered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from baton.leads.playbook.model import Playbook, Secret, Source
from baton_ingest import metrics
from baton_ingest.captures import Capture, Nameless, Refused, capture
from baton_ingest.path import Path
from baton_ingest.secrets import resolve
from baton_ingest.sources.answers import refuse
from baton_ingest.sources.registry import SOURCE_TYPES
from baton_ingest.sources.source_type import (
    Answer,
    RawCapture,
    Secrets,
    SourceRequest,
    SourceType,
    Unproven,
    Unusable,
)

log = structlog.get_logger()

_MINUTE: Final = timedelta(minutes=1)
_MAX_PEERS: Final = 10_000
PUBLIC_TYPES: Final = frozenset({"form", "web-to-lead", "pardot-form"})
"""Public by nature: what they say is a claim, not proven."""
TOKEN_TYPES: Final = frozenset({"salesforce", "chili-piper"})
"""Their `token` is in the URL that they call; elsewhere it is what we read from the vendor with."""


@dataclass(slots=True)
class RateLimit:
    """Requests of one peer within the current minute; bounded, and forgotten with the minute."""

    _minute: datetime | None = None
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def allows(self, source: str, peer: str, *, limit: int, now: datetime) -> bool:
        """Count one request; False if it is over the limit."""
        if self._minute is None or now >= self._minute + _MINUTE or len(self._counts) > _MAX_PEERS:
            self._minute = now
            self._counts.clear()
        count = self._counts[source, peer] = self._counts.get((source, peer), 0) + 1
        return count <= limit


@dataclass(slots=True)
class Reception:
    """Receives webhooks for every source of the active playbook."""

    path: Path
    playbook: Callable[[], Playbook]
    trust_all: bool = False
    """The simulator: a source whose secret is missing here takes requests without proof."""
    rates: RateLimit = field(default_factory=RateLimit)

    def source(self, name: str) -> Source | None:
        """The source of that name in the active playbook."""
        return self.playbook().sources.get(name)

    async def receive(self, request: SourceRequest, source: Source, *, peer: str, traceparent: str | None) -> Answer:
        """Take in one delivery.

        Raises:
            Away: nothing durable is within reach; the sender has to come again.
        """
        try:
            answer = await self._take(request, source, peer=peer, traceparent=traceparent)
        except Unproven:
            answer = refuse("the proof of origin is missing or wrong", status=401)
        except Unusable as error:
            answer = refuse(str(error), hint=error.hint, status=error.status)
        if answer.status >= 400:
            metrics.refused_total.labels(source=source.name, status=str(answer.status)).inc()
        return _with_cors(answer, request, source)

    async def _take(self, request: SourceRequest, source: Source, *, peer: str, traceparent: str | None) -> Answer:
        kind = SOURCE_TYPES.get(source.type)
        if kind is None:
            return refuse(f"sources of type {source.type} are not served by this release", status=501)
        proof = _proof(source)
        secrets = resolve(proof)
        if not secrets and proof is not None and not self.trust_all:
            return refuse("this source is off: its secret is not set on this server", status=503)
        if not self._may_come(request, source, peer):
            return refuse("too many requests, or a page that may not post here", status=429)
        handshake = kind.handshake(request, source, secrets)
        if handshake is not None:
            return handshake
        if request.method == "GET" and source.type != "marketo":
            return refuse("deliveries are POST requests", status=405)
        self._prove(kind, request, source, secrets)
        return await self._keep(kind, request, source, traceparent)

    def _prove(self, kind: SourceType, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        if not (self.trust_all and not secrets):
            kind.prove(request, source, secrets)

    async def _keep(self, kind: SourceType, request: SourceRequest, source: Source, traceparent: str | None) -> Answer:
        raw = kind.read(request, source)
        proven = source.type not in PUBLIC_TYPES and not source.open
        items = captures(raw, source, received_at=request.received_at, traceparent=traceparent, proven=proven)
        if not kind.retries:
            items = [_need_address(item) for item in items]
        outcomes = await self.path.submit(items)
        return kind.answer(outcomes, request, source)

    def _may_come(self, request: SourceRequest, source: Source, peer: str) -> bool:
        origin = request.headers.get("origin")
        if source.origins and origin is not None and origin not in source.origins:
            return False
        limit = source.rate_per_ip
        return limit is None or self.rates.allows(source.name, peer, limit=limit, now=request.received_at)


def _proof(source: Source) -> Secret | None:
    """The secret that a sender proves itself by; senders that can do nothing else put it into the URL as `?token=`."""
    return source.secret or (source.token if source.type in TOKEN_TYPES else None)


def captures(
    raw: Sequence[RawCapture], source: Source, *, received_at: datetime, traceparent: str | None, proven: bool
) -> list[Capture | Nameless | Refused]:
    """Make events of what was told. Something odd in one item refuses that item, not its neighbours."""
    return [capture(one, source, received_at=received_at, traceparent=traceparent, proven=proven) for one in raw]


def _need_address(item: Capture | Nameless | Refused) -> Capture | Nameless | Refused:
    """Where a person or an integration reads the answer, a missing address is told instead of parked."""
    if isinstance(item, Nameless):
        return Refused("neither an email nor a phone", "send an email address or an E.164 phone number")
    return item


def _with_cors(answer: Answer, request: SourceRequest, source: Source) -> Answer:
    origin = request.headers.get("origin")
    if origin is None or origin not in source.origins:
        return answer
    allowed: Mapping[str, str] = {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "POST, OPTIONS",
        "access-control-allow-headers": "content-type",
        "vary": "origin",
    }
    return Answer(answer.status, answer.body, answer.content_type, {**answer.headers, **allowed})
