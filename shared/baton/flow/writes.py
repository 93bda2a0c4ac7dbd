"""Writes of one transaction, sent as one statement: what costs time is the round trip, not the row."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from baton.flow.database import Connection, DatabaseUnavailable

_PARAMETER: Final = re.compile(r"\$(\d+)")


class Writes:
    """Statements that wait for the end of a unit of work, each on a table of its own and none reading another's rows.

    Together they see the database as it was before all of them; so no two of them may change the same row.
    """

    def __init__(self) -> None:
        self._waiting: list[_Write] = []

    def add(self, statement: str, *arguments: object, expect: tuple[int, str] | None = None) -> None:
        """One `insert`, `update` or `delete` without a `with` and without `returning`.

        `expect` is how many rows it has to change, and what it means if they are fewer: another transaction came first.
        """
        self._waiting.append(_Write(statement, arguments, expect))

    async def send(self, connection: Connection) -> None:
        """Execute them.

        Raises:
            DatabaseUnavailable: a row that was expected to change wasn't ours to change; the work comes again.
        """
        writes, self._waiting = self._waiting, []
        if not writes:
            return
        statement = _together(tuple((each.statement, len(each.arguments)) for each in writes))
        counts = await connection.fetchrow(statement, *(argument for each in writes for argument in each.arguments))
        assert counts is not None
        for count, write in zip(counts, writes, strict=True):
            if write.expect is not None and count != write.expect[0]:
                raise DatabaseUnavailable(write.expect[1])


@dataclass(frozen=True, slots=True)
class _Write:
    statement: str
    arguments: tuple[object, ...]
    expect: tuple[int, str] | None


@lru_cache(maxsize=256)
def _together(statements: tuple[tuple[str, int], ...]) -> str:
    """One statement of many, which gives how many rows each of them changed."""
    parts: list[str] = []
    taken = 0
    for number, (statement, parameters) in enumerate(statements):
        parts.append(f"w{number} as ({_renumbered(statement, by=taken).strip()} returning 1)")
        taken += parameters
    counts = ", ".join(f"(select count(*) from w{number})" for number in range(len(parts)))  # noqa: S608
    return f"with {', '.join(parts)} select {counts}"


def _renumbered(statement: str, *, by: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", statement)
