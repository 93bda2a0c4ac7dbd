"""Who may have a lead: every reason against a rep, with its code, its words and its numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from baton.kernel.calendars import NoOpeningError
from baton.leads.decisions import SkipCode
from baton.leads.playbook.model import Caps, Member, Playbook, Pool, Rep
from baton.leads.values import Lead
from baton_router.deciding.calendars import Calendars
from baton_router.deciding.ledger import Ledger, Load
from baton_router.deciding.periods import HOUR, Periods, periods, zone_of
from baton_router.deciding.values import RepState, Request

_NOTHING_SAID: Final = RepState()
_PERMANENT: Final = frozenset({SkipCode.INACTIVE, SkipCode.DECLINED, SkipCode.MISSED, SkipCode.SKILL})
"""Time alone changes nothing about these."""
OF_THE_LEAD: Final = frozenset({SkipCode.DECLINED, SkipCode.MISSED, SkipCode.SKILL})
"""Reasons that lie in this lead: they say nothing of whether the rep is there."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why not this rep. `until` is when that may change by itself; None: not by time."""

    code: SkipCode
    reason: str
    until: datetime | None = None
    counters: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def passes(self) -> bool:
        """Whether waiting may help."""
        return self.code not in _PERMANENT


@dataclass(frozen=True, slots=True)
class Staff:
    """The reps as they are now, for one batch of decisions."""

    playbook: Playbook
    states: Mapping[str, RepState]
    ledger: Ledger
    now: datetime

    @property
    def calendars(self) -> Calendars:
        return Calendars(self.playbook.calendars)

    def state(self, rep: str) -> RepState:
        return self.states.get(rep, _NOTHING_SAID)

    def is_active(self, rep: Rep) -> bool:
        """What was said last, else the playbook."""
        said = self.state(rep.id).active
        return rep.active if said is None else said

    def obstacle(self, rep: Rep, pool: Pool | None, member: Member | None, request: Request) -> Obstacle | None:
        """The first reason against a rep: what time can't change comes before what passes, and working hours last.

        So nobody waits for somebody who comes back and still can't have the lead, and hours are named only if alone.
        """
        absence = self.absence(rep)
        if absence is not None and not absence.passes:
            return absence
        return (
            self._lead_speaks_against(rep, pool, request)
            or absence
            or (None if _has_it(rep, pool, request) else self._cap(rep, pool, member))
            or self._hours(rep, pool)
        )

    def is_there(self, rep: Rep, pool: Pool, member: Member) -> bool:
        """Whether a rep takes part in a pool's turns now, whatever stands between them and one lead."""
        return not (self.absence(rep) or self._cap(rep, pool, member) or self._hours(rep, pool))

    def absence(self, rep: Rep) -> Obstacle | None:
        """Inactive, paused, absent or benched."""
        state = self.state(rep.id)
        if state is _NOTHING_SAID and rep.active:
            return None
        if not self.is_active(rep):
            return Obstacle(SkipCode.INACTIVE, "no longer works leads")
        if state.paused:
            return Obstacle(SkipCode.PAUSED, "takes no leads at the moment")
        absence = state.absence_at(self.now)
        if absence is not None:
            back = "without an end" if absence.until is None else f"until {_moment(absence.until)}"
            return Obstacle(SkipCode.ABSENT, f"absent {back}", absence.until)
        if state.benched_until is not None and self.now < state.benched_until:
            return Obstacle(SkipCode.BENCHED, "benched after missed promises", state.benched_until)
        return None

    def _lead_speaks_against(self, rep: Rep, pool: Pool | None, request: Request) -> Obstacle | None:
        if rep.id in request.declined:
            return Obstacle(SkipCode.DECLINED, "declined this lead, or was relieved of it")
        if rep.id in request.missed:
            return Obstacle(SkipCode.MISSED, "had this lead and missed its promise")
        for attribute, path in (pool.match if pool is not None else {}).items():
            wanted = field_of(request.lead, path)
            if wanted is not None and str(wanted).strip().casefold() not in rep.attributes.get(attribute, ()):
                return Obstacle(SkipCode.SKILL, f"{attribute} lacks {wanted}")
        return None

    def _cap(self, rep: Rep, pool: Pool | None, member: Member | None) -> Obstacle | None:
        for caps, place in self._caps(rep, pool, member):
            load = self.ledger.load(rep.id, place)
            if _is_over(caps, load):
                frame = periods(self.now, zone_of(rep, pool, self.calendars))
                return next(_over(caps, load, frame, where=place))
        return None

    def _caps(self, rep: Rep, pool: Pool | None, member: Member | None) -> Iterator[tuple[Caps, str | None]]:
        """The caps that hold: the rep's for all pools, the pool's and the member's for this one."""
        own = self.state(rep.id).caps or rep.caps
        if own != _NO_CAPS:
            yield own, None
        if pool is not None and pool.caps != _NO_CAPS:
            yield pool.caps, pool.name
        if pool is not None and member is not None and member.caps != _NO_CAPS:
            yield member.caps, pool.name

    def _hours(self, rep: Rep, pool: Pool | None) -> Obstacle | None:
        calendar = self.calendars.of(rep, pool)
        if calendar is None or calendar.is_open(self.now):
            return None
        try:
            opens = calendar.next_opening(self.now)
        except NoOpeningError:
            return Obstacle(SkipCode.OUTSIDE_HOURS, f"calendar {calendar.name} opens no more")
        return Obstacle(SkipCode.OUTSIDE_HOURS, f"outside working hours until {_moment(opens)}", opens)


