"""A lead's profile: what its captures said, field by field, the same in whatever order they came.

Of what proven sources say the newest wins; `None` clears, in the place of `custom` all custom fields. What a source
without proof of origin says (a public form) only fills a field that is empty, and clears nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import orjson

from baton.kernel.instants import in_utc
from baton.leads.events import LeadCaptured
from baton.leads.normalising.extras import LARGEST, MOST_CUSTOM
from baton.leads.values import TIERS, Activity, Lead, Score, Tier

_IDENTITY: Final = "lead_id"
_ADDRESS: Final = ("email", "domain", "free_mail", "account")
"""What a lead is known by: of several that were merged, the address of the one that stayed."""
_ALL_CUSTOM: Final = "custom"
"""What was said of all custom fields at once: that there are none."""
_CUSTOM: Final = "custom."
_MOST_CUSTOM: Final = 3 * LARGEST
"""In characters of all custom fields together. What one capture may tell always fits: normalising counts a number, of
at most 20 digits, as eight."""


@dataclass(slots=True)
class Said:
    """What was said of one field, and when: by proven sources, and by others."""

    proven: tuple[object, datetime] | None = None
    claimed: tuple[object, datetime] | None = None

    def hear(self, value: object, at: datetime, *, proven: bool) -> None:
        """Take in one more statement."""
        if proven:
            if self.proven is None or _later((value, at), self.proven):
                self.proven = (value, at)
        elif value is not None and not self._cleared_after(at) and (self.claimed is None or self._better(value, at)):
            self.claimed = (value, at)

    @property
    def value(self) -> object:
        """What holds now."""
        if self.proven is not None and self.proven[0] is not None:
            return self.proven[0]
        if self.claimed is not None and not self._cleared_after(self.claimed[1]):
            return self.claimed[0]
        return None

    @property
    def rank(self) -> tuple[int, float]:
        """Its place where not all have room: it only ever gets better, so that order doesn't matter."""
        if self.proven is not None:
            return 0, -self.proven[1].timestamp()
        return 1, 0.0 if self.claimed is None else self.claimed[1].timestamp()

    @property
    def size(self) -> int:
        """What its value may take in an event, in characters."""
        return max(_length(self.proven), _length(self.claimed))

    def with_what(self, other: "Said") -> "Said":
        """What both say together, the same whichever is asked."""
        proven = [each for each in (self.proven, other.proven) if each is not None]
        both = Said(max(proven, key=_recency, default=None))
        for claimed in (self.claimed, other.claimed):
            if claimed is not None:
                both.hear(*claimed, proven=False)
        return both

    def _cleared_after(self, at: datetime) -> bool:
        return self.proven is not None and self.proven[0] is None and self.proven[1] >= at

    def _better(self, value: object, at: datetime) -> bool:
        """The first claim fills the field; one that was cleared since leaves room for the next."""
        assert self.claimed is not None
        return self._cleared_after(self.claimed[1]) or _later(self.claimed, (value, at))


