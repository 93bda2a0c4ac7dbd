"""Product events, meetings, and the two open standards."""

from collections.abc import Mapping
from datetime import UTC, datetime

import orjson
import pytest

from baton.leads.envelope import encode
from baton.leads.events import LeadActivity, LeadCaptured, MeetingBooked, MeetingCancelled
from baton_ingest.captures import Nameless, capture
from baton_ingest.repository import pack, unpack
from baton_ingest.sources.source_type import Refused, SourceRequest
from tests.support.sources import (
    BODY,
    KEY,
    NOW,
    URL,
    captured,
    proves,
    read,
    read_one,
    refuses,
    request,
    source,
    source_type,
)  # fmt: skip

# Segment and RudderStack

SEGMENT = source("segment")
WITH_HEADER = source("segment", header="X-Token", options={"header_secret": (KEY,)})
SEGMENT_SIGNATURE = "b126394a56ef317a020c9ec373051ee966fd0b7b"
IDENTIFY = {
    "type": "identify", "messageId": "ajs-77", "userId": "u_9", "anonymousId": "a1",
    "timestamp": "2026-01-15T09:59:58.000Z", "context": {"campaign": {"source": "x"}},
    "traits": {"email": "lou@elm.example", "firstName": "Lou", "company": {"name": "Elm", "employees": 50},
               "address": {"country": "DE"}},
}  # fmt: skip
TRACK = {
    "type": "track",
    "event": "Trial Started",
    "messageId": "m-1",
    "anonymousId": "a1",
    "properties": {"plan": "pro"},
}


def test_the_worked_segment_signature_is_valid() -> None:
    assert proves(request(BODY, x_signature=SEGMENT_SIGNATURE), SEGMENT, "old", KEY)
    assert not proves(request(BODY, x_signature=SEGMENT_SIGNATURE), SEGMENT, "other")
    assert not proves(request(BODY, x_signature=""), SEGMENT, KEY)


def test_a_body_that_was_laid_out_anew_is_proven_by_what_it_says() -> None:
    assert proves(request(b'{ "lead": "42" }\n', x_signature=SEGMENT_SIGNATURE), SEGMENT, KEY)


def test_a_batch_needs_the_header_because_its_signature_covers_only_the_first() -> None:
    batch = request(b"[" + BODY + b"]", x_signature=SEGMENT_SIGNATURE)

    assert not proves(batch, SEGMENT, KEY)
    assert not proves(batch, WITH_HEADER, KEY)
    assert proves(request(b"[" + BODY + b"]", x_token=KEY), WITH_HEADER)
    assert not proves(request(b"[" + BODY + b"]", x_token="wrong"), WITH_HEADER)


def test_rudderstack_proves_itself_by_a_header() -> None:
    assert proves(request(IDENTIFY, authorization=f"Bearer {KEY}"), source("rudderstack"), KEY)
    assert not proves(request(IDENTIFY, x_signature=SEGMENT_SIGNATURE), source("rudderstack"), KEY)


@pytest.mark.parametrize("kind", ["segment", "rudderstack"])
def test_an_identify_tells_who_somebody_is(kind: str) -> None:
    raw = read_one(request(IDENTIFY), source(kind))

    assert raw.fields == {
        "email": "lou@elm.example", "first_name": "Lou", "company": "Elm", "employees": 50, "country": "DE",
        "utm": {"source": "x"},
    }  # fmt: skip
    assert (raw.identity, raw.vendor_id, raw.shared_ids) == ("ajs-77", "user:u_9", ["browser:a1"])
    assert (raw.kind, raw.bare, raw.at) == (None, False, datetime(2026, 1, 15, 9, 59, 58, tzinfo=UTC))


@pytest.mark.parametrize(
    ("message", "kind"),
    [(TRACK, "trial_started"), ({"type": "page", "messageId": "p"}, "page_view"), ({"type": "screen"}, "screen_view")],
)
def test_what_somebody_does_is_an_activity(message: Mapping[str, object], kind: str) -> None:
    raw = read_one(request({**message, "context": {"traits": {"email": "lou@elm.example"}}}), SEGMENT)

    data = captured(raw, SEGMENT).event.data

    assert isinstance(data, LeadActivity)
    assert (data.activity.kind, data.account) == (kind, "elm.example")


