"""The doors of ingest: a webhook for each source, and our own JSON for leads and activities."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from fastapi import APIRouter, Request, Response

from baton.leads.naming import as_lead_id
from baton.leads.normalising.text import storable
from baton.leads.playbook.model import Source
from baton.service.access import Caller, require
from baton.service.idempotency import KEPT, Asked
from baton.service.requests import read_body, sent_header
from baton_ingest.captures import Capture, Nameless, capture, read_kind
from baton_ingest.idempotency import first_answer, identity, release, remember
from baton_ingest.path import Away
from baton_ingest.reception import COME_AGAIN, Reception
from baton_ingest.reference import ACTIVITIES, LEADS
from baton_ingest.sources.answers import answer_all, answer_one, refuse
from baton_ingest.sources.canonical import items, read_activity, read_lead
from baton_ingest.sources.json_body import as_text, parse_json
from baton_ingest.sources.source_type import (
    Answer,
    RawCapture,
    Refused,
    SourceRequest,
    Unusable,
    media_type,
    refusal,
)

router: Final = APIRouter()
MAX_BODY: Final = 8 * 1024 * 1024
METHODS: Final = ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"]
"""At a source's door, beside POST. Each type of source says which of them it takes."""
_LONGEST_NAME: Final = 100
_TRACEPARENT: Final = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


_ingester: Final = require("ingest")


@router.post("/v1/sources/{source}", tags=["sources"])
@router.api_route("/v1/sources/{source}", methods=METHODS, include_in_schema=False)
async def receive_from_source(request: Request, source: str) -> Response:
    """A webhook of that source, in its own wire format; answered as that sender expects."""
    reception = _reception(request)
    configured = reception.source(source)
    if configured is None:
        return _response(refuse(f"there is no source {source} in the active playbook", status=404))
    if configured.type == "api":  # its proof is an API key
        return await _take(request, await _ingester(request), source=configured)
    body = await read_body(request, configured.max_body)
    try:
        answer = await reception.receive(
            _source_request(request, configured, body),
            configured,
            peer=request.client.host if request.client else "",
            traceparent=_traceparent(request),
        )
    except Away as away:
        answer = _come_again(away)
    return _response(answer)


@router.post("/v1/leads", status_code=202, tags=["leads"], openapi_extra=LEADS)
async def capture_leads(request: Request) -> Response:
    """One lead or an array of them, in our own JSON. `Idempotency-Key` is honoured."""
    return await _take(request, await _ingester(request))


@router.post("/v1/activities", status_code=202, tags=["leads"], openapi_extra=ACTIVITIES)
async def capture_activities(request: Request) -> Response:
    """One activity or an array of them: `{email | phone | lead_id, kind, id?, at?, source?, data?}`."""
    return await _take(request, await _ingester(request), bare=True)


def _reception(request: Request) -> Reception:
    """The reception that `app.py` wired."""
    reception: Reception = request.app.state.reception
    return reception


async def _take(request: Request, caller: Caller, *, source: Source | None = None, bare: bool = False) -> Response:
    body = await read_body(request, MAX_BODY if source is None else source.max_body)
    order = _Order(request, _reception(request), body, _asked(request, caller, body), source, bare)
    try:
        answer = await _answer(order)
    except Unusable as error:
        answer = refuse(str(error), hint=error.hint, status=error.status)
    except Away as away:
        answer = _come_again(away)
    return _response(answer)


@dataclass(frozen=True, slots=True)
class _Order:
    """A request in our own JSON. `bare`: activities without anything about the person."""

    request: Request
    reception: Reception
    body: bytes
    asked: Asked | None
    source: Source | None
    bare: bool


def _asked(request: Request, caller: Caller, body: bytes) -> Asked | None:
    key = sent_header(request.scope, b"idempotency-key")
    return Asked(caller.name, request.url.path, key, hashlib.sha256(body).digest()) if key else None


async def _answer(order: _Order) -> Answer:
    units, asked = order.reception.path.units, order.asked
    if asked is not None and (first := await first_answer(units, asked)) is not None:
        return first
    try:
        answer, lead_ids = await _take_in(order)
    except (Unusable, Away):
        if asked is not None:
            await release(units, asked)
        raise
    if asked is not None:
        await remember(units, asked, answer, lead_ids=lead_ids)
    return answer


