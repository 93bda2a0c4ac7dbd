"""Our own JSON, and the proofs that its senders have."""

from datetime import UTC, datetime

import pytest

from baton_ingest.captures import capture
from baton_ingest.sources.canonical import MAX_FIELDS, MAX_ITEMS, read_activity, read_lead
from baton_ingest.sources.json_body import MAX_PARTS
from baton_ingest.sources.source_type import Outcome, Refused, SourceRequest, Unusable
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

JSON = source("json")
STANDARD_KEY = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
STANDARD = "v1,wkDNLqpUAjKxiAqZXrlYAcJOnkGdMY2pqDibMaEJ4Xo="


def standard_webhook(
    signature: str = STANDARD, *, sent_at: str = "1768471200", message_id: str = "msg_1"
) -> SourceRequest:
    return request(BODY, webhook_id=message_id, webhook_timestamp=sent_at, webhook_signature=signature)


@pytest.mark.parametrize("kind", ["json", "salesforce-json"])
def test_a_header_or_a_token_proves_it(kind: str) -> None:
    assert proves(request({}, authorization=f"Bearer {KEY}"), source(kind), KEY)
    assert proves(request({}, x_secret=KEY), source(kind, header="X-Secret"), "old", KEY)
    assert proves(request({}, url=f"{URL}?token={KEY}"), source(kind), KEY)
    assert not proves(request({}, authorization="Bearer wrong"), source(kind), KEY)
    assert not proves(request({}), source(kind), KEY)
    assert proves(request({}), source(kind, open=True), KEY)


@pytest.mark.parametrize("signature", [STANDARD, f"v1,AAAA {STANDARD}", f"v1a,xyz {STANDARD}", f"nonsense {STANDARD}"])
def test_the_worked_standard_webhook_is_valid(signature: str) -> None:
    assert proves(standard_webhook(signature), JSON, STANDARD_KEY)
    assert proves(standard_webhook(signature), JSON, "whsec_b3RoZXI=", STANDARD_KEY)


def test_the_published_standard_webhook_is_valid() -> None:
    sent = request(
        b'{"test": 2432232314}', at=datetime.fromtimestamp(1614265330, UTC), webhook_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        webhook_timestamp="1614265330", webhook_signature="v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    )  # fmt: skip

    assert proves(sent, JSON, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"sent_at": "1768471501"}, STANDARD_KEY),
        ({"sent_at": "1768470899"}, STANDARD_KEY),
        ({"sent_at": "soon"}, STANDARD_KEY),
        ({"message_id": "msg_2"}, STANDARD_KEY),
        ({"message_id": ""}, STANDARD_KEY),
        ({"signature": "v1"}, STANDARD_KEY),
        ({"signature": ""}, STANDARD_KEY),
        ({"signature": STANDARD.removeprefix("v1,")}, STANDARD_KEY),
        ({}, "whsec_b3RoZXI="),
        ({}, "no base64"),
    ],
)
def test_another_standard_webhook_proves_nothing(changed: dict[str, str], key: str) -> None:
    assert not proves(standard_webhook(**changed), JSON, key)


def test_what_a_signed_message_tells_is_known_by_the_messages_id() -> None:
    one, two = {"email": "mary@acme.example"}, {"email": "joe@acme.example", "event_id": "e1"}

    def signed(body: dict[str, str] | list[dict[str, str]]) -> SourceRequest:
        return request(body, webhook_id="msg_1", webhook_signature=STANDARD)

    assert read_one(signed(one), JSON).identity == "msg_1"
    assert [each.identity for each in read(signed([one, two]), JSON)] == ["msg_1/0", "e1"]
    assert read_one(request(one, webhook_id="msg_1"), JSON).identity is None


def test_a_lead_is_read() -> None:
    body = {
        "email": "a@acme.com",
        "title": "CEO",
        "activity": "demo_request",
        "at": "2026-01-15T09:00:00Z",
        "event_id": 7,
    }

    raw = read_one(request(body), JSON)

    assert raw.fields == {"email": "a@acme.com", "title": "CEO"}
    assert (raw.kind, raw.identity, raw.at) == ("demo_request", "7", datetime(2026, 1, 15, 9, tzinfo=UTC))


