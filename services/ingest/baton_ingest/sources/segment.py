"""Segment and RudderStack: what people do in a product, and who they say they are.

Source: Segment, "Webhooks" and "Webhooks (Actions)"; RudderStack, "Webhook destination". `messageId` is the identity.
Anonymous people have no address: what they do waits under the ids of user and browser until one arrives.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

import orjson

from baton.leads.playbook.model import Source
from baton_ingest.sources.canonical import NO_OBJECT
from baton_ingest.sources.json_body import as_dict, as_text, is_array, read_json, readable_instant
from baton_ingest.sources.mapping import mapped
from baton_ingest.sources.posted import Posted
from baton_ingest.sources.proof import any_same, has_header, prove_by_secret
from baton_ingest.sources.source_type import RawCapture, Refused, Secrets, SourceRequest, Unproven, Unusable

MAX_BATCH: Final = 4000
TRAITS: Final[Mapping[str, str]] = {
    "email": "email", "firstName": "first_name", "lastName": "last_name", "name": "name", "title": "title",
    "jobTitle": "title", "phone": "phone", "website": "website", "country": "country", "state": "state", "city": "city",
    "postalCode": "postal_code", "employees": "employees", "industry": "industry",
}  # fmt: skip
_VIEWS: Final = {"page": "page_view", "screen": "screen_view"}


class Segment(Posted):
    """Segment's webhook destination, single or batched."""

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        """The signature for a single event. Of a batch it covers only the first: that needs the header."""
        in_header = source.options.get("header_secret")
        if source.open or (isinstance(in_header, tuple) and source.header and has_header(request, source, in_header)):
            return
        if is_array(request) or not _is_signed(request, secrets):
            raise Unproven

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture | Refused]:
        return read_messages(request, source)


class RudderStack(Posted):
    """RudderStack's webhook destination: Segment's bodies, proven by a header."""

    methods = frozenset({"POST", "PUT", "PATCH"})

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        if not source.open:
            prove_by_secret(request, source, secrets)

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture | Refused]:
        return read_messages(request, source)


def read_messages(request: SourceRequest, source: Source) -> Sequence[RawCapture | Refused]:
    """The messages that tell of people; groups, aliases and what is unknown are passed over. Raises Unusable."""
    body = read_json(request)
    many = body if isinstance(body, list) else [body]
    if len(many) > MAX_BATCH:
        raise Unusable(f"{len(many)} events at once", hint=f"at most {MAX_BATCH} come in one batch", status=413)
    return list(_messages(many, source))


def _is_signed(request: SourceRequest, secrets: Secrets) -> bool:
    """HMAC-SHA1 of the body as hex: of its bytes, or as `JSON.stringify` would write them again."""
    given = request.headers.get("x-signature", "")
    bodies = [request.body]
    with suppress(orjson.JSONDecodeError, TypeError):  # no JSON, or nested deeper than can be written
        bodies.append(orjson.dumps(orjson.loads(request.body)))
    expected = [
        hmac.digest(secret.encode("utf-8", "surrogatepass"), body, hashlib.sha1).hex()
        for secret in secrets
        for body in bodies
    ]
    return any_same(given, expected)


def _messages(many: Sequence[object], source: Source) -> Iterator[RawCapture | Refused]:
    for item in many:
        if not isinstance(item, dict):
            yield NO_OBJECT
        elif item.get("type") == "identify":
            yield _message(item, source, kind=None)
        elif item.get("type") == "track":
            yield _message(item, source, kind=as_text(item.get("event")) or "track")
        elif (view := _VIEWS.get(str(item.get("type")))) is not None:
            yield _message(item, source, kind=view)


def _message(item: Mapping[str, object], source: Source, *, kind: str | None) -> RawCapture:
    """`kind` None: an identify, which tells who somebody is; its activity is the source's, if it names one."""
    properties, context = as_dict(item.get("properties")), as_dict(item.get("context"))
    traits = {**as_dict(context.get("traits")), **as_dict(item.get("traits"))}
    user, browser = as_text(item.get("userId")), as_text(item.get("anonymousId"))
    sent = [*_flat(traits)]
    if kind is not None and "email" not in traits:
        sent.append(("email", properties.get("email")))
    ours = mapped(((name, value) for name, value in sent if value not in ("", None)), source.fields, TRAITS)
    campaign = as_dict(context.get("campaign"))
    if campaign and kind is None:
        ours.fields.setdefault("utm", campaign)
    return RawCapture(
        fields=ours.fields,
        identity=as_text(item.get("messageId")),
        vendor_id=None if user is None else f"user:{user}",
        shared_ids=[] if browser is None else [f"browser:{browser}"],
        kind=kind,
        at=readable_instant(item.get("timestamp")) or readable_instant(item.get("sentAt")),
        data={**{name: value for name, value in properties.items() if name != "email"}, **ours.data},
        bare=kind is not None,
    )


def _flat(traits: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Traits, the company's and the address' among them."""
    company, address = traits.get("company"), as_dict(traits.get("address"))
    yield from ((name, value) for name, value in traits.items() if name not in ("company", "address"))
    yield "company", as_dict(company).get("name") if isinstance(company, dict) else company
    yield from ((name, as_dict(company)[name]) for name in ("employees", "industry") if name in as_dict(company))
    yield from ((name, value) for name, value in address.items() if name in TRAITS)
