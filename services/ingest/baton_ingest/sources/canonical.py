"""Our own JSON: what `POST /v1/leads` takes, and what a Flow, an Apex callout or a script sends to its source.

A lead's fields, `activity` (a kind, or `{kind, at, id, data}`), `at`, `source`, `custom`, `test`, `event_id`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from baton.kernel.instants import parse_instant
from baton.leads.playbook.model import Source
from baton_ingest.sources.answers import answer_all, answer_one
from baton_ingest.sources.json_body import as_text, read_json
from baton_ingest.sources.proof import prove_by_secret
from baton_ingest.sources.source_type import Answer, Outcome, RawCapture, Secrets, SourceRequest, Unusable

MAX_ITEMS: Final = 1000
_OURS: Final = frozenset({"activity", "at", "event_id", "id", "test", "lead_id"})


class CanonicalJson:
    """A source that speaks our own JSON."""

    retries = False

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        if not source.open:
            prove_by_secret(request, source, secrets)

    def handshake(self, request: SourceRequest, source: Source, secrets: Secrets) -> Answer | None:
        return None

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture]:
        return [read_lead(item, renamed=source.fields) for item in items(read_json(request))]

    def answer(self, outcomes: Sequence[Outcome], request: SourceRequest, source: Source) -> Answer:
        is_array = request.body.lstrip().startswith(b"[")
        return answer_all(outcomes) if is_array else answer_one(outcomes[0])


def items(body: object) -> Sequence[object]:
    """One item or an array of them. Raises Unusable."""
    many = body if isinstance(body, list) else [body]
    if not many:
        raise Unusable("the array is empty")
    if len(many) > MAX_ITEMS:
        raise Unusable(f"{len(many)} items at once", hint=f"send at most {MAX_ITEMS} in one request", status=413)
    return many


def read_lead(item: object, *, renamed: Mapping[str, str]) -> RawCapture:
    """One lead. An item that is no object is left without fields, and refused by itself for that."""
    if not isinstance(item, dict):
        return RawCapture(fields={})
    fields = {renamed.get(name, name): value for name, value in item.items() if name not in _OURS or name in renamed}
    kind, activity_id, at, data = _activity(item.get("activity"))
    return RawCapture(
        fields=fields,
        identity=as_text(item.get("event_id")) or as_text(item.get("id")) or activity_id,
        kind=kind,
        at=at or instant(item.get("at")),
        data=data,
        test=item.get("test") is True,
    )


def read_activity(item: object) -> RawCapture:
    """One activity of a known lead: `{email | phone | lead_id, kind, id?, at?, source?, data?}`."""
    if not isinstance(item, dict):
        return RawCapture(fields={}, bare=True)
    data = item.get("data")
    extra = {"by": item["by"]} if as_text(item.get("by")) else {}
    return RawCapture(
        fields={name: item[name] for name in ("email", "phone", "country", "source") if name in item},
        identity=as_text(item.get("id")),
        kind=as_text(item.get("kind")),
        at=instant(item.get("at")),
        data={**(data if isinstance(data, dict) else {}), **extra},
        bare=True,
    )


def instant(value: object) -> datetime | None:
    """A time as ISO 8601. Raises Unusable for one that can't be read: a guess would date a lead wrongly."""
    if value is None:
        return None
    try:
        return parse_instant(str(value))
    except ValueError as error:
        raise Unusable(f"at: {error}", hint="ISO 8601 with a zone, as 2026-01-15T10:00:00Z") from None


def _activity(value: object) -> tuple[str | None, str | None, datetime | None, Mapping[str, object]]:
    if not isinstance(value, dict):
        return as_text(value), None, None, {}
    data = value.get("data")
    rest = {name: v for name, v in value.items() if name not in ("kind", "id", "at", "data")}
    return (
        as_text(value.get("kind")),
        as_text(value.get("id")),
        instant(value.get("at")),
        {**rest, **(data if isinstance(data, dict) else {})},
    )