def test_the_address_may_stand_in_the_properties() -> None:
    raw = read_one(request({**TRACK, "properties": {"plan": "pro", "email": "lou@elm.example"}}), SEGMENT)

    assert (raw.fields, raw.data) == ({"email": "lou@elm.example"}, {"plan": "pro"})


def test_what_an_anonymous_person_does_waits_under_the_browser() -> None:
    found = capture(read_one(request(TRACK), SEGMENT), SEGMENT, received_at=NOW, may_wait=source_type(SEGMENT).retries)

    assert isinstance(found, Nameless)
    assert list(found.waits_under) == ["browser:a1"]


def test_groups_aliases_and_the_unknown_are_passed_over_and_the_odd_is_refused_by_itself() -> None:
    batch = [{"type": "group"}, {"type": "alias"}, {"type": 5}, {}, 7, IDENTIFY]

    refused, identify = source_type(SEGMENT).read(request(batch), SEGMENT)

    assert isinstance(refused, Refused)
    assert not isinstance(identify, Refused)


def test_more_than_a_batch_holds_is_too_large() -> None:
    with refuses(413):
        read(request([{}] * 4001), SEGMENT)


# Calendly

CALENDLY = source("calendly")
CALENDLY_SIGNATURE = "t=1768471200,v1=c36a8ff82e34f48ef0fc9a79ec8c18c2e41396a0b4bfaf48cac3744dffada84b"
INVITEE = {
    "event": "invitee.created", "created_at": "2026-01-15T09:59:56.000000Z",
    "payload": {
        "uri": "https://api.calendly.com/scheduled_events/E1/invitees/I1", "email": "max@hazel.example",
        "name": "Max Roe", "first_name": None, "last_name": None, "status": "active", "rescheduled": False,
        "questions_and_answers": [{"question": "Company", "answer": "Hazel", "position": 0}],
        "tracking": {"utm_source": "x", "salesforce_uuid": None},
        "scheduled_event": {
            "uri": "https://api.calendly.com/scheduled_events/E1", "start_time": "2026-01-20T14:00:00.000000Z",
            "event_memberships": [{"user": "https://api.calendly.com/users/U1", "user_email": "mary@example.com"}],
            "location": {"join_url": "https://meet.example/1"},
        },
    },
}  # fmt: skip


def calendly(signature: str = CALENDLY_SIGNATURE, at: datetime = NOW) -> SourceRequest:
    return request(BODY, at=at, calendly_webhook_signature=signature)


def test_the_worked_calendly_signature_is_valid() -> None:
    assert proves(calendly(), CALENDLY, "old", KEY)
    assert proves(calendly(CALENDLY_SIGNATURE.replace("v1=", "v1=00,v1=")), CALENDLY, KEY)


@pytest.mark.parametrize(
    "signature", ["", "t=1768471200", CALENDLY_SIGNATURE[13:], CALENDLY_SIGNATURE.replace("00,", "01,"), ",=,t,v1"]
)
def test_another_calendly_signature_proves_nothing(signature: str) -> None:
    assert not proves(calendly(signature), CALENDLY, KEY)
    assert not proves(calendly(), CALENDLY, "other")
    assert not proves(calendly(at=datetime.fromtimestamp(1768471501, UTC)), CALENDLY, KEY)


