"""The people of one transaction: leads, joined where they were merged, with their facts and clocks."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from baton.flow.database import Connection
from baton_sla_monitor import repository
from baton_sla_monitor.deciding.clock_state import ClockState
from baton_sla_monitor.deciding.facts import Fact
from baton_sla_monitor.repository import LeadRow


@dataclass(slots=True, eq=False)
class Person:
    """One lead, or several that were ever merged: their clocks can only be told together."""

    leads: dict[str, LeadRow] = field(default_factory=dict)
    clocks: dict[str, ClockState] = field(default_factory=dict)

    @property
    def facts(self) -> list[Fact]:
        return [fact for row in self.leads.values() for fact in row.facts.values()]


@dataclass(slots=True)
class People:
    """All that a batch speaks of."""

    _of_lead: dict[str, Person] = field(default_factory=dict)
    _erased: dict[str, datetime] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    """Leads whose facts are to be written."""
    are_plain: bool = True
    """None of them was ever merged or erased."""

    @classmethod
    async def look(cls, connection: Connection, leads: Collection[str]) -> "People | None":
        """These leads just now, not locked; None if one was ever merged or erased."""
        found = await repository.look(connection, leads)
        if found is None:
            return None
        people = cls()
        people._gather(*found)
        return people

    @classmethod
    async def load(cls, connection: Connection, leads: Collection[str]) -> "People":
        """These leads, and whoever they were merged with, locked for the transaction."""
        rows = await repository.load_leads(connection, leads)
        clocks, is_special = await repository.load_clocks(connection, leads)
        are_plain = not is_special
        pairs, erased = set[tuple[str, str]](), dict[str, datetime]()
        # Merges are asked for only once the leads are locked: one may have been committed in between.
        locked, wanted = set(leads), set(leads)
        while is_special:
            pairs, erased = await repository.merges_and_erasures_of(connection, wanted)
            wanted = wanted.union(*pairs)
            if not (new := wanted - locked):
                break
            rows |= await repository.load_leads(connection, new)
            clocks |= (await repository.load_clocks(connection, new))[0]
            locked |= new
        people = cls(_erased=erased, are_plain=are_plain)
        people._gather(rows, clocks)
        for lead, other in sorted(pairs):
            people._join(lead, other)
        return people

    def of(self, lead: str) -> Person:
        """The person who this lead is; a new one if nothing was known."""
        return self._of_lead.setdefault(lead, Person())

    def add(self, fact: Fact, *, key: str) -> bool:
        """Take in a fact. False if it is known, or from before an erasure."""
        erased = self._erased.get(fact.lead)
        person = self.of(fact.lead)
        row = person.leads.get(fact.lead)
        if (erased is not None and fact.told <= erased) or (row is not None and fact.id in row.facts):
            return False
        if row is None:
            row = person.leads[fact.lead] = LeadRow(fact.lead, key, {})
        elif fact.other is None:  # a merge carries the key of one of the two only
            row.key = key
        row.facts[fact.id] = fact
        self.changed.add(fact.lead)
        if fact.other is not None:
            self._join(fact.lead, fact.other)
        return True

    def forget(self, lead: str, *, at: datetime) -> None:
        """Drop what was told of a lead up to `at`, and whatever of it still comes."""
        self._erased[lead] = max(at, self._erased.get(lead, at))
        row = self.of(lead).leads.get(lead)
        if row is not None:
            row.facts = {each: fact for each, fact in row.facts.items() if fact.told > at}
            self.changed.add(lead)

    def _gather(self, rows: dict[str, LeadRow], clocks: dict[str, ClockState]) -> None:
        for lead, row in rows.items():
            self.of(lead).leads[lead] = row
        for clock in clocks.values():
            self.of(clock.lead).clocks[clock.id] = clock

    def _join(self, lead: str, other: str) -> None:
        one, two = self.of(lead), self.of(other)
        if one is two:
            return
        one.leads |= two.leads
        one.clocks |= two.clocks
        for known, person in self._of_lead.items():
            if person is two:
                self._of_lead[known] = one
