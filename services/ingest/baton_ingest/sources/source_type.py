"""What a type of source is: how it proves where it comes from, what its bodies mean, how it wants to be answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

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
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class RawCapture:
    """One lead or activity as a sender told it, its fields renamed to ours and not yet normalised.

    `identity` is the sender's own id of the delivery or of what happened; without one, what it says is its identity
    for ten minutes. `vendor_id` is the sender's id of the person.
    """

    fields: Mapping[str, object]
    identity: str | None = None
    vendor_id: str | None = None
    kind: str | None = None
    """The activity's kind; None: the source's own."""
    at: datetime | None = None
    data: Mapping[str, object] = field(default_factory=dict)
    test: bool = False
    bare: bool = False
    """An activity of a known lead, without anything new about the person."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one capture ended. `lead_id` is None for one that waits in quarantine."""

    lead_id: str | None
    duplicate: bool = False
    refused: str | None = None
    """Why it can't be used."""
    hint: str | None = None
    changes: Sequence[Mapping[str, object]] = ()


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


Secrets = Sequence[str]
"""The values of a source's secret, any of which is valid. Empty where the playbook names none."""


class SourceType(Protocol):
    """One vendor. Pure: bytes in, values out."""

    @property
    def retries(self) -> bool:
        """Whether the sender comes again by itself: then what lacks an address is acknowledged, and waits."""

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        """Check the proof of origin over the raw bytes. Raises Unproven."""

    def handshake(self, request: SourceRequest, source: Source, secrets: Secrets) -> Answer | None:
        """The answer to a request that is no delivery (GET, OPTIONS), or None."""

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture]:
        """What the body says. Raises Unusable; a single bad item among good ones is left to be refused by itself."""

    def answer(self, outcomes: Sequence[Outcome], request: SourceRequest, source: Source) -> Answer:
        """The sender's own form of answer, once everything is durable."""
