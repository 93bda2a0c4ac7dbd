"""CloudEvents by HTTP, our own JSON as their data: binary, structured and batched, with the webhook handshake.

Source: CloudEvents 1.0.2, HTTP protocol binding and "HTTP 1.1 Web Hooks for Event Delivery". An event is known by its
`source` and `id` together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from baton.leads.playbook.model import Source
from baton_ingest.sources.canonical import NO_OBJECT, items, read_lead
from baton_ingest.sources.json_body import as_dict, as_text, read_json, readable_instant
from baton_ingest.sources.posted import Posted
from baton_ingest.sources.proof import prove_by_secret
from baton_ingest.sources.source_type import Answer, RawCapture, Refused, Secrets, SourceRequest, Unusable, refusal

_STRUCTURED: Final = "application/cloudevents+json"
_BATCH: Final = "application/cloudevents-batch+json"


class CloudEvents(Posted):
    """A sender of CloudEvents."""

    methods = frozenset({"POST", "OPTIONS"})

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        if not source.open:
            prove_by_secret(request, source, secrets)

    def handshake(self, request: SourceRequest, source: Source, secrets: Secrets) -> Answer | None:
        """Consent to deliveries from whoever asks: each of them has to prove itself."""
        if request.method != "OPTIONS":
            return None
        origin = request.headers.get("webhook-request-origin", "")
        allowed = {"webhook-allowed-origin": origin} if origin.isascii() and origin.isprintable() and origin else {}
        rate = {"webhook-allowed-rate": "*"} if "webhook-request-rate" in request.headers else {}
        return Answer(204, b"", headers={**allowed, **rate, "allow": "OPTIONS, POST"})

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture | Refused]:
        body = read_json(request)
        if request.content_type == _BATCH:
            return [_event(each, source) for each in items(body)]
        if request.content_type == _STRUCTURED:
            return [_event(body, source)]
        attributes = {name[3:]: unquote(value) for name, value in request.headers.items() if name.startswith("ce-")}
        return [_event({**attributes, "data": body}, source)]


def _event(event: object, source: Source) -> RawCapture | Refused:
    told = as_dict(event)
    parts = [as_text(told.get(name)) for name in ("source", "id", "type", "specversion")]
    if not all(parts) or not isinstance(told.get("data"), dict):
        return Refused("no CloudEvent with data", "it needs id, source, type, specversion and data, a JSON object")
    try:
        return _lead(as_dict(told["data"]), told, source)
    except Unusable as error:
        return refusal(error)


def _lead(data: Mapping[str, object], event: Mapping[str, object], source: Source) -> RawCapture | Refused:
    raw = read_lead(dict(data), renamed=source.fields)
    if isinstance(raw, Refused):
        return NO_OBJECT
    identity = f"{as_text(event.get('source'))}#{as_text(event.get('id'))}"
    activity_id, at = raw.activity_id or raw.identity, raw.at or readable_instant(event.get("time"))
    return replace(raw, identity=identity, activity_id=activity_id, at=at)
