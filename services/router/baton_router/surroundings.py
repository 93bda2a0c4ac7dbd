"""What is around a lead when it is routed: the directory's accounts, its company's open leads, who had it last."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

from baton.flow.database import Connection
from baton.leads.playbook.model import Playbook
from baton.leads.values import Lead, Score
from baton_router import directory
from baton_router import staff_repository as repository
from baton_router.deciding.values import Account, LastRep, Neighbour, Request
from baton_router.lead_file import Cause, Given, LeadFile


@dataclass(slots=True)
class Surroundings:
    """Looked up for a whole batch at once, and kept up as the batch assigns."""

    connection: Connection
    playbook: Playbook
    has_directory: bool
    """Whether there are accounts at all."""
    _directory: list[directory.Candidates] = field(default_factory=list)
    _neighbours: dict[str, list[Neighbour]] = field(default_factory=dict)
    """As they were found."""
    _given: dict[str, list[Neighbour]] = field(default_factory=dict)
    """Those that this transaction adds to them."""
    _ended: set[str] = field(default_factory=set)
    """The leads of those that it takes from them."""
    _last: dict[str, LastRep] = field(default_factory=dict)

    def nobody_has(self, values: Iterable[str]) -> None:
        """None of these companies and persons has an open lead: they needn't be looked up."""
        self._neighbours |= {value: [] for value in values}

    async def look_up(self, files: Collection[LeadFile]) -> None:
        """Find what is around these leads."""
        asked = [file.lead for file in files if file.lead is not None]
        if not asked:
            return
        if self.has_directory:
            self._directory.append(await directory.find(self.connection, asked))
        await self.find_neighbours(files)
        if any(pool.sticky is not None for pool in self.playbook.pools.values()):
            pairs = [(lead.lead_id, lead.account) for lead in asked]
            self._last |= await repository.last_reps(self.connection, pairs)

    async def find_neighbours(self, files: Iterable[LeadFile]) -> None:
        """Find the open leads of these companies or persons, for whoever of them has no rep."""
        if self.playbook.keep_together == "no":
            return
        by = "account" if self.playbook.keep_together == "company" else "phone"
        leads = [file.lead for file in files if file.given is None and file.lead is not None]
        values = {value for lead in leads if (value := self._value(lead.account, lead.phone)) is not None}
        new = values - self._neighbours.keys()
        found = await repository.neighbours(self.connection, new, by=by)
        self._neighbours |= {value: found.get(value, []) for value in new}

    def request(self, file: LeadFile, *, cause: Cause, lead: Lead, score: Score | None) -> Request:
        """The question that a decision answers."""
        return Request(
            lead=lead,
            score=score,
            activity=cause.activity,
            accounts=self._accounts(lead),
            declined=file.declined,
            missed=file.missed,
            # Companies are kept together as their leads come; one that has to change its rep goes by the rules alone.
            neighbour=self._neighbour(file, lead) if file.given is None else None,
            last_rep=self._last.get(lead.lead_id),
            standing=None if file.given is None else file.given.assignment,
        )

    def gave(self, given: Given) -> None:
        """A lead was assigned: its company's next one may follow it."""
        value = self._value(given.account, given.phone)
        if value is not None:
            self._given.setdefault(value, []).append(Neighbour(given.lead_id, given.rep))

    def closed(self, given: Given) -> None:
        """An assignment ended."""
        self._ended.add(given.lead_id)
        value = self._value(given.account, given.phone)
        if value in self._given:
            self._given[value] = [each for each in self._given[value] if each.lead_id != given.lead_id]

    def _neighbour(self, file: LeadFile, lead: Lead) -> Neighbour | None:
        value = self._value(lead.account, lead.phone)
        if value is None:
            return None
        stored = (each for each in self._neighbours.get(value, ()) if each.lead_id not in self._ended)
        neighbours = chain(stored, self._given.get(value, ()))
        return next((each for each in neighbours if each.lead_id not in file.members), None)

    def _value(self, account: str | None, phone: str | None) -> str | None:
        """What leads that are kept together have in common: the company, or a person's number."""
        match self.playbook.keep_together:
            case "company":
                return account
            case "person":
                return phone
            case "no":
                return None

    def _accounts(self, lead: Lead) -> Sequence[Account]:
        found = [account for each in self._directory for account in each.of(lead)]
        return list({account.id: account for account in found}.values())
