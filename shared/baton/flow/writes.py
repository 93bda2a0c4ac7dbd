"""Writes of one transaction, sent as one statement: what costs time is the round trip, not the row."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

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
        self._waiting.append(_Write(_Text(statement, len(arguments)), arguments, expect))

    async def send(self, connection: Connection, *, last: "Asking | None" = None) -> object:
        """Execute them, and `last` with them. Gives what that one asked for.

        Raises:
            DatabaseUnavailable: a row that was expected to change wasn't ours to change; the work comes again.
        """
        writes, self._waiting = self._waiting, []
        if last is not None:
            writes.append(_Write(_Text(last.statement, len(last.arguments), last.returning, last.asks), last.arguments))
        if not writes:
            return None
        statement = _together(tuple(each.text for each in writes))
        answers = await connection.fetchrow(statement, *(argument for each in writes for argument in each.arguments))
        assert answers is not None
        for count, write in zip(answers, writes, strict=True):
            if write.expect is not None and count != write.expect[0]:
                raise DatabaseUnavailable(write.expect[1])
        return None if last is None else answers[-1]


@dataclass(frozen=True, slots=True)
class Asking:
    """A write that wants to know more than whether it was done.

    `asks` is an expression over the rows that the statement gives by `returning`, which it calls `{rows}`, and over
    tables as they were before; it may have parameters of its own behind the statement's.
    """

    statement: str
    arguments: tuple[object, ...]
    returning: str
    asks: str


class _Text(NamedTuple):
    statement: str
    parameters: int
    returning: str = "1"
    asks: str = "(select count(*) from {rows})"


@dataclass(frozen=True, slots=True)
class _Write:
    text: _Text
    arguments: tuple[object, ...]
    expect: tuple[int, str] | None = None


@lru_cache(maxsize=256)
def _together(texts: tuple[_Text, ...]) -> str:
    """One statement of many, which gives what each of them asks for."""
    parts: list[str] = []
    answers: list[str] = []
    taken = 0
    for number, text in enumerate(texts):
        rows = f"w{number}"
        parts.append(f"{rows} as ({_renumbered(text.statement, by=taken).strip()} returning {text.returning})")
        answers.append(_renumbered(text.asks, by=taken).format(rows=rows))
        taken += text.parameters
    return f"with {', '.join(parts)} select {', '.join(answers)}"


def _renumbered(statement: str, *, by: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", statement)
