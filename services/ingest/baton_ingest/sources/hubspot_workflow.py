"""HubSpot's "send a webhook" action in a workflow: the contact in its legacy shape, or a flat body of the admin's.

Source: HubSpot, "How do I use webhooks with HubSpot workflows" and "Request validation" (signatures v2 and v3).
HubSpot gives no delivery id: a repeat is known by portal, contact, newest form conversion and last change. Who is
enrolled again has changed since and is told again; the conversion behind it stays one activity.
"""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from baton.leads.playbook.model import Source
from baton_ingest.sources.answers import answer_one
from baton_ingest.sources.json_body import as_dict, as_list, as_text, milliseconds, read_object, readable_instant
from baton_ingest.sources.mapping import mapped
from baton_ingest.sources.proof import any_same, base64_text, has_header, hmac_sha256, is_fresh
from baton_ingest.sources.source_type import POST, Answer, Outcome, RawCapture, Secrets, SourceRequest, Unproven

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

    methods = POST
    retries = True

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        if source.open or (source.header is not None and has_header(request, source, secrets)):
            return
        versions = source.options.get("signature_version")
        if not is_signed(request, secrets, versions if isinstance(versions, tuple) else ("v2", "v3")):
            raise Unproven

    def handshake(self, request: SourceRequest, source: Source, secrets: Secrets) -> Answer | None:
        return None

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture]:
        body = read_object(request)
        return [_contact(body, source) if isinstance(body.get("properties"), dict) else _flat(body, source)]

    def answer(self, outcomes: Sequence[Outcome], request: SourceRequest, source: Source) -> Answer:
        return answer_one(outcomes[0])


def is_signed(request: SourceRequest, secrets: Secrets, versions: Collection[str]) -> bool:
    """Whether the newest signature that was sent is valid, and one of these versions.

    There is no way back from a stale v3 to the older ones beside it: without a time in them they can be replayed.
    """
    if "x-hubspot-signature-v3" in request.headers and "v3" in versions:
        return is_signed_v3(request, secrets)
    sent = request.headers.get("x-hubspot-signature-version", "v1").lower()
    if sent not in versions:
        return False
    return is_signed_v2(request, secrets) if sent == "v2" else sent == "v1" and is_signed_v1(request, secrets)


def is_signed_v1(request: SourceRequest, secrets: Secrets) -> bool:
    """SHA-256 of secret and body, as hex: only what the playbook allows by name is proven by it."""
    given = request.headers.get("x-hubspot-signature", "")
    return any_same(given, (hashlib.sha256(_bytes(secret) + request.body).hexdigest() for secret in secrets))


def is_signed_v2(request: SourceRequest, secrets: Secrets) -> bool:
    """SHA-256 of secret, method, URL and body, as hex. It has no time in it: only the workflow action uses it."""
    given = request.headers.get("x-hubspot-signature", "")
    signed = _bytes(f"{request.method}{request.url}") + request.body
    return any_same(given, (hashlib.sha256(_bytes(secret) + signed).hexdigest() for secret in secrets))


def is_signed_v3(request: SourceRequest, secrets: Secrets) -> bool:
    """HMAC-SHA256 of method, decoded URL, body and time, in base64; no older or newer than five minutes."""
    sent_at = request.headers.get("x-hubspot-request-timestamp", "")
    if not is_fresh(sent_at, request.received_at):
        return False
    signed = _bytes(f"{request.method}{decoded(request.url)}") + request.body + sent_at.encode()
    given = request.headers.get("x-hubspot-signature-v3", "")
    return any_same(given, (base64_text(hmac_sha256(secret, signed)) for secret in secrets))


def decoded(url: str) -> str:
    """The URL as HubSpot signs it."""
    return _ESCAPE.sub(lambda match: _DECODED[match[1].upper()], url)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _contact(body: Mapping[str, object], source: Source) -> RawCapture:
    values = {name: _value(content) for name, content in as_dict(body.get("properties")).items()}
    if not values.get("email"):
        values["email"] = _identified_email(body)
    conversion = _newest_conversion(body)
    contact = as_text(body.get("canonical-vid")) or as_text(body.get("vid"))
    converted, changed = as_text(conversion.get("conversion-id")), as_text(values.get("lastmodifieddate"))
    versions = [each for each in (converted, changed) if each is not None] if contact else []
    person = f"{as_text(body.get('portal-id'))}/{contact}"
    others = [as_text(body.get("vid")), *map(as_text, as_list(body.get("merged-vids")))]
    ours = mapped(_sent(values, source), source.fields, PROPERTIES)
    told = {name: conversion[theirs] for theirs, name in _CONVERSION.items() if theirs in conversion}
    return RawCapture(
        fields=ours.fields,
        identity="/".join((person, *versions)) if versions else None,
        activity_id=f"{person}/{versions[0]}" if versions else None,
        vendor_id=contact,
        other_ids=[each for each in others if each is not None and each != contact],
        kind=as_text(ours.about.get("kind")) or source.activity or ("form_fill" if conversion else None),
        at=milliseconds(conversion.get("timestamp")) or milliseconds(values.get("lastmodifieddate")),
        data={**told, **ours.data},
    )


_CONVERSION: Final = {"form-id": "form", "title": "title", "page-url": "page"}


def _flat(body: Mapping[str, object], source: Source) -> RawCapture:
    about = {name: body[name] for name in _ABOUT if name in body and name not in source.fields}
    theirs = {name: value for name, value in body.items() if name not in about}
    ours = mapped(_sent(theirs, source), source.fields, PROPERTIES)
    return RawCapture(
        fields=ours.fields,
        identity=as_text(ours.about.get("id")) or as_text(about.get("event_id")),
        vendor_id=as_text(about.get("vid")) or as_text(about.get("hs_object_id")),
        kind=as_text(ours.about.get("kind")) or as_text(about.get("event")),
        at=readable_instant(ours.about.get("at") or about.get("at")),
        data=ours.data,
        test=about.get("test") is True,
    )


_ABOUT: Final = ("vid", "hs_object_id", "event_id", "event", "at", "test")


def _sent(values: Mapping[str, object], source: Source) -> list[tuple[str, object]]:
    """What has a value (never filled in isn't told from cleared), without HubSpot's hundreds of own properties."""
    names = {**PROPERTIES, **source.fields}
    own = ("hs_", "num_", "lastmodified", "createdate")
    return [
        (name, value)
        for name, value in values.items()
        if value is not None and value != "" and (name in names or not name.startswith(own))
    ]


def _value(content: object) -> object:
    return as_text(content.get("value")) if isinstance(content, dict) else content


def _identified_email(body: Mapping[str, object]) -> str | None:
    """The address by which HubSpot knows the contact."""
    for profile in map(as_dict, as_list(body.get("identity-profiles"))):
        for identity in map(as_dict, as_list(profile.get("identities"))):
            if identity.get("type") == "EMAIL":
                return as_text(identity.get("value"))
    return None


def _newest_conversion(body: Mapping[str, object]) -> Mapping[str, object]:
    submissions = [as_dict(one) for one in as_list(body.get("form-submissions"))]
    dated = [(at, one) for one in submissions if (at := milliseconds(one.get("timestamp"))) is not None]
    if dated:
        return max(dated, key=lambda each: each[0])[1]
    return submissions[0] if submissions else {}
