"""From what a sender told to an event: identity, time, channel, activity."""

from datetime import timedelta
from typing import Any

import pytest

from baton.flow.bus import MAX_RECORD_BYTES
from baton.flow.unit_of_work import as_record
from baton.kernel.ids import lead_id_for_email, lead_id_for_phone
from baton.leads.envelope import encode
from baton.leads.events import LeadActivity, LeadCaptured
from baton_ingest.captures import LONGEST_ID, REPEAT_WINDOW, Capture
from baton_ingest.repository import pack, unpack
from baton_ingest.sources.source_type import RawCapture
from tests.support.sources import NOW, captured, nameless, source

WEB = source("form", name="web")
ADA = {"email": "Ada@Acme.com"}


def capture(configured: Any = WEB, fields: dict[str, object] | None = None, **more: Any) -> Capture:
    times = {"received_at": more.pop("received_at", NOW)}
    return captured(RawCapture(fields=ADA if fields is None else fields, **more), configured, **times)


def lead_of(found: Capture) -> LeadCaptured:
    assert isinstance(found.event.data, LeadCaptured)
    return found.event.data


def test_the_event_is_of_the_account() -> None:
    found = capture()

    assert (found.lead_id, found.event.key) == (lead_id_for_email("ada@acme.com"), "acme.com")
    assert lead_of(found).lead.account == "acme.com"


@pytest.mark.parametrize("fields", [{"email": "ada@gmail.com"}, {"phone": "+14155550100"}])
def test_without_an_account_the_lead_is_the_key(fields: dict[str, object]) -> None:
    found = capture(fields=fields)

    assert found.event.key == found.lead_id
    assert "account" not in lead_of(found).lead.model_fields_set


def test_a_lead_without_an_email_is_its_phone() -> None:
    assert capture(fields={"phone": "(415) 555-0100", "country": "US"}).lead_id == lead_id_for_phone("+14155550100")


def test_only_what_was_sent_is_told() -> None:
    sent = lead_of(capture(fields={**ADA, "title": None})).lead.model_dump(exclude_unset=True)

    assert sent == {
        "lead_id": lead_id_for_email("ada@acme.com"), "email": "ada@acme.com", "domain": "acme.com", "free_mail": False,
        "account": "acme.com", "title": None, "seniority": None, "function": None, "source": "web",
    }  # fmt: skip


@pytest.mark.parametrize("identity", [None, "submission-1"])
def test_what_is_meant_is_no_repeat_of_a_test_delivery(identity: str | None) -> None:
    tried = capture(identity=identity, test=True)
    meant = capture(identity=identity)

    assert tried.identity != meant.identity
    assert tried.event.id != meant.event.id


def test_the_source_is_the_playbooks_name_whatever_the_sender_says() -> None:
    assert lead_of(capture(fields={**ADA, "source": "google"})).lead.source == "web"


def test_the_leads_own_channel_wins() -> None:
    paid = source("form", channel="paid", defaults={"country": "DE", "title": "CEO"})

    assert lead_of(capture(paid)).lead.channel == "paid"
    assert lead_of(capture(paid, {**ADA, "channel": "event"})).lead.channel == "event"
    assert lead_of(capture(paid, {**ADA, "title": "CFO"})).lead.title == "CFO"
    assert lead_of(capture(paid)).lead.country == "DE"


def test_the_activity_is_the_requests_else_the_sources_else_none() -> None:
    demo = source("form", activity="demo_request")

    activities = [lead_of(capture(configured, kind=kind)).activity for configured, kind in
                  ((demo, "webinar"), (demo, None), (WEB, None))]  # fmt: skip

    assert [activity and activity.kind for activity in activities] == ["webinar", "demo_request", None]


@pytest.mark.parametrize(
    ("sent", "kind"),
    [("Demo Request", "demo_request"), ("pageView", "page_view"), ("CRM-Call", "crm_call"), ("Заявка", "form_fill"),
     ("x" * 500, "form_fill"), ("\0", "form_fill"), ("1st_visit", "form_fill")],
)  # fmt: skip
def test_a_kind_is_brought_into_lower_snake_and_that_is_told(sent: str, kind: str) -> None:
    data = lead_of(capture(source("form", activity="form_fill"), kind=sent))

    assert data.activity is not None
    assert data.activity.kind == kind
    assert [change.after for change in data.changes if change.field == "activity.kind"] == [kind]


@pytest.mark.parametrize(("minutes", "counts"), [(-1000, True), (0, True), (5, True), (5.1, False), (1000, False)])
def test_a_senders_time_counts_unless_it_is_over_five_minutes_ahead(minutes: float, *, counts: bool) -> None:
    at = NOW + timedelta(minutes=minutes)

    data = lead_of(capture(at=at, kind="page_view"))

    assert data.activity is not None
    assert (data.at, data.activity.at) == ((at, at) if counts else (NOW, NOW))
    assert ("at" in {change.field for change in data.changes}) is not counts


def test_a_senders_id_makes_the_same_event_at_any_time() -> None:
    first, later = capture(identity="e1"), capture(identity="e1", received_at=NOW + timedelta(days=400))

    assert (first.identity, first.event.id) == (later.identity, later.event.id)
    assert first.told.repeats_for is None


