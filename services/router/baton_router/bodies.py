"""What people and systems send to the router."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from baton.leads.decisions import TouchKind
from baton.leads.values import AccountStatus
from baton.service.fields import Instant

MOST_ACCOUNTS: Final = 5000
"""In one request: a directory of any size goes in as many requests as it takes."""
_MOST_ABSENCES: Final = 200

_STORABLE: Final = r"^[^\x00]*$"
"""PostgreSQL has no text with U+0000 in it."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_STORABLE)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=_STORABLE)]
Limit = Annotated[int, Field(ge=0, le=1_000_000)]


class Body(BaseModel):
    """Unknown keys are refused: a misspelled one must not pass for done."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Command(Body):
    """What somebody does with a lead."""

    assignment_id: Name | None = Field(None, description="A guard: 409 when it is no longer the current one")
    by: Name | None = Field(None, description="Who does it: a rep's id or email address")


class AcceptBody(Command):
    """The rep takes the lead on."""


class DeclineBody(Command):
    """The rep gives the lead back."""

    reason: Words


class ReassignBody(Command):
    """Somebody else is to have it: `rep`, or whoever is next without the present one."""

    rep: Name | None = None
    reason: Words


class TouchBody(Command):
    """What the rep did. `at` may lie 15 minutes back at most; the same again with the same `at` is one touch."""

    kind: TouchKind
    at: Instant | None = None
    note: Words | None = None


class DispositionBody(Command):
    """The rep's verdict; it closes the assignment."""

    verdict: Literal["sql", "not_qualified", "nurture"]
    reason: Words


class PauseBody(Command):
    """Stops the lead's clocks, until then or until it is resumed."""

    reason: Words
    until: Instant | None = None


class ResumeBody(Command):
    """Starts them again."""

    reason: Words | None = None


class AbsenceBody(Body):
    """Half-open: from `from` up to, but without, `to`."""

    from_: Instant = Field(alias="from")
    to: Instant
    nominee: Name | None = None


class CapsBody(Body):
    """At most so many leads; a key that is left out or null is no limit of this kind."""

    per_hour: Limit | None = None
    per_day: Limit | None = None
    per_week: Limit | None = None
    per_month: Limit | None = None
    open: Limit | None = None


class RepPatch(Body):
    """Replaces what it names. `null` gives a value back to the playbook."""

    paused: bool | None = None
    active: bool | None = None
    absences: Annotated[list[AbsenceBody], Field(max_length=_MOST_ABSENCES)] | None = None
    caps: CapsBody | None = None


class HandoverBody(Body):
    """Who gets all open leads of a rep: a rep or a pool."""

    to: Name
    reason: Words = "handover"


class AccountBody(Body):
    """One entry of the account directory. It replaces the entry with its id; what we have no name for is `custom`."""

    id: Name
    name: Name
    domains: Annotated[list[Name], Field(max_length=200)] = Field(default_factory=list)
    owner: Name | None = None
    csm: Name | None = None
    status: AccountStatus = "prospect"
    country: Name | None = None
    parent: Name | None = None
    open_opportunity: bool | Name | None = None
    last_activity: Instant | None = None
    custom: dict[str, object] | None = None


class RouteBody(BaseModel):
    """A lead as `POST /ingest/v1/leads` takes it, optionally with `score`; read by its own rules."""

    model_config = ConfigDict(extra="allow")
