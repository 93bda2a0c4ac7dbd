"""From what a sender told to an event of ours: normalised, identified, dated."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import orjson

from baton.kernel.ids import LeadId, derived_id
from baton.leads.envelope import Event
from baton.leads.events import EventData, LeadActivity, LeadCaptured
from baton.leads.normalising import NormalisedLead, normalise
from baton.leads.playbook.model import Source
from baton.leads.values import Activity, Change, Lead
from baton_ingest.sources.source_type import RawCapture

ORIGIN: Final = "/baton/ingest"
REPEAT_WINDOW: Final = timedelta(minutes=10)
"""How long the same words without an id of the sender's count as the same delivery."""
FUTURE: Final = timedelta(minutes=5)
"""A sender's clock may be so far ahead; later counts as received now."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A capture that can't be used, and what to do about it."""

    why: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """An event that waits to be made durable, under the identity by which a repeat is known."""

    source: str
    identity: str
    repeats_for: timedelta | None
    """None: the sender's own id, a repeat for ever."""
    event: Event
    vendor_id: str | None = None

    @property
    def lead_id(self) -> str:
        subject = self.event.data.subject
        assert subject is not None  # a capture is always of a lead
        return subject

    @property
    def changes(self) -> list[Change]:
        return self.event.data.changes if isinstance(self.event.data, LeadCaptured) else []

    def joined_by(self, waiting: RawCapture, identity: str, *, received_at: datetime) -> Event:
        """The event of a capture that waited until this one told who the person is."""
        return _known(waiting, identity, self.source, self.lead_id, key=self.event.key, received_at=received_at)


@dataclass(frozen=True, slots=True)
class Nameless:
    """A capture without an address: it waits under the sender's id of the person."""

    source: str
    identity: str
    vendor_id: str
    raw: RawCapture
    received_at: datetime

    def known_as(self, lead_id: str) -> Capture:
        """The same, now that it is known who the person is."""
        event = _known(self.raw, self.identity, self.source, lead_id, key=lead_id, received_at=self.received_at)
        return Capture(self.source, self.identity, None, event, self.vendor_id)


def capture(
    raw: RawCapture,
    source: Source,
    *,
    received_at: datetime,
    traceparent: str | None = None,
    proven: bool = True,
    lead_id: str | None = None,
) -> Capture | Nameless | Refused:
    """Make an event of what a sender told, or say why that can't be done. `lead_id`: the sender named it itself."""
    lead = normalise({**source.defaults, **raw.fields})
    if lead.lead_id is None and lead_id is not None:
        lead = replace(lead, lead_id=LeadId(lead_id))
    identity, repeats_for = _identity(raw, source, lead)
    if lead.lead_id is None:
        if raw.vendor_id is not None:
            return Nameless(source.name, identity, raw.vendor_id, raw, received_at)
        return _refused(lead)
    moment = _Moment(raw=raw, received_at=received_at, identity=identity, repeats_for=repeats_for)
    data = _data(lead, lead.lead_id, source, moment, proven=proven)
    event = Event(
        id=_event_id(data.type, source.name, moment),
        source=ORIGIN,
        time=received_at,
        key=lead.account or lead.lead_id,
        data=data,
        traceparent=traceparent,
    )
    return Capture(source.name, identity, repeats_for, event, raw.vendor_id)


@dataclass(frozen=True, slots=True)
class _Moment:
    """When a capture happened and as what it is known."""

    raw: RawCapture
    received_at: datetime
    identity: str
    repeats_for: timedelta | None

    @property
    def at(self) -> datetime:
        told = self.raw.at
        return self.received_at if told is None or told > self.received_at + FUTURE else told


def _identity(raw: RawCapture, source: Source, lead: NormalisedLead) -> tuple[str, timedelta | None]:
    """The sender's id; else a hash of what was said, which with a time of the sender's is as good as an id."""
    if raw.identity is not None:
        return raw.identity, None
    said = [source.name, lead.lead_id or raw.vendor_id, raw.kind, raw.at, raw.data, raw.fields]
    digest = hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()
    return f"sha256:{digest}", None if raw.at is not None else REPEAT_WINDOW


def _event_id(event_type: str, source: str, moment: _Moment) -> str:
    parts = (event_type, source, moment.identity)
    if moment.repeats_for is None:
        return derived_id(*parts)
    return derived_id(*parts, str(moment.received_at.timestamp()))


def _data(lead: NormalisedLead, lead_id: str, source: Source, moment: _Moment, *, proven: bool) -> EventData:
    activity = _activity(source, moment)
    if moment.raw.bare and activity is not None:
        by = moment.raw.data.get("by")
        return LeadActivity(
            lead_id=lead_id, account=lead.account, activity=activity, by=by if isinstance(by, str) else None
        )
    return LeadCaptured(
        lead=Lead.model_validate(_fields(lead, lead_id, source)),
        activity=activity,
        at=moment.at,
        changes=[Change(field=c.field, before=c.before, after=c.after, why=c.why) for c in lead.changes],
        proven=proven,
        test=moment.raw.test,
    )


def _known(raw: RawCapture, identity: str, source: str, lead_id: str, *, key: str, received_at: datetime) -> Event:
    """The event of a capture without an address of its own, of a person whom we know by the sender's id."""
    at = received_at if raw.at is None else min(raw.at, received_at)
    lead = normalise(raw.fields)
    fields = {**lead.fields, "lead_id": lead_id, "source": source}
    activity = None
    if raw.kind is not None:
        activity = Activity(id=identity, kind=raw.kind, at=at, source=source, data=dict(raw.data))
    data: EventData
    if raw.bare and activity is not None:
        data = LeadActivity(lead_id=lead_id, account=None, activity=activity)
    else:
        data = LeadCaptured(lead=Lead.model_validate(fields), activity=activity, at=at)
    event_id = derived_id(data.type, source, identity)
    return Event(id=event_id, source=ORIGIN, time=received_at, key=key, data=data)


def _fields(lead: NormalisedLead, lead_id: str, source: Source) -> Mapping[str, object]:
    """The fields that were sent, and what ingest knows: id, account, source, and the channel unless the lead's own."""
    fields: dict[str, object] = {"source": source.name, **lead.fields, "lead_id": lead_id, "account": lead.account}
    if source.type != "api":
        fields["source"] = source.name
    if source.channel is not None and fields.get("channel") is None:
        fields["channel"] = source.channel
    return fields


def _activity(source: Source, moment: _Moment) -> Activity | None:
    kind = moment.raw.kind or source.activity
    if kind is None:
        return None
    identity = _event_id("activity", source.name, moment) if moment.raw.identity is None else moment.identity
    return Activity(id=identity, kind=kind, at=moment.at, source=source.name, data=dict(moment.raw.data))


def _refused(lead: NormalisedLead) -> Refused:
    reasons = [refusal for refusal in lead.refusals if refusal.field in ("email", "phone")]
    why = "; ".join(f"{refusal.field}: {refusal.why}" for refusal in reasons) or "neither an email nor a phone"
    hint = next((refusal.hint for refusal in reasons if refusal.hint), "send an email address or an E.164 phone number")
    return Refused(why, hint)
