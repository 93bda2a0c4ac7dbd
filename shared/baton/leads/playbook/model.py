"""A loaded playbook: plain frozen values, conditions compiled. What the loader gives, what every service decides by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from baton.kernel.calendars import Calendar
from baton.kernel.durations import Duration
from baton.leads.conditions.condition import Condition
from baton.leads.conditions.folding import fold
from baton.leads.values import Tier


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file beside the playbook. `rows` as written; `column(name)` holds the folded values of a column."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]
    lines: tuple[int, ...] = ()
    """Where each row begins in the file, for what is said of it."""

    def column(self, name: str) -> frozenset[str]:
        """The values of a column as they are compared: without case and outer space, blank cells left out."""
        return frozenset(folded for row in self.rows if (folded := fold(row.get(name, ""))))


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is found: `env:NAME` or `file:PATH`. Resolved only by who needs it; any of a list is valid."""

    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A configured way in. `options` are the keys that only this type has (`organization`, `honeypot`, `token` …)."""

    name: str
    type: str
    secret: Secret | None = None
    header: str | None = None
    token: Secret | None = None
    """The `?token=` proof where `type` knows it; for vendors that are read from, their API token."""
    channel: str | None = None
    activity: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)
    open: bool = False
    rate: int | None = None
    max_body: int = 8 * 1024 * 1024
    origins: tuple[str, ...] = ()
    redirect: str | None = None
    rate_per_ip: int | None = None
    public_url: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decay:
    """How points fade with the age of the activity. Exactly one is set; steps are sorted by age."""

    half_life: timedelta | None = None
    linear: timedelta | None = None
    steps: tuple[tuple[timedelta, float], ...] = ()


@dataclass(frozen=True, slots=True)
class PointsFrom:
    """Points by a table: the row whose first column equals the value of `key`, its `column`."""

    table: str
    key: str
    column: str
    points: Mapping[str, float]
    """Folded key value → points."""


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """One rule of a group: `points`, `points_from`, `multiply` or `disqualify`."""

    name: str
    when: Condition | None
    points: float | None = None
    points_from: PointsFrom | None = None
    multiply: float | None = None
    disqualify: bool = False
    per_activity: bool = False
    decay: Decay | None = None


@dataclass(frozen=True, slots=True)
class ScoreGroup:
    """`fit`, `engagement` or `negative`."""

    cap: float | None = None
    rules: tuple[ScoreRule, ...] = ()
    decay: Decay | None = None


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """A segment, first match wins. Its parts are already merged with the general ones: use them as they are."""

    name: str
    when: Condition | None
    tiers: Mapping[Tier, float]
    fit: ScoreGroup
    engagement: ScoreGroup
    negative: ScoreGroup


@dataclass(frozen=True, slots=True)
class Scoring:
    """The scoring model. `tiers` maps warm, mql and sql to their thresholds."""

    tiers: Mapping[Tier, float] = field(default_factory=lambda: {"warm": 30.0, "mql": 60.0, "sql": 80.0})
    fit: ScoreGroup = ScoreGroup()
    engagement: ScoreGroup = ScoreGroup()
    negative: ScoreGroup = ScoreGroup()
    segments: tuple[SegmentRule, ...] = ()
    cool_down: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Territory:
    """A named part of the market; the first that matches is the lead's."""

    name: str
    when: Condition


@dataclass(frozen=True, slots=True)
class Caps:
    """At most so many leads; None is no limit. `per_hour` is rolling, the others are calendar periods."""

    per_hour: int | None = None
    per_day: int | None = None
    per_week: int | None = None
    per_month: int | None = None
    open: int | None = None


@dataclass(frozen=True, slots=True)
class Rep:
    """A person. `attributes` has languages, skills … as tuples of folded text, for a pool's `match`."""

    id: str
    name: str
    email: str
    role: str | None = None
    time_zone: str | None = None
    calendar: str | None = None
    manager: str | None = None
    booking_link: str | None = None
    active: bool = True
    caps: Caps = Caps()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    """Chat and CRM ids: phone, slack, teams, hubspot_id, salesforce_id, marketo_id."""


