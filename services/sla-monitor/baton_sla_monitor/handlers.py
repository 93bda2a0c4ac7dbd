"""Events in, events out: what happens to leads starts, ends and moves their clocks."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from baton.flow.deliveries import Delivery
from baton.flow.unit_of_work import UnitOfWork
from baton.leads.envelope import Event
from baton.leads.events import (
    LeadAssigned,
    LeadCaptured,
    LeadErased,
    SlaBreached,
    SlaCancelled,
    SlaEvent,
    SlaMet,
    SlaStarted,
)
from baton.leads.playbook.model import Playbook
from baton_sla_monitor import metrics, repository
from baton_sla_monitor.deciding.clock_state import ClockState
from baton_sla_monitor.deciding.courses import Moment
from baton_sla_monitor.deciding.facts import Fact
from baton_sla_monitor.deciding.replaying import Replay, bounded, replay
from baton_sla_monitor.deciding.settling import Settlement, settle
from baton_sla_monitor.deciding.terms import Terms
from baton_sla_monitor.deciding.transitions import Telling, Transition, tell
from baton_sla_monitor.people import People, Person
from baton_sla_monitor.reading import agreed_terms, read_briefly, read_fact
from baton_sla_monitor.shelf import TermsShelf

SOURCE: Final = "/baton/sla-monitor"
_SLICE: Final = 50
"""Persons between two breaths: nothing may hold the event loop for over 50 ms, and one takes half of one at most."""
_OUTCOMES: Final[Mapping[type[SlaEvent], str]] = {
    SlaMet: "met",
    SlaBreached: "breached",
    SlaCancelled: "cancelled",
}


@dataclass(slots=True)
class KeepClocks:
    """The handler of one consumer. `playbook` gives the active one, or raises NotReady."""

    playbook: Callable[[], Playbook]
    shelf: TermsShelf

    async def __call__(self, deliveries: Sequence[Delivery], unit: UnitOfWork) -> None:
        """Bring the clocks of every lead of the batch in line with what was told of it."""
        news = [self._read(read_briefly(delivery)) for delivery in deliveries]
        news = [each for each in news if each.fact is not None or each.erased is not None]
        if not news:
            return
        people = await _people(news, unit)
        new_terms = await self.shelf.take(unit.connection, (terms for each in news for terms in each.terms))
        batch = _Batch(unit, people, self.shelf, new_terms, {each.event.id: each.event for each in news})
        for each in news:
            await batch.take(each)
        await batch.settle()

    def _read(self, event: Event) -> "_News":
        """What is new for the clocks. Only what may start one asks for the playbook."""
        starts = isinstance(event.data, LeadAssigned) or (isinstance(event.data, LeadCaptured) and not event.data.test)
        terms = agreed_terms(event, self.playbook()) if starts else ()
        erased = event.data if isinstance(event.data, LeadErased) else None
        return _News(event, terms, read_fact(event, terms), erased)


@dataclass(frozen=True, slots=True)
class _News:
    event: Event
    terms: tuple[Terms, ...]
    fact: Fact | None
    erased: LeadErased | None

    @property
    def leads(self) -> set[str]:
        """The leads that it speaks of."""
        if self.erased is not None:
            return {self.erased.lead_id}
        assert self.fact is not None
        return {self.fact.lead} if self.fact.other is None else {self.fact.lead, self.fact.other}

    @property
    def is_of_identity(self) -> bool:
        """Whether it changes who somebody is."""
        return self.fact is None or self.fact.other is not None


async def _people(news: Sequence[_News], unit: UnitOfWork) -> People:
    """All that a batch speaks of: under locks, or to be checked as the batch is written."""
    leads = {lead for each in news for lead in each.leads}
    if any(each.is_of_identity for each in news):
        await unit.begin()
        await repository.be_alone(unit.connection)
        return await People.load(unit.connection, leads)
    people = None if unit.has_begun else await People.look(unit.connection, leads)
    if people is None:
        await unit.begin()
        await repository.be_beside_others(unit.connection)
        people = await People.load(unit.connection, leads)
    if people.are_plain:
        repository.check_plain(unit.writes, leads)
    return people


@dataclass(slots=True)
class _Batch:
    """The people of one transaction, and what is to be written and told of them."""

    unit: UnitOfWork
    people: People
    shelf: TermsShelf
    new_terms: Sequence[Terms]
    causes: Mapping[str, Event]
    merged: set[tuple[str, str]] = field(default_factory=set)
    erased: dict[str, Moment] = field(default_factory=dict)

    async def take(self, news: _News) -> None:
        """Take in what one event tells."""
        if news.erased is not None:
            await self._erase(news.erased.lead_id, news.event)
        elif news.fact is not None and self.people.add(news.fact, key=news.event.key) and news.fact.other is not None:
            self.merged.add((news.fact.lead, news.fact.other))

    async def settle(self) -> None:
        """Derive the clocks of everybody to whom something happened, tell what changed, write it."""
        changed = sorted(self.people.changed)
        persons = list(dict.fromkeys(self.people.of(lead) for lead in changed))
        clocks: list[ClockState] = []
        retracted: list[ClockState] = []
        for begin in range(0, len(persons), _SLICE):
            settlements = [await self._settle(person) for person in persons[begin : begin + _SLICE]]
            clocks += (clock for each in settlements for clock in each.clocks)
            retracted += (clock for each in settlements for clock in each.retracted)
            await self._tell([transition for each in settlements for transition in each.transitions])
            await asyncio.sleep(0)
        await self._save_leads(changed)
        await repository.save_merges(self.unit.connection, self.merged)
        repository.save_clocks(self.unit.writes, clocks)
        repository.retract_clocks(self.unit.writes, retracted)
        repository.save_terms(self.unit.writes, self.new_terms)

    async def _settle(self, person: Person) -> Settlement:
        result = await self._replay(person)
        keys = {lead: row.key for lead, row in person.leads.items()}
        for row in person.leads.values():
            if row.lead_id in self.people.changed:
                row.facts = {fact.id: fact for fact in bounded(row.facts.values(), result.courses)}
        return settle(result, person.clocks, keys=keys, now=self.unit.now, erased=self.erased)

    async def _replay(self, person: Person) -> Replay:
        facts = person.facts
        ids = {each for fact in facts for each in fact.terms}
        return replay(facts, await self.shelf.find(self.unit.connection, ids))

    async def _tell(self, transitions: Sequence[Transition]) -> None:
        ids = {transition.clock.terms for transition in transitions}
        for telling in tell(transitions, await self.shelf.find(self.unit.connection, ids)):
            self.unit.emit(as_event(telling, self.unit, cause=self.causes.get(telling.cause)))
        self.unit.afterwards(partial(count_outcomes, transitions))

    async def _erase(self, lead: str, event: Event) -> None:
        """Forget a lead, and those known as this one now."""
        aliases = (await self._replay(self.people.of(lead))).aliases
        same = [other for other in self.people.of(lead).leads if _resolved(other, aliases) == _resolved(lead, aliases)]
        for one in {lead, *same}:
            self.people.forget(one, at=event.time)
            self.erased[one] = Moment(event.time, event.id)
            await repository.erase(self.unit.connection, one, at=event.time)

    async def _save_leads(self, changed: Sequence[str]) -> None:
        rows = [row for lead in changed if (row := self.people.of(lead).leads.get(lead)) is not None]
        repository.save_leads(self.unit.writes, [row for row in rows if row.facts])
        await repository.delete_leads(self.unit.connection, [row.lead_id for row in rows if not row.facts])


def as_event(telling: Telling, unit: UnitOfWork, *, cause: Event | None = None) -> Event:
    """An event as it is sent."""
    return Event(
        id=telling.id,
        source=SOURCE,
        time=unit.now,
        key=telling.key,
        data=telling.data,
        sequence=telling.sequence,
        traceparent=None if cause is None else cause.traceparent,
    )


def count_outcomes(transitions: Sequence[Transition]) -> None:
    """Count what clocks came to. A miss counts when the deadline passes, not when somebody answers."""
    for each in transitions:
        if each.type is SlaStarted:
            metrics.started_of(each.clock.policy).inc()
        elif (outcome := _OUTCOMES.get(each.type)) is not None:
            metrics.outcomes_of(each.clock.policy, "corrected" if each.corrected else outcome).inc()


def _resolved(lead: str, aliases: Mapping[str, str]) -> str:
    while lead in aliases:
        lead = aliases[lead]
    return lead
