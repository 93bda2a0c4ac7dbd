"""Form tools and ads: Typeform, Webflow, Gravity Forms, Google, HubSpot's forms, Salesforce's Web-to-Lead."""

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from baton_ingest.captures import Nameless, capture
from baton_ingest.sources.source_type import Outcome, SourceRequest
from tests.support.sources import (
    BODY,
    KEY,
    NOW,
    URL,
    answer_to,
    captured,
    proves,
    read,
    read_one,
    refuses,
    request,
    source,
    source_type,
)  # fmt: skip

# Typeform

TYPEFORM = source("typeform")
TYPEFORM_SIGNATURE = "sha256=pij1uIf+a6C6U2duOTTvJdaHVKOAUvVZGa/etvA/Jco="
RESPONSE = {
    "event_id": "01J1", "event_type": "form_response", "form_response": {
        "form_id": "aB3", "token": "t1", "submitted_at": "2026-01-15T09:59:31Z", "hidden": {"utm_source": "x"},
        "definition": {"fields": [
            {"id": "f1", "ref": "mail", "type": "email"}, {"id": "f2", "ref": "0a-b", "title": "Company"},
        ]},
        "answers": [
            {"type": "email", "email": "sam@ash.example", "field": {"id": "f1", "type": "email", "ref": "mail"}},
            {"type": "text", "text": "Ash", "field": {"id": "f2", "ref": "0a-b"}},
            {"type": "choice", "choice": {"label": "200-500"}, "field": {"id": "f3", "ref": "employees"}},
            {"type": "choices", "choices": {"labels": ["crm", "erp"], "other": "hr"}, "field": {"ref": "topics"}},
            {"type": "boolean", "boolean": True, "field": {"id": "f4", "ref": "news"}},
        ],
    },
}  # fmt: skip


def test_the_worked_typeform_signature_is_valid() -> None:
    assert proves(request(BODY, typeform_signature=TYPEFORM_SIGNATURE), TYPEFORM, "old", KEY)


@pytest.mark.parametrize("signature", ["", TYPEFORM_SIGNATURE.removeprefix("sha256="), "sha256=", "sha256=AAAA"])
def test_another_typeform_signature_proves_nothing(signature: str) -> None:
    assert not proves(request(BODY, typeform_signature=signature), TYPEFORM, KEY)
    assert not proves(request(BODY, typeform_signature=TYPEFORM_SIGNATURE), TYPEFORM, "other")


def test_a_typeform_response_is_read() -> None:
    raw = read_one(request(RESPONSE), TYPEFORM)

    fields = captured(raw, TYPEFORM).told.fields
    assert (fields["email"], fields["company"], fields["employees"]) == ("sam@ash.example", "Ash", "200-500")
    assert fields["utm"] == {"source": "x"}
    assert raw.fields["topics"] == "crm; erp; hr"
    assert raw.fields["news"] is True
    assert (raw.identity, raw.kind, raw.at) == ("aB3/t1", "form_fill", datetime(2026, 1, 15, 9, 59, 31, tzinfo=UTC))


def test_the_playbook_names_typeform_answers_by_their_ref() -> None:
    raw = read_one(request(RESPONSE), source("typeform", fields={"topics": "custom.topics", "mail": "custom.mail"}))

    assert raw.fields["custom"] == {"topics": "crm; erp; hr", "mail": "sam@ash.example"}
    assert raw.fields["email"] == "sam@ash.example"


def test_an_unfinished_typeform_response_is_taken_without_a_word() -> None:
    sent = request({**RESPONSE, "event_type": "form_response_partial"})

    assert read(sent, TYPEFORM) == []
    assert answer_to(sent, TYPEFORM)[0] == 200


def test_a_typeform_response_without_an_address_waits() -> None:
    response = {"form_id": "aB3", "token": "t1", "answers": []}
    raw = read_one(request({"event_type": "form_response", "form_response": response}), TYPEFORM)

    found = capture(raw, TYPEFORM, received_at=NOW, may_wait=source_type(TYPEFORM).retries)

    assert isinstance(found, Nameless)
    assert list(found.waits_under) == ["aB3/t1"]


# Webflow

WEBFLOW = source("webflow")
WEBFLOW_SIGNATURE = "15871cb9bce293afaefc511327c89cf789c94cc9adca79ef5a3364101c7e1b1a"
SUBMISSION = {
    "triggerType": "form_submission", "payload": {
        "name": "Contact", "siteId": "65a", "data": {"Name": "Ida Lund", "Email": "ida@yew.example", "Budget": "5k"},
        "schema": [], "submittedAt": "2026-01-15T09:59:44.512Z", "id": "678", "formId": "654", "formElementId": "4e0",
    },
}  # fmt: skip


