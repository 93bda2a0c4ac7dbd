"""The history of leads as a scenario in a file: read from the router's timeline, an entry at a time."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import IO, Final

import asyncpg
import orjson

from baton.flow.database import Connection, Database
from baton.kernel.instants import format_instant
from baton.leads.playbook.model import Playbook
from baton_router import SCHEMA as ROUTER
from baton_router import directory, history, staff_repository
from baton_standalone.backtesting.converting import Conversion, Line, directory_line, rep_lines
from baton_standalone.backtesting.outcomes import Observer, Outcomes

_BEFORE: Final = timedelta(seconds=1)
"""So long before anything happens the directory and the reps are made known."""
_ACCOUNTS_AT_ONCE: Final = 1000


class TooMuch(Exception):
    """More leads than are to be replayed."""


@dataclass(frozen=True, slots=True)
class Span:
    """What is looked at, and at most how many leads of it."""

    since: datetime
    until: datetime
    limit: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was written: so many leads and things that people did, and what really came of the leads.

    `unreadable`: so many events of theirs can't be read, and are left out. `people`: by what each lead is known.
    """

    leads: int
    acts: int
    outcomes: Outcomes
    unreadable: int = 0
    people: Mapping[str, str] = field(default_factory=dict)


async def record(url: str, span: Span, playbook: Playbook, *, to: IO[bytes]) -> Recorded:
    """Write a scenario of the leads that came in or did something, each from its first capture on.

    Raises:
        TooMuch: they are more than the limit; nothing was written.
        DatabaseUnavailable: as a Database's.
    """
    conversion, observer, leads, unreadable = Conversion(), Observer(span.since), set[str](), 0
    people: dict[str, str] = {}
    with suppress(asyncpg.UndefinedTableError):  # no router has ever run here
        async with _snapshot(url) as connection:
            leads = await history.leads_between(connection, since=span.since, until=span.until, limit=span.limit + 1)
            if len(leads) > span.limit:
                raise TooMuch
            begin = min(await history.begin(connection, leads) or span.since, span.since)
            async for line in _known(connection, playbook, at=begin - _BEFORE):
                _write(line, to)
            async for entry in history.stories(connection, leads, until=span.until):
                if not history.is_readable(entry):
                    unreadable += 1
                    continue
                told = entry.content
                if name := known_by(told.get("lead")):
                    people[entry.lead_id] = name
                content = {**told, "lead": {"lead_id": entry.lead_id}}
                observer.event(entry.type, content, at=entry.at)
                again = conversion.line(entry)
                if again is not None:
                    _write(again, to)
    _write({"at": format_instant(span.until), "run_until": True}, to)
    return Recorded(len(leads), conversion.acts, observer.outcomes(), unreadable, people)


async def _known(connection: Connection, playbook: Playbook, *, at: datetime) -> AsyncIterator[Line]:
    """What is known of accounts and reps before anything happens."""
    after: str | None = ""
    while after is not None:
        accounts = await directory.list_accounts(connection, after=after, limit=_ACCOUNTS_AT_ONCE)
        if accounts:
            yield directory_line(accounts, at=at)
        after = accounts[-1].id if len(accounts) == _ACCOUNTS_AT_ONCE else None
    for line in rep_lines(await staff_repository.load_states(connection), playbook, at=at):
        yield line


@asynccontextmanager
async def _snapshot(url: str) -> AsyncIterator[Connection]:
    """The router's tables as they are at one moment."""
    database = Database(url, schema=ROUTER, size=1)
    await database.start()
    try:
        async with (
            database.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection
    finally:
        await database.stop()


def known_by(lead: object) -> str:
    """The address of a lead, else its number, else its name; empty where none of them was told."""
    if not isinstance(lead, dict):
        return ""
    name = " ".join(lead[each] for each in ("first_name", "last_name") if lead.get(each))
    return str(lead.get("email") or lead.get("phone") or name)


def _write(line: Line, to: IO[bytes]) -> None:
    to.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
