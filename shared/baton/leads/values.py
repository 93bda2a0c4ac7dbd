"""The values that travel in events: lead, activity, score. Frozen; the wire spelling is the field name."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from baton.kernel.instants import format_instant

Instant = Annotated[datetime, PlainSerializer(format_instant, return_type=str, when_used="json")]
"""An aware UTC datetime, written as ISO 8601 with `Z`."""


class Value(BaseModel):
    """A frozen value on the wire. Unknown fields are dropped on reading, so that a newer release may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, ser_json_inf_nan="null")


class Lead(Value):
    """A person who may buy. A field that is absent was never sent; `None` says that the sender cleared it."""

    lead_id: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    domain: str | None = None
    free_mail: bool | None = None
    title: str | None = None
    seniority: str | None = None
    function: str | None = None
    phone: str | None = None
    country: str | None = None
    state: str | None = None
    postal_code: str | None = None
    city: str | None = None
    employees: int | str | None = None
    """A head count, or a range as text: `200-500`, `1000+`."""
    industry: str | None = None
    website: str | None = None
    language: str | None = None
    source: str | None = None
    """The name of the source in the playbook."""
    channel: str | None = None
    utm: dict[str, str] | None = None
    consent: dict[str, object] | bool | None = None
    sourced_by: str | None = None
    partner_manager: str | None = None
    account: str | None = None
    """The account key: the registrable domain of a business address. None for free mail."""
    custom: dict[str, object] | None = None


class Activity(Value):
    """Something the lead did. `id` is its identity within `source`."""

    id: str
    kind: str
    at: Instant
    source: str
    data: dict[str, object] = Field(default_factory=dict)


class Reason(Value):
    """One line of a score: the rule, its group, the points it gave and what it was seen on."""

    rule: str
    group: str
    points: float
    evidence: list[dict[str, object]] = Field(default_factory=list)


Tier = Literal["cold", "warm", "mql", "sql"]
TIERS: tuple[Tier, ...] = ("cold", "warm", "mql", "sql")

AccountStatus = Literal["customer", "prospect"]
ACCOUNT_STATUSES: tuple[AccountStatus, ...] = ("customer", "prospect")


class Score(Value):
    """Points and tier of a lead at an instant. `total` is the sum of the reasons' points."""

    total: float
    fit: float
    engagement: float
    negative: float
    tier: Tier
    segment: str | None
    disqualified: bool
    model: str
    """The content hash of the playbook that gave it."""
    reasons: list[Reason]


class Change(Value):
    """What normalising changed in a field, and why."""

    field: str
    before: object
    after: object
    why: str
