"""What normalising gives: the lead's identity and fields, what was changed in them, and why it may have no identity."""

from dataclasses import dataclass

from baton.kernel.ids import LeadId


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a field that was sent. `after` is None if it was left out; `before` is short and storable."""

    field: str
    before: object
    after: object
    why: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no identity, and what the sender can do."""

    field: str
    value: object
    why: str
    hint: str


@dataclass(frozen=True, slots=True)
class NormalisedLead:
    """A lead in its normal form.

    `fields` holds what was sent and is usable, spelled as in `baton.leads.values.Lead` (None: the sender clears it),
    and what follows from it: domain, free_mail, account, seniority, function. `lead_id` is None exactly if there are
    `refusals`. `account` is the registrable domain of a company's address; never free mail, never a name or website.
    """

    lead_id: LeadId | None
    fields: dict[str, object]
    account: str | None
    changes: tuple[Change, ...]
    refusals: tuple[Refusal, ...]
