"""Salesforce Outbound Messages: whom they come from, what they say, and the one acknowledgement."""

from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import fromstring

import pytest

from baton_ingest.sources.salesforce import MAX_NOTIFICATIONS, MAX_TAGS
from baton_ingest.sources.source_type import Outcome, SourceRequest, Unusable
from tests.support.sources import (
    KEY,
    URL,
    captured,
    nameless,
    proves,
    read,
    read_one,
    refuses,
    request,
    source,
    source_type,
)

ORGANIZATION: Final = "00D000000000001EAA"
SALESFORCE = source("salesforce", options={"organization": ORGANIZATION})
ENVELOPE = """<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>
<notifications xmlns="http://soap.sforce.com/2005/09/outbound">
 <OrganizationId>{organization}</OrganizationId><ActionId>04k000000000001AAA</ActionId><SessionId xsi:nil="true"/>
 <EnterpriseUrl>https://x.my.salesforce.com/services/Soap/c/66.0/00D</EnterpriseUrl>
 {notifications}
</notifications></soapenv:Body></soapenv:Envelope>"""
NOTIFICATION = """<Notification><Id>{id}</Id>
  <sObject xsi:type="sf:Lead" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{fields}</sObject></Notification>"""
UNA = "<sf:Id>00Q000000000001EAA</sf:Id><sf:Email>una@fir.example</sf:Email><sf:LastName>Berg &amp; Co</sf:LastName>"


def soap(*fields: str, organization: str = ORGANIZATION, url: str = URL) -> SourceRequest:
    """A message with one notification for each record's fields."""
    notifications = "".join(
        NOTIFICATION.format(id=f"04l00000000000{number:03}", fields=each) for number, each in enumerate(fields)
    )
    text = ENVELOPE.format(organization=organization, notifications=notifications)
    return request(text, content_type="text/xml; charset=UTF-8", url=url)


@pytest.mark.parametrize("configured", [ORGANIZATION, ORGANIZATION[:15]])
@pytest.mark.parametrize("sent", [ORGANIZATION, ORGANIZATION[:15]])
def test_the_organisation_is_the_proof_in_its_short_or_long_form(configured: str, sent: str) -> None:
    assert proves(soap(UNA, organization=sent), source("salesforce", options={"organization": configured}))


@pytest.mark.parametrize("organization", ["00d000000000001EAA", "00D000000000002EAA", "", "00D"])
def test_another_organisation_proves_nothing(organization: str) -> None:
    assert not proves(soap(UNA, organization=organization), SALESFORCE)


def test_a_token_is_asked_for_too_where_there_is_one() -> None:
    assert proves(soap(UNA, url=f"{URL}?token={KEY}"), SALESFORCE, KEY)
    assert proves(soap(UNA, url=f"{URL}?token={KEY}"), SALESFORCE, "old", KEY)
    assert not proves(soap(UNA, url=f"{URL}?token=wrong"), SALESFORCE, KEY)
    assert not proves(soap(UNA), SALESFORCE, KEY)
    assert not proves(soap(UNA, url=f"{URL}?token={KEY}", organization="00D000000000002EAA"), SALESFORCE, KEY)


def test_a_record_is_read() -> None:
    raw = read_one(soap(UNA), SALESFORCE)

    assert raw.fields == {"email": "una@fir.example", "last_name": "Berg & Co"}
    assert (raw.identity, raw.vendor_id) == ("04l00000000000000", "00Q000000000001EAA")


def test_a_hundred_records_are_read_in_order() -> None:
    records = [f"<sf:Id>{number}</sf:Id><sf:Email>p{number}@fir.example</sf:Email>" for number in range(100)]

    found = read(soap(*records), SALESFORCE)

    assert [raw.vendor_id for raw in found] == [str(number) for number in range(100)]


def test_more_than_salesforce_sends_is_unusable() -> None:
    with refuses(422):
        read(soap(*[UNA] * 101), SALESFORCE)


def test_a_field_that_is_nil_is_cleared_and_another_of_the_same_meaning_counts() -> None:
    raw = read_one(
        soap(UNA + '<sf:Title xsi:nil="true"/><sf:Phone/><sf:MobilePhone>+4930123456</sf:MobilePhone>'), SALESFORCE
    )

    assert (raw.fields["title"], raw.fields["phone"]) == (None, "+4930123456")


def test_a_code_wins_over_a_name_whatever_comes_first() -> None:
    raw = read_one(soap(UNA + "<sf:Country>Deutschland</sf:Country><sf:CountryCode>DE</sf:CountryCode>"), SALESFORCE)

    assert raw.fields["country"] == "DE"


def test_own_fields_go_where_the_playbook_says() -> None:
    mapped = source("salesforce", fields={"Budget__c": "custom.budget", "OwnerId": "custom.owner"})

    raw = read_one(
        soap(UNA + "<sf:Budget__c>9</sf:Budget__c><sf:OwnerId>005</sf:OwnerId><sf:Other__c>x</sf:Other__c>"), mapped
    )

    assert raw.fields["custom"] == {"budget": "9", "owner": "005"}
    assert raw.fields["Other__c"] == "x"


