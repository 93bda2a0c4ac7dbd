"""What happens to a request at a source's door: found, measured, proved, read, made durable, answered."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

import structlog

from baton.leads.playbook.model import Playbook, Secret, Source
from baton_ingest import metrics
from baton_ingest.captures import Capture, Nameless, capture
from baton_ingest.path import Path
from baton_ingest.secrets import resolve
from baton_ingest.sources.answers import refuse
from baton_ingest.sources.registry import SOURCE_TYPES
from baton_ingest.sources.source_type import (
    Answer,
    Outcome,
    RawCapture,
    Refused,
    Secrets,
    SourceRequest,
    SourceType,
    Unproven,
    Unusable,
)
from baton_ingest.try_out import TryOut

log = structlog.get_logger()

COME_AGAIN: Final = {"retry-after": "5"}
_MINUTE: Final = timedelta(minutes=1)
_MAX_PEERS: Final = 10_000
_READ_AT_ONCE: Final = 128 * 1024
"""Bytes. What is larger takes more than some milliseconds to read."""
PUBLIC_TYPES: Final = frozenset({"form", "web-to-lead", "pardot-form"})
"""Public by nature: what they say is a claim, not proven."""
TOKEN_TYPES: Final = frozenset({"form", "json", "salesforce", "chili-piper"})
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
    try_out: TryOut
    trust_all: bool = False
    """The simulator: a source whose secret is missing here takes requests without proof."""
    rates: RateLimit = field(default_factory=RateLimit)

    def warn_of_sources_that_are_off(self, playbook: Playbook) -> None:
        """Say which sources of a playbook refuse everything here, before somebody misses their leads."""
        if self.trust_all:
            return
        proofs = {name: proof for name, one in playbook.sources.items() if (proof := proof_of(one)) is not None}
        off = {name: list(proof.references) for name, proof in proofs.items() if not resolve(proof)}
        if off:
            why = "their secrets are not set on this server"
            log.warning("sources_off", sources=list(off), why=why, secrets=sorted({*chain(*off.values())}))

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
            # The sender isn't told more. A wrong address shows here: some sign it. The query may hold a token.
            log.info("source_unproven", source=source.name, url=request.url.partition("?")[0])
            answer = refuse("the proof of origin is missing or wrong", status=401)
        except Unusable as error:
            answer = refuse(str(error), hint=error.hint, status=error.status)
        if answer.status >= 400:
            metrics.refused_total.labels(source=source.name, status=str(answer.status)).inc()
        return _with_cors(answer, request, source)

    async def take_in(self, items: Sequence[Capture | Nameless | Refused]) -> Sequence[Outcome]:
        """Make captures durable, in order; tests are told what would happen then. As `Path.submit`."""
        return await self.try_out.tell(items, await self.path.submit(items))

    async def _take(self, request: SourceRequest, source: Source, *, peer: str, traceparent: str | None) -> Answer:
        kind = SOURCE_TYPES.get(source.type)
        if kind is None:
            return refuse(f"sources of type {source.type} are not served by this release", status=501)
        refused = self._at_the_door(kind, request, source, peer)
        if refused is not None:
            return refused
        proof = proof_of(source)
        secrets = resolve(proof)
        source = with_secrets(source)
        if not secrets and proof is not None and not self.trust_all:
            why = "this source is off: its secret is not set on this server"
            return refuse(why, status=503, headers=COME_AGAIN)
        handshake = kind.handshake(request, source, secrets)
        if handshake is not None:
            return handshake
        raw = await _read(kind, request, source, secrets, is_proven=not secrets and self.trust_all)
        return await self._keep(kind, raw, request, source, traceparent=traceparent)

    def _at_the_door(self, kind: SourceType, request: SourceRequest, source: Source, peer: str) -> Answer | None:
        """Whether this request may come at all, by its method, its page and its sender's rate."""
        if request.method not in kind.methods:
            allowed = ", ".join(sorted(kind.methods))
            return refuse(f"this source takes {allowed}", status=405, headers={"allow": allowed})
        origin = request.headers.get("origin")
        if source.origins and origin is not None and origin not in source.origins:
            return refuse("this page may not post here", hint="add it to the source's origins", status=403)
        limit = source.rate_per_ip
        if request.method == "OPTIONS" or limit is None:
            return None
        if not self.rates.allows(source.name, peer, limit=limit, now=request.received_at):
            return refuse("too many requests from this address", status=429, headers={"retry-after": "60"})
        return None

    async def _keep(
        self,
        kind: SourceType,
        raw: Sequence[RawCapture | Refused],
        request: SourceRequest,
        source: Source,
        *,
        traceparent: str | None,
    ) -> Answer:
        proven = proof_of(source) is not None or source.type not in PUBLIC_TYPES
        items = [
            one
            if isinstance(one, Refused)
            else capture(
                one,
                source,
                received_at=request.received_at,
                traceparent=traceparent,
                proven=proven and not source.open,
                may_wait=kind.retries,
            )
            for one in raw
        ]
        return kind.answer(await self.take_in(items), request, source)


async def _read(
    kind: SourceType, request: SourceRequest, source: Source, secrets: Secrets, *, is_proven: bool
) -> Sequence[RawCapture | Refused]:
    """Prove and read a body; a large one beside the event loop: it may come from anybody, and take a second."""

    def read() -> Sequence[RawCapture | Refused]:
        if not is_proven:
            kind.prove(request, source, secrets)
        return kind.read(request, source)

    return read() if len(request.body) <= _READ_AT_ONCE else await asyncio.to_thread(read)


def with_secrets(source: Source) -> Source:
    """The source with the values of its further secrets in their place."""
    found = {name: tuple(resolve(each)) for name, each in source.options.items() if isinstance(each, Secret)}
    return replace(source, options={**source.options, **found}) if found else source


def proof_of(source: Source) -> Secret | None:
    """The secret that a sender proves itself by; senders that can do nothing else put it into the URL as `?token=`."""
    return source.secret or (source.token if source.type in TOKEN_TYPES else None)


def _with_cors(answer: Answer, request: SourceRequest, source: Source) -> Answer:
    origin = request.headers.get("origin")
    if origin is None or origin not in source.origins:
        return answer if not source.origins else replace(answer, headers={**answer.headers, "vary": "origin"})
    allowed: Mapping[str, str] = {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "POST, OPTIONS",
        "access-control-allow-headers": "content-type",
        "vary": "origin",
    }
    return replace(answer, headers={**answer.headers, **allowed})