@dataclass(slots=True)
class Profile:
    """All that scoring knows of a lead. `version` is raised by each score that is told.

    `fields` and `activities` are its own. What it is known by goes with those of leads that were merged into it.
    """

    lead_id: str
    key: str
    fields: dict[str, Said] = field(default_factory=dict)
    activities: dict[tuple[str, str], Activity] = field(default_factory=dict)
    captured: bool = False
    version: int = 0
    score: Score | None = None
    qualified: dict[Tier, datetime] = field(default_factory=dict)
    """When a rise to this tier was last told."""
    look_at: datetime | None = None
    """When time alone may have changed the tier."""
    revision: int | None = field(default=None, compare=False)
    """Of the row that it was read from; None: there was none."""
    merged: tuple["Profile", ...] = ()
    """The leads that are known as this one, in the order of their ids."""
    _lead: Lead | None = field(default=None, init=False, repr=False, compare=False)
    """What `lead` gives, until more is heard."""

    def hear(self, captured: LeadCaptured, *, told: datetime) -> None:
        """Take in the fields of a capture."""
        at = in_utc(captured.at or told)
        self.captured = True
        self._lead = None
        for name, value in _statements(captured.lead):
            said = self.fields.get(name)
            if said is None:
                said = self.fields[name] = self._nothing_said_of(name)
            said.hear(value, at, proven=captured.proven)
        if captured.lead.custom:
            _bound_custom(self.fields)
        elif captured.proven and _ALL_CUSTOM in captured.lead.model_fields_set and captured.lead.custom is None:
            self._clear_custom(at)

    def _nothing_said_of(self, name: str) -> Said:
        """Of a custom field was said whatever was said of all of them."""
        of_all = self.fields.get(_ALL_CUSTOM) if name.startswith(_CUSTOM) else None
        return Said() if of_all is None else Said(of_all.proven)

    def _clear_custom(self, at: datetime) -> None:
        of_all = self.fields.setdefault(_ALL_CUSTOM, Said())
        of_all.hear(None, at, proven=True)
        for name, said in list(self.fields.items()):
            if name.startswith(_CUSTOM):
                said.hear(None, at, proven=True)
                if said.proven == of_all.proven and said.value is None:
                    del self.fields[name]

    def add(self, activity: Activity, *, received: datetime) -> bool:
        """Take in an activity. False if it is known already. One from the future counts as of when it was received."""
        identity = (activity.source, activity.id)
        if identity in self.activities:
            return False
        counts_now = activity.at > received
        self.activities[identity] = activity.model_copy(update={"at": received}) if counts_now else activity
        return True

    @property
    def lead(self) -> Lead:
        """The profile as the lead that travels in events."""
        if self.merged:
            return self._read_lead(self._said_by_all())
        if self._lead is None:
            self._lead = self._read_lead(self.fields)
        return self._lead

    @property
    def is_captured(self) -> bool:
        """Whether there is a lead, not only what somebody did."""
        return self.captured or any(each.captured for each in self.merged)

    def has_done(self, activity: Activity) -> bool:
        """Whether that is known already, of this lead or of one that was merged into it."""
        return any((activity.source, activity.id) in each.activities for each in (self, *self.merged))

    @property
    def done(self) -> tuple[Activity, ...]:
        """What the lead did, each activity once."""
        if not self.merged:
            return tuple(self.activities.values())
        by_identity: dict[tuple[str, str], Activity] = {}
        for each in (*self.merged, self):
            by_identity |= each.activities
        return tuple(by_identity.values())

    def rises(self, score: Score, *, now: datetime, cool_down: timedelta) -> tuple[Tier, Tier] | None:
        """The rise to mql or sql that this score makes, from and to, if it is to be told."""
        before: Tier = "cold" if self.score is None else self.score.tier
        if score.disqualified or score.tier not in ("mql", "sql") or TIERS.index(score.tier) <= TIERS.index(before):
            return None
        last = self.qualified.get(score.tier)
        return None if last is not None and now < last + cool_down else (before, score.tier)

    def _said_by_all(self) -> dict[str, Said]:
        said = dict(self.fields)
        for each in self.merged:
            said |= {name: more.with_what(said[name]) if name in said else more for name, more in each.fields.items()}
        if "email" in self.fields:
            said |= {name: self.fields.get(name, Said()) for name in _ADDRESS}
        of_all = said.get(_ALL_CUSTOM, Said())
        said |= {name: each.with_what(of_all) for name, each in said.items() if name.startswith(_CUSTOM)}
        _bound_custom(said)
        return said

    def _read_lead(self, fields: Mapping[str, Said]) -> Lead:
        values: dict[str, object] = {_IDENTITY: self.lead_id}
        custom: dict[str, object] = {}
        for name, said in fields.items():
            value = said.value
            if value is None:
                continue
            if name.startswith(_CUSTOM):
                custom[name.removeprefix(_CUSTOM)] = value
            else:
                values[name] = value
        if custom:
            values["custom"] = custom
        return Lead.model_validate(values)


def _statements(lead: Lead) -> Iterator[tuple[str, object]]:
    """Each field that was sent, `custom` by its parts."""
    for name in lead.model_fields_set - {_IDENTITY}:
        value = getattr(lead, name)
        if name == "custom" and isinstance(value, Mapping):
            yield from ((f"{_CUSTOM}{part}", content) for part, content in value.items())
        elif name != "custom":
            yield name, value


def _bound_custom(fields: dict[str, Said]) -> None:
    """Keep as many custom fields as a lead may have: each capture may bring others, and every event carries them.

    Those told last by proven sources stay, then those that others claimed first: a form pushes nothing out.
    """
    sizes = {name: said.size for name, said in fields.items() if name.startswith(_CUSTOM)}
    room = _MOST_CUSTOM
    if len(sizes) <= MOST_CUSTOM and sum(sizes.values()) <= room:
        return
    for place, name in enumerate(sorted(sizes, key=lambda name: (fields[name].rank, name))):
        room -= sizes[name]
        if place >= MOST_CUSTOM or room < 0:
            del fields[name]


def _length(said: tuple[object, datetime] | None) -> int:
    if said is None:
        return 0
    return len(said[0]) if isinstance(said[0], str) else len(orjson.dumps(said[0]))


def _later(one: tuple[object, datetime], other: tuple[object, datetime]) -> bool:
    """Whether `one` is the later statement; of two at one instant the greater text, so that order doesn't matter."""
    return _recency(one) > _recency(other)


def _recency(statement: tuple[object, datetime]) -> tuple[datetime, bytes]:
    return statement[1], orjson.dumps(statement[0])
