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
from baton.leads.events import (
    LeadActivity,
    LeadCaptured,
    LeadErased,
    LeadMerged,
    LeadQualified,
    LeadScored,
    LeadUnmerged,
)
from baton.leads.playbook.model import Playbook
from baton.leads.values import Activity, Change, Score
from baton_scoring import repository
from baton_scoring.profile import Profile
from baton_scoring.repository import Known, ScoreTold
from baton_scoring.scoring import Horizon, score_lead

SOURCE: Final = "/baton/scoring"
_OF_IDENTITY: Final = frozenset({LeadErased.type, LeadMerged.type, LeadUnmerged.type})
"""What changes who somebody is."""


@dataclass(slots=True)
class ScoreLeads:
    """The handler of one consumer. `playbook` gives the active one, or raises NotReady."""

    playbook: Callable[[], Playbook]
    _horizon: Horizon | None = None

    async def __call__(self, deliveries: Sequence[Delivery], unit: UnitOfWork) -> None:
        """Score every lead of the batch that something happened to."""
        playbook = self.playbook()
        known = await _known(deliveries, unit)
        if self._horizon is None or self._horizon.scoring is not playbook.scoring:
            self._horizon = Horizon(playbook.scoring)
        batch = Batch(playbook, self._horizon, unit, known)
        for delivery in deliveries:
            await batch.handle(delivery.event)
        batch.save()


async def _known(deliveries: Sequence[Delivery], unit: UnitOfWork) -> Known:
    """What there is of the leads they speak of: under locks, or to be checked as the batch is written."""
    leads = {lead for each in deliveries for lead in _leads(each)}
    are_plain = all(each.head.type not in _OF_IDENTITY for each in deliveries)
    if unit.has_begun:
        locked = await repository.load(unit.connection, leads)
        if are_plain:
            return locked
        await repository.be_alone(unit.connection)
        return await repository.load(unit.connection, leads)
    known = await repository.look(unit.connection, leads) if are_plain else None
    if known is None:
        raise Overtaken("somebody was erased, or is one with somebody else")
    repository.check_plain(unit.writes, leads)
    return known


