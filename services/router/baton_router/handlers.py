"""Events in, events out: who gets which lead, and what follows when a promise is missed."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from baton.flow.deliveries import Delivery
from baton.flow.unit_of_work import UnitOfWork
from baton.leads.envelope import Event
from baton.leads.events import (
    LeadActivity,
    LeadErased,
    LeadMerged,
    LeadScored,
    LeadUnmerged,
    MeetingBooked,
    SlaBreached,
    SlaEscalated,
    SlaMet,
)
from baton.leads.playbook.model import Playbook
from baton.leads.values import Change, Score
from baton_router import benching, merging, repository
from baton_router.desk import Desk
from baton_router.lead_file import Cause, LeadFile, State
from baton_router.reassigning import escalate, escalation_pools, is_for_the_router, reroute
from baton_router.touches import is_touch, record_touch, touch_in

_SLICE: Final = 25
"""After so many events others of the event loop have their turn."""


_MOST_NOTES: Final = 20
_LONGEST_VALUE: Final = 100

OURS: Final = frozenset(
    each.type
    for each in (
        LeadScored, LeadActivity, MeetingBooked, LeadMerged, LeadUnmerged, LeadErased,
        SlaBreached, SlaEscalated, SlaMet,
    )
)  # fmt: skip
"""The types of event that ask for anything here."""


@dataclass(slots=True)
class RouteLeads:
    """The handler of one consumer. `playbook` gives the active one, or raises NotReady."""

    playbook: Callable[[], Playbook]

    async def __call__(self, deliveries: Sequence[Delivery], unit: UnitOfWork) -> None:
        """Route, reassign and note what people did, in order."""
        events = [each.event for each in deliveries if is_ours(each)]
        if not events:
            return
        desk = await self._open(events, unit)
        batch = _Batch(desk)
        anew = await batch.erase([event for event in events if isinstance(event.data, LeadErased)])
        told = [event for event in events if not isinstance(event.data, LeadErased) and not batch.is_forgotten(event)]
        await batch.prepare(told, anew)
        for file, cause in anew:
            await desk.answer(file, cause)
        for number, event in enumerate(told, 1):
            await batch.handle(event)
            if number % _SLICE == 0:
                await asyncio.sleep(0)
        await desk.save()

    async def _open(self, events: Sequence[Event], unit: UnitOfWork) -> Desk:
        scored = [event.data.lead for event in events if isinstance(event.data, LeadScored)]
        if len(scored) == len(events):
            return await Desk.open_for_captures(unit, self.playbook(), scored)
        await unit.begin()
        leads = {lead for event in events for lead in _leads(event)}
        desk = await Desk.open(unit, self.playbook(), leads)
        if not any(isinstance(event.data, LeadErased | LeadMerged | LeadUnmerged) for event in events):
            return desk
        await desk.counters.have(desk.playbook.pools, reps=desk.playbook.reps)
        await repository.be_alone(unit.connection)
        return await Desk.open(unit, desk.playbook, leads)


def is_ours(delivery: Delivery) -> bool:
    """Whether an event asks for anything here: most activities are only for the score. Raises UnreadableEvent."""
    event = delivery.event
    match event.data:
        case LeadScored(test=test):
            return not test  # no assignment, no turn
        case LeadActivity() | MeetingBooked():
            return is_touch(event)
        case SlaEscalated() as escalated:
            return is_for_the_router(escalated)
        case SlaMet(corrected=corrected):
            return corrected
        case _:
            return True


def _leads(event: Event) -> set[str]:
    subject = event.data.subject
    others = {event.data.into} if isinstance(event.data, LeadMerged | LeadUnmerged) else set()
    return {*([] if subject is None else [subject]), *others}


@dataclass(slots=True)
class _Batch:
    """The events of one transaction at a desk."""

    desk: Desk

    async def erase(self, events: Sequence[Event]) -> list[tuple[LeadFile, Cause]]:
        """Forget people first: what was told of them before, in this batch too, must leave no trace.

        Gives whoever was captured anew since, for a new answer: topics may run ahead of each other.
        """
        anew: list[tuple[LeadFile, Cause]] = []
        for event in events:
            assert isinstance(event.data, LeadErased)
            lead_id, file = event.data.lead_id, self.desk.files.get(event.data.lead_id)
            everyone = {lead_id} if file is None else {lead_id, *file.members}
            self.desk.forget(everyone, at=event.time)
            for each in sorted(everyone):
                await repository.erase(self.desk.unit.connection, each, at=event.time)
            if file is not None and file.captured_at is not None and file.captured_at > event.time:
                anew.append((_begun_anew(file), Cause(event.id, is_capture=True, traceparent=event.traceparent)))
        self.desk.files |= {file.lead_id: file for file, _ in anew}
        return anew

    def is_forgotten(self, event: Event) -> bool:
        """Whether an event speaks of what an erased lead was before."""
        at = self.desk.erased.get(event.data.subject or "")
        if at is None:
            return False
        if isinstance(event.data, LeadScored):
            if event.data.captured_at is None:
                return event.data.lead.lead_id not in self.desk.files
            return event.data.captured_at <= at
        return event.time <= at

    async def prepare(self, events: Sequence[Event], anew: Sequence[tuple[LeadFile, Cause]]) -> None:
        """Look up and lock at once what all decisions may need; who waits already comes first."""
        asked = list(anew)
        pools = set[str]()
        for event in events:
            match event.data:
                case LeadScored() as scored:
                    file = self._file(event)
                    asked.append((replace(file, lead=scored.lead, score=scored.score), _cause(scored, event)))
                case SlaEscalated(lead_id=lead_id) as escalated if (known := self.desk.files.get(lead_id)) is not None:
                    asked.append((known, Cause(event.id)))
                    pools |= escalation_pools(escalated, self.desk)
                case _:
                    pass
        await self.desk.prepare(asked, pools=pools)
        await self.desk.answer_held()

    async def handle(self, event: Event) -> None:
        """One event."""
        match event.data:
            case LeadScored() as scored:
                await self._scored(event, scored)
            case LeadActivity() | MeetingBooked():
                touch = touch_in(event, self.desk)
                if touch is not None:
                    await record_touch(self.desk, self._file(event), touch, _follows(event))
            case SlaEscalated() as escalated:
                await escalate(self.desk, escalated, _follows(event))
            case SlaBreached() as breached:
                await benching.breached(self.desk, breached)
            case SlaMet() as met:
                await benching.corrected(self.desk, met)
            case LeadMerged() as merged:
                await merging.merge(self.desk, merged, event)
            case LeadUnmerged() as unmerged:
                await merging.unmerge(self.desk, unmerged, event)
            case _:
                pass

    async def _scored(self, event: Event, scored: LeadScored) -> None:
        file = self._file(event)
        before = file.score
        _take_profile(file, scored, event)
        cause = _cause(scored, event)
        if file.given is not None and file.waiting is None:
            if _reroutes(self.desk.playbook, before, file.score):
                await reroute(self.desk, file, cause)
        elif file.given is not None:
            pass  # waits for somebody else meanwhile, with the newest profile
        elif cause.is_capture or file.state is not State.DISPOSED:
            await self.desk.answer(file, cause)

    def _file(self, event: Event) -> LeadFile:
        subject = event.data.subject
        assert subject is not None
        return self.desk.file(subject, key=event.key)


def _take_profile(file: LeadFile, scored: LeadScored, event: Event) -> None:
    """Keep the newest profile; an older one, or that of a lead merged into this one, answers its capture only."""
    version = event.sequence or 0
    is_its_own = scored.lead.lead_id == file.lead_id
    if file.lead is not None and (not is_its_own or version < file.profile_version):
        return
    file.lead = scored.lead if is_its_own else scored.lead.model_copy(update={"lead_id": file.lead_id})
    file.score = scored.score
    file.profile_version = version if is_its_own else 0
    file.key = event.key if is_its_own else file.key
    file.captured_at = max(filter(None, (file.captured_at, scored.captured_at)), default=None)
    file.changed = True


def _begun_anew(file: LeadFile) -> LeadFile:
    """The file of somebody who was erased and captured again: the profile, and nothing of before."""
    return LeadFile(
        file.lead_id,
        file.key,
        version=file.version,
        profile_version=file.profile_version,
        captured_at=file.captured_at,
        lead=file.lead,
        score=file.score,
        members=frozenset({file.lead_id}),
    )


def _reroutes(playbook: Playbook, before: Score | None, now: Score | None) -> bool:
    """Whether a change of the score sends an assigned lead through the rules again."""
    if before is None or now is None:
        return False
    changed = {"tier": before.tier != now.tier, "segment": before.segment != now.segment}
    return any(changed[what] for what in playbook.reroute_on)


def _cause(scored: LeadScored, event: Event) -> Cause:
    return Cause(
        id=scored.cause,
        activity=scored.activity,
        is_capture=scored.captured_at is not None,
        traceparent=event.traceparent,
        notes=tuple(map(_note, filter(_shows, scored.changes[:_MOST_NOTES]))),
    )


def _shows(change: Change) -> bool:
    """Whether a reader sees a difference: `"85"` that became 85 looks the same."""
    return change.after is None or str(change.before) != str(change.after)


def _note(change: Change) -> str:
    before, after = (str(value)[:_LONGEST_VALUE] for value in (change.before, change.after))
    became = "was left out" if change.after is None else f'became "{after}"'
    return f'{change.field}: "{before}" {became}: {change.why}'


def _follows(event: Event) -> Cause:
    return Cause(event.id, traceparent=event.traceparent)