def test_without_an_id_the_same_words_are_the_same_for_ten_minutes() -> None:
    first, second = capture(), capture(fields={"email": " ada@ACME.com "}, received_at=NOW + timedelta(minutes=1))

    assert first.identity == second.identity
    assert (first.told.repeats_for, first.event.id == second.event.id) == (REPEAT_WINDOW, False)


def test_other_words_are_another_capture() -> None:
    assert len({capture(fields={**ADA, "company": name}).identity for name in ("A", "B")}) == 2


def test_the_senders_time_makes_words_as_good_as_an_id() -> None:
    first, later = capture(at=NOW), capture(at=NOW, received_at=NOW + timedelta(hours=1))

    assert (first.told.repeats_for, first.event.id) == (None, later.event.id)


def test_an_activitys_identity_is_its_own_id_else_the_deliverys_else_what_was_done() -> None:
    def activity_id(**more: Any) -> str:
        activity = lead_of(capture(kind="page_view", **more)).activity
        assert activity is not None
        return activity.id

    assert activity_id(identity="e1", activity_id="a1") == "a1"
    assert activity_id(identity="e1") == "e1"
    assert activity_id(at=NOW) == activity_id(at=NOW, fields={**ADA, "company": "told later"})
    assert activity_id(at=NOW) != activity_id(at=NOW, data={"page": "/"})
    assert activity_id(at=NOW) != activity_id(at=NOW - timedelta(seconds=1))


@pytest.mark.parametrize("identity", ["x" * 10_000, "a\0b", "\ud800"])
def test_an_id_that_no_database_holds_is_known_by_its_hash(identity: str) -> None:
    found = capture(identity=identity, vendor_id=identity, kind="page_view")

    assert len(found.told.identity) <= LONGEST_ID
    assert found.told.identity.startswith("sha256:")
    assert all(each.startswith("sha256:") for each in found.vendor_ids)


def test_a_bare_activity_is_an_activity_of_the_lead() -> None:
    found = capture(kind="call", bare=True, by="mary", data={"minutes": 3})

    data = found.event.data
    assert isinstance(data, LeadActivity)
    assert (data.lead_id, data.account, data.by) == (found.lead_id, "acme.com", "mary")
    assert (data.activity.kind, data.activity.data) == ("call", {"minutes": 3})


def test_an_event_stays_small_however_much_of_an_activity_had_to_be_left_out() -> None:
    found = capture(kind="call", data={f"key {number}": float("inf") for number in range(100_000)})

    _, value = encode(found.event)
    assert found.told.changes[-1].why == "99980 more were left out"
    assert len(value) < 10_000


def test_a_lead_named_by_its_id_gets_the_key_it_is_known_by() -> None:
    raw = RawCapture(fields={}, kind="call", bare=True)
    found = captured(raw, WEB, lead_id="l")

    keyed = found.with_key("acme.com")

    assert (found.event.key, found.by_id, keyed.event.key) == ("l", True, "acme.com")
    assert isinstance(keyed.event.data, LeadActivity)
    assert keyed.event.data.account == "acme.com"
    assert keyed.event.id == found.event.id


def test_a_public_source_is_not_proven() -> None:
    assert lead_of(captured(RawCapture(fields=ADA), WEB, proven=False)).proven is False


def test_what_waits_is_told_later_as_it_would_have_been_told_then() -> None:
    hubspot = source("hubspot-workflow", channel="inbound", activity="form_fill", defaults={"country": "DE"})
    raw = RawCapture(fields={"company": "Oak", "employees": "about 150"}, vendor_id="7", at=NOW + timedelta(hours=1),
                     data={"page": "/"}, test=True)  # fmt: skip
    waiting = nameless(raw, hubspot, proven=False)

    told = unpack(pack(waiting.told))
    (event,) = told.events("lead", key="oak.example")
    data = event.data

    assert told == waiting.told
    assert isinstance(data, LeadCaptured)
    assert data.lead.model_dump(exclude_unset=True) == {
        "lead_id": "lead", "company": "Oak", "country": "DE", "channel": "inbound", "source": "hubspot-workflow",
    }  # fmt: skip
    assert data.activity is not None
    assert (data.activity.kind, data.activity.at, data.at) == ("form_fill", NOW, NOW)
    assert (data.proven, data.test, [change.field for change in data.changes]) == (False, True, ["employees", "at"])


HUGE = "x" * 5_000_000
MANY = {f"field {n}": "\x01" * 30_000 for n in range(400)}


@pytest.mark.parametrize(
    "more",
    [
        {"fields": {**ADA, **dict.fromkeys(("title", "company", "first_name", "website", "city", "employees"), HUGE)}},
        {"fields": {**ADA, "custom": MANY, "utm": MANY, "consent": MANY}},
        {"fields": {**ADA, **MANY}},
        {"data": MANY, "kind": "form_fill"},
        {"data": {"text": HUGE}, "kind": HUGE},
        {"identity": HUGE, "activity_id": HUGE, "vendor_id": HUGE, "by": HUGE, "kind": "form_fill"},
    ],
    ids=["fields", "open parts", "unknown fields", "an activity's data", "its text", "ids"],
)
def test_whatever_a_sender_sends_its_event_is_far_below_what_the_bus_takes(more: dict[str, Any]) -> None:
    found = capture(**more)

    assert all(as_record(event).size < MAX_RECORD_BYTES / 8 for event in found.events)
