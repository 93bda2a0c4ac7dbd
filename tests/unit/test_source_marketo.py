"""Marketo's webhook: what the admin's template says."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from baton_ingest.captures import Nameless, capture
from baton_ingest.sources.source_type import Outcome, Refused, SourceRequest, Unusable
from tests.support.sources import (
    KEY,
    NOW,
    URL,
    answer_to,
    captured,
    proves,
    read_one,
    refuses,
    request,
    source,
    source_type,
)  # fmt: skip

MARKETO = source("marketo", activity="form_fill")
SAMPLE = {
    "event": "form_fill", "lead_id": "88123", "email": "kai@birch.example", "first_name": "Kai", "company": "Birch",
    "campaign_id": "1204", "sent_at": "2026-01-15T09:59:58Z",
}  # fmt: skip


def test_a_bearer_token_proves_it() -> None:
    assert proves(request(SAMPLE, authorization=f"Bearer {KEY}"), MARKETO, KEY)
    assert not proves(request(SAMPLE, authorization="Bearer wrong"), MARKETO, KEY)
    assert not proves(request(SAMPLE), MARKETO, KEY)


def test_any_of_several_secrets_proves_it() -> None:
    sent = request(SAMPLE, authorization=KEY)

    assert proves(sent, MARKETO, "old", KEY)
    assert proves(sent, MARKETO, KEY, "new")


def test_the_header_that_the_playbook_names_is_the_only_place_for_the_secret() -> None:
    named = source("marketo", header="X-Marketo-Token")

    assert proves(request(SAMPLE, x_marketo_token=KEY), named, KEY)
    assert not proves(request(SAMPLE, authorization=KEY), named, KEY)
    assert not proves(request(SAMPLE, url=f"{URL}?token={KEY}"), named, KEY)


def test_a_token_in_the_url_proves_it_where_no_header_is_named() -> None:
    assert proves(request(SAMPLE, url=f"{URL}?token={KEY}"), MARKETO, KEY)
    assert not proves(request(SAMPLE, url=f"{URL}?token="), MARKETO, KEY)


def test_the_sample_is_read() -> None:
    raw = read_one(request(SAMPLE), MARKETO)

    assert raw.fields == {"email": "kai@birch.example", "first_name": "Kai", "company": "Birch"}
    assert (raw.vendor_id, raw.kind, raw.data) == ("88123", "form_fill", {"campaign_id": "1204"})
    assert raw.at == datetime(2026, 1, 15, 9, 59, 58, tzinfo=UTC)
    assert raw.identity == "88123/1204/2026-01-15T09:59:58Z/form_fill"


FORM = request(urlencode(SAMPLE).encode(), content_type="application/x-www-form-urlencoded")
QUERY = request(method="GET", url=f"{URL}?{urlencode({**SAMPLE, 'token': KEY})}")


@pytest.mark.parametrize("sent", [FORM, QUERY, request(SAMPLE, method="PUT")], ids=["form", "query", "put"])
def test_the_same_comes_as_a_form_or_in_the_query(sent: SourceRequest) -> None:
    assert read_one(sent, MARKETO) == read_one(request(SAMPLE), MARKETO)


def test_the_names_of_marketos_tokens_are_known() -> None:
    raw = read_one(request({"Email Address": "kai@birch.example", "First Name": "Kai", "Job Title": "CEO"}), MARKETO)

    assert raw.fields == {"email": "kai@birch.example", "first_name": "Kai", "title": "CEO"}


def test_empty_tokens_count_as_not_sent() -> None:
    raw = read_one(request({**SAMPLE, "company": "", "phone": None}), MARKETO)

    assert set(raw.fields) == {"email", "first_name"}


def test_a_time_in_the_accounts_own_form_is_told_and_not_guessed_at() -> None:
    raw = read_one(request({**SAMPLE, "sent_at": "2026-01-15 09:59:58"}), MARKETO)

    assert (raw.at, raw.data["sent_at"]) == (None, "2026-01-15 09:59:58")
    assert raw.identity == "88123/1204/2026-01-15 09:59:58/form_fill"


def test_an_event_id_is_the_identity() -> None:
    assert read_one(request({**SAMPLE, "event_id": "e-1"}), MARKETO).identity == "e-1"


def test_without_a_time_in_the_template_the_words_are_the_identity() -> None:
    assert read_one(request({"email": "kai@birch.example", "lead_id": "1"}), MARKETO).identity is None


def test_without_an_address_only_a_known_person_is_taken() -> None:
    found = capture(
        read_one(request({"lead_id": "88123"}), MARKETO), MARKETO, received_at=NOW,
        may_wait=source_type(MARKETO).retries,
    )  # fmt: skip

    assert isinstance(found, Nameless)
    assert not found.may_wait


def test_an_address_that_is_none_is_refused_with_its_reason() -> None:
    raw = read_one(request({"lead_id": "88123", "email": "kai at birch"}), MARKETO)

    found = capture(raw, MARKETO, received_at=NOW, may_wait=False)

    assert isinstance(found, Refused)
    assert found.why.startswith("email: ")


def test_employees_in_words_are_told_in_the_answer() -> None:
    found = captured(read_one(request({**SAMPLE, "employees": "about 150"}), MARKETO), MARKETO)
    changes = [change.model_dump() for change in found.told.changes]

    status, body = answer_to(request(SAMPLE), MARKETO, Outcome(found.lead_id, changes=changes))

    assert status == 202
    assert (body["lead_id"], body["status"]) == (found.lead_id, "accepted")
    assert (body["changes"][0]["before"], body["changes"][0]["after"]) == ("about 150", None)


@pytest.mark.parametrize(
    ("value", "is_test"), [(True, True), ("true", True), ("1", True), (False, False), ("x", False)]
)
def test_a_test_is_told(value: object, *, is_test: bool) -> None:
    assert read_one(request({**SAMPLE, "test": value}), MARKETO).test is is_test


def test_quotes_around_quoted_tokens_are_unusable_with_a_word_on_the_encoding() -> None:
    with pytest.raises(Unusable) as error:
        read_one(request(b'{"email":""kai@birch.example""}'), MARKETO)

    assert error.value.hint is not None
    assert "Request Token Encoding" in error.value.hint


def test_xml_is_another_content_type() -> None:
    with refuses(415):
        read_one(request(b"<x/>", content_type="text/xml"), MARKETO)
