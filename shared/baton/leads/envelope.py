"""The envelope of every event: CloudEvents 1.0, Kafka binary mode.

Source of the format: the CloudEvents Kafka protocol binding, 3.2 (headers `ce_*`, data as the value), and its
partitioning and sequence extensions. Written by hand because every lead passes here several times; a test holds it
against the `cloudevents` library.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from pydantic import ValidationError

from baton.kernel.instants import format_instant, parse_instant
from baton.leads.events import BY_TYPE, EventData

Headers = tuple[tuple[str, bytes], ...]
_AS_WRITTEN: Final = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
"""An id as `str` writes a UUID: as nearly all are, and asked of every record."""


class UnreadableEvent(ValueError):
    """A record that is no event of ours, or one of a schema that this release can't read."""


class Event(NamedTuple):
    """One fact. `id` is deterministic: the same fact always has the same id, whoever tells it how often."""

    id: str
    source: str
    """The service that says so: `/baton/ingest`."""
    time: datetime
    key: str
    """The account, else the lead: computed once by ingest, carried by every later event of that lead."""
    data: EventData
    sequence: int | None = None
    """The version of the aggregate that the event tells of. Consumers ignore older ones."""
    traceparent: str | None = None

    @property
    def type(self) -> str:
        return self.data.type

    def followed_by(
        self,
        data: EventData,
        *,
        id: str,  # noqa: A002 - the attribute's name
        source: str,
        time: datetime,
        sequence: int | None = None,
    ) -> "Event":
        """An event that this one caused: same key, same trace."""
        return Event(
            id=id, source=source, time=time, key=self.key, data=data, sequence=sequence, traceparent=self.traceparent
        )


def encode(event: Event) -> tuple[Headers, bytes]:
    """The headers and the value of the record that carries `event`. Its key is `event.key`."""
    kind, schema = _named(type(event.data))
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        ("ce_type", kind),
        ("ce_time", format_instant(event.time).encode()),
        ("ce_subject", (event.data.subject or event.key).encode()),
        ("ce_partitionkey", event.key.encode()),
        ("ce_dataschema", schema),
        ("content-type", b"application/json"),
    ]
    if event.sequence is not None:
        headers.append(("ce_sequence", str(event.sequence).encode()))
    if event.traceparent is not None:
        headers.append(("traceparent", event.traceparent.encode()))
    # As `model_dump_json`, which makes text of the bytes.
    return tuple(headers), event.data.__pydantic_serializer__.to_json(event.data, exclude_unset=True, by_alias=True)


@cache
def _named(model: type[EventData]) -> tuple[bytes, bytes]:
    """The type and the schema of an event, as its headers say them."""
    return model.type.encode(), schema_uri(model.type, model.schema_version).encode()


class Head(NamedTuple):
    """What the headers say of an event, before its data is looked at. `subject` is the lead, else the key."""

    id: str
    type: str
    source: str
    time: datetime
    key: str
    subject: str
    sequence: int | None
    traceparent: str | None


@lru_cache(maxsize=1024)  # in one process several consumers read each record
def read_head(headers: Headers) -> Head:
    """The head of the event in a record.

    Raises:
        UnreadableEvent: a header is missing or malformed, the type is unknown, or the schema too new.
    """
    named = {name: content.decode("utf-8", "replace") for name, content in headers}
    try:
        _check_version(named["ce_type"], named.get("ce_dataschema"))
        return Head(
            id=_canonical(named["ce_id"]),
            type=named["ce_type"],
            source=named["ce_source"],
            time=parse_instant(named["ce_time"]),
            key=named["ce_partitionkey"],
            subject=named.get("ce_subject") or named["ce_partitionkey"],
            sequence=int(named["ce_sequence"]) if "ce_sequence" in named else None,
            traceparent=named.get("traceparent"),
        )
    except KeyError as missing:
        raise UnreadableEvent(f"header or event type {missing} is unknown") from None
    except ValueError as error:
        raise UnreadableEvent(str(error)) from None


def read_data(head: Head, value: bytes | None, *, model: type[EventData] | None = None) -> Event:
    """The event whose head was read. Raises UnreadableEvent where the data doesn't fit its type.

    `model` instead of the type's own reads less of it.
    """
    try:
        data = (model or BY_TYPE[head.type]).model_validate_json(value or b"")
    except ValidationError as error:
        raise UnreadableEvent(_without_input(error)) from None
    return Event(
        id=head.id,
        source=head.source,
        time=head.time,
        key=head.key,
        data=data,
        sequence=head.sequence,
        traceparent=head.traceparent,
    )


def decode(headers: Headers, value: bytes | None) -> Event:
    """The event in a record. Raises UnreadableEvent."""
    return read_data(read_head(headers), value)


def schema_uri(event_type: str, version: int) -> str:
    """The name of an event's schema: `urn:baton:lead.captured:1`."""
    return f"urn:baton:{event_type}:{version}"


def header(headers: Iterable[tuple[str, bytes]] | Mapping[str, bytes], name: str) -> str | None:
    """One header as text, or None."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return next((content.decode("utf-8", "replace") for key, content in pairs if key == name), None)


def _canonical(identity: str) -> str:
    return identity if _AS_WRITTEN(identity) else str(UUID(identity))


@lru_cache(maxsize=256)  # a few dozen there are, and every record asks
def _check_version(event_type: str, uri: str | None) -> None:
    model = BY_TYPE[event_type]
    if uri is None:
        return
    version = int(uri.rpartition(":")[2])
    if version > model.schema_version or version < model.schema_version - 1:
        raise UnreadableEvent(
            f"schema {uri} can't be read: this release reads {model.schema_version} and the one before"
        )


def _without_input(error: ValidationError) -> str:
    """The mistakes without the values: they may be personal data, and the text goes into headers and logs."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in found[:5])
