"""The doors of ingest: a webhook for each source, and our own JSON for leads and activities."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from baton.kernel.ids import derived_id
from baton.leads.envelope import Event
from baton.leads.events import LeadErased
from baton.leads.normalising import normalise
from baton.leads.playbook.model import Source
from baton.service.access import Caller, require
from baton.service.errors import Refusal
from baton.service.requests import read_body
from baton_ingest import idempotency, repository
from baton_ingest.captures import ORIGIN, Capture, Nameless, Refused, capture
from baton_ingest.path import Away
from baton_ingest.reception import Reception
from baton_ingest.sources.answers import answer_all, answer_one, refuse
from baton_ingest.sources.canonical import items, read_activity, read_lead
from baton_ingest.sources.json_body import as_text, read_json
from baton_ingest.sources.source_type import Answer, RawCapture, SourceRequest, Unusable

router: Final = APIRouter()
MAX_BODY: Final = 8 * 1024 * 1024
RETRY_AFTER: Final = {"retry-after": "5"}


async def reception_of(request: Request) -> Reception:
    """The reception that `app.py` wired."""
    reception: Reception = request.app.state.reception
    return reception


Receiving = Annotated[Reception, Depends(reception_of)]
Ingester = Annotated[Caller, Depends(require("ingest"))]


@router.api_route("/v1/sources/{source}", methods=["GET", "POST", "OPTIONS"], tags=["sources"])
async def receive_from_source(request: Request, source: str) -> Response:
    """A webhook of that source, in its own wire format; answered as that sender expects."""
    reception: Reception = request.app.state.reception
    configured = reception.source(source)
    if configured is None:
        return _response(refuse(f"there is no source {source} in the active playbook", status=404))
    body = await read_body(request, configured.max_body)
    try:
        answer = await reception.receive(
            _source_request(request, configured, body),
            configured,
            peer=request.client.host if request.client else "",
            traceparent=request.headers.get("traceparent"),
        )
    except Away as away:
        answer = _come_again(away)
    return _response(answer)


@router.post("/v1/leads", status_code=202, tags=["leads"])
async def capture_leads(request: Request, reception: Receiving, caller: Ingester) -> Response:
    """One lead or an array of them, in our own JSON. `Idempotency-Key` is honoured."""
    return await _take(request, reception, caller, bare=False)


@router.post("/v1/activities", status_code=202, tags=["leads"])
async def capture_activities(request: Request, reception: Receiving, caller: Ingester) -> Response:
    """One activity or an array of them: `{email | phone | lead_id, kind, id?, at?, source?, data?}`."""
    return await _take(request, reception, caller, bare=True)


@router.delete("/v1/leads/{lead}", status_code=202, tags=["leads"], dependencies=[Depends(require("ingest"))])
async def erase_lead(lead: str, reception: Receiving) -> Mapping[str, str]:
    """Erase a person: every service deletes what it holds, but for the id and the instant."""
    lead_id, key = _identify(lead)
    async with reception.path.units.begin() as unit:
        await repository.erase(unit.connection, lead_id, at=unit.now)
        event_id = derived_id("lead.erased", lead_id, unit.now.isoformat())
        unit.emit(Event(id=event_id, source=ORIGIN, time=unit.now, key=key, data=LeadErased(lead_id=lead_id)))
    return {"lead_id": lead_id}


async def _take(request: Request, reception: Reception, caller: Caller, *, bare: bool) -> Response:
    body = await read_body(request, MAX_BODY)
    key = request.headers.get("idempotency-key")
    asked = (
        None if key is None else idempotency.Asked(caller.name, request.url.path, key, hashlib.sha256(body).digest())
    )
    units = reception.path.units
    try:
        if asked is not None and (first := await idempotency.first_answer(units, asked)) is not None:
            return _response(first)
        answer = await _answer(request, reception, body, asked, bare=bare)
        if asked is not None and answer.status < 500:
            await idempotency.remember(units, asked, answer)
    except Unusable as error:
        answer = refuse(str(error), hint=error.hint, status=error.status)
    except Away as away:
        answer = _come_again(away)
    return _response(answer)


async def _answer(
    request: Request, reception: Reception, body: bytes, asked: "idempotency.Asked | None", *, bare: bool
) -> Answer:
    sent = read_json(_source_request(request, _API, body))
    outcomes = await reception.path.submit(
        [
            _capture(item, reception, asked, number, request=request, bare=bare)
            for number, item in enumerate(items(sent))
        ]
    )
    return answer_all(outcomes) if isinstance(sent, list) else answer_one(outcomes[0])


_API: Final = Source(name="api", type="api")


def _capture(
    item: object, reception: Reception, asked: "idempotency.Asked | None", number: int, *, request: Request, bare: bool
) -> Capture | Nameless | Refused:
    try:
        raw = read_activity(item) if bare else read_lead(item, renamed={})
    except Unusable as error:
        return Refused(str(error), error.hint)
    if bare and raw.kind is None:
        return Refused("kind: an activity needs one", "say what the lead did: page_view, webinar, demo_request …")
    if raw.identity is None and asked is not None:
        raw = replace(raw, identity=f"{asked.caller}/{asked.path}/{asked.key}/{number}")
    received_at = reception.path.units.now()
    lead_id = as_text(item.get("lead_id")) if isinstance(item, dict) else None
    return capture(
        raw,
        _named_source(raw, reception),
        received_at=received_at,
        traceparent=request.headers.get("traceparent"),
        lead_id=lead_id if bare else None,
    )


def _named_source(raw: RawCapture, reception: Reception) -> Source:
    """The source that the lead names, with its channel and defaults; a name that the playbook lacks is only a name."""
    name = as_text(raw.fields.get("source"))
    if name is None:
        return reception.source("api") or _API
    return reception.source(name) or Source(name=name, type="api")


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


def _identify(lead: str) -> tuple[str, str]:
    """The id and the key of a lead given by id or address."""
    if "@" not in lead:
        return lead, lead
    found = normalise({"email": lead})
    if found.lead_id is None:
        raise Refusal(422, f"{lead} is no email address")
    return found.lead_id, found.account or found.lead_id


def _come_again(away: Away) -> Answer:
    answer = refuse(f"not stored, come again: {away}", status=503)
    return Answer(answer.status, answer.body, answer.content_type, RETRY_AFTER)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, dict(answer.headers), answer.content_type if answer.body else None)