def test_a_records_id_is_a_field_of_the_sender_and_identifies_no_delivery() -> None:
    first, later = (
        captured(read_one(request({"email": "a@acme.com", "id": "00Q1", "activity": kind}), JSON), JSON).told
        for kind in ("webinar", "demo_request")
    )

    assert first.fields["custom"] == {"id": "00Q1"}
    assert first.identity != later.identity


def test_an_activity_may_be_an_object() -> None:
    activity = {"kind": "page_view", "id": "a1", "at": "2026-01-15T09:00:00Z", "page": "/pricing", "data": {"n": 1}}

    raw = read_one(request({"email": "a@acme.com", "event_id": "e1", "activity": activity}), JSON)

    assert (raw.identity, raw.activity_id, raw.kind, raw.data) == (
        "e1",
        "a1",
        "page_view",
        {"page": "/pricing", "n": 1},
    )
    assert captured(raw, JSON).told.activity_id == "a1"


def test_the_playbook_renames_fields_also_into_parts_of_the_lead_and_the_activity() -> None:
    names = {"mail": "email", "b": "custom.budget", "c": "utm.source", "what": "activity", "p": "data.page", "n": "id"}

    raw = read_one(
        request({"mail": "a@acme.com", "b": 5, "c": "x", "what": "webinar", "p": "/x", "n": 3, "custom": {"own": 1}}),
        source("json", fields=names),
    )

    assert raw.fields == {"email": "a@acme.com", "custom": {"budget": 5, "own": 1}, "utm": {"source": "x"}}
    assert (raw.kind, raw.data, raw.identity) == ("webinar", {"page": "/x"}, "3")


def test_of_two_names_for_one_field_the_first_with_a_value_counts() -> None:
    names = {"private": "phone", "office": "phone"}

    raw = read_one(request({"private": None, "office": "1", "phone": "2"}), source("json", fields=names))

    assert raw.fields == {"phone": "1"}


@pytest.mark.parametrize("item", [5, "text", None, [], True])
def test_what_is_no_object_is_refused_by_itself(item: object) -> None:
    first, second = source_type(JSON).read(request([item, {"email": "a@acme.com"}]), JSON)

    assert isinstance(first, Refused)
    assert not isinstance(second, Refused)


@pytest.mark.parametrize(
    "bad",
    [{"at": "soon"}, {"at": 5}, {"activity": {"at": "x"}}, {"activity": {"kind": ""}}, {"activity": [{"kind": "x"}]}],
)
def test_a_bad_item_is_refused_by_itself(bad: dict[str, object]) -> None:
    first, second = source_type(JSON).read(request([{"email": "b@acme.com", **bad}, {"email": "a@acme.com"}]), JSON)

    assert isinstance(first, Refused)
    assert not isinstance(second, Refused)


def test_a_long_time_is_not_echoed_whole() -> None:
    with pytest.raises(Unusable) as error:
        read_lead({"at": "x" * 100_000}, renamed={})

    assert len(str(error.value)) < 400


def test_an_empty_array_is_unusable_and_a_very_long_one_too_large() -> None:
    with refuses(422):
        read(request("[]"), JSON)
    with refuses(413):
        read(request([{}] * (MAX_ITEMS + 1)), JSON)


@pytest.mark.parametrize("body", ['{"email":', "NaN", '{"a": Infinity}', '"\\ud800"', "[" * 100_000, b"\xff", ""])
def test_what_is_no_json_is_unusable(body: str | bytes) -> None:
    with refuses(422):
        read(request(body), JSON)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "text/xml"])
def test_another_content_type_is_refused(content_type: str) -> None:
    with refuses(415):
        read(request("{}", content_type=content_type), JSON)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", "application/x+json"])
def test_json_has_several_content_types(content_type: str) -> None:
    assert read_one(request('{"email": "a@acme.com"}', content_type=content_type), JSON).fields