def test_a_booking_is_a_lead_and_a_meeting() -> None:
    raw = read_one(request(INVITEE), CALENDLY)
    lead, meeting = (event.data for event in captured(raw, CALENDLY).events)

    assert isinstance(lead, LeadCaptured)
    assert (lead.lead.email, lead.lead.first_name, lead.lead.last_name, lead.lead.company) == (
        "max@hazel.example", "Max", "Roe", "Hazel",
    )  # fmt: skip
    assert lead.activity is not None
    assert lead.activity.kind == "meeting_booked"
    assert isinstance(meeting, MeetingBooked)
    assert (meeting.meeting.host, meeting.meeting.link) == ("mary@example.com", "https://meet.example/1")
    assert meeting.meeting.at == datetime(2026, 1, 20, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("user", "by"),
    [
        (None, None),
        ("https://api.calendly.com/users/U1", "mary@example.com"),
        ("https://api.calendly.com/users/U2", "https://api.calendly.com/users/U2"),
    ],
)
def test_who_booked_for_the_invitee_is_told_of_a_calendly_meeting(user: str | None, by: str | None) -> None:
    booked = {**INVITEE, "payload": {**INVITEE["payload"], "invitee_scheduled_by": user}}  # type: ignore[dict-item]

    _, meeting = (event.data for event in captured(read_one(request(booked), CALENDLY), CALENDLY).events)

    assert isinstance(meeting, MeetingBooked)
    assert meeting.by == by


def test_a_meeting_that_waits_is_still_one() -> None:
    told = captured(read_one(request(INVITEE), CALENDLY), CALENDLY).told

    assert unpack(pack(told)) == told


def test_a_meeting_called_off_is_told_and_one_that_is_moved_is_not() -> None:
    called_off = {**INVITEE, "event": "invitee.canceled"}
    moved = {**called_off, "payload": {**INVITEE["payload"], "rescheduled": True}}  # type: ignore[dict-item]

    (event,) = captured(read_one(request(called_off), CALENDLY), CALENDLY).events

    assert isinstance(event.data, MeetingCancelled)
    assert read(request(moved), CALENDLY) == []


def test_booking_and_calling_off_are_two_deliveries() -> None:
    deliveries = [request(INVITEE), request({**INVITEE, "event": "invitee.canceled"})]

    assert len({read_one(sent, CALENDLY).identity for sent in deliveries}) == 2


@pytest.mark.parametrize("payload", [{}, {"uri": "x"}, {"uri": "x", "scheduled_event": {"start_time": "soon"}}])
def test_a_meeting_without_its_facts_is_unusable(payload: dict[str, object]) -> None:
    with refuses(422):
        read(request({"event": "invitee.created", "payload": payload}), CALENDLY)


# Chili Piper

CHILI = source("chili-piper")
MEETING = {
    "type": "Created", "meetingIdChili": "m-1", "meetingStartTime": "2026-01-16T15:00:00Z",
    "assigneeEmail": "rep@example.com", "primaryGuestEmail": "kim@rowan.example",
    "primaryGuestDataFields": {"Company": "Rowan"},
}  # fmt: skip


def test_chili_piper_proves_itself_by_the_token_in_the_url() -> None:
    assert proves(request(MEETING, url=f"{URL}?token={KEY}"), CHILI, KEY)
    assert not proves(request(MEETING), CHILI, KEY)


def test_a_chili_piper_booking_is_a_lead_and_a_meeting() -> None:
    raw = read_one(request(MEETING), CHILI)
    events = captured(raw, CHILI).events

    assert [event.type for event in events] == ["lead.captured", "meeting.booked"]
    assert raw.fields == {"email": "kim@rowan.example", "company": "Rowan"}
    assert raw.meeting is not None
    assert (raw.meeting.id, raw.meeting.host) == ("m-1", "rep@example.com")
    assert orjson.loads(encode(events[1])[1])["meeting"].keys() >= {"at", "host", "link"}


@pytest.mark.parametrize(
    ("booker", "by"), [(None, None), ("Kim@rowan.example", None), ("sdr@example.com", "sdr@example.com")]
)
def test_who_booked_for_the_guest_is_told_of_a_chili_piper_meeting(booker: str | None, by: str | None) -> None:
    _, meeting = (e.data for e in captured(read_one(request({**MEETING, "bookerEmail": booker}), CHILI), CHILI).events)

    assert isinstance(meeting, MeetingBooked)
    assert meeting.by == by