def _has_it(rep: Rep, pool: Pool | None, request: Request) -> bool:
    """Whether the lead is the rep's already, and so counted: a cap doesn't take away what it let in."""
    standing = request.standing
    return standing is not None and pool is not None and (standing.rep, standing.pool) == (rep.id, pool.name)


def _moment(at: datetime) -> str:
    """As people read it in a reason."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


_NO_CAPS: Final = Caps()


def capped_reps(playbook: Playbook, states: Mapping[str, RepState], reps: Sequence[str]) -> set[str]:
    """Those of the reps who have caps of their own over all pools: pools that share them must not pick at once."""
    return {rep for rep in reps if (states.get(rep, _NOTHING_SAID).caps or playbook.reps[rep].caps) != _NO_CAPS}


def _is_over(caps: Caps, load: Load) -> bool:
    """The question that is asked of every candidate for every lead: whatever words need comes later."""
    return (
        (caps.per_hour is not None and load.hour >= caps.per_hour)
        or (caps.per_day is not None and load.day >= caps.per_day)
        or (caps.per_week is not None and load.week >= caps.per_week)
        or (caps.per_month is not None and load.month >= caps.per_month)
        or (caps.open is not None and load.open >= caps.open)
    )


def _over(caps: Caps, load: Load, frame: Periods, *, where: str | None) -> Iterator[Obstacle]:
    """Every cap that is reached; the one that frees last comes first, for the others change nothing before."""
    limits = (
        (SkipCode.CAP_OPEN, caps.open, load.open, "open", None),
        (SkipCode.CAP_MONTH, caps.per_month, load.month, "this month", frame.next_month),
        (SkipCode.CAP_WEEK, caps.per_week, load.week, "this week", frame.next_week),
        (SkipCode.CAP_DAY, caps.per_day, load.day, "today", frame.next_day),
        (SkipCode.CAP_HOUR, caps.per_hour, load.hour, "in an hour", load.hour_frees_at or frame.hour + 2 * HOUR),
    )
    place = "" if where is None else f" in {where}"
    for code, limit, count, words, until in limits:
        if limit is not None and count >= limit:
            counters: dict[str, float | str] = {"count": count, "limit": limit}
            yield Obstacle(code, f"{count} of at most {limit} {words}{place}", until, counters)


def field_of(lead: Lead, path: str) -> object:
    """A field of the lead by its path: `lead.language`, `lead.custom.product`."""
    value: object = lead
    for part in path.split(".")[1:]:
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)
    return value
