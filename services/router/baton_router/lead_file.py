"""What the router keeps of one lead while it works on it: the file that a batch opens, changes and puts back."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from baton.leads.decisions import Assignment, Hold, Touch
from baton.leads.values import Activity, Lead, Score
from baton_router.deciding.ledger import TurnKey


class State(StrEnum):
    """Where a lead stands. The spellings are a contract."""

    CAPTURED = "captured"
    HELD = "held"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    WORKING = "working"
    DISPOSED = "disposed"
    NURTURED = "nurtured"
    REJECTED = "rejected"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Cause:
    """What a decision or a command follows from: an event, a request, or time."""

    id: str
    activity: Activity | None = None
    is_capture: bool = False
    traceparent: str | None = None
    notes: tuple[str, ...] = ()
    """What belongs into the trace of its decision besides: what normalising changed in the capture."""


@dataclass(frozen=True, slots=True)
class Given:
    """An assignment as it is stored. `lead_id` may be that of a lead which was merged into this one since."""

    lead_id: str
    assignment: Assignment
    turn: TurnKey | None = None
    accepted_at: datetime | None = None
    touched_at: datetime | None = None
    closed_at: datetime | None = None
    closed_as: str | None = None
    account: str | None = None
    phone: str | None = None

    @property
    def id(self) -> str:
        return self.assignment.id

    @property
    def rep(self) -> str:
        return self.assignment.rep

    @property
    def state(self) -> State:
        """What an open one makes of its lead."""
        if self.touched_at is not None:
            return State.WORKING
        return State.ASSIGNED if self.accepted_at is None else State.ACCEPTED

    def covers(self, at: datetime) -> bool:
        """Whether the rep had the lead at that instant."""
        return self.assignment.at <= at and (self.closed_at is None or at <= self.closed_at)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A hold as it is stored: the hold, when somebody might have the lead, and what it waits for an answer to."""

    hold: Hold
    look_at: datetime
    pools: tuple[str, ...]
    cause: Cause
    why: str | None = None
    """Why the present rep is to be replaced, if there is one: they keep the lead meanwhile."""


@dataclass(frozen=True, slots=True)
class EarlyTouch:
    """A touch that was told before its assignment."""

    cause: str
    touch: Touch
    told: datetime


@dataclass(slots=True)
class LeadFile:
    """One lead. `version` is raised by each event that is told of it; `known_version` is the stored one."""

    lead_id: str
    key: str
    version: int = 0
    known_version: int = 0
    state: State = State.CAPTURED
    changed_at: datetime | None = None
    profile_version: int = 0
    captured_at: datetime | None = None
    """The newest capture that was answered: an erasure older than that leaves it."""
    lead: Lead | None = None
    score: Score | None = None
    answer: bytes | None = None
    """The standing answer of a lead that nobody was given: an equal one is told only to a capture."""
    declined: frozenset[str] = frozenset()
    missed: frozenset[str] = frozenset()
    paused_at: datetime | None = None
    resume_at: datetime | None = None
    given: Given | None = None
    """The open assignment."""
    waiting: Waiting | None = None
    early: list[EarlyTouch] = field(default_factory=list)
    members: frozenset[str] = frozenset()
    """The ids that this lead is known by: its own, and those merged into it."""
    in_review: bool = False
    """Whether it is on the list of those whose account a person should look at."""
    changed: bool = False

    @property
    def moment(self) -> str:
        """What the next thing that happens to this lead is identified by; it differs after an erasure too."""
        return f"{self.version} {None if self.changed_at is None else self.changed_at.isoformat()}"

    def raised(self) -> int:
        """One version more."""
        self.version += 1
        self.changed = True
        return self.version

    def mark(self, **values: object) -> None:
        """Change the open assignment's marks (`touched_at`, `accepted_at`)."""
        assert self.given is not None
        self.given = replace(self.given, **values)  # type: ignore[arg-type]
        if self.waiting is None:
            self.state = self.given.state
        self.changed = True