def test_a_chili_piper_meeting_that_moved_is_another_delivery() -> None:
    moved = {**MEETING, "type": "Updated", "meetingStartTime": "2026-01-17T15:00:00Z"}
    cancelled = read_one(request({**MEETING, "type": "Canceled"}), CHILI)

    assert read_one(request(MEETING), CHILI).identity != read_one(request(moved), CHILI).identity
    assert cancelled.cancelled


# Standard Webhooks and CloudEvents

STANDARD = source("standard-webhooks")
EVENTS = source("cloudevents")
LEAD = {"email": "ada@acme.com", "activity": "demo_request"}
EVENT = {"specversion": "1.0", "id": "7", "source": "/crm", "type": "lead.created", "time": "2026-01-15T09:00:00Z"}


def test_the_worked_standard_webhook_is_valid() -> None:
    headers = {"webhook_id": "msg_1", "webhook_timestamp": "1768471200"}
    signature = "v1,wkDNLqpUAjKxiAqZXrlYAcJOnkGdMY2pqDibMaEJ4Xo="
    key = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
    signed = request(BODY, webhook_signature=signature, webhook_id="msg_1", webhook_timestamp="1768471200")

    assert proves(signed, STANDARD, key)
    assert not proves(request(BODY, **headers), STANDARD, key)  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [LEAD, {"type": "lead", "timestamp": "2026-01-15T09:00:00Z", "data": LEAD}])
def test_a_standard_webhook_holds_our_own_json(body: Mapping[str, object]) -> None:
    raw = read_one(request(body, webhook_id="msg_1"), STANDARD)

    assert (raw.fields, raw.kind, raw.identity) == ({"email": "ada@acme.com"}, "demo_request", "msg_1")


CLOUD = {
    "binary": request(LEAD, ce_id="7", ce_source="/crm", ce_type="lead.created", ce_specversion="1.0",
                      ce_time="2026-01-15T09:00:00Z"),
    "structured": request({**EVENT, "data": LEAD}, content_type="application/cloudevents+json; charset=utf-8"),
    "batch": request([{**EVENT, "data": LEAD}], content_type="application/cloudevents-batch+json"),
}  # fmt: skip


@pytest.mark.parametrize("sent", CLOUD.values(), ids=CLOUD.keys())
def test_a_cloud_event_is_read_in_each_of_its_forms(sent: SourceRequest) -> None:
    raw = read_one(sent, EVENTS)

    assert (raw.fields, raw.kind, raw.identity) == ({"email": "ada@acme.com"}, "demo_request", "/crm#7")
    assert raw.at == datetime(2026, 1, 15, 9, tzinfo=UTC)


def test_binary_attributes_are_percent_encoded() -> None:
    sent = request(LEAD, ce_id="a%20b", ce_source="/%C3%BC", ce_type="t", ce_specversion="1.0")

    assert read_one(sent, EVENTS).identity == "/ü#a b"


@pytest.mark.parametrize("event", [{}, EVENT, {**EVENT, "data": "text"}, {"data": LEAD}, 5])
def test_what_is_no_cloud_event_with_data_is_refused_by_itself(event: object) -> None:
    batch = request([event, {**EVENT, "data": LEAD}], content_type="application/cloudevents-batch+json")

    first, second = source_type(EVENTS).read(batch, EVENTS)

    assert isinstance(first, Refused)
    assert not isinstance(second, Refused)


def test_the_handshake_of_cloud_events_is_answered() -> None:
    asked = request(method="OPTIONS", webhook_request_origin="crm.example", webhook_request_rate="120")

    answer = source_type(EVENTS).handshake(asked, EVENTS, [KEY])

    assert answer is not None
    assert (answer.status, answer.headers["webhook-allowed-origin"]) == (204, "crm.example")
    assert answer.headers["webhook-allowed-rate"] == "*"
    assert source_type(EVENTS).handshake(CLOUD["binary"], EVENTS, [KEY]) is None
