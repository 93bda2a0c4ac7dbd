"""`Idempotency-Key`: the first answer to a request is the answer to its repeats, for seven days.

A service that honours it has the table of `add_idempotency`, and `HELD` among what it holds of a person.
"""

import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, NamedTuple

import orjson
from fastapi import Depends, Header, Request

from baton.flow.database import Connection
from baton.flow.held import Held, Row
from baton.flow.unit_of_work import UnitOfWork, Units
from baton.service.access import Caller
from baton.service.errors import Refusal
from baton.service.naming import named_lead

KEPT: Final = timedelta(days=7)
MAX_KEY: Final = 255
ABOUT: Final = (
    "A name for this request, at most 255 characters. The same request under it again does nothing, for seven days, "
    "and gets the first answer with `duplicate: true`; another body under it is refused with 422."
)
"""For the interactive reference."""

# A key belongs to the first body that comes under it, before anything is done with it: of two at the same moment one
# is refused. Status 0: not answered yet. Who claims it in the transaction in which it acts has others wait for the end.
_CLAIM: Final = """
insert into idempotency (caller, path, key, body_hash, status, answer, answered_at, lead_ids)
values ($1, $2, $3, $4, 0, '', $5, '{}')
on conflict (caller, path, key) do update set
    body_hash = excluded.body_hash, status = 0, answer = '', answered_at = excluded.answered_at, lead_ids = '{}'
where idempotency.answered_at <= $6
returning true
"""
_FIRST: Final = "select body_hash, status, answer from idempotency where caller = $1 and path = $2 and key = $3"
_REMEMBER: Final = """
update idempotency set status = $5, answer = $6, lead_ids = $7
where caller = $1 and path = $2 and key = $3 and body_hash = $4 and status = 0
returning true
"""
_RELEASE: Final = """
delete from idempotency where caller = $1 and path = $2 and key = $3 and body_hash = $4 and status = 0
"""
EXPIRED: Final = """
delete from idempotency i using (
    select caller, path, key from idempotency where answered_at < $1 limit $2
) old where i.caller = old.caller and i.path = old.path and i.key = old.key
"""


def _own_answer(row: Row, lead_ids: Collection[str]) -> Row:
    """Of an answer to many, what it says of this person; the others' is nobody's business."""
    answer = orjson.loads(row["answer"] or b"null")
    if isinstance(answer, dict) and "results" in answer:
        answer = {**answer, "results": [each for each in answer["results"] if each.get("lead_id") in lead_ids]}
    own = [each for each in row["lead_ids"] if each in lead_ids]
    return {**row, "answer": answer, "body_hash": row["body_hash"].hex(), "lead_ids": own}


HELD: Final = Held("idempotency", "answered_at, caller, path, key", where="lead_ids && $1::text[]", shown=_own_answer)
"""The answers that speak of a person."""
_OK: Final = 200
"""Kept for a route that has one status for whatever it answers."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under an idempotency key."""

    caller: str
    path: str
    key: str
    body_hash: bytes

    @property
    def row(self) -> tuple[str, str, str, bytes]:
        """What it is stored by, and the body's hash."""
        return self.caller, self.path, self.key, self.body_hash


class Kept(NamedTuple):
    """What there is under a key: the answer as JSON, or status 0 where none was given yet."""

    status: int
    answer: bytes

    def again(self) -> dict[str, object]:
        """The answer, marked as a duplicate."""
        value: dict[str, object] = orjson.loads(self.answer)
        if "error" not in value:
            value["duplicate"] = True
            results = value.get("results")
            for result in results if isinstance(results, list) else ():
                if "error" not in result:
                    result["duplicate"] = True
        return value


class Done(NamedTuple):
    """What an act came to: the answer, and the leads whose erasure is to forget it."""

    answer: Mapping[str, object]
    lead_ids: Collection[str] = ()


Act = Callable[[UnitOfWork], Awaitable[Done]]
MaybeAsked = Callable[..., Awaitable[Asked | None]]


