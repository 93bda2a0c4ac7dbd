"""From what a sender told to an event of ours: normalised, identified, dated."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import orjson

from baton.kernel.ids import derived_id
from baton.kernel.instants import format_instant
from baton.leads.conditions.parsing import is_activity_kind
from baton.leads.envelope import Event
from baton.leads.events import EventData, LeadActivity, LeadCaptured, Meeting, MeetingBooked, MeetingCancelled
from baton.leads.normalising import NormalisedLead, normalise
from baton.leads.normalising.extras import read_custom
from baton.leads.normalising.text import storable
from baton.leads.playbook.model import Source
from baton.leads.values import Activity, Change, Lead
from baton_ingest.sources.source_type import RawCapture, Refused

ORIGIN: Final = "/baton/ingest"
REPEAT_WINDOW: Final = timedelta(minutes=10)
"""How long the same words without an id of the sender's count as the same delivery."""
FUTURE: Final = timedelta(minutes=5)
"""A sender's clock may be so far ahead; later counts as received now."""
LONGEST_ID: Final = 255
"""Longer ids, and ones that no database holds, are known by their hash."""
_LONGEST_KIND: Final = 100
_MOST_NOTES: Final = 20
"""Of what was left out of one activity: more of them are counted."""
NO_ADDRESS: Final = Refused("neither an email nor a phone", "send an email address or an E.164 phone number")
_ADDRESS: Final = ("email", "phone", "domain", "free_mail", "account")
_STORABLE_ID: Final = re.compile("[^\0\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class Told:
    """What a sender told in our words, whoever the person is. Everything in it can be stored as JSON.

    `identity` is what a repeat is known by, for `repeats_for`; None is for ever: the sender's own id. A request without
    ids under an `Idempotency-Key` is known for as long as the key is.
    """

    source: str
    identity: str
    repeats_for: timedelta | None
    fields: Mapping[str, object]
    changes: Sequence[Change]
    kind: str | None
    activity_id: str | None
    at: datetime | None
    data: Mapping[str, object]
    by: str | None
    meeting: Meeting | None
    cancelled: bool
    test: bool
    bare: bool
    proven: bool
    received_at: datetime
    traceparent: str | None

    def events(self, lead_id: str, *, key: str) -> Sequence[Event]:
        """What there is to tell, now that it is known who the person is. The first is what a repeat is known by."""
        account = None if key == lead_id else key
        return [self._event(data, key=key) for data in self._data(lead_id, account=account)]

    def _event(self, data: EventData, *, key: str) -> Event:
        return Event(
            id=derived_id(data.type, self.source, self.identity, *self._occasion),
            source=ORIGIN,
            time=self.received_at,
            key=key,
            data=data,
            traceparent=self.traceparent,
        )

    @property
    def _occasion(self) -> Sequence[str]:
        """What tells the event from an earlier one of the same identity that no longer counts.

        Of words it is their instant: they begin anew when their person is erased, too, and must not be taken for a
        repeat then. A request under a key is the same one all the time, also while no ledger is there to ask.
        """
        if self.repeats_for is None:
            return ()
        return (str(self.received_at.timestamp()),) if self.repeats_for <= REPEAT_WINDOW else (self._period,)

    @property
    def _period(self) -> str:
        """The number of the span of time that it is in: of two that are no repeats, each has another."""
        return "" if self.repeats_for is None else str(self.received_at.timestamp() // self.repeats_for.total_seconds())

    @property
    def address(self) -> Mapping[str, object]:
        """By what the person is known, with what follows from it."""
        return {name: self.fields[name] for name in _ADDRESS if name in self.fields}

    @property
    def notes(self) -> Sequence[Change]:
        """What was changed of it, its time too where that is too far ahead."""
        if self.at is None or self.at == self.happened_at:
            return self.changes
        before, after = format_instant(self.at), format_instant(self.happened_at)
        return [*self.changes, Change(field="at", before=before, after=after, why="in the future: as of its receipt")]

    @property
    def happened_at(self) -> datetime:
        """The sender's time, unless its clock is too far ahead."""
        return self.received_at if self.at is None or self.at > self.received_at + FUTURE else self.at

    def activity(self, lead_id: str) -> Activity | None:
        """What that person did, if anything."""
        if self.kind is None:
            return None
        data = dict(self.data)
        if self.at is None:
            # The same words within the window are one activity, also where they became two events because the ledger
            # was away. The span begins at a round time, so at its edge two may be two.
            own = _digest(self.source, lead_id, self.kind, self.identity, self._period)
        else:
            own = _digest(self.source, lead_id, self.kind, self.at.isoformat(), data)
        identity = self.activity_id or own
        return Activity(id=identity, kind=self.kind, at=self.happened_at, source=self.source, data=data)

    def _data(self, lead_id: str, *, account: str | None) -> Iterator[EventData]:
        if self.meeting is not None and self.cancelled:
            yield MeetingCancelled(lead_id=lead_id, meeting=self.meeting)
            return
        activity = self.activity(lead_id)
        if self.bare and activity is not None:
            yield LeadActivity(lead_id=lead_id, account=account, activity=activity, by=self.by)
        else:
            yield self._captured(lead_id, activity)
        if self.meeting is not None:
            yield MeetingBooked(lead_id=lead_id, meeting=self.meeting, by=self.by)

    def _captured(self, lead_id: str, activity: Activity | None) -> LeadCaptured:
        return LeadCaptured(
            lead=Lead.model_validate({**self.fields, "lead_id": lead_id}),
            activity=activity,
            at=self.happened_at,
            changes=list(self.notes),
            proven=self.proven,
            test=self.test,
        )


@dataclass(frozen=True, slots=True)
class Capture:
    """An event that waits to be made durable."""

    told: Told
    events: Sequence[Event]
    vendor_ids: Sequence[str] = ()
    shared_ids: Sequence[str] = ()
    by_id: bool = False
    """The sender named the lead by its id: its key is looked up."""

    @property
    def identity(self) -> tuple[str, str]:
        """Source, and the identity in it, by which a repeat is known."""
        return self.told.source, self.told.identity

    @property
    def event(self) -> Event:
        """The one by which a repeat is known."""
        return self.events[0]

    @property
    def lead_id(self) -> str:
        subject = self.event.data.subject
        assert subject is not None  # a capture is always of a lead
        return subject

    def with_key(self, key: str) -> "Capture":
        """The same, of a lead whose account is known."""
        return replace(self, events=self.told.events(self.lead_id, key=key))


@dataclass(frozen=True, slots=True)
class Nameless:
    """A capture without an address: it waits under the sender's id of the person, where the sender can't be asked."""

    told: Told
    vendor_ids: Sequence[str]
    shared_ids: Sequence[str]
    may_wait: bool

    @property
    def identity(self) -> tuple[str, str]:
        return self.told.source, self.told.identity

    def known_among(self, leads: Mapping[tuple[str, str], str]) -> Capture | None:
        """The same as a capture, if its person is among the leads that senders know, by source and id."""
        found = (leads.get((self.told.source, each)) for each in self.waits_under)
        lead_id = next(filter(None, found), None)
        if lead_id is None:
            return None
        return Capture(self.told, self.told.events(lead_id, key=lead_id), self.vendor_ids, self.shared_ids, by_id=True)

    @property
    def waits_under(self) -> Sequence[str]:
        """The ids by which its person may be known, best first; without any, that of the delivery."""
        return (*self.vendor_ids, *self.shared_ids) or (self.told.identity,)


def capture(
    raw: RawCapture,
    source: Source,
    *,
    received_at: datetime,
    traceparent: str | None = None,
    proven: bool = True,
    may_wait: bool = False,
    lead_id: str | None = None,
) -> Capture | Nameless | Refused:
    """Make an event of what a sender told, or say why that can't be done. `lead_id`: the sender named it itself."""
    lead = normalise({**source.defaults, **raw.fields, **_of_source(raw, source)})
    arrived = _Arrived(received_at, traceparent, proven)
    told = _told(raw, source, lead, person=lead.lead_id or lead_id, arrived=arrived)
    vendor_ids = [_short(each) for each in (raw.vendor_id, *raw.other_ids) if each]
    shared_ids = [_short(each) for each in raw.shared_ids]
    known_as = lead.lead_id or lead_id
    if known_as is not None:
        events = told.events(known_as, key=lead.account or known_as)
        return Capture(told, events, vendor_ids, shared_ids, by_id=lead.lead_id is None)
    if may_wait and (vendor_ids or shared_ids or raw.identity is not None):
        return Nameless(told, vendor_ids, shared_ids, may_wait)
    if vendor_ids and not _was_refused(lead):  # the person may be known
        return Nameless(told, vendor_ids, shared_ids, may_wait)
    return _refused(lead)


def _of_source(raw: RawCapture, source: Source) -> Mapping[str, object]:
    """What the source says itself: its name, and its channel unless the lead has one."""
    fields: dict[str, object] = {"source": source.name}
    if source.channel is not None and raw.fields.get("channel") is None:
        fields["channel"] = source.channel
    return fields


class _Arrived(NamedTuple):
    """When and how a capture came."""

    received_at: datetime
    traceparent: str | None
    proven: bool


def _told(raw: RawCapture, source: Source, lead: NormalisedLead, *, person: str | None, arrived: _Arrived) -> Told:
    kind, changes = read_kind(raw.kind, source.activity)
    data = read_custom(raw.data.items())
    changes += _left_out(data.left_out)
    identity, repeats_for = raw.identity, raw.repeats_for
    if identity is None:
        at = None if raw.at is None else raw.at.isoformat()
        person = person or _short(raw.vendor_id or "")
        # With a time of the sender's, what was said is as good as an id.
        repeats_for = REPEAT_WINDOW if at is None else None
        identity = _digest(source.name, person, kind, at, data.values, lead.fields, raw.bare)
    elif person:  # an id that a sender uses again for somebody else must not swallow them
        identity = f"{identity}/{person}"
    if raw.test:  # what is meant may follow in the same words, and is no repeat
        identity = f"test/{identity}"
    activity_id = raw.identity if raw.activity_id is None else raw.activity_id
    return Told(
        source=source.name,
        identity=_short(identity),
        repeats_for=repeats_for,
        fields={**lead.fields, "source": source.name},
        changes=[*(Change(field=c.field, before=c.before, after=c.after, why=c.why) for c in lead.changes), *changes],
        kind=kind,
        activity_id=_short(activity_id) if activity_id else None,
        at=raw.at,
        data=data.values,
        meeting=raw.meeting,
        cancelled=raw.cancelled,
        by=None if raw.by is None else storable(raw.by[:LONGEST_ID]),
        test=raw.test,
        bare=raw.bare,
        proven=arrived.proven,
        received_at=arrived.received_at,
        traceparent=arrived.traceparent,
    )


def read_kind(sent: str | None, default: str | None) -> tuple[str | None, list[Change]]:
    """The kind in lower_snake, and what was changed. One that has no such form gives way to the default."""
    if sent is None:
        return default, []
    if is_activity_kind(sent) and len(sent) <= _LONGEST_KIND:
        return sent, []
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", sent[: _LONGEST_KIND + 1])
    snake = re.sub(r"[^a-z0-9]+", "_", spaced.casefold()).strip("_")
    kind = snake if is_activity_kind(snake) and len(snake) <= _LONGEST_KIND else default
    before = storable(sent[:_LONGEST_KIND])
    return kind, [Change(field="activity.kind", before=before, after=kind, why="kinds are in lower_snake")]


def _left_out(data: Sequence[tuple[str, object, str]]) -> list[Change]:
    """What of an activity's data could not be kept. Bounded: an event must fit on the bus, whatever a sender sends."""
    notes = [
        Change(field=f"activity.data.{key}" if key else "activity.data", before=None, after=None, why=why)
        for key, _, why in data[:_MOST_NOTES]
    ]
    if len(data) > _MOST_NOTES:
        why = f"{len(data) - _MOST_NOTES} more were left out"
        notes.append(Change(field="activity.data", before=None, after=None, why=why))
    return notes


def _digest(*said: object) -> str:
    return f"sha256:{hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()}"


def _short(identity: str) -> str:
    """An id as a database can hold it."""
    if len(identity) <= LONGEST_ID and _STORABLE_ID.fullmatch(identity):
        return identity
    return f"sha256:{hashlib.sha256(identity.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _was_refused(lead: NormalisedLead) -> bool:
    """Whether there was an address, but not a usable one."""
    return any(refusal.value is not None for refusal in lead.refusals)


def _refused(lead: NormalisedLead) -> Refused:
    reasons = [f"{one.field}: {one.why}" for one in lead.refusals if one.value is not None]
    hint = next((one.hint for one in lead.refusals if one.value is not None and one.hint), NO_ADDRESS.hint)
    return Refused("; ".join(reasons) or NO_ADDRESS.why, hint)
