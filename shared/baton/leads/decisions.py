"""The values that a routing decision leaves behind: assignment, hold and trace."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from baton.leads.values import Instant, Value


class SkipCode(StrEnum):
    """Why a candidate was left out. The spellings are a contract."""

    NOT_NEXT = "not_next"
    ABSENT = "absent"
    PAUSED = "paused"
    OUTSIDE_HOURS = "outside_hours"
    CAP_HOUR = "cap_hour"
    CAP_DAY = "cap_day"
    CAP_WEEK = "cap_week"
    CAP_MONTH = "cap_month"
    CAP_OPEN = "cap_open"
    DECLINED = "declined"
    MISSED = "missed"
    BENCHED = "benched"
    INACTIVE = "inactive"
    SKILL = "skill"
    OWNER_ELSEWHERE = "owner_elsewhere"


class ConditionTrace(Value):
    """One compared field. `actual` is None where the lead has no value."""

    field: str
    operator: str
    expected: object
    actual: object
    matched: bool


class RuleTrace(Value):
    """A rule that was looked at; `unresolved` where it matched but its target had no value or no such pool."""

    name: str
    matched: bool
    conditions: list[ConditionTrace] = Field(default_factory=list)
    unresolved: str | None = None


class CandidateTrace(Value):
    """A rep who was considered. Beyond 20 left out for the same code they share one entry with `reps`."""

    rep: str | None = None
    reps: list[str] | None = None
    pool: str | None = None
    eligible: bool
    code: SkipCode | None = None
    reason: str
    counters: dict[str, float | str] = Field(default_factory=dict)


class AccountCandidateTrace(Value):
    """An account that the lead might belong to, and what decided."""

    id: str
    name: str
    how: str
    score: float | None = None
    decided_by: str | None = None


class AccountTrace(Value):
    """How the lead was matched to its account, and what was known of it: SLA policies ask for that too."""

    id: str | None
    how: str
    facts: dict[str, object] = Field(default_factory=dict)
    candidates: list[AccountCandidateTrace] = Field(default_factory=list)


class Trace(Value):
    """The written reason of one decision."""

    playbook: str
    rules: list[RuleTrace]
    candidates: list[CandidateTrace]
    account: AccountTrace | None = None
    notes: list[str] = Field(default_factory=list)


class Previous(Value):
    """The assignment that a reassignment replaced."""

    id: str
    rep: str
    why: str


class Assignment(Value):
    """A lead given to a rep. `at` is the instant of the decision; `version` is raised by each change."""

    id: str
    rep: str
    pool: str | None
    rule: str
    reason: str
    at: Instant
    booking_url: str | None = None
    previous: Previous | None = None
    territory: str | None = None
    segment: str | None = None
    account: str | None = None
    nominee: str | None = None
    calendar: str | None = None
    """The calendar whose hours a `rep` clock uses; None for one that never closes."""
    time_zone: str | None = None
    """The zone in which a calendar without its own is read: the rep's."""


class Hold(Value):
    """A lead that waits for a rep; at `until` it goes to the catch-all."""

    reason: str
    since: Instant
    until: Instant
    pool: str | None = None


class Nurture(Value):
    """A lead given to a marketing program instead of to a rep."""

    program: str


TouchKind = Literal["call", "email", "linkedin", "meeting"]
TOUCH_KINDS: tuple[TouchKind, ...] = ("call", "email", "linkedin", "meeting")


class Touch(Value):
    """Something a rep did for a lead."""

    kind: TouchKind
    at: Instant
    by: str | None = None
    note: str | None = None


class Disposition(Value):
    """The rep's verdict."""

    verdict: Literal["sql", "not_qualified", "nurture"]
    reason: str
    by: str | None = None


class Standstill(Value):
    """A time at which a clock stands still: its lead is paused, or held for no other reason than working hours."""

    since: Instant
    until: Instant | None
    """None while nobody knows when it goes on."""
    left: float
    """What is left of the target, in seconds of the clock's calendar."""


class Clock(Value):
    """One running instance of an SLA policy, as its events tell it."""

    id: str
    policy: str
    rep: str | None
    start: Instant
    due: Instant | None
    """None while an endless pause stops the clock."""
    at: Instant
    percent: int
    lateness: float
    """Seconds from `due` to `at`; 0 if in time."""
    stopped: Standstill | None = None
    """While it stands still, as far as is known; left out while it runs."""