def asked_of(caller_of: Callable[[Request], Awaitable[Caller]]) -> MaybeAsked:
    """A dependency: the request under its idempotency key, None without one. It lets in whom `caller_of` does."""

    async def asked(
        request: Request,
        caller: Annotated[Caller, Depends(caller_of)],
        idempotency_key: Annotated[str | None, Header(alias="Idempotency-Key", description=ABOUT)] = None,
    ) -> Asked | None:
        if not idempotency_key:
            return None
        body = await request.body()
        return Asked(caller.name, _path(request), idempotency_key, hashlib.sha256(body).digest())

    return asked


def _path(request: Request) -> str:
    """With the lead's id in the place of an address, which nobody could find at an erasure."""
    path: str = request.scope["route"].path
    parts = dict(request.path_params)
    if "lead" in parts:
        parts["lead"] = named_lead(parts["lead"])
    return path.format_map(parts)


async def once(units: Units, asked: Asked | None, act: Act) -> Mapping[str, object]:
    """Act in one transaction with what is remembered of it. A repeat gets the first answer, marked as a duplicate.

    Of two at the same moment the second waits for the first. What is refused is undone, and leaves the key free.

    Raises:
        Refusal: 422, the key came with another body; or what `act` raises.
    """

    async def act_once(unit: UnitOfWork) -> Mapping[str, object]:
        if asked is not None and (kept := await claim(unit.connection, asked, now=unit.now)) and kept.status:
            return kept.again()
        done = await act(unit)
        if asked is not None:
            kept = Kept(_OK, orjson.dumps(done.answer))
            await remember(unit.connection, asked, kept, lead_ids=done.lead_ids)
        return done.answer

    return await units.carry_out(act_once)


async def in_steps(
    units: Units, asked: Asked | None, act: Callable[[], Awaitable[Mapping[str, object]]]
) -> Mapping[str, object]:
    """As `once`, for what takes many transactions, and where it is begun again does only what is left.

    Of two at the same moment both do; the answer of who ends first is given to both. Only who came first sets the key
    free by being refused: what the other was refused may be what the first has done.
    """
    if asked is None:
        return await act()
    async with units.database.connection() as connection:
        first = await claim(connection, asked, now=units.now())
    if first is not None and first.status:
        return first.again()
    try:
        answer = await act()
    except Refusal:
        async with units.database.connection() as connection:
            kept = None if first is None else await claim(connection, asked, now=units.now())
            if kept is None:
                await release(connection, asked)
            elif kept.status:
                return kept.again()
        raise
    async with units.database.connection() as connection:
        if await remember(connection, asked, Kept(_OK, orjson.dumps(answer)), lead_ids=()):
            return answer
        kept = await claim(connection, asked, now=units.now())
        if kept is None:  # who came first was refused meanwhile
            await remember(connection, asked, Kept(_OK, orjson.dumps(answer)), lead_ids=())
    return kept.again() if kept is not None and kept.status else answer


async def claim(connection: Connection, asked: Asked, *, now: datetime) -> Kept | None:
    """Take this key for this body. Gives what there is under it, None if nothing was.

    Raises:
        Refusal: 422, the key came with another body, or is too long.
    """
    if len(asked.key) > MAX_KEY:
        raise Refusal(422, f"Idempotency-Key is longer than {MAX_KEY} characters")
    if await connection.fetchval(_CLAIM, *asked.row, now, now - KEPT):
        return None
    row = await connection.fetchrow(_FIRST, asked.caller, asked.path, asked.key)
    if row is None:  # forgotten in this moment, with somebody's erasure
        return None
    if row["body_hash"] != asked.body_hash:
        raise Refusal(422, "this Idempotency-Key came with another body before", hint="use a new key for a new request")
    return Kept(row["status"], row["answer"])


async def remember(connection: Connection, asked: Asked, kept: Kept, *, lead_ids: Collection[str]) -> bool:
    """Keep the answer for repeats, until one of these leads is erased. False if there is one already, which stays."""
    return bool(await connection.fetchval(_REMEMBER, *asked.row, *kept, list(lead_ids)))


async def release(connection: Connection, asked: Asked) -> None:
    """Nothing was done with this body: the key may come with another."""
    await connection.execute(_RELEASE, *asked.row)
