"""Laws of every vendor's reader: whatever comes is read or refused, and what was read becomes an event or a reason."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.leads.envelope import decode, encode
from baton.leads.playbook.model import Source
from baton_ingest.captures import Capture, capture
from baton_ingest.repository import pack, unpack
from baton_ingest.sources.registry import SOURCE_TYPES
from baton_ingest.sources.source_type import Outcome, RawCapture, Refused, SourceRequest, Unproven, Unusable
from tests.support.sources import KEY, NOW

EVERY_TYPE = pytest.mark.parametrize("kind", SOURCE_TYPES)
CONTENT_TYPES = [
    "application/json", "text/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=X",
    "application/cloudevents+json", "",
]  # fmt: skip
# The words that readers look for, so that arbitrary JSON gets past their first look.
WORDS = [
    "activity", "answers", "at", "campaign_id", "canonical-vid", "column_id", "context", "conversion-id", "custom",
    "data", "email", "event", "event_id", "event_type", "field", "form-submissions", "form_id", "form_response",
    "google_key", "hidden", "id", "identities", "identity-profiles", "is_test", "kind", "lead_id", "merged-vids",
    "messageId", "name", "payload", "properties", "scheduled_event", "sent_at", "source", "specversion",
    "string_value", "submittedAt", "test", "timestamp", "token", "traits", "triggerType", "type", "uri",
    "user_column_data", "userId", "value", "vid", "primaryGuestEmail", "meetingIdChili", "1.3", "questions_and_answers",
]  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20) | st.sampled_from(["ada@acme.com", "2026-01-15T10:00:00Z", "1768471200000", "EMAIL"])
)  # fmt: skip
NAMES = st.sampled_from(WORDS) | st.text(max_size=8)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=25
)
HEADERS = st.dictionaries(
    st.sampled_from([
        "authorization", "x-hubspot-signature", "x-hubspot-signature-v3", "x-hubspot-request-timestamp",
        "x-hubspot-signature-version", "webhook-id", "webhook-timestamp", "webhook-signature", "x-signature",
        "typeform-signature", "x-webflow-signature", "x-webflow-timestamp", "calendly-webhook-signature", "accept",
    ]),
    st.text(max_size=40) | st.sampled_from(["1768471200", "1768471200000", "t=1768471200,v1=0", "v2", "v1,AAAA"]),
)  # fmt: skip


def a_source(kind: str, **more: Any) -> Source:
    options = {"organization": "00D000000000001EAA", "honeypot": "site"}
    return Source(**({"name": "any", "type": kind, "options": options} | more))


@st.composite
def requests(draw: st.DrawFn) -> SourceRequest:
    """Any request: arbitrary bytes, or arbitrary JSON with the words that vendors use."""
    as_bytes = st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode())
    content_type = draw(st.sampled_from(CONTENT_TYPES) | st.text(max_size=30))
    return SourceRequest(
        method=draw(st.sampled_from(["GET", "POST", "PUT", "OPTIONS"])),
        url="https://x.example/" + draw(st.text(max_size=20)),
        headers={**draw(HEADERS), "content-type": content_type},
        query=draw(st.dictionaries(NAMES, st.text(max_size=20), max_size=3)),
        body=draw(as_bytes),
        received_at=NOW,
    )


@EVERY_TYPE
@given(request=requests(), is_open=st.booleans())
def test_a_request_is_proven_or_not_and_nothing_else_happens(
    kind: str, request: SourceRequest, *, is_open: bool
) -> None:
    with suppress(Unproven, Unusable):
        SOURCE_TYPES[kind].prove(request, a_source(kind, open=is_open), [KEY, "whsec_b3RoZXI="])


@EVERY_TYPE
@given(request=requests())
def test_a_request_without_a_proof_is_never_proven(kind: str, request: SourceRequest) -> None:
    with pytest.raises((Unproven, Unusable)):
        SOURCE_TYPES[kind].prove(request, a_source(kind), [KEY, "whsec_b3RoZXI="])


@EVERY_TYPE
@given(request=requests())
def test_a_handshake_is_an_answer_or_none(kind: str, request: SourceRequest) -> None:
    with suppress(Unproven, Unusable):
        SOURCE_TYPES[kind].handshake(request, a_source(kind), [KEY])


@EVERY_TYPE
@given(request=requests(), mapped=st.booleans(), may_wait=st.booleans())
def test_what_was_read_becomes_an_event_that_can_be_stored_and_read_again(
    kind: str, request: SourceRequest, *, mapped: bool, may_wait: bool
) -> None:
    names = {"name": "custom.name", "value": "data.value", "email": "email", "x": "activity", "event": "id", "at": "at"}
    source = a_source(kind, fields=names if mapped else {}, activity="form_fill")

    with suppress(Unusable):
        for raw in SOURCE_TYPES[kind].read(request, source):
            becomes_an_event(raw, source, may_wait=may_wait)


@EVERY_TYPE
@given(
    request=requests(), ends=st.lists(st.sampled_from(["new", "repeat", "waits", "refused"]), min_size=1, max_size=3)
)
def test_every_end_has_an_answer(kind: str, request: SourceRequest, ends: list[str]) -> None:
    outcomes = [
        Outcome(
            "l" if end in {"new", "repeat"} else None, duplicate=end == "repeat", waits=end == "waits",
            refused="no" if end == "refused" else None,
        )
        for end in ends
    ]  # fmt: skip

    with suppress(Unusable):  # then there would have been nothing to answer
        SOURCE_TYPES[kind].read(request, a_source(kind))
        assert SOURCE_TYPES[kind].answer(outcomes, request, a_source(kind)).status in {200, 202, 303, 422}


def becomes_an_event(raw: RawCapture | Refused, source: Source, *, may_wait: bool) -> None:
    if isinstance(raw, Refused):
        return
    found = capture(raw, source, received_at=NOW, may_wait=may_wait)
    if isinstance(found, Refused):
        return
    assert unpack(pack(found.told)) == found.told
    assert "\0" not in found.told.identity
    if isinstance(found, Capture):
        for event in found.events:
            headers, value = encode(event)
            assert b"\\u0000" not in value
            assert decode(headers, value) == event