@dataclass(frozen=True, slots=True)
class Member:
    """A rep in a pool."""

    rep: str
    weight: float = 1.0
    caps: Caps = Caps()


Strategy = Literal["round_robin", "least_loaded", "priority"]
"""How a pool shares its leads."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A group that shares leads by one strategy (`weighted` is read as `round_robin`)."""

    name: str
    members: tuple[Member, ...]
    strategy: Strategy = "round_robin"
    calendar: str | None = None
    caps: Caps = Caps()
    balance_by: Literal["tier"] | None = None
    overflow: str | None = None
    outside_hours: Literal["assign", "hold"] = "assign"
    hold: Duration | None = None
    """How long a lead is held at most, on the pool's calendar; None is 24h; zero is not at all."""
    sticky: timedelta | None = None
    catch_up: bool = False
    match: Mapping[str, str] = field(default_factory=dict)
    """Rep attribute → field path of the lead: `{languages: lead.language}`."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a rule sends a lead: exactly one is set. `assign` is a rep id or a path (`account.owner`)."""

    pool: str | None = None
    assign: str | None = None
    nurture: str | None = None
    reject: str | None = None


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """First match wins. `otherwise` is the playbook's `else`."""

    name: str
    when: Condition | None
    target: Target
    otherwise: Target | None = None
    booking: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What happens at a moment of a clock. `after` is a fraction of the target, or a duration on the clock."""

    written: str
    """The `after` as written: `80%`, `15m`."""
    fraction: float | None
    after: Duration | None
    actions: tuple[str | Mapping[str, object], ...]
    """As written: `notify_rep`, `{notify: …}`, `reassign`, `{assign: …}`, `{set: …}`. Empty for a plain warning."""
    warns: bool
    """Below 100 %: `sla.warned` is told."""


@dataclass(frozen=True, slots=True)
class Bench:
    """`misses` within `within` make the rep ineligible `for_`."""

    misses: int
    within: timedelta
    for_: timedelta


@dataclass(frozen=True, slots=True)
class SlaPolicy:
    """The promise. Either `target` (one act in time) or the cadence form (`touches`, `channels`, `within`)."""

    name: str
    start: Literal["captured", "assigned"]
    to: Literal["assigned", "first_touch", "accepted", "disposed"]
    target: Duration
    clock: str
    """`always`, `rep`, or a calendar's name."""
    when: Condition | None = None
    restart: bool = True
    steps: tuple[Step, ...] = ()
    """Sorted as on the clock; `warn` and `on_breach` are already among them."""
    bench: Bench | None = None
    touches: int | None = None
    channels: int | None = None


@dataclass(frozen=True, slots=True)
class Matching:
    tie_break: tuple[str, ...] = ("status", "open_opportunity", "country", "hierarchy", "recency")


@dataclass(frozen=True, slots=True)
class Playbook:
    """The one reviewed set of rules. `hash` is the content hash of its files and its true version."""

    hash: str
    version: str
    files: Mapping[str, bytes]
    sources: Mapping[str, Source]
    scoring: Scoring
    territories: tuple[Territory, ...]
    reps: Mapping[str, Rep]
    pools: Mapping[str, Pool]
    routing: tuple[RoutingRule, ...]
    catch_all: Target
    calendars: Mapping[str, Calendar]
    """By name; `always` is among them."""
    sla: tuple[SlaPolicy, ...]
    tables: Mapping[str, Table] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)
    matching: Matching = Matching()
    keep_together: Literal["company", "person", "no"] = "company"
    reroute_on: tuple[Literal["tier", "segment"], ...] = ()
    on_absence: Literal["keep", "reassign"] = "keep"
    bulk_rate: int = 200
    """How many imported leads and activities leave in a second."""
    commitments: Mapping[str, object] = field(default_factory=dict)
    deliver: tuple[Mapping[str, object], ...] = ()
    activity_kinds: frozenset[str] = frozenset()
    """The kinds that a routing or SLA rule names: each such activity is scored and routed anew. `any` is every kind."""
