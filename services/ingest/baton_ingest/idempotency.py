"""`Idempotency-Key` at a door that takes leads in while the database is away: the items' own identities back it up."""

from collections.abc import Collection
from contextlib import suppress

import orjson

from baton.flow.database import DatabaseUnavailable
from baton.flow.unit_of_work import Units
from baton.service import idempotency
from baton.service.idempotency import Asked, Kept
from baton_ingest.sources.source_type import Answer


def identity(asked: Asked, number: int) -> str:
    """What an item without an id of its own is known by, so that repeats do no harm even without the answer."""
    return f"{asked.caller}/{asked.path}/{asked.key}/{asked.body_hash.hex()}/{number}"


async def first_answer(units: Units, asked: Asked) -> Answer | None:
    """Take this key for this body. Gives the answer that it got before, marked as a duplicate.

    Raises:
        Refusal: the key came with another body, or is too long.
    """
    try:
        async with units.database.connection() as connection:
            kept = await idempotency.claim(connection, asked, now=units.now())
    except DatabaseUnavailable:
        return None
    # One that is not answered yet is under way, or was broken off: its items are known by themselves.
    return Answer(kept.status, orjson.dumps(kept.again())) if kept is not None and kept.status else None


async def remember(units: Units, asked: Asked, answer: Answer, *, lead_ids: Collection[str]) -> None:
    """Keep the answer for repeats, until one of these leads is erased."""
    with suppress(DatabaseUnavailable):
        async with units.database.connection() as connection:
            await idempotency.remember(connection, asked, Kept(answer.status, answer.body), lead_ids=lead_ids)


async def release(units: Units, asked: Asked) -> None:
    """Nothing was done with this body: the key may come with another."""
    with suppress(DatabaseUnavailable):
        async with units.database.connection() as connection:
            await idempotency.release(connection, asked)
