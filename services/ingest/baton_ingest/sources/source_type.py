"""What a type of source is: how it proves where it comes from, what its bodies mean, how it wants to be answered."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from baton.leads.events import Meeting
from baton.leads.playbook.model import Source


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """A request as it came over the wire. Header names are lower case; `url` is the one the sender used."""

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    received_at: datetime

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return media_type(self.headers.get("content-type", ""))


def media_type(header: str) -> str:
    """The media type in a `Content-Type`, without its parameters, in lower case."""
    return header.partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class RawCapture:
    """One lead or activity as a sender told it, its fields renamed to ours and not yet normalised.

    `identity` is the sender's own id of the delivery or of what happened; without one, what it says is its identity
    for ten minutes. `vendor_id` is the sender's id of the person.
    """

    fields: Mapping[str, object]
    identity: str | None = None
    repeats_for: timedelta | None = None
    """For how long the identity counts; None: for ever, as an id of the sender's does."""
    vendor_id: str | None = None
    other_ids: Sequence[str] = ()
    """Further ids by which the sender knew the same person, before it merged them."""
    shared_ids: Sequence[str] = ()
    """Ids under which this person may have waited, and others too: a browser's. They make nobody the same person."""
    kind: str | None = None
    """The activity's kind; None: the source's own."""
    activity_id: str | None = None
    """The sender's id of the activity, where it isn't `identity`; "" where it has none although the delivery has."""
    at: datetime | None = None
    data: Mapping[str, object] = field(default_factory=dict)
    meeting: Meeting | None = None
    """A meeting that the lead booked, or with `cancelled` called off."""
    cancelled: bool = False
    by: str | None = None
    """The rep who did it, where a CRM reports a touch as an activity; who booked the meeting, if not the lead."""
    test: bool = False
    bare: bool = False
    """An activity of a known lead, without anything new about the person."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One item that can't be used, and what to do about it."""

    why: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one capture ended. `lead_id` is None for one that waits in quarantine, and for an erased person's."""

    lead_id: str | None
    duplicate: bool = False
    waits: bool = False
    """It has no address yet."""
    refused: str | None = None
    """Why it can't be used."""
    hint: str | None = None
    changes: Sequence[Mapping[str, object]] = ()
    would: Mapping[str, object] | None = None
    """Of a test: what would happen to the lead, or why that can't be told."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender gets."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Unproven(Exception):
    """The proof of origin is missing or wrong: 401, and no word on which."""


class Unusable(Exception):
    """The body can't be read as what this source sends: 422, or 415 for another media type."""

    def __init__(self, message: str, *, status: int = 422, hint: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.hint = hint


def refusal(error: Unusable) -> Refused:
    """The same, of one item among others."""
    return Refused(str(error), error.hint)


POST: Final = frozenset({"POST"})

Secrets = Sequence[str]
"""The values of a source's secret, any of which is valid. Empty where the playbook names none."""


class SourceType(Protocol):
    """One vendor. Pure: bytes in, values out."""

    @property
    def methods(self) -> AbstractSet[str]:
        """The HTTP methods that its requests come by, those of a handshake included. Others are answered with 405."""

    @property
    def retries(self) -> bool:
        """Whether the sender comes again by itself: then what lacks an address is acknowledged, and waits."""

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        """Check the proof of origin over the raw bytes. Raises Unproven."""

    def handshake(self, request: SourceRequest, source: Source, secrets: Secrets) -> Answer | None:
        """The answer to a request that is no delivery, or None. It comes before the proof."""

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture | Refused]:
        """What the body says. Raises Unusable; a single bad item among good ones is refused by itself."""

    def answer(self, outcomes: Sequence[Outcome], request: SourceRequest, source: Source) -> Answer:
        """The sender's own form of answer, once everything is durable."""
