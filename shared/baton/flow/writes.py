"""Writes of one transaction, sent as one statement: what costs time is the round trip, not the row."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import asyncpg

from baton.flow.database import Connection, Overtaken

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

    def check(self, condition: str, *arguments: object, why: str) -> None:
        """What has to hold as all is written; `why` it may not: another transaction came first."""
        text = _Text(None, len(arguments), asks=f"(case when {condition} then 1 else 0 end)")
        self._waiting.append(_Write(text, arguments, (1, why)))

    async def send(self, connection: Connection, *, last: "Asking | None" = None) -> object:
        """Execute them, and `last` with them. Gives what that one asked for.

        Without a transaction around it, it is one of its own.

        Raises:
            Overtaken: a row that was expected to change wasn't ours to change, or a condition didn't hold.
        """
        writes, self._waiting = self._waiting, []
        if last is not None:
            writes.append(_Write(_Text(last.statement, len(last.arguments), last.returning, last.asks), last.arguments))
        if not writes:
            return None
        expected = tuple(None if each.expect is None else each.expect[0] for each in writes)
        statement = _together(tuple(each.text for each in writes), tuple(each is not None for each in expected))
        arguments = [argument for each in writes for argument in each.arguments]
        try:
            answers = await connection.fetchrow(statement, *arguments, *(each for each in expected if each is not None))
        except asyncpg.DivisionByZeroError as error:
            raise Overtaken(" or ".join(each.expect[1] for each in writes if each.expect is not None)) from error
        assert answers is not None
        return None if last is None else answers[-1]


@dataclass(frozen=True, slots=True)
class Asking:
    """A write that wants to know more than whether it was done, or that is a function's.

    `asks` is an expression over the rows that the statement gives by `returning`, which it calls `{rows}`, and over
    tables as they were before; it may have parameters of its own behind the statement's. It is evaluated once all is
    written.
    """

    statement: str | None
    arguments: tuple[object, ...]
    asks: str
    returning: str = "1"


class _Text(NamedTuple):
    statement: str | None
    parameters: int
    returning: str = "1"
    asks: str = "(select count(*) from {rows})"


class _Write(NamedTuple):
    text: _Text
    arguments: tuple[object, ...]
    expect: tuple[int, str] | None = None


@lru_cache(maxsize=256)
def _together(texts: tuple[_Text, ...], are_expected: tuple[bool, ...]) -> str:
    """One statement of many, which gives what the last of them asks for.

    Where something is not as expected it divides by zero: an error undoes all of a statement, a result none of it.
    """
    parts: list[str] = []
    wanted: list[str] = []
    asked = "null"
    taken = 0
    after = sum(text.parameters for text in texts)
    for number, (text, is_expected) in enumerate(zip(texts, are_expected, strict=True)):
        rows = f"w{number}"
        if text.statement is not None:
            parts.append(f"{rows} as ({_renumbered(text.statement, by=taken).strip()} returning {text.returning})")
        asked = _renumbered(text.asks, by=taken).format(rows=rows)
        if is_expected:
            after += 1
            wanted.append(f"{asked} = ${after}::bigint")
        elif number < len(texts) - 1:
            wanted.append(f"{asked} is not null")  # or what nobody asks for is written at the very end
        taken += text.parameters
    held = f"1 / (case when {' and '.join(wanted) or 'true'} then 1 else 0 end)"
    return f"{'with ' if parts else ''}{', '.join(parts)} select {held}, {asked}"


def _renumbered(statement: str, *, by: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", statement)
