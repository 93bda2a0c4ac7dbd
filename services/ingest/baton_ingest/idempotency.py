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

_FIRST: Final = """
select body_hash, status, answer from idempotency
where caller = $1 and path = $2 and key = $3 and answered_at > $4
"""
_REMEMBER: Final = """
insert into idempotency (caller, path, key, body_hash, status, answer, answered_at, lead_ids)
values ($1, $2, $3, $4, $5, $6, $7, $9)
on conflict (caller, path, key) do update set
    body_hash = excluded.body_hash, status = excluded.status, answer = excluded.answer,
    answered_at = excluded.answered_at, lead_ids = excluded.lead_ids
where idempotency.answered_at <= $8
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under an idempotency key."""

    caller: str
    path: str
    key: str
    body_hash: bytes

    def identity(self, number: int) -> str:
        """What an item without an id of its own is known by, so that repeats do no harm even without the answer."""
        return f"{self.caller}/{self.path}/{self.key}/{self.body_hash.hex()}/{number}"


async def first_answer(units: Units, asked: Asked) -> Answer | None:
    """The answer that this key got before, marked as a duplicate.

    Raises:
        Unusable: the key came with another body, or is too long.
    """
    if len(asked.key) > MAX_KEY:
        raise Unusable(f"Idempotency-Key is longer than {MAX_KEY} characters")
    try:
        async with units.database.connection() as connection:
            row = await connection.fetchrow(_FIRST, asked.caller, asked.path, asked.key, units.now() - KEPT)
    except DatabaseUnavailable:
        return None  # the identities of the items still make a repeat harmless
    if row is None:
        return None
    if row["body_hash"] != asked.body_hash:
        raise Unusable("this Idempotency-Key came with another body before", hint="use a new key for a new request")
    return Answer(row["status"], _as_duplicate(row["answer"]))


async def remember(units: Units, asked: Asked, answer: Answer, *, lead_ids: Collection[str]) -> None:
    """Keep the answer for repeats, until one of these leads is erased.

    While the database is away the items' own identities do that work.
    """
    try:
        async with units.begin() as unit:
            await unit.connection.execute(
                _REMEMBER,
                asked.caller,
                asked.path,
                asked.key,
                asked.body_hash,
                answer.status,
                answer.body,
                unit.now,
                unit.now - KEPT,
                list(lead_ids),
            )
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
