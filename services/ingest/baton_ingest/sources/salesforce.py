"""Salesforce Outbound Message: SOAP 1.1 with 1 to 100 notifications, acknowledged all together.

Source: Salesforce, "Outbound messaging: notifications()". Only HTTP 200 with this `Ack` ends the retries, which go on
for 24 hours. A retry carries the record as it is now, so a notification means "changed", not "was so".
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from baton.leads.playbook.model import Source
from baton_ingest.sources.json_body import as_text, readable_instant
from baton_ingest.sources.mapping import mapped
from baton_ingest.sources.proof import has_token, same
from baton_ingest.sources.source_type import (
    POST,
    Answer,
    Outcome,
    RawCapture,
    Secrets,
    SourceRequest,
    Unproven,
    Unusable,
)

_OUTBOUND: Final = "{http://soap.sforce.com/2005/09/outbound}"
_PIECE: Final = 64 * 1024
_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_ACK: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    b"</soapenv:Body></soapenv:Envelope>"
)
_XML_TYPES: Final = frozenset({"text/xml", "application/xml", "application/soap+xml", ""})
MAX_NOTIFICATIONS: Final = 100
MAX_TAGS: Final = 200_000
"""Tags and attributes of one message: a hundred records of several hundred fields each."""
FIELDS: Final[Mapping[str, str]] = {
    "Email": "email", "FirstName": "first_name", "LastName": "last_name", "Company": "company", "Title": "title",
    "Phone": "phone", "MobilePhone": "phone", "CountryCode": "country", "Country": "country", "StateCode": "state",
    "State": "state", "PostalCode": "postal_code", "City": "city", "NumberOfEmployees": "employees",
    "Industry": "industry", "Website": "website",
}  # fmt: skip
"""Fields of Lead and Contact in our words. Of two that mean the same the first written here wins."""
_SYSTEM: Final = frozenset({
    "Id", "SystemModstamp", "LastModifiedDate", "CreatedDate", "CreatedById", "LastModifiedById", "OwnerId",
    "IsDeleted", "IsConverted",
})  # fmt: skip


class SalesforceOutboundMessage:
    """The outbound message of a workflow rule or a flow."""

    methods = POST
    retries = True

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        """The organisation in the message, by the first 15 characters and with case, and `?token=` if there is one."""
        if secrets and not has_token(request, secrets):  # first: it costs no parsing
            raise Unproven
        expected = str(source.options.get("organization", ""))[:15]
        organization = _text(_notifications(request).find(f"{_OUTBOUND}OrganizationId"))
        if not source.open and not (expected and same(organization[:15], expected)):
            raise Unproven

    def handshake(self, request: SourceRequest, source: Source, secrets: Secrets) -> Answer | None:
        return None

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture]:
        notifications = _notifications(request).findall(f"{_OUTBOUND}Notification")
        if len(notifications) > MAX_NOTIFICATIONS:
            raise Unusable(f"{len(notifications)} notifications in one message; Salesforce sends at most 100")
        return list(_captures(notifications, source))

    def answer(self, outcomes: Sequence[Outcome], request: SourceRequest, source: Source) -> Answer:
        """One Ack for the whole message: a refused record would only come again, the same, for 24 hours."""
        return Answer(200, _ACK, content_type="text/xml; charset=utf-8")


def _notifications(request: SourceRequest) -> Element:
    """The `notifications` element. Raises Unusable: no XML, a DTD in it, or another message."""
    if request.content_type not in _XML_TYPES:
        raise Unusable(f"content type {request.content_type} is not XML", status=415, hint="send text/xml")
    if request.body.count(b"<") + request.body.count(b"=") > MAX_TAGS:  # each costs far more to read than its bytes
        raise Unusable("too many elements in one message", hint="send fewer fields, or fewer records", status=413)
    try:
        envelope = _parsed(request.body)
    except DefusedXmlException:
        raise Unusable("the body is not the XML of an outbound message: it declares a document type") from None
    except (ParseError, ValueError, LookupError) as error:
        raise Unusable(f"the body is not the XML of an outbound message: {str(error)[:200]}") from None
    found = envelope.find(f"*/{_OUTBOUND}notifications")
    if found is None:
        raise Unusable("the envelope holds no notifications of an outbound message")
    return found


def _parsed(body: bytes) -> Element:
    """Piece by piece: within one call the parser lets no other thread run."""
    parser = DefusedXMLParser(forbid_dtd=True)
    for begin in range(0, len(body), _PIECE):
        parser.feed(body[begin : begin + _PIECE])
    root: Element = parser.close()
    return root


def _captures(notifications: Sequence[Element], source: Source) -> Iterator[RawCapture]:
    for notification in notifications:
        record = notification.find(f"{_OUTBOUND}sObject")
        if record is None or not len(record):  # the record was deleted meanwhile
            continue
        values = {_local(child): _value(child) for child in record}
        identity = _text(notification.find(f"{_OUTBOUND}Id")) or None
        ours = mapped(_sent(values, source), source.fields, FIELDS)
        yield RawCapture(
            fields=ours.fields,
            identity=identity,
            vendor_id=values.get("Id"),
            kind=as_text(ours.about.get("kind")) or source.activity,
            at=readable_instant(ours.about.get("at") or values.get("SystemModstamp") or values.get("LastModifiedDate")),
            data=ours.data,
        )


def _sent(values: Mapping[str, str | None], source: Source) -> list[tuple[str, object]]:
    """In the order of `FIELDS`; without Salesforce's own fields, unless the playbook maps them."""
    order = [*FIELDS, *(name for name in values if name not in FIELDS)]
    return [(name, values[name]) for name in order if name in values and (name not in _SYSTEM or name in source.fields)]


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _value(element: Element) -> str | None:
    return None if element.get(_NIL) == "true" else _text(element) or None


def _text(element: Element | None) -> str:
    return "" if element is None else (element.text or "").strip()
