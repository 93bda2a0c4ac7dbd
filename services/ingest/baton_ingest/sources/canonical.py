"""Our own JSON: what `POST /v1/leads` takes, and what a Flow, an Apex callout or a script sends to its source.

A lead's fields, `activity` (a kind, or `{kind, at, id, data}`), `at`, `source`, `custom`, `test`, `event_id`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from baton.leads.playbook.model import Source
from baton_ingest.sources.answers import answer_all, answer_one
from baton_ingest.sources.json_body import as_dict, as_text, instant, is_array, read_json
from baton_ingest.sources.mapping import mapped
from baton_ingest.sources.proof import prove_by_secret_or_signature
from baton_ingest.sources.source_type import (
    POST,
    Answer,
    Outcome,
    RawCapture,
    Refused,
    Secrets,
    SourceRequest,
    Unusable,
    refusal,
)

MAX_ITEMS: Final = 1000
MAX_FIELDS: Final = 500
"""Of one lead."""
_OURS: Final = frozenset({"activity", "at", "event_id", "test", "lead_id"})
NO_OBJECT: Final = Refused("not a JSON object", "send an object with the lead's fields, or an array of them")


class CanonicalJson:
    """A source that speaks our own JSON."""

    methods = POST
    retries = False

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        if not source.open:
            prove_by_secret_or_signature(request, source, secrets)

    def handshake(self, request: SourceRequest, source: Source, secrets: Secrets) -> Answer | None:
        return None

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture | Refused]:
        many = items(read_json(request))
        return [_of_message(_lead(item, source), request, number) for number, item in enumerate(many)]

    def answer(self, outcomes: Sequence[Outcome], request: SourceRequest, source: Source) -> Answer:
        return answer_all(outcomes) if is_array(request) else answer_one(outcomes[0])


def items(body: object) -> Sequence[object]:
    """One item or an array of them. Raises Unusable."""
    many = body if isinstance(body, list) else [body]
    if not many:
        raise Unusable("the array is empty")
    if len(many) > MAX_ITEMS:
        raise Unusable(f"{len(many)} items at once", hint=f"send at most {MAX_ITEMS} in one request", status=413)
    return many


def _of_message(one: RawCapture | Refused, request: SourceRequest, number: int) -> RawCapture | Refused:
    """What has no id of its own is known by that of the signed message it came in: each retry of it has the same."""
    message_id = as_text(request.headers.get("webhook-id")) if "webhook-signature" in request.headers else None
    if isinstance(one, Refused) or one.identity is not None or message_id is None:
        return one
    return replace(one, identity=f"{message_id}/{number}" if is_array(request) else message_id)


def _lead(item: object, source: Source) -> RawCapture | Refused:
    honeypot = source.options.get("honeypot")
    if isinstance(honeypot, str) and isinstance(item, dict):
        if as_text(item.get(honeypot)):
            return Refused(f"{honeypot}: a person leaves it empty")
        item = {name: value for name, value in item.items() if name != honeypot}
    try:
        return read_lead(item, renamed=source.fields)
    except Unusable as error:
        return refusal(error)


def read_lead(item: object, *, renamed: Mapping[str, str]) -> RawCapture | Refused:
    """One lead. Raises Unusable."""
    if not isinstance(item, dict):
        return NO_OBJECT
    if len(item) > MAX_FIELDS:
        return Refused(f"{len(item)} fields in one lead", f"send at most {MAX_FIELDS}")
    ours = mapped(((name, v) for name, v in item.items() if name not in _OURS or name in renamed), renamed)
    told = _told(item.get("activity")) if "activity" not in renamed else {}
    about = {**told, **ours.about}
    activity_id = as_text(about.get("activity_id")) or as_text(told.get("id"))
    return RawCapture(
        fields=ours.fields,
        # Not its `id`: what a sender has there is the record's, which comes again with whatever that person does next.
        identity=as_text(item.get("event_id")) or as_text(ours.about.get("id")) or activity_id,
        kind=as_text(about.get("kind")),
        activity_id=activity_id,
        at=instant(about.get("at")) or instant(item.get("at")),
        data={**as_dict(told.get("data")), **ours.data},
        test=item.get("test") is True,
    )


def read_activity(item: object) -> RawCapture | Refused:
    """One activity of a known lead: `{email | phone | lead_id, kind, id?, at?, source?, data?}`. Raises Unusable."""
    if not isinstance(item, dict):
        return NO_OBJECT
    return RawCapture(
        fields={name: item[name] for name in ("email", "phone", "country") if name in item},
        identity=as_text(item.get("id")),
        kind=as_text(item.get("kind")),
        at=instant(item.get("at")),
        data=as_dict(item.get("data")),
        by=as_text(item.get("by")),
        bare=True,
    )


def _told(value: object) -> Mapping[str, object]:
    """An activity as `kind`, `id`, `at` and `data`; what else stands in it belongs to the data. Raises Unusable."""
    if isinstance(value, list):
        raise Unusable("activity: a list where one belongs", hint="send further ones to /ingest/v1/activities")
    if not isinstance(value, dict):
        return {"kind": value}
    if as_text(value.get("kind")) is None:
        raise Unusable("activity: it has no kind", hint='write {"kind": "demo_request"}')
    told = {name: value.get(name) for name in ("kind", "id", "at")}
    rest = {name: each for name, each in value.items() if name not in ("kind", "id", "at", "data")}
    return {**told, "data": {**rest, **as_dict(value.get("data"))}}
