"""The account directory: written in bulk by who keeps it (API, CSV, CRM), asked for every lead that is routed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import asyncpg
import orjson

from baton.flow.database import Connection
from baton.kernel.instants import format_instant, parse_instant
from baton.leads.normalising import Unusable, company_key, country_code
from baton.leads.normalising.website import read_domain
from baton.leads.playbook.model import Rep
from baton.leads.values import Lead
from baton_router.bodies import AccountBody
from baton_router.deciding.planning import find_rep
from baton_router.deciding.values import Account
from baton_router.stored import columns

_MOST_OF_ONE_NAME: Final = 20
"""Accounts of one name or domain that are looked at: more need a person's look anyway."""

_SAVE: Final = """
insert into accounts (id, name_key, first_word, changed_at, data)
select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bytea[])
on conflict (id) do update set
    name_key = excluded.name_key, first_word = excluded.first_word, changed_at = excluded.changed_at,
    data = excluded.data
"""
_SAVE_DOMAINS: Final = """
insert into account_domains (domain, account_id) select * from unnest($1::text[], $2::text[]) on conflict do nothing
"""
_BY_DOMAIN: Final = """
select g.value, a.id, a.data from unnest($1::text[]) as g(value), lateral (
    select a.id, a.data from account_domains d join accounts a on a.id = d.account_id where d.domain = g.value
    order by a.id limit $2
) a
"""
# Names that begin alike come too: one that is nearly the same is for a person's look.
_BY_NAME: Final = """
select g.value, a.id, a.data from unnest($1::text[]) as g(value), lateral (
    (select a.id, a.data from accounts a where a.name_key = g.value limit $2)
    union
    (select a.id, a.data from accounts a where a.first_word = split_part(g.value, ' ', 1) limit $2)
) a
"""
_LIST: Final = "select id, data from accounts where id > $1 order by id limit $2"


@dataclass(frozen=True, slots=True)
class Candidates:
    """What the directory has for a batch of leads, by domain and by the key of the name."""

    by_domain: Mapping[str, Sequence[Account]]
    by_name: Mapping[str, Sequence[Account]]

    def of(self, lead: Lead) -> Sequence[Account]:
        """The entries that might be this lead's."""
        by_domain = self.by_domain.get(_domain(lead) or "", ())
        return by_domain or (self.by_name.get(_name(lead) or "", ()) if self.by_name else ())


async def find(connection: Connection, leads: Collection[Lead]) -> Candidates:
    """The directory's entries that might be these leads' accounts. By name only where the domain says nothing."""
    domains = {domain for lead in leads if (domain := _domain(lead)) is not None}
    by_domain = await _find(connection, _BY_DOMAIN, domains)
    names = {name for lead in leads if _domain(lead) not in by_domain and (name := _name(lead)) is not None}
    return Candidates(by_domain, await _find(connection, _BY_NAME, names))


async def _find(connection: Connection, query: str, values: Collection[str]) -> dict[str, list[Account]]:
    found: dict[str, list[Account]] = {}
    if values:
        for row in await connection.fetch(query, sorted(values), _MOST_OF_ONE_NAME):
            found.setdefault(row["value"], []).append(_account(row))
    return found


async def save(connection: Connection, accounts: Sequence[Account], *, now: datetime) -> None:
    """Write entries; each replaces the one with its id."""
    ordered = sorted({account.id: account for account in accounts}.values(), key=lambda account: account.id)
    if not ordered:
        return
    rows = [(account.id, *_keys(account.name), now, _packed(account)) for account in ordered]
    await connection.execute(_SAVE, *columns(rows))
    await connection.execute(
        "delete from account_domains where account_id = any($1::text[])", [account.id for account in ordered]
    )
    domains = [(domain, account.id) for account in ordered for domain in account.domains]
    if domains:
        await connection.execute(_SAVE_DOMAINS, *columns(sorted(domains)))


def strangers(accounts: Collection[Account], reps: Mapping[str, Rep]) -> Iterator[str]:
    """What to say of owners and customer success managers whom the playbook doesn't know: they get no leads."""
    for account in accounts:
        for role, name in (("owner", account.owner), ("csm", account.csm)):
            if name is not None and find_rep(name, reps) is None:
                yield f'account {account.id}: {role} "{name}" is no rep of the playbook: its leads go on by the rules'


async def list_accounts(connection: Connection, *, after: str, limit: int) -> list[Account]:
    """The directory in the order of ids."""
    return [_account(row) for row in await connection.fetch(_LIST, after, limit)]


def read_account(body: AccountBody) -> Account:
    """An entry in its normal form.

    Raises:
        Unusable: a domain or the country can't be read.
    """
    country = None if body.country is None else country_code(body.country)
    if body.country is not None and country is None:
        raise Unusable(f'account {body.id}: "{body.country}" is no country', hint="send an ISO 3166-1 alpha-2 code")
    return Account(
        id=body.id,
        name=body.name,
        domains=tuple(sorted({read for domain in body.domains if (read := _read_domain(body.id, domain))})),
        owner=body.owner,
        csm=body.csm,
        status=body.status,
        country=country,
        parent=body.parent,
        open_opportunity=bool(body.open_opportunity),
        last_activity=body.last_activity,
        custom=body.custom or {},
    )


def shown(account: Account) -> dict[str, object]:
    """An entry as it is answered."""
    last = account.last_activity
    return {**account.facts(), "last_activity": None if last is None else format_instant(last)}


def _read_domain(account: str, domain: str) -> str | None:
    try:
        return read_domain(domain)
    except Unusable as error:
        raise Unusable(f'account {account}: domain "{domain}": {error.why}', hint=error.hint) from error


def _keys(name: str) -> tuple[str | None, str | None]:
    """By what a name is found: whole, and by its first word."""
    key = company_key(name)
    return (key, key.partition(" ")[0]) if key else (None, None)


def _domain(lead: Lead) -> str | None:
    return None if lead.free_mail else lead.domain


def _name(lead: Lead) -> str | None:
    return (company_key(lead.company) or None) if lead.company else None


def _packed(account: Account) -> bytes:
    return orjson.dumps(shown(account))


def _account(row: asyncpg.Record) -> Account:
    stored = orjson.loads(row["data"])
    last = stored.pop("last_activity")
    account = Account(**stored)
    return account if last is None else replace(account, last_activity=parse_instant(last))
