"""HubSpot's "send a webhook" action in a workflow: the contact in its legacy shape, or a flat body of the admin's.

Source: HubSpot, "How do I use webhooks with HubSpot workflows" and "Request validation" (signatures v2 and v3).
HubSpot gives no delivery id: a repeat is known by portal, contact and newest form conversion, else by the last change.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from baton.leads.playbook.model import Source
from baton_ingest.sources.answers import answer_one
from baton_ingest.sources.json_body import as_text, read_object
from baton_ingest.sources.proof import any_same, base64_text, has_header, hmac_sha256, is_fresh
from baton_ingest.sources.source_type import Answer, Outcome, RawCapture, Secrets, SourceRequest, Unproven

_DECODED: Final = {
    "3A": ":", "2F": "/", "3F": "?", "40": "@", "21": "!", "24": "$", "27": "'",
    "28": "(", "29": ")", "2A": "*", "2C": ",", "3B": ";",
}  # fmt: skip
"""The escapes that HubSpot decodes in the URL before it signs. All others stay as they are."""
_ESCAPE: Final = re.compile("%(" + "|".join(_DECODED) + ")", re.IGNORECASE)

PROPERTIES: Final[Mapping[str, str]] = {
    "email": "email", "firstname": "first_name", "lastname": "last_name", "company": "company", "jobtitle": "title",
    "phone": "phone", "mobilephone": "phone", "country": "country", "ip_country_code": "ip_country",
    "state": "state", "zip": "postal_code", "city": "city", "numberofemployees": "employees",
    "numemployees": "employees", "industry": "industry", "website": "website", "hs_language": "language",
}  # fmt: skip
"""HubSpot's contact properties in our words."""


class HubSpotWorkflow:
    """The webhook action of a HubSpot workflow."""

    retries = True

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        if source.open or (source.header is not None and has_header(request, source, secrets)):
            return
        if "x-hubspot-signature-v3" in request.headers:
            valid = is_signed_v3(request, secrets)
        else:
            valid = request.headers.get("x-hubspot-signature-version") == "v2" and is_signed_v2(request, secrets)
        if not valid:
            raise Unproven

    def handshake(self, request: SourceRequest, source: Source, secrets: Secrets) -> Answer | None:
        return None

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture]:
        body = read_object(request)
        properties = body.get("properties")
        if isinstance(properties, dict):
            return [_contact(body, properties, source)]
        return [_flat(body, source)]

    def answer(self, outcomes: Sequence[Outcome], request: SourceRequest, source: Source) -> Answer:
        return answer_one(outcomes[0])


def is_signed_v2(request: SourceRequest, secrets: Secrets) -> bool:
    """SHA-256 of secret, method, URL and body, as hex. It has no time in it: only the workflow action uses it."""
    given = request.headers.get("x-hubspot-signature", "")
    signed = f"{request.method}{request.url}".encode() + request.body
    return any_same(given, (hashlib.sha256(secret.encode() + signed).hexdigest() for secret in secrets))


def is_signed_v3(request: SourceRequest, secrets: Secrets) -> bool:
    """HMAC-SHA256 of method, decoded URL, body and time, in base64; no older or newer than five minutes."""
    sent_at = request.headers.get("x-hubspot-request-timestamp", "")
    if not is_fresh(sent_at, request.received_at):
        return False
    signed = f"{request.method}{decoded(request.url)}".encode() + request.body + sent_at.encode()
    given = request.headers.get("x-hubspot-signature-v3", "")
    return any_same(given, (base64_text(hmac_sha256(secret, signed)) for secret in secrets))


def decoded(url: str) -> str:
    """The URL as HubSpot signs it."""
    return _ESCAPE.sub(lambda match: _DECODED[match[1].upper()], url)


def _contact(body: Mapping[str, object], properties: Mapping[str, object], source: Source) -> RawCapture:
    values = {name: _value(content) for name, content in properties.items()}
    conversion = _newest_conversion(body.get("form-submissions"))
    contact = as_text(body.get("canonical-vid")) or as_text(body.get("vid"))
    version = as_text(conversion.get("conversion-id")) or values.get("lastmodifieddate")
    identity = None
    if contact and version:
        identity = f"{as_text(body.get('portal-id'))}/{contact}/{version}"
    at = _milliseconds(conversion.get("timestamp")) or _milliseconds(values.get("lastmodifieddate"))
    return RawCapture(
        fields=_fields(values, source),
        identity=identity,
        vendor_id=contact,
        kind=source.activity or ("form_fill" if conversion else None),
        at=at,
        data={ours: conversion[name] for name, ours in _CONVERSION.items() if name in conversion},
    )


_CONVERSION: Final = {"form-id": "form", "title": "title", "page-url": "page"}


def _flat(body: Mapping[str, object], source: Source) -> RawCapture:
    values = {name: as_text(value) for name, value in body.items()}
    vendor_id = values.pop("vid", None) or values.pop("hs_object_id", None)
    event_id = values.pop("event_id", None)
    kind = values.pop("event", None)
    return RawCapture(fields=_fields(values, source), identity=event_id, vendor_id=vendor_id, kind=kind)


def _fields(values: Mapping[str, str | None], source: Source) -> Mapping[str, object]:
    """Our names; HubSpot's hundreds of own `hs_` properties are left out unless the playbook maps them."""
    names = {**PROPERTIES, **source.fields}
    fields: dict[str, object] = {}
    for theirs, value in values.items():
        if value is None or (theirs not in names and theirs.startswith(("hs_", "num_", "lastmodified", "createdate"))):
            continue
        fields.setdefault(names.get(theirs, theirs), value)
    return fields


def _value(content: object) -> str | None:
    return as_text(content.get("value")) if isinstance(content, dict) else as_text(content)


def _newest_conversion(submissions: object) -> Mapping[str, object]:
    if not isinstance(submissions, list):
        return {}
    readable = [one for one in submissions if isinstance(one, dict)]
    return max(readable, key=lambda one: int(as_text(one.get("timestamp")) or 0), default={})


def _milliseconds(value: object) -> datetime | None:
    text = as_text(value)
    if text is None or not text.isdigit() or len(text) > 14:
        return None
    return datetime.fromtimestamp(int(text) / 1000, UTC)