def test_salesforces_own_fields_stay_out() -> None:
    raw = read_one(soap(UNA + "<sf:OwnerId>005</sf:OwnerId><sf:IsDeleted>false</sf:IsDeleted>"), SALESFORCE)

    assert set(raw.fields) == {"email", "last_name"}


def test_the_change_of_the_record_is_its_time() -> None:
    raw = read_one(soap(UNA + "<sf:SystemModstamp>2026-01-15T09:59:58.000Z</sf:SystemModstamp>"), SALESFORCE)

    assert raw.at == datetime(2026, 1, 15, 9, 59, 58, tzinfo=UTC)


def test_a_deleted_record_is_nothing_to_read() -> None:
    assert read(soap(""), SALESFORCE) == []


def test_a_record_without_an_address_waits_under_its_id() -> None:
    raw = read_one(soap('<sf:Id>00Q1</sf:Id><sf:Email xsi:nil="true"/><sf:LastName>Berg</sf:LastName>'), SALESFORCE)

    assert nameless(raw, SALESFORCE).vendor_ids == ["00Q1"]


def test_employees_in_words_are_a_change() -> None:
    raw = read_one(soap(UNA + "<sf:NumberOfEmployees>about 150</sf:NumberOfEmployees>"), SALESFORCE)

    (change,) = captured(raw, SALESFORCE).told.changes
    assert (change.field, change.before, change.after) == ("employees", "about 150", None)


@pytest.mark.parametrize(
    "outcomes", [[], [Outcome("l")], [Outcome(None, refused="no")], [Outcome("l", duplicate=True)]]
)
def test_everything_is_acknowledged_together(outcomes: list[Outcome]) -> None:
    answer = source_type(SALESFORCE).answer(outcomes, soap(UNA), SALESFORCE)

    assert (answer.status, answer.content_type) == (200, "text/xml; charset=utf-8")
    ack = fromstring(answer.body).find("*/{http://soap.sforce.com/2005/09/outbound}notificationsResponse/*")  # noqa: S314
    assert ack is not None
    assert ack.text == "true"


HOSTILE = {
    "a DOCTYPE": "<!DOCTYPE x><x/>",
    "a file entity": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "a parameter entity": '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/x">%p;]><x/>',
    "a billion laughs": '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>',
    "quadratic blow-up": f'<!DOCTYPE x [<!ENTITY a "{"x" * 1000}">]><x>{"&a;" * 1000}</x>',
    "an unknown entity": "<x>&e;</x>",
    "an unknown encoding": '<?xml version="1.0" encoding="nonsense"?><x/>',
    "a codec that is no text": '<?xml version="1.0" encoding="hex"?><x/>',
    "no XML": '{"email": "a@b.co"}',
    "nothing": "",
    "another message": "<x/>",
    "U+0000": "<x>\0</x>",
    "an unclosed element": "<x>",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_xml_is_unusable(text: str) -> None:
    sent = request(text, content_type="text/xml")

    with refuses(422):
        read(sent, SALESFORCE)
    with refuses(422):
        proves(sent, SALESFORCE)


@pytest.mark.parametrize(
    ("text", "why"),
    [(HOSTILE["a file entity"], "it declares a document type"), ("<x>", "no element found: line 1, column 3")],
)
def test_what_is_wrong_with_the_xml_is_told(text: str, why: str) -> None:
    with pytest.raises(Unusable) as refused:
        read(request(text, content_type="text/xml"), SALESFORCE)

    assert str(refused.value) == f"the body is not the XML of an outbound message: {why}"


def test_a_doctype_in_utf_16_is_found_too() -> None:
    with refuses(422):
        read(request('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'.encode("utf-16"), content_type="text/xml"), SALESFORCE)


def test_deeply_nested_elements_are_read_or_refused() -> None:
    deep = "<sf:x>" * 5000 + "</sf:x>" * 5000

    raw = read_one(soap(UNA + deep), SALESFORCE)

    assert raw.fields["email"] == "una@fir.example"


def test_a_byte_order_mark_is_passed_over() -> None:
    sent = soap(UNA)

    assert len(read(request(b"\xef\xbb\xbf" + sent.body, content_type="text/xml"), SALESFORCE)) == 1


def test_json_is_another_content_type() -> None:
    with refuses(415):
        read(request({}), SALESFORCE)


@pytest.mark.parametrize("hostile", ["<b/>" * MAX_TAGS, "<b>" * MAX_TAGS, f"<b {'a= ' * MAX_TAGS}/>"])
def test_a_message_of_far_more_elements_than_records_have_is_refused_before_it_is_read(hostile: str) -> None:
    sent = soap(hostile)

    with refuses(413):
        proves(sent, SALESFORCE)
    with refuses(413):
        read(sent, SALESFORCE)


def test_a_hundred_records_of_several_hundred_fields_are_read() -> None:
    fields = "".join(
        f'<sf:F{number}__c xsi:nil="true"/><sf:T{number}__c>a = b</sf:T{number}__c>' for number in range(300)
    )

    assert len(read(soap(*[UNA + fields] * MAX_NOTIFICATIONS), SALESFORCE)) == MAX_NOTIFICATIONS
