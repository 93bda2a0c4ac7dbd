"""How each vendor sends a lead: its wire format, and its proof of origin.

Sources: as in `baton_ingest.sources`, one file a vendor there; here the other end of each.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from baton.kernel.instants import format_instant
from baton.leads.playbook.model import Source
from baton_standalone.demo.people import Person


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as the vendor would make it."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Sending:
    """One lead on its way: who, to which source, when; `number` is the vendor's count of what it has sent.

    `secret` is the source's; empty where it has none. `public_url` is what the receiver takes for its own address.
    """

    person: Person
    source: Source
    base_url: str
    at: datetime
    number: int
    secret: str = ""
    public_url: str | None = None
    more: Mapping[str, object] = field(default_factory=dict)
    """Further fields, for senders whose bodies are their admins' own."""
    mount: str = "/ingest"
    """Where ingest is below the base URL; empty: by itself, without the others."""

    @property
    def url(self) -> str:
        if self.source.type == "api":
            return f"{self.base_url}{self.mount}/v1/leads"
        return f"{self.base_url}{self.mount}/v1/sources/{self.source.name}"

    @property
    def signed_url(self) -> str:
        """The address in a signature: as the receiver is told that senders know it."""
        if self.source.public_url is not None:
            return self.source.public_url
        if self.public_url is not None:
            return f"{self.public_url.rstrip('/')}/ingest/v1/sources/{self.source.name}"
        return self.url


Sender = Callable[[Sending], Outgoing]


def by_form(sending: Sending) -> Outgoing:
    """A browser posts a form on the web site. It proves nothing."""
    person, company = sending.person, sending.person.company
    ours = {
        "email": person.email, "first_name": person.first_name, "last_name": person.last_name, "title": person.title,
        "company": company.name, "employees": company.employees, "industry": company.industry,
        "country": company.country, "state": company.state, "phone": person.phone,
    }  # fmt: skip
    theirs = {ours: theirs for theirs, ours in sending.source.fields.items()}
    fields = {theirs.get(name, name): value for name, value in ours.items() if value}
    headers = {"content-type": "application/x-www-form-urlencoded", "referer": "https://www.example.com/demo"}
    return Outgoing(sending.url, headers, urlencode(fields).encode())


def by_hubspot(sending: Sending) -> Outgoing:
    """A HubSpot workflow's webhook action: the contact in its legacy shape, signature v2."""
    person, company = sending.person, sending.person.company
    moment = int(sending.at.timestamp() * 1000)
    contact = 4000 + sending.number
    properties = {
        "email": person.email, "firstname": person.first_name, "lastname": person.last_name,
        "jobtitle": person.title, "company": company.name, "numberofemployees": company.employees,
        "industry": company.industry, "country": company.country, "state": company.state, "phone": person.phone,
    }  # fmt: skip
    identity = {"type": "EMAIL", "value": person.email, "timestamp": moment}
    body = _json({
        "vid": contact,
        "canonical-vid": contact,
        "portal-id": 5550100,
        "is-contact": True,
        "properties": {name: {"value": value, "versions": []} for name, value in properties.items() if value},
        "form-submissions": [
            {"conversion-id": f"7c1e-{moment}-{contact}", "timestamp": moment, "form-id": "0f2d", "title": "Guide"}
        ],
        "identity-profiles": [{"vid": contact, "identities": [identity]}],
    })  # fmt: skip
    signed = f"{sending.secret}POST{sending.signed_url}".encode() + body
    headers = {
        "content-type": "application/json",
        "x-hubspot-signature-version": "v2",
        "x-hubspot-signature": hashlib.sha256(signed).hexdigest(),
    }
    return Outgoing(sending.url, headers, body)


def by_marketo(sending: Sending) -> Outgoing:
    """The webhook of a Marketo trigger campaign, in the template of the guide; a token in a fixed header."""
    person, company = sending.person, sending.person.company
    body = _json({
        "event": "form_fill",
        "lead_id": str(88000 + sending.number),
        "email": person.email, "first_name": person.first_name, "last_name": person.last_name,
        "job_title": person.title, "company": company.name, "number_of_employees": company.employees,
        "industry": company.industry, "country": company.country, "state": company.state, "phone": person.phone,
        "campaign_id": "1204",
        "sent_at": format_instant(sending.at),
    })  # fmt: skip
    header = sending.source.header or "authorization"
    token = sending.secret if sending.source.header else f"Bearer {sending.secret}"
    return Outgoing(sending.url, {"content-type": "application/json", header: token}, body)


def by_salesforce(sending: Sending) -> Outgoing:
    """A Salesforce Outbound Message: SOAP, proven by the organisation's id and the endpoint's `?token=`."""
    person, company = sending.person, sending.person.company
    values = {
        "Id": f"00Q{sending.number:012}EAA", "Email": person.email, "FirstName": person.first_name,
        "LastName": person.last_name, "Title": person.title, "Company": company.name,
        "NumberOfEmployees": company.employees, "Industry": company.industry, "Country": company.country,
        "State": company.state, "Phone": person.phone, "SystemModstamp": format_instant(sending.at),
    }  # fmt: skip
    fields = "".join(f"<sf:{name}>{_xml(value)}</sf:{name}>" for name, value in values.items() if value)
    # The second of the sending is in the id: another run of the demo sends other notifications.
    notification = f"04l{int(sending.at.timestamp()) % 10**8:08}{sending.number % 10**4:04}AAA"
    body = _SOAP.format(
        organization=_xml(str(sending.source.options.get("organization", ""))), id=notification, fields=fields
    )
    url = f"{sending.url}?{urlencode({'token': sending.secret})}" if sending.secret else sending.url
    return Outgoing(url, {"content-type": "text/xml; charset=utf-8", "soapaction": '""'}, body.encode())


def by_api(sending: Sending) -> Outgoing:
    """Our own JSON."""
    person, company = sending.person, sending.person.company
    ours = {
        "email": person.email, "first_name": person.first_name, "last_name": person.last_name, "title": person.title,
        "company": company.name, "employees": company.employees, "industry": company.industry,
        "country": company.country, "state": company.state, "city": company.city, "phone": person.phone,
    }  # fmt: skip
    fields: dict[str, object] = {name: value for name, value in ours.items() if value}
    body = _json({**fields, "activity": "webinar", "channel": "event", **sending.more})
    return Outgoing(sending.url, {"content-type": "application/json"}, body)


SENDERS: Final[Mapping[str, Sender]] = MappingProxyType({
    "form": by_form,
    "hubspot-workflow": by_hubspot,
    "marketo": by_marketo,
    "salesforce": by_salesforce,
    "api": by_api,
})  # fmt: skip
"""By the type of the source that they send to."""

_SOAP: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
    '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
    "<OrganizationId>{organization}</OrganizationId><ActionId>04k000000000001AAA</ActionId>"
    '<SessionId xsi:nil="true"/><Notification><Id>{id}</Id>'
    '<sObject xsi:type="sf:Lead" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{fields}</sObject>'
    "</Notification></notifications></soapenv:Body></soapenv:Envelope>"
)


def _json(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _xml(text: str) -> str:
    """Text as XML may hold it: no control characters."""
    return escape("".join(each for each in text if each >= " "))
