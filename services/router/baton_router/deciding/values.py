"""What a routing decision is made from, and what it comes out as: the shell loads the one and writes the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from baton.leads.decisions import Assignment, Trace
from baton.leads.playbook.model import Caps
from baton.leads.values import AccountStatus, Activity, Lead, Score


@dataclass(frozen=True, slots=True)
class Absence:
    """A rep is away from `since` up to, but without, `until`; `nominee` stands in."""

    since: datetime
    until: datetime | None
    nominee: str | None = None


@dataclass(frozen=True, slots=True)
class RepState:
    """What was said of a rep since the playbook: it stays over publishes until it is taken back."""

    paused: bool = False
    active: bool | None = None
    absences: Sequence[Absence] = ()
    caps: Caps | None = None
    benched_until: datetime | None = None

    def absence_at(self, now: datetime) -> Absence | None:
        """The absence that `now` lies in; the one that ends last if several do."""
        current = [a for a in self.absences if a.since <= now and (a.until is None or now < a.until)]
        return max(current, key=lambda a: (a.until is None, a.until or now), default=None)


@dataclass(frozen=True, slots=True)
class Account:
    """An entry of the directory."""

    id: str
    name: str
    domains: Sequence[str] = ()
    owner: str | None = None
    csm: str | None = None
    status: AccountStatus = "prospect"
    country: str | None = None
    parent: str | None = None
    open_opportunity: bool = False
    last_activity: datetime | None = None
    custom: Mapping[str, object] = field(default_factory=dict)

    def facts(self) -> Mapping[str, object]:
        """As conditions ask for it."""
        return {name: getattr(self, name) for name in _ACCOUNT_FIELDS}


_ACCOUNT_FIELDS = (
    "id", "name", "domains", "owner", "csm", "status", "country", "parent", "open_opportunity", "last_activity",
    "custom",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LastRep:
    """Who had this company's or person's lead last, and since when: for `sticky`."""

    rep: str
    at: datetime
    of: Literal["company", "person"]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An open lead of the same company, or of the same person, and who has it: for `keep_together`."""

    lead_id: str
    rep: str


@dataclass(frozen=True, slots=True)
class Request:
    """A lead that needs a decision, with all that is known of it and around it."""

    lead: Lead
    score: Score | None
    activity: Activity | None = None
    accounts: Sequence[Account] = ()
    """The directory's entries that might be the lead's: by domain or by name."""
    declined: frozenset[str] = frozenset()
    missed: frozenset[str] = frozenset()
    """Reps who gave this lead back, or let it lie."""
    neighbour: Neighbour | None = None
    last_rep: LastRep | None = None
    standing: Assignment | None = None
    """The open assignment that is to be replaced."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """This rep has it. `turn` is the counter that was raised: pool and balance key; None for a pick that is no turn."""

    rep: str
    rule: str
    reason: str
    pool: str | None = None
    turn: tuple[str, str] | None = None
    nominee: str | None = None
    booking_url: str | None = None
    calendar: str | None = None
    time_zone: str | None = None
    territory: str | None = None
    segment: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Nobody can have it now. `until`: then the catch-all has it; `look_at`: when somebody might."""

    reason: str
    pool: str
    rule: str
    until: datetime
    look_at: datetime
    only_hours: bool
    """Only working hours are in the way."""


@dataclass(frozen=True, slots=True)
class Nurtured:
    """A marketing program has it."""

    program: str
    rule: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Nobody is to have it."""

    reason: str
    rule: str


Outcome = Assigned | Held | Nurtured | Rejected


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and the written reason."""

    outcome: Outcome
    trace: Trace