async def _take_in(order: _Order) -> tuple[Answer, set[str]]:
    """The answer, and the leads that it speaks of."""
    sent = parse_json(order.body, _content_type(order.request))
    many = [_capture(item, number, order) for number, item in enumerate(items(sent))]
    outcomes = await order.reception.take_in(many)
    answer = answer_all(outcomes) if isinstance(sent, list) else answer_one(outcomes[0])
    return answer, {each.lead_id for each in outcomes if each.lead_id is not None}


def _content_type(request: Request) -> str:
    """The media type; of several headers the last counts, as at the doors of sources."""
    sent = [value for name, value in request.scope["headers"] if name == b"content-type"]
    return media_type(sent[-1].decode("latin-1")) if sent else ""


def _capture(item: object, number: int, order: _Order) -> Capture | Nameless | Refused:
    def known_by(raw: RawCapture) -> RawCapture:
        if raw.identity is not None or order.asked is None:
            return raw
        stand_in = identity(order.asked, number)
        return replace(raw, identity=stand_in, repeats_for=KEPT, activity_id=raw.activity_id or "")

    manner = Manner(order.reception, known_by, order.source, order.bare, _traceparent(order.request))
    return capture_item(item, manner)


@dataclass(frozen=True, slots=True)
class Manner:
    """How an item in our own JSON is read. `known_by` may give it an id, by which a repeat is known."""

    reception: Reception
    known_by: Callable[[RawCapture], RawCapture]
    source: Source | None = None
    bare: bool = False
    traceparent: str | None = None


def capture_item(item: object, manner: Manner) -> Capture | Nameless | Refused:
    """What one lead, or activity, in our own JSON becomes."""
    renamed = manner.source.fields if manner.source else {}
    try:
        raw = read_activity(item) if manner.bare else read_lead(item, renamed=renamed)
        lead_id = _named_lead(item) if manner.bare else None
    except Unusable as error:
        return refusal(error)
    if isinstance(raw, Refused):
        return raw
    source = manner.source or _named_source(item, manner.reception)
    if manner.bare and read_kind(raw.kind, source.activity)[0] is None:
        return Refused("kind: an activity needs one", "say what the lead did: page_view, webinar, demo_request …")
    return capture(
        manner.known_by(raw),
        source,
        received_at=manner.reception.path.units.now(),
        traceparent=manner.traceparent,
        lead_id=lead_id,
    )


def _named_lead(item: object) -> str | None:
    named = as_text(item.get("lead_id")) if isinstance(item, dict) else None
    if named is None:
        return None
    lead_id = as_lead_id(named)
    if lead_id is None:
        raise Unusable("lead_id: not an id of a lead", hint="it is a UUID; for an address write email or phone")
    return lead_id


def _named_source(item: object, reception: Reception) -> Source:
    """The source that the lead names, with its channel and defaults; a name that the playbook lacks is only a name."""
    name = as_text(item.get("source")) if isinstance(item, dict) else None
    name = None if name is None else storable(name[:_LONGEST_NAME]).strip()
    return reception.source(name or "api") or Source(name=name or "api", type="api")


def _traceparent(request: Request) -> str | None:
    """The trace that the sender is in. Source: W3C Trace Context, 3.2.2; anything else is dropped."""
    sent = sent_header(request.scope, b"traceparent") or ""
    return sent if _TRACEPARENT.fullmatch(sent) else None


def _source_request(request: Request, source: Source, body: bytes) -> SourceRequest:
    return SourceRequest(
        method=request.method,
        url=_public_url(request, source),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers.raw},
        query=dict(request.query_params),
        body=body,
        received_at=request.app.state.service.clock.now(),
    )


def _public_url(request: Request, source: Source) -> str:
    """The URL as the sender knows it: configured, because a proxy changes what arrives here."""
    base = source.public_url
    if base is None and (public := request.app.state.public_url) is not None:
        base = f"{public.rstrip('/')}/ingest/v1/sources/{source.name}"
    if base is None:
        return str(request.url)
    query = request.scope.get("query_string", b"").decode("latin-1")
    return f"{base}?{query}" if query else base


def _come_again(away: Away) -> Answer:
    answer = refuse(f"not stored, come again: {away}", status=503)
    return replace(answer, headers=COME_AGAIN)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, dict(answer.headers), answer.content_type if answer.body else None)
