"""HubSpot's workflow webhook: signatures by the worked vectors, both shapes of body."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from baton_ingest.sources.hubspot_workflow import is_signed_v1, is_signed_v2, is_signed_v3
from baton_ingest.sources.source_type import Outcome, SourceRequest
from tests.support.sources import (
    BODY,
    KEY,
    NOW,
    URL,
    answer_to,
    captured,
    hmac_base64,
    nameless,
    proves,
    read_one,
    refuses,
    request,
    source,
)  # fmt: skip

HUBSPOT = source("hubspot-workflow")
V1 = "7d5ef55eb91a9a7ab2574fad0221ea856eec3bac244ade4e72a77d23e091ce65"
V2 = "d74b1649699d5bd9c86b26c735ef80333a16407554affa14d69cdf6d174ceda8"
V3 = "z4VhfDdCA4tQNtXBMUFDZwzCPVlPRuOjRNlDvKPlstg="
V3_ESCAPED = "jA2qzebNugVV3OYNa6FVCdjYoJiz6qrclcdJ+fRT+4s="
V3_NOT_DECODED = "JYu6n5JLGh06xVCocwXuAkR4m6rutd6MJoVEYKiam8E="
PUBLISHED_KEY = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
PUBLISHED_URL = "https://www.example.com/webhook_uri"
CONTACT = {
    "vid": 4012, "canonical-vid": 4012, "portal-id": 5550100, "is-contact": True,
    "properties": {"email": {"value": "mia@oak.example", "versions": []}, "firstname": {"value": "Mia"}},
    "form-submissions": [
        {"conversion-id": "7c1e", "timestamp": 1768471100000, "form-id": "0f2d", "title": "Demo"},
        {"conversion-id": "0aaa", "timestamp": 1768471000000, "form-id": "0f2d", "title": "Ebook"},
    ],
    "identity-profiles": [{"vid": 4012, "identities": [{"type": "EMAIL", "value": "mia@oak.example"}]}],
}  # fmt: skip


def signed_v3(
    *, signature: str = V3, url: str = URL, sent_at: str = "1768471200000", v2: str | None = None
) -> SourceRequest:
    older: dict[str, Any] = {"x_hubspot_signature": v2, "x_hubspot_signature_version": "v2"} if v2 else {}
    return request(BODY, url=url, x_hubspot_signature_v3=signature, x_hubspot_request_timestamp=sent_at, **older)


def signed_v2(signature: str = V2, version: str = "v2") -> SourceRequest:
    return request(BODY, x_hubspot_signature=signature, x_hubspot_signature_version=version)


def test_the_worked_v2_signature_is_valid() -> None:
    assert proves(signed_v2(), HUBSPOT, KEY)


def test_the_worked_v3_signature_is_valid() -> None:
    assert proves(signed_v3(), HUBSPOT, KEY)


def test_v3_decodes_exactly_the_escapes_that_hubspot_decodes() -> None:
    url = f"{URL}?src=hs%3Aapp%2Fv3&t=a%20b"

    assert proves(signed_v3(signature=V3_ESCAPED, url=url), HUBSPOT, KEY)
    assert not proves(signed_v3(signature=V3_NOT_DECODED, url=url), HUBSPOT, KEY)


def test_lower_case_escapes_are_decoded_too() -> None:
    url = f"{URL}?src=hs%3aapp%2fv3&t=a%20b"

    assert proves(signed_v3(signature=V3_ESCAPED, url=url), HUBSPOT, KEY)


@pytest.mark.parametrize(
    ("method", "body", "signature"),
    [
        ("GET", b"", "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"),
        ("POST", b'{"example_field":"example_value"}',
         "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"),
    ],
)  # fmt: skip
def test_the_published_v2_signatures_are_valid(method: str, body: bytes, signature: str) -> None:
    sent = request(body, method=method, url=PUBLISHED_URL, x_hubspot_signature=signature)

    assert is_signed_v2(sent, [PUBLISHED_KEY])


@pytest.mark.parametrize(
    ("sent_at", "signature"),
    [
        ("1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
        ("1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
    ],
)
def test_the_published_v3_signatures_are_valid(sent_at: str, signature: str) -> None:
    at = datetime.fromtimestamp(int(sent_at) / 1000, UTC)
    sent = request(
        b"{'example_field':'example_value'}", url=PUBLISHED_URL, at=at, x_hubspot_signature_v3=signature,
        x_hubspot_request_timestamp=sent_at,
    )  # fmt: skip

    assert is_signed_v3(sent, [PUBLISHED_KEY])


def test_the_worked_v1_signature_is_only_taken_where_the_playbook_names_v1() -> None:
    sent = signed_v2(V1, version="v1")

    assert is_signed_v1(sent, [KEY])
    assert not proves(sent, HUBSPOT, KEY)
    assert proves(sent, source("hubspot-workflow", options={"signature_version": ("v1",)}), KEY)


def test_a_source_that_names_v3_takes_no_v2() -> None:
    only_v3 = source("hubspot-workflow", options={"signature_version": ("v3",)})

    assert not proves(signed_v2(), only_v3, KEY)
    assert proves(signed_v3(), only_v3, KEY)


@pytest.mark.parametrize(("seconds", "valid"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_a_v3_time_may_differ_by_five_minutes_either_way(seconds: int, *, valid: bool) -> None:
    sent_at = str(1768471200000 + seconds * 1000)
    signature = hmac_base64(KEY, b"POST" + URL.encode() + BODY + sent_at.encode())

    assert proves(signed_v3(signature=signature, sent_at=sent_at), HUBSPOT, KEY) is valid


def test_a_stale_v3_is_not_saved_by_a_valid_v2_beside_it() -> None:
    sent = signed_v3(sent_at="1768470000000", v2=V2)

    assert not proves(sent, HUBSPOT, KEY)


@pytest.mark.parametrize("sent_at", ["", "now", "1768471200000.0", "-1768471200000", "٠١٢", "9" * 40])
def test_a_time_that_is_no_number_proves_nothing(sent_at: str) -> None:
    assert not proves(signed_v3(sent_at=sent_at), HUBSPOT, KEY)


@pytest.mark.parametrize("sent", [signed_v2(), signed_v3()], ids=["v2", "v3"])
def test_another_secret_proves_nothing(sent: SourceRequest) -> None:
    assert not proves(sent, HUBSPOT, "other")


@pytest.mark.parametrize("sent", [signed_v2(), signed_v3()], ids=["v2", "v3"])
@pytest.mark.parametrize("secrets", [("old", KEY), (KEY, "new")])
def test_any_of_several_secrets_proves_it(sent: SourceRequest, secrets: tuple[str, ...]) -> None:
    assert proves(sent, HUBSPOT, *secrets)


def test_a_missing_signature_proves_nothing() -> None:
    assert not proves(request(BODY), HUBSPOT, KEY)


def test_the_header_that_the_source_names_is_as_good_as_a_signature() -> None:
    with_header = source("hubspot-workflow", header="X-Token")

    assert proves(request(BODY, x_token=KEY), with_header, KEY)
    assert not proves(request(BODY, x_token="wrong"), with_header, KEY)
    assert not proves(request(BODY, x_token=KEY), HUBSPOT, KEY)


def test_the_legacy_contact_is_read() -> None:
    raw = read_one(request(CONTACT), HUBSPOT)

    assert (raw.fields, raw.vendor_id) == ({"email": "mia@oak.example", "first_name": "Mia"}, "4012")


def test_the_newest_conversion_is_the_activity_and_its_identity() -> None:
    raw = read_one(request(CONTACT), HUBSPOT)

    assert raw.identity == "5550100/4012/7c1e"
    assert (raw.kind, raw.at) == ("form_fill", NOW - timedelta(seconds=100))
    assert raw.data == {"form": "0f2d", "title": "Demo"}


def test_who_is_enrolled_again_is_told_again_and_the_conversion_stays_one_activity() -> None:
    first, again = (
        captured(read_one(request(CONTACT | {"properties": properties}), HUBSPOT), HUBSPOT).told
        for properties in (_changed("1768471150000"), _changed("1768571150000"))
    )

    assert first.identity != again.identity
    assert first.activity_id == again.activity_id == "5550100/4012/7c1e"


def _changed(at: str) -> dict[str, object]:
    return {"email": {"value": "mia@oak.example"}, "lastmodifieddate": {"value": at}}


def test_without_a_conversion_the_last_change_is_the_identity() -> None:
    properties = {"email": {"value": "mia@oak.example"}, "lastmodifieddate": {"value": "1768471150000"}}

    raw = read_one(request({"vid": 1, "portal-id": 2, "properties": properties}), HUBSPOT)

    assert (raw.identity, raw.kind, raw.at) == ("2/1/1768471150000", None, NOW - timedelta(seconds=50))
    assert raw.fields == {"email": "mia@oak.example"}


def test_an_address_that_is_only_in_the_identities_is_found() -> None:
    body = {**CONTACT, "properties": {"firstname": {"value": "Mia"}}}

    raw = read_one(request(body), HUBSPOT)

    assert raw.fields["email"] == "mia@oak.example"


def test_contacts_that_hubspot_merged_are_told_by_their_former_ids() -> None:
    raw = read_one(request({**CONTACT, "vid": 3999, "merged-vids": [4012, 3998]}), HUBSPOT)

    assert (raw.vendor_id, raw.other_ids) == ("4012", ["3999", "3998"])


def test_hubspots_own_properties_stay_out_unless_they_are_mapped() -> None:
    properties = {name: {"value": "x"} for name in ("hs_analytics_source", "hs_lead_status", "num_notes", "budget")}
    mapped = source("hubspot-workflow", fields={"hs_lead_status": "custom.status"})

    raw = read_one(request({"vid": 1, "properties": properties}), mapped)

    assert raw.fields == {"budget": "x", "custom": {"status": "x"}}


def test_a_flat_body_of_the_admins_is_read() -> None:
    body = {
        "email": "mia@oak.example", "jobtitle": "VP Sales", "event": "demo_request", "event_id": "e-1", "vid": 4012,
        "newsletter": True, "phone": None, "at": "2026-01-15T09:00:00Z",
    }  # fmt: skip

    raw = read_one(request(body), HUBSPOT)

    assert raw.fields == {"email": "mia@oak.example", "title": "VP Sales", "newsletter": True}
    assert (raw.identity, raw.vendor_id, raw.kind) == ("e-1", "4012", "demo_request")
    assert raw.at == NOW - timedelta(hours=1)


def test_a_contact_without_an_address_waits_under_its_id() -> None:
    raw = read_one(request({"vid": 7, "properties": {"firstname": {"value": "Mia"}}}), HUBSPOT)

    waiting = nameless(raw, HUBSPOT)

    assert (waiting.vendor_ids, waiting.told.fields["first_name"]) == (["7"], "Mia")


def test_employees_in_words_are_told_as_a_change_in_the_answer() -> None:
    properties = {"email": {"value": "mia@oak.example"}, "numberofemployees": {"value": "about 150"}}
    found = captured(read_one(request({"vid": 1, "properties": properties}), HUBSPOT), HUBSPOT)

    changes = [change.model_dump() for change in found.told.changes]

    assert [(each["field"], each["before"], each["after"]) for each in changes] == [("employees", "about 150", None)]
    status, body = answer_to(request(), HUBSPOT, Outcome(found.lead_id, changes=changes))
    assert (status, body["changes"]) == (202, changes)


@pytest.mark.parametrize("timestamp", ["soon", None, True, 1e300, "²", [], "9" * 400])
def test_a_conversion_with_an_odd_time_is_still_read(timestamp: object) -> None:
    body = {**CONTACT, "form-submissions": [{"conversion-id": "7c1e", "timestamp": timestamp}]}

    raw = read_one(request(body), HUBSPOT)

    assert (raw.identity, raw.at) == ("5550100/4012/7c1e", None)


@pytest.mark.parametrize(
    "odd", [{"identity-profiles": 5}, {"form-submissions": "x"}, {"merged-vids": {}}, {"properties": {"email": 5}}]
)
def test_parts_of_other_types_do_no_harm(odd: dict[str, object]) -> None:
    raw = read_one(request({**CONTACT, **odd}), HUBSPOT)

    assert raw.vendor_id == "4012"


@pytest.mark.parametrize("body", ["[]", '"text"', "1", "", "{", "NaN", '{"a":NaN}', '{"a":"\\ud800"}', "[" * 9000])
def test_a_body_that_is_no_json_object_is_unusable(body: str) -> None:
    with refuses(422):
        read_one(request(body), HUBSPOT)


def test_a_form_is_another_content_type() -> None:
    with refuses(415):
        read_one(request(b"a=b", content_type="application/x-www-form-urlencoded"), HUBSPOT)


def test_a_byte_order_mark_is_passed_over() -> None:
    sent = request(b"\xef\xbb\xbf" + json.dumps(CONTACT).encode())

    assert read_one(sent, HUBSPOT).vendor_id == "4012"