def _leads(delivery: Delivery) -> set[str]:
    """The leads that an event speaks of."""
    if delivery.head.type not in _OF_IDENTITY:
        return {delivery.subject}
    data = delivery.event.data
    return {delivery.subject, data.into} if isinstance(data, LeadMerged | LeadUnmerged) else {delivery.subject}


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
    horizon: Horizon
    """Of that playbook."""
    unit: UnitOfWork
    known: Known
    _changed: set[str] = field(default_factory=set)
    _activities: list[tuple[str, Activity]] = field(default_factory=list)
    _told: list[ScoreTold] = field(default_factory=list)

    async def handle(self, event: Event) -> None:
        """Take in one event. Types that don't change a score are left alone."""
        match event.data:
            case LeadCaptured(test=True) as captured:
                self._score_test(event, captured)
            case LeadCaptured() as captured if not self._was_erased_after(event):
                self._capture(event, captured)
            case LeadActivity() as told if not self._was_erased_after(event):
                self._take(event, told)
            case LeadErased() as erased:
                await self._erase(event, erased)
            case LeadMerged() as merged if not self._was_erased_after(event, merged.into):
                await self._merge(event, merged)
            case LeadUnmerged() as unmerged if self.known.aliases.into.get(unmerged.from_) == unmerged.into:
                await self._unmerge(event, unmerged)
            case _:
                pass

    def look_again(self, profile: Profile) -> None:
        """Time has passed: tell a change of tier, and say when to look next."""
        score = self._score(profile)
        if profile.score is None or score.tier != profile.score.tier:
            self._tell(profile, score, Cause(id=derived_id("time", profile.lead_id, str(profile.version))))
        else:
            self._keep(profile, score)

    def save(self) -> None:
        """Have what changed written."""
        changed = [self.known.profiles[lead_id] for lead_id in sorted(self._changed)]
        repository.save(self.unit.writes, changed, activities=self._activities, told=self._told)

    def _capture(self, event: Event, captured: LeadCaptured) -> None:
        own = self._profile(captured.lead.lead_id, event.key)
        own.hear(captured, told=event.time)
        if captured.activity is not None:
            self._add(own, captured.activity, received=event.time)
        self._changed.add(own.lead_id)
        person = self._person(own)
        cause = Cause(
            event.id, activity=captured.activity, captured_at=event.time, traceparent=event.traceparent,
            changes=captured.changes,
        )  # fmt: skip
        self._tell(person, self._score(person), cause)

    def _take(self, event: Event, told: LeadActivity) -> None:
        own = self._profile(told.lead_id, event.key)
        person = self._person(own)
        is_new = not person.has_done(told.activity)
        if not self._add(own, told.activity, received=event.time):
            return
        self._changed.add(own.lead_id)
        if not person.is_captured:  # kept, and read when the lead appears
            return
        score = self._score(person)
        if (is_new and self._is_named(told.activity.kind)) or _differs(score, person.score):
            self._tell(person, score, Cause(event.id, activity=told.activity, traceparent=event.traceparent))
        else:
            self._keep(person, score)

    async def _merge(self, event: Event, merged: LeadMerged) -> None:
        """Know `from` as `into` from now on, and tell who that is, if it is more than was known of `into`."""
        self._profile(merged.into, event.key)
        stays = self.known.person(merged.into)
        before = None if stays is None or not stays.is_captured else stays.lead
        await repository.add_alias(self.unit.connection, merged.from_, into=merged.into, at=event.time)
        self.known.aliases.into[merged.from_] = merged.into
        if merged.from_ in self.known.profiles:
            self._unscore(self.known.profiles[merged.from_])
        person = self.known.person(merged.into)
        if person is None or not person.is_captured:
            return
        score = self._score(person)
        if person.lead != before or _differs(score, person.score):
            self._tell(person, score, Cause(event.id, traceparent=event.traceparent))
        else:
            self._keep(person, score)

    async def _unmerge(self, event: Event, unmerged: LeadUnmerged) -> None:
        """Let `from` be itself again, and tell who each of the two is now."""
        was = self.known.person(unmerged.into)
        await repository.drop_alias(self.unit.connection, unmerged.from_)
        del self.known.aliases.into[unmerged.from_]
        if was is not None:
            was.merged = ()
        for lead_id in (unmerged.from_, unmerged.into):
            person = self.known.person(lead_id)
            if person is not None and person.is_captured:
                cause = Cause(derived_id("unmerged", event.id, lead_id), traceparent=event.traceparent)
                self._tell(person, self._score(person), cause)
            elif person is not None:
                self._unscore(person)

    def _unscore(self, profile: Profile) -> None:
        """Nobody is known by this profile now: it has no score, and time changes none."""
        profile.merged, profile.score, profile.look_at = (), None, None
        self._changed.add(profile.lead_id)

    async def _erase(self, event: Event, erased: LeadErased) -> None:
        """Forget a person under all its ids, in this batch too."""
        root = self.known.aliases.root(erased.lead_id)
        everyone = {erased.lead_id, root, *self.known.aliases.known_as(root)}
        for lead_id in sorted(everyone):
            self.known.profiles.pop(lead_id, None)
            self.known.aliases.into.pop(lead_id, None)
            self.known.erased[lead_id] = event.time
            await repository.erase(self.unit.connection, lead_id, at=event.time)
        self._changed -= everyone
        self._activities = [pair for pair in self._activities if pair[0] not in everyone]
        self._told = [told for told in self._told if told.lead_id not in everyone]

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
        profile.look_at = self.horizon.next_look(profile.done, score, now=self.unit.now)
        self._changed.add(profile.lead_id)

    def _score(self, profile: Profile) -> Score:
        return score_lead(
            profile.lead,
            profile.done,
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
        profile = self.known.profiles.get(lead_id)
        if profile is None:
            profile = self.known.profiles[lead_id] = Profile(lead_id=lead_id, key=key)
        return profile

    def _person(self, own: Profile) -> Profile:
        """Who a lead is known as."""
        return self.known.person(own.lead_id) or own

    def _is_named(self, kind: str) -> bool:
        """Whether a routing or SLA rule asks for activities of this kind."""
        return not self.playbook.activity_kinds.isdisjoint((kind, "any"))

    def _was_erased_after(self, event: Event, *others: str) -> bool:
        """Whether an event speaks of what somebody was before an erasure."""
        if not self.known.erased:
            return False
        at = [self.known.erased.get(lead_id) for lead_id in (event.data.subject or "", *others)]
        return any(each is not None and event.time <= each for each in at)


def _differs(score: Score, before: Score | None) -> bool:
    return before is None or score.total != before.total or score.tier != before.tier
