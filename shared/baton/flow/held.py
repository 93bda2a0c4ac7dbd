"""What is held of a person: which rows of which tables are about them.

Each service declares it once. An erasure deletes those rows and an export tells them: what the one knows of, the other
can't forget.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from baton.flow.database import Connection
from baton.flow.headers import unpack_headers

Row = Mapping[str, Any]

_MOST_AT_ONCE: Final = 100
_ENOUGH_BYTES: Final = 64 * 1024
"""Of one slice: to decode and encode so much takes a millisecond."""
_ERASED: Final = """
insert into erased values ($1, $2) on conflict (lead_id) do update set at = greatest(erased.at, excluded.at)
"""


def as_stored(row: Row, _: Collection[str]) -> Row:
    """A row of which there is nothing to translate or to leave out."""
    return row


@dataclass(frozen=True, slots=True)
class Held:
    """The rows of one table that are about a person.

    `order` is how they are told; `$1` in `where` are the ids that the person is known by.
    """

    table: str
    order: str
    where: str = "lead_id = any($1::text[])"
    told: str | None = None
    """When a row was told, as SQL: an erasure leaves what is newer than itself. None: it leaves nothing."""
    instead: Sequence[str] | None = None
    """What an erasure does in place of deleting the rows."""
    shown: Callable[[Row, Collection[str]], Row] = as_stored
    """What an export tells of a row to a person with these ids; bytes that it leaves are decoded."""

    @property
    def reading(self) -> str:
        """The rows, found by their person and then put in order, whatever the planner thinks of the order's index."""
        return (
            f"with found as materialized (select * from {self.table} where {self.where})"  # noqa: S608 - ours
            f" select * from found order by {self.order}"
        )

    @property
    def deleting(self) -> Sequence[str]:
        """Statements whose `$1` are ids, and `$2`, where there is `told`, the instant of the erasure."""
        if self.instead is not None:
            return self.instead
        until = "" if self.told is None else f" and {self.told} <= $2"
        return (f"delete from {self.table} where {self.where}{until}",)  # noqa: S608 - ours


def record_shown(row: Row, _: Collection[str] = ()) -> Row:
    """A row with a record as it went over the bus, in words."""
    headers = {name: content.decode("utf-8", "replace") for name, content in unpack_headers(row["headers"])}
    return {**row, "key": row["key"].decode("utf-8", "replace"), "headers": headers}


def readable(value: bytes) -> Any:
    """What is stored as bytes: JSON as its values, anything else as text."""
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value.decode("utf-8", "replace")


OF_FLOW: Final = (
    *(
        Held(table, "id", where="subject = any($1::text[])", shown=record_shown)
        for table in ("outbox", "retries", "dead_letters")
    ),
    Held("erased", "lead_id", instead=()),
)
"""In every service: unsent events, waiting retries and dead letters that speak of the lead; and that it was erased."""


async def erase(connection: Connection, held: Iterable[Held], lead_id: str, *, at: datetime) -> None:
    """Delete all that is held of a lead, but for its id and the instant, in the caller's transaction."""
    for each in held:
        for statement in each.deleting:
            await connection.execute(statement, [lead_id], *([] if each.told is None else [at]))
    await connection.execute(_ERASED, lead_id, at)


async def read(
    connection: Connection, held: Iterable[Held], lead_ids: Collection[str]
) -> AsyncIterator[tuple[str, Sequence[Row]]]:
    """All that is held of a person with these ids: a table's name and some of its rows, again and again.

    In the caller's transaction. A slice holds about as much as can be told at once.
    """
    ids = sorted(lead_ids)
    for each in held:
        cursor = await connection.cursor(each.reading, ids)
        most = 1
        while rows := await cursor.fetch(most):
            yield each.table, [_decoded(each.shown(dict(row), lead_ids)) for row in rows]
            size = sum(len(value) for row in rows for value in row.values() if isinstance(value, bytes))
            most = max(1, most // 2) if size > _ENOUGH_BYTES else min(2 * most, _MOST_AT_ONCE)


def _decoded(row: Row) -> Row:
    return {name: readable(value) if isinstance(value, bytes) else value for name, value in row.items()}
