"""Which account a lead belongs to. What would need a person's look is routed as if unmatched: never delayed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from rapidfuzz import fuzz

from baton.kernel.instants import format_instant
from baton.leads.decisions import AccountCandidateTrace, AccountTrace
from baton.leads.normalising import company_key
from baton.leads.values import Lead
from baton_router.deciding.values import Account

_T = TypeVar("_T")
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
MOST_CANDIDATES: Final = 20
_ALIKE: Final = 90
"""Of 100: names that differ by a letter or by the order of words, not by a word."""


@dataclass(frozen=True, slots=True)
class Match:
    """The account, or none, and why."""

    account: Account | None
    trace: AccountTrace


def match_account(lead: Lead, accounts: Sequence[Account], *, tie_break: Sequence[str]) -> Match:
    """Match a lead with the directory's entries that might be its own.

    By the registrable domain of a business address; else by the exact normalised name, where the country is the same.
    A lead on a free-mail address never matches by domain. An equal name elsewhere, or one that is only alike, is for a
    person's look.
    """
    by_domain = [] if lead.free_mail or lead.domain is None else [a for a in accounts if lead.domain in a.domains]
    if by_domain:
        return _best(by_domain, lead, how="domain", tie_break=tie_break)
    key = company_key(lead.company) if lead.company and accounts else None
    by_name = [a for a in accounts if key and company_key(a.name) == key]
    certain = [a for a in by_name if lead.country is not None and a.country == lead.country]
    if certain:
        return _best(certain, lead, how="name", tie_break=tie_break)
    doubtful = [*(_candidate(a, "name") for a in by_name), *_alike(key, accounts)]
    return Match(None, AccountTrace(id=None, how="review" if doubtful else "none", candidates=_bounded(doubtful)))


def _alike(key: str | None, accounts: Sequence[Account]) -> Sequence[AccountCandidateTrace]:
    """Those whose name is nearly the same, the nearest first, each with its likeness up to 100."""
    if not key:
        return []
    scored = [(fuzz.token_sort_ratio(key, other), a) for a in accounts if (other := company_key(a.name)) != key]
    near = sorted(((score, a) for score, a in scored if score >= _ALIKE), key=lambda pair: (-pair[0], pair[1].id))
    return [
        AccountCandidateTrace(id=a.id, name=a.name, how="similar_name", score=round(score, 1), decided_by=None)
        for score, a in near
    ]


def _best(accounts: Sequence[Account], lead: Lead, *, how: str, tie_break: Sequence[str]) -> Match:
    """The first by the tie breaks, in their order; the trace names the one that decided against each other."""
    criteria = [name for name in tie_break if name in _CRITERIA]
    ranked = sorted(accounts, key=lambda a: (*(_CRITERIA[name](a, lead) for name in criteria), a.id))
    best = ranked[0]
    candidates = [_candidate(best, how)]
    for other in _bounded(ranked[1:]):
        decided = next((n for n in criteria if _CRITERIA[n](best, lead) != _CRITERIA[n](other, lead)), "id")
        candidates.append(_candidate(other, how, decided_by=decided))
    return Match(best, AccountTrace(id=best.id, how=how, facts=_told(best), candidates=candidates))


def _told(account: Account) -> dict[str, object]:
    """What conditions may ask of it, as JSON."""
    told = {name: value for name, value in account.facts().items() if value not in (None, (), [], {})}
    if account.last_activity is not None:
        told["last_activity"] = format_instant(account.last_activity)
    return told


def _recency(account: Account, _: Lead) -> float:
    return -(account.last_activity or _LONG_AGO).timestamp()


_CRITERIA: Final[dict[str, Callable[[Account, Lead], float | bool]]] = {
    "status": lambda account, _: account.status != "customer",
    "open_opportunity": lambda account, _: not account.open_opportunity,
    "country": lambda account, lead: account.country is None or account.country != lead.country,
    "hierarchy": lambda account, _: account.parent is not None,
    "recency": _recency,
}
"""Each ranks the better account lower."""


def _bounded(found: Sequence[_T]) -> list[_T]:
    return list(found[:MOST_CANDIDATES])


def _candidate(account: Account, how: str, *, decided_by: str | None = None) -> AccountCandidateTrace:
    return AccountCandidateTrace(id=account.id, name=account.name, how=how, score=None, decided_by=decided_by)