def webflow(sent_at: str = "1768471200000", signature: str = WEBFLOW_SIGNATURE) -> SourceRequest:
    return request(BODY, x_webflow_timestamp=sent_at, x_webflow_signature=signature)


def test_the_worked_webflow_signature_is_valid() -> None:
    assert proves(webflow(), WEBFLOW, "old", KEY)


def test_another_webflow_signature_or_time_proves_nothing() -> None:
    assert not proves(webflow(signature=""), WEBFLOW, KEY)
    assert not proves(webflow(sent_at="1768471200001"), WEBFLOW, KEY)
    assert not proves(webflow(), WEBFLOW, "other")
    late = datetime.fromtimestamp(1768471501, UTC)
    assert not proves(
        request(BODY, at=late, x_webflow_timestamp="1768471200000", x_webflow_signature=WEBFLOW_SIGNATURE), WEBFLOW, KEY
    )


def test_a_webflow_submission_is_read_by_its_labels() -> None:
    raw = read_one(request(SUBMISSION), WEBFLOW)

    assert raw.fields == {"first_name": "Ida", "last_name": "Lund", "email": "ida@yew.example", "Budget": "5k"}
    assert (raw.identity, raw.data) == ("678", {"name": "Contact", "formId": "654"})


@pytest.mark.parametrize("outcome", [Outcome("l"), Outcome("l", duplicate=True), Outcome(None, refused="no")])
def test_webflow_gets_200_whatever_happens(outcome: Outcome) -> None:
    assert answer_to(request(SUBMISSION), WEBFLOW, outcome)[0] == 200


# Gravity Forms

GRAVITY = source("gravity-forms", fields={"2": "email"})
ENTRY = {
    "id": "41", "form_id": "3", "date_created": "2026-01-15 09:59:20", "source_url": "https://www.example.com/c",
    "1.3": "Eva", "1.6": "Rowe", "2": "eva@sorrel.example", "ip": "203.0.113.9", "5": "",
}  # fmt: skip


@pytest.mark.parametrize(
    "sent", [request(ENTRY), request(urlencode(ENTRY).encode(), content_type="application/x-www-form-urlencoded")]
)
def test_a_gravity_entry_is_read_as_json_or_form(sent: SourceRequest) -> None:
    raw = read_one(sent, GRAVITY)

    assert raw.fields == {"first_name": "Eva", "last_name": "Rowe", "email": "eva@sorrel.example"}
    assert raw.identity == "www.example.com/3/41"
    assert raw.at == datetime(2026, 1, 15, 9, 59, 20, tzinfo=UTC)
    assert raw.data == {"page": "https://www.example.com/c", "form": "3"}


def test_gravity_forms_prove_themselves_by_a_header() -> None:
    named = source("gravity-forms", header="X-Token")

    assert proves(request(ENTRY, x_token=KEY), named, KEY)
    assert not proves(request(ENTRY), named, KEY)


@pytest.mark.parametrize("odd", [{"source_url": "http://[x"}, {"date_created": "yesterday"}, {"form_id": None}])
def test_an_odd_gravity_entry_is_still_read(odd: dict[str, object]) -> None:
    assert read_one(request({**ENTRY, **odd}), GRAVITY).fields["email"] == "eva@sorrel.example"


# Google

GOOGLE = source("google-lead-form")
AD = {
    "lead_id": "L-1", "api_version": "1.0", "form_id": 40000000001, "campaign_id": 1, "google_key": KEY,
    "is_test": False, "gcl_id": "abc", "user_column_data": [
        {"column_name": "Work Email", "string_value": "raj@teak.example", "column_id": "WORK_EMAIL"},
        {"string_value": "raj@home.example", "column_id": "EMAIL"},
        {"string_value": "Raj Rao", "column_id": "FULL_NAME"},
        {"column_name": "Your budget?", "string_value": "9", "column_id": "custom_7"},
    ],
}  # fmt: skip


def test_the_key_in_the_body_proves_google() -> None:
    assert proves(request(AD), GOOGLE, "old", KEY)
    assert not proves(request(AD), GOOGLE, "other")
    assert not proves(request({**AD, "google_key": None}), GOOGLE, KEY)