def test_an_array_is_answered_with_a_result_for_each() -> None:
    sent = request(b"\xef\xbb\xbf [{}, {}]")

    status, body = answer_to(sent, JSON, Outcome("l"), Outcome(None, refused="no", hint="do"))

    assert (status, body["accepted"], body["refused"]) == (202, 1, 1)
    assert body["results"] == [
        {"lead_id": "l", "duplicate": False},
        {"error": {"code": "unusable", "message": "no", "hint": "do"}},
    ]


def test_an_array_without_a_good_item_is_422() -> None:
    assert answer_to(request("[{}]"), JSON, Outcome(None, refused="no"))[0] == 422


def test_a_filled_honeypot_refuses_the_item() -> None:
    trapped = source("json", options={"honeypot": "site"})
    found = source_type(trapped).read(
        request([{"site": "x", "email": "a@b.co"}, {"site": "", "email": "a@b.co"}]), trapped
    )

    assert isinstance(found[0], Refused)
    assert not isinstance(found[1], Refused)
    assert found[1].fields == {"email": "a@b.co"}


def test_a_bare_activity_is_read() -> None:
    raw = read_activity(
        {"email": "a@acme.com", "kind": "call", "id": 9, "by": "mary", "data": {"n": 1}, "company": "no field of it"}
    )

    assert not isinstance(raw, Refused)
    assert (raw.fields, raw.kind, raw.identity) == ({"email": "a@acme.com"}, "call", "9")
    assert (raw.by, raw.data, raw.bare) == ("mary", {"n": 1}, True)


def test_deep_json_in_an_own_field_is_left_out_and_told() -> None:
    deep: dict[str, object] = {}
    for _ in range(500):
        deep = {"a": deep}

    found = captured(
        read_one(request({"email": "a@acme.com", "deep": deep, "activity": {"kind": "x", "deep": deep}}), JSON), JSON
    )

    assert {change.field for change in found.told.changes} == {"custom.deep", "activity.data.deep"}


def test_a_lone_zero_byte_in_any_place_is_taken_out() -> None:
    body = {
        "email": "a@acme.com", "company": "A\0B", "own": {"x\0": "y\0"}, "event_id": "e\0",
        "activity": {"kind": "page\0view", "id": "i\0", "data": {"d\0": "e\0"}},
    }  # fmt: skip

    found = captured(read_one(request(body), JSON), JSON)

    assert "\\u0000" not in found.event.data.model_dump_json()
    assert "\0" not in found.told.identity


def test_a_capture_needs_an_address_and_is_told_what_to_send() -> None:
    found = capture(read_one(request({"company": "Acme"}), JSON), JSON, received_at=NOW)

    assert isinstance(found, Refused)
    assert (found.why, found.hint) == ("neither an email nor a phone", "send an email address or an E.164 phone number")


def test_a_lead_of_too_many_fields_is_refused() -> None:
    fields = {f"field_{number}": number for number in range(MAX_FIELDS)}

    refused = read_lead({"email": "ada@acme.example", **fields}, renamed={})

    assert refused == Refused("501 fields in one lead", "send at most 500")


def test_a_body_of_too_many_values_is_refused_before_it_is_read() -> None:
    body = b'{"email": "ada@acme.example", "custom": [' + b"0," * MAX_PARTS + b"0]}"

    with pytest.raises(Unusable, match="too many values") as refusal:
        read(request(body), JSON)

    assert refusal.value.status == 413


@pytest.mark.parametrize("names", [("custom", "budget"), ("budget", "custom")])
def test_what_is_mapped_to_a_custom_field_is_kept_where_null_stands_in_the_place_of_all_of_them(
    names: tuple[str, str],
) -> None:
    sent = {name: None if name == "custom" else "10k" for name in names}

    one = read_lead({"email": "a@b.example", **sent}, renamed={"budget": "custom.budget"})

    assert not isinstance(one, Refused)
    assert one.fields["custom"] == {"budget": "10k"}
