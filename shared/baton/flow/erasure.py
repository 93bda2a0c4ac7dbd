"""A person's right to be forgotten, as far as the tables of flow go."""

from typing import Final

from baton.flow.database import Connection

_FORGET: Final = (
    "delete from outbox where subject = $1",
    "delete from retries where subject = $1",
    "delete from dead_letters where subject = $1",
)


async def forget(connection: Connection, subject: str) -> None:
    """Delete unsent events, waiting retries and dead letters that speak of this lead, in the caller's transaction."""
    for statement in _FORGET:
        await connection.execute(statement, subject)
