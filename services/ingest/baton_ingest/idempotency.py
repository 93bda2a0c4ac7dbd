"""`Idempotency-Key`: the first answer to a request is the answer to its repeats, for seven days."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import orjson

from baton.flow.database import DatabaseUnavailable
from baton.flow.unit_of_work import Units
from baton_ingest.sources.source_type import Answer, Unusable

KEPT: Final = timedelta(days=7)
MAX_KEY: Final = 255

# A key belongs to the first body that comes under it, before anything is done with it: of two at the same moment one
# is refused. Status 0: not answered yet.
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
"""
_RELEASE: Final = """
delete from idempotency where caller = $1 and path = $2 and key = $3 and body_hash = $4 and status = 0
"""


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

    def identity(self, number: int) -> str:
        """What an item without an id of its own is known by, so that repeats do no harm even without the answer."""
        return f"{self.caller}/{self.path}/{self.key}/{self.body_hash.hex()}/{number}"


async def first_answer(units: Units, asked: Asked) -> Answer | None:
    """Take this key for this body. Gives the answer that it got before, marked as a duplicate.

    Raises:
        Unusable: the key came with another body, or is too long.
    """
    if len(asked.key) > MAX_KEY:
        raise Unusable(f"Idempotency-Key is longer than {MAX_KEY} characters")
    now = units.now()
    try:
        async with units.database.connection() as connection:
            if await connection.fetchval(_CLAIM, *asked.row, now, now - KEPT):
                return None
            row = await connection.fetchrow(_FIRST, asked.caller, asked.path, asked.key)
    except DatabaseUnavailable:
        return None  # the identities of the items still make a repeat harmless
    if row is None:  # forgotten in this moment, with somebody's erasure
        return None
    if row["body_hash"] != asked.body_hash:
        raise Unusable("this Idempotency-Key came with another body before", hint="use a new key for a new request")
    # One that is not answered yet is under way, or was broken off: its items are known by themselves.
    return Answer(row["status"], _as_duplicate(row["answer"])) if row["status"] else None


async def remember(units: Units, asked: Asked, answer: Answer, *, lead_ids: Collection[str]) -> None:
    """Keep the answer for repeats, until one of these leads is erased.

    While the database is away the items' own identities do that work.
    """
    await _execute(units, _REMEMBER, *asked.row, answer.status, answer.body, list(lead_ids))


async def release(units: Units, asked: Asked) -> None:
    """Nothing was done with this body: the key may come with another."""
    await _execute(units, _RELEASE, *asked.row)


async def _execute(units: Units, statement: str, *arguments: object) -> None:
    try:
        async with units.database.connection() as connection:
            await connection.execute(statement, *arguments)
    except DatabaseUnavailable:
        return


def _as_duplicate(body: bytes) -> bytes:
    value = orjson.loads(body)
    if isinstance(value, dict) and "error" not in value:
        value["duplicate"] = True
        for result in value.get("results", ()):
            if "error" not in result:
                result["duplicate"] = True
    return orjson.dumps(value)
