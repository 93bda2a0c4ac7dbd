"""Our envelope against the `cloudevents` library's Kafka binding: each reads what the other writes."""

from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from baton.leads.envelope import Event, UnreadableEvent, decode, encode
from baton.leads.events import LeadActivity, LeadErased
from baton.leads.values import Activity

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
AT = datetime(2026, 3, 27, 16, 30, 0, 250_000, tzinfo=UTC)
EVENT = Event(
    id=ID,
    source="/baton/ingest",
    time=AT,
    key="acme.example",
    data=LeadActivity(
        lead_id="l-1",
        account="acme.example",
        activity=Activity(id="a-1", kind="page_view", at=AT, source="web", data={"path": "/prices", "ünicode": "ß"}),
    ),
    sequence=7,
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


def _read_by_library(event: Event) -> CloudEvent:
    headers, value = encode(event)
    named = {name: content for name, content in headers if name != "traceparent"}
    read = from_binary(KafkaMessage(headers=named, key=event.key, value=value), JSONFormat())
    assert isinstance(read, CloudEvent)
    return read


def test_the_library_reads_what_we_write() -> None:
    read = _read_by_library(EVENT)

    assert read.get_id() == ID
    assert read.get_source() == "/baton/ingest"
    assert read.get_type() == "lead.activity"
    assert read.get_specversion() == "1.0"
    assert read.get_time() == AT
    assert read.get_dataschema() == "urn:baton:lead.activity:1"
    assert read.get_datacontenttype() == "application/json"
    assert read.get_extension("partitionkey") == "acme.example"
    assert read.get_extension("sequence") == "7"


def test_the_library_reads_the_same_data() -> None:
    read = _read_by_library(EVENT)

    data = read.get_data()
    assert isinstance(data, dict)
    assert data["activity"]["at"] == "2026-03-27T16:30:00.250000Z"
    assert data["activity"]["data"] == {"path": "/prices", "ünicode": "ß"}


def test_we_read_what_the_library_writes() -> None:
    message = to_binary(_read_by_library(EVENT), JSONFormat())

    event = decode(tuple(message.headers.items()), message.value)

    assert (event.id, event.source, event.type, event.time) == (ID, "/baton/ingest", "lead.activity", AT)
    assert (event.key, event.sequence, event.data) == ("acme.example", 7, EVENT.data)


def test_the_library_writes_the_headers_that_we_write() -> None:
    ours, _ = encode(EVENT)

    theirs = to_binary(_read_by_library(EVENT), JSONFormat())

    without_trace = {name: content for name, content in ours if name != "traceparent"}
    assert theirs.headers == without_trace
    assert theirs.key == EVENT.key


def test_an_event_comes_back_whole() -> None:
    headers, value = encode(EVENT)

    assert decode(headers, value) == EVENT


def test_fields_that_were_never_set_stay_unset() -> None:
    headers, value = encode(EVENT)

    assert "by" not in decode(headers, value).data.model_fields_set


@pytest.mark.parametrize("missing", ["ce_id", "ce_type", "ce_source", "ce_time", "ce_partitionkey"])
def test_a_record_without_a_required_header_is_unreadable(missing: str) -> None:
    headers, value = encode(EVENT)

    with pytest.raises(UnreadableEvent, match=missing):
        decode(tuple(pair for pair in headers if pair[0] != missing), value)


def test_a_schema_newer_than_this_release_is_unreadable() -> None:
    headers, value = encode(EVENT)
    newer = (("ce_dataschema", b"urn:baton:lead.activity:2"),)

    with pytest.raises(UnreadableEvent, match="can't be read"):
        decode(tuple(pair for pair in headers if pair[0] != "ce_dataschema") + newer, value)


def test_an_unknown_type_is_unreadable() -> None:
    headers, value = encode(EVENT)

    with pytest.raises(UnreadableEvent, match=r"lead\.teleported"):
        decode((*(pair for pair in headers if pair[0] != "ce_type"), ("ce_type", b"lead.teleported")), value)


def test_data_that_does_not_fit_is_told_without_its_values() -> None:
    headers, _ = encode(EVENT)

    with pytest.raises(UnreadableEvent) as caught:
        decode(headers, b'{"lead_id": {"email": "secret@example.com"}}')

    assert "lead_id" in str(caught.value)
    assert "secret@example.com" not in str(caught.value)


def test_fields_of_a_newer_release_are_ignored() -> None:
    event = Event(id=ID, source="/baton/ingest", time=AT, key="k", data=LeadErased(lead_id="l"))
    headers, _ = encode(event)

    assert decode(headers, b'{"lead_id": "l", "added_later": 1}').data == LeadErased(lead_id="l")
