"""Events in, events out: captures and activities become scores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from baton.flow.database import Overtaken
from baton.flow.deliveries import Delivery
from baton.flow.unit_of_work import UnitOfWork
from baton.kernel.ids import derived_id
from baton.leads.envelope import Event
from baton.leads.events import LeadActivity, LeadCaptured, LeadErased, LeadQualified, LeadScored
from baton.leads.playbook.model import Playbook
from baton.leads.values import Activity, Change, Score
from baton_scoring import repository
from baton_scoring.profile import Profile
from baton_scoring.repository import Known, ScoreTold
from baton_scoring.scoring import Horizon, score_lead

SOURCE: Final = "/baton/scoring"


@dataclass(slots=True)
class ScoreLeads:
    """The handler of one consumer. `playbook` gives the active one, or raises NotReady."""

    playbook: Callable[[], Playbook]

    async def __call__(self, deliveries: Sequence[Delivery], unit: UnitOfWork) -> None:
        """Score every lead of the batch that something happened to."""
        playbook = self.playbook()
        known = await _known(deliveries, unit)
        batch = Batch(playbook=playbook, unit=unit, profiles=known.profiles, erased=known.erased)
        for delivery in deliveries:
            if isinstance(delivery.event.data, LeadErased):
                await batch.erase(delivery.event, delivery.event.data)
            else:
                batch.handle(delivery.event)
        batch.save()


async def _known(deliveries: Sequence[Delivery], unit: UnitOfWork) -> Known:
    """What there is of the leads they speak of: under locks, or to be checked as the batch is written."""
    leads = {delivery.subject for delivery in deliveries}
    erases = any(delivery.head.type == LeadErased.type for delivery in deliveries)
    if erases and unit.has_begun:
        await repository.be_alone(unit.connection)
    known = await repository.load(unit.connection, leads, lock=unit.has_begun)
    if not unit.has_begun:
        if erases or known.erased:
            raise Overtaken("somebody is erased")
        repository.check_not_erased(unit.writes, leads)
    return known


@dataclass(frozen=True, slots=True)
class Cause:
    """What a score is told for: a capture, an activity, or time alone."""

    id: str
    activity: Activity | None = None
    captured_at: datetime | None = None
    traceparent: str | None = None
    changes: Sequence[Change] = ()


@dataclass(slots=True)
class Batch:
    """The profiles of one transaction, and what is to be written of them."""

    playbook: Playbook
    unit: UnitOfWork
    profiles: dict[str, Profile]
    erased: dict[str, datetime] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)
    _activities: list[tuple[str, Activity]] = field(default_factory=list)
    _told: list[ScoreTold] = field(default_factory=list)
    _horizon: Horizon = field(init=False)

    def __post_init__(self) -> None:
        self._horizon = Horizon(self.playbook.scoring)

    def handle(self, event: Event) -> None:
        """Take in one event. Types that don't change a score are left alone."""
        match event.data:
            case LeadCaptured(test=True) as captured:
                self._score_test(event, captured)
            case LeadCaptured() as captured if not self._was_erased_after(event):
                self._capture(event, captured)
            case LeadActivity() as told if not self._was_erased_after(event):
                self._take(event, told)
            case _:
                pass

    def look_again(self, profile: Profile) -> None:
        """Time has passed: tell a change of tier, and say when to look next."""
        score = self._score(profile)
        if profile.score is None or score.tier != profile.score.tier:
            self._tell(profile, score, Cause(id=derived_id("time", profile.lead_id, str(profile.version))))
        else:
            self._keep(profile, score)

    async def erase(self, event: Event, erased: LeadErased) -> None:
        """Forget a person, in this batch too."""
        self.profiles.pop(erased.lead_id, None)
        self._changed.discard(erased.lead_id)
        self._activities = [pair for pair in self._activities if pair[0] != erased.lead_id]
        self._told = [told for told in self._told if told.lead_id != erased.lead_id]
        self.erased[erased.lead_id] = event.time
        await repository.erase(self.unit.connection, erased.lead_id, at=event.time)

    def save(self) -> None:
        """Have what changed written."""
        changed = [self.profiles[lead_id] for lead_id in sorted(self._changed)]
        repository.save(self.unit.writes, changed, activities=self._activities, told=self._told)

    def _capture(self, event: Event, captured: LeadCaptured) -> None:
        profile = self._profile(captured.lead.lead_id, event.key)
        profile.hear(captured, told=event.time)
        if captured.activity is not None:
            self._add(profile, captured.activity, received=event.time)
        score = self._score(profile)
        cause = Cause(
            event.id, activity=captured.activity, captured_at=event.time, traceparent=event.traceparent,
            changes=captured.changes,
        )  # fmt: skip
        self._tell(profile, score, cause)

    def _take(self, event: Event, told: LeadActivity) -> None:
        profile = self._profile(told.lead_id, event.key)
        if not self._add(profile, told.activity, received=event.time):
            return
        self._changed.add(profile.lead_id)
        if not profile.captured:  # kept, and read when the lead appears
            return
        score = self._score(profile)
        if self._is_named(told.activity.kind) or _differs(score, profile.score):
            self._tell(profile, score, Cause(event.id, activity=told.activity, traceparent=event.traceparent))
        else:
            self._keep(profile, score)

    def _score_test(self, event: Event, captured: LeadCaptured) -> None:
        """A vendor's test delivery is scored and told, and leaves nothing behind."""
        profile = Profile(lead_id=captured.lead.lead_id, key=event.key)
        profile.hear(captured, told=event.time)
        if captured.activity is not None:
            profile.add(captured.activity, received=event.time)
        scored = LeadScored(
            lead=profile.lead, activity=captured.activity, score=self._score(profile), captured_at=event.time,
            cause=event.id, changes=captured.changes, test=True,
        )  # fmt: skip
        scored_id = derived_id("lead.scored", event.id)
        self.unit.emit(event.followed_by(scored, id=scored_id, source=SOURCE, time=self.unit.now))

    def _tell(self, profile: Profile, score: Score, cause: Cause) -> None:
        """Raise the version, tell the score, and the rise to a better tier if it is one."""
        now = self.unit.now
        rise = profile.rises(score, now=now, cool_down=self.playbook.scoring.cool_down)
        profile.version += 1
        lead = profile.lead
        self._emit(
            profile,
            cause,
            LeadScored(
                lead=lead,
                activity=cause.activity,
                score=score,
                captured_at=cause.captured_at,
                cause=cause.id,
                changes=list(cause.changes),
            ),
        )
        if rise is not None:
            profile.qualified[rise[1]] = now
            self._emit(profile, cause, LeadQualified(lead=lead, score=score, from_=rise[0], to=rise[1]))
        self._told.append(ScoreTold(profile.lead_id, profile.version, now, cause.id, score))
        self._keep(profile, score)

    def _emit(self, profile: Profile, cause: Cause, data: LeadScored | LeadQualified) -> None:
        self.unit.emit(
            Event(
                id=derived_id(data.type, cause.id),
                source=SOURCE,
                time=self.unit.now,
                key=profile.key,
                data=data,
                sequence=profile.version,
                traceparent=cause.traceparent,
            )
        )

    def _keep(self, profile: Profile, score: Score) -> None:
        profile.score = score
        profile.look_at = self._horizon.next_look(tuple(profile.activities.values()), score, now=self.unit.now)
        self._changed.add(profile.lead_id)

    def _score(self, profile: Profile) -> Score:
        return score_lead(
            profile.lead,
            tuple(profile.activities.values()),
            scoring=self.playbook.scoring,
            model=self.playbook.hash,
            now=self.unit.now,
        )

    def _add(self, profile: Profile, activity: Activity, *, received: datetime) -> bool:
        is_new = profile.add(activity, received=received)
        if is_new:
            self._activities.append((profile.lead_id, profile.activities[activity.source, activity.id]))
        return is_new

    def _profile(self, lead_id: str, key: str) -> Profile:
        profile = self.profiles.get(lead_id)
        if profile is None:
            profile = self.profiles[lead_id] = Profile(lead_id=lead_id, key=key)
        return profile

    def _is_named(self, kind: str) -> bool:
        """Whether a routing or SLA rule asks for activities of this kind."""
        return not self.playbook.activity_kinds.isdisjoint((kind, "any"))

    def _was_erased_after(self, event: Event) -> bool:
        erased = self.erased.get(event.data.subject or "")
        return erased is not None and event.time <= erased


def _differs(score: Score, before: Score | None) -> bool:
    return before is None or score.total != before.total or score.tier != before.tier