def test_a_google_lead_is_read_without_its_key() -> None:
    raw = read_one(request(AD), GOOGLE)

    assert raw.fields == {
        "email": "raj@teak.example", "first_name": "Raj", "last_name": "Rao", "custom_7": "9", "gclid": "abc",
    }  # fmt: skip
    assert (raw.identity, raw.test) == ("L-1", False)
    assert raw.data == {"form_id": "40000000001", "campaign_id": "1"}
    assert KEY not in str(raw)


def test_googles_test_lead_is_a_test_and_the_answer_is_200() -> None:
    assert read_one(request({**AD, "is_test": True}), GOOGLE).test
    assert answer_to(request(AD), GOOGLE, Outcome("l"))[0] == 200


# HubSpot's forms

HUBSPOT_FORM = source("hubspot-form")


def test_a_submission_as_it_is_posted_to_hubspot_is_read() -> None:
    body = {
        "submittedAt": "1768471100000", "context": {"hutk": "h", "pageUri": "https://www.example.com/demo"},
        "fields": [
            {"objectTypeId": "0-1", "name": "email", "value": "mia@oak.example"},
            {"objectTypeId": "0-1", "name": "jobtitle", "value": "CEO"}, {"name": "0-2/name", "value": ""},
        ],
    }  # fmt: skip

    raw = read_one(request(body), HUBSPOT_FORM)

    assert raw.fields == {"email": "mia@oak.example", "title": "CEO"}
    assert (raw.kind, raw.data) == ("form_fill", {"page": "https://www.example.com/demo"})
    assert raw.at == datetime.fromtimestamp(1768471100, UTC)


def test_a_submission_as_hubspot_gives_it_is_known_by_its_conversion() -> None:
    body = {"conversionId": "c-1", "submittedAt": 1768471100000, "values": [{"name": "email", "value": "a@b.example"}]}

    raw = read_one(request(body), HUBSPOT_FORM)

    assert (raw.identity, raw.fields) == ("c-1", {"email": "a@b.example"})


# Web-to-Lead

WEB_TO_LEAD = source(
    "web-to-lead", options={"organization": "00D000000000001EAA", "redirects": ("www.example.com",)}, redirect="/thanks"
)
SENT = {
    "oid": "00D000000000001", "retURL": "https://www.example.com/ok", "first_name": "Una", "last_name": "Berg",
    "email": "una@fir.example", "company": "Fir", "00N000000000001": "Enterprise", "debug": "1",
}  # fmt: skip


def web_to_lead(**changed: str) -> SourceRequest:
    return request(urlencode({**SENT, **changed}).encode(), content_type="application/x-www-form-urlencoded")


def test_a_web_to_lead_form_is_read() -> None:
    raw = read_one(web_to_lead(), WEB_TO_LEAD)

    assert raw.fields == {
        "first_name": "Una", "last_name": "Berg", "email": "una@fir.example", "company": "Fir",
        "00N000000000001": "Enterprise",
    }  # fmt: skip


def test_a_form_of_another_organisation_isnt_taken() -> None:
    assert proves(web_to_lead(), WEB_TO_LEAD)
    assert proves(web_to_lead(oid="00D000000000001EAA"), WEB_TO_LEAD)
    assert not proves(web_to_lead(oid="00D000000000002"), WEB_TO_LEAD)
    assert proves(web_to_lead(oid="00D000000000002"), source("web-to-lead"))


@pytest.mark.parametrize(
    "place", ["https://www.example.com/ok?a=b", "http://www.example.com", "https://WWW.example.com/"]
)
def test_a_visitor_goes_on_to_an_allowed_page(place: str) -> None:
    answer = source_type(WEB_TO_LEAD).answer([Outcome("l")], web_to_lead(retURL=place), WEB_TO_LEAD)

    assert (answer.status, answer.headers["location"]) == (303, place)


@pytest.mark.parametrize(
    "place",
    ["https://evil.example/", "https://www.example.com@evil.example/", "//evil.example", "javascript:alert(1)",
     "https://evil.example\\@www.example.com/", "https://www.example.com\r\nx: y", "https://www.example.com.evil.example",
     "http://[x", "", "https://user@www.example.com/", "https:www.example.com"],
)  # fmt: skip
def test_no_visitor_is_sent_elsewhere(place: str) -> None:
    answer = source_type(WEB_TO_LEAD).answer([Outcome("l")], web_to_lead(retURL=place), WEB_TO_LEAD)

    assert (answer.status, answer.headers["location"]) == (303, "/thanks")


def test_a_web_to_lead_form_is_urlencoded() -> None:
    with refuses(415):
        read(request(json.dumps(SENT).encode(), url=URL), WEB_TO_LEAD)
