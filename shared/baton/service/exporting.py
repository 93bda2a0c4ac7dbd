"""What a service holds of a person, told to who may do everything: `GET /v1/leads/{lead}/held`.

It comes as JSON lines while it is read, so that a person who did a hundred thousand things needs no more memory than
one who did three: `{lead_ids}`, then `{table, row}` for each row, then `{rows}`, their number. Without the last line it
isn't all.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Final
from uuid import UUID

import orjson
import structlog
from fastapi import APIRouter, Depends, Query, Response
from starlette.types import Receive, Scope, Send

from baton.flow.database import Connection, Database
from baton.flow.held import Held, read
from baton.service.access import require
from baton.service.errors import Refusal
from baton.service.naming import NamedLead, named_lead
from baton.service.service import Service

log = structlog.get_logger()

MOST_IDS: Final = 500
_SEND_SECONDS: Final = 30.0
_ALL_SECONDS: Final = 300.0
"""Who takes longer to read some lines, or all, gets no more of them: they have a connection of the database in use, and
the only turn. A hundred thousand rows take a program some ten seconds.
"""
_SNAPSHOT: Final = "set transaction isolation level repeatable read, read only"

KnownAs = Callable[[Connection, str], Awaitable[Sequence[str]]]
"""All ids of the person who a lead is."""


async def itself(_: Connection, lead_id: str) -> Sequence[str]:
    """For a service that isn't asked who is whom."""
    return [lead_id]


def create_export(service: Service, held: Sequence[Held], *, known_as: KnownAs = itself) -> APIRouter:
    """The route of a service that holds this."""
    router = APIRouter(tags=["people"])
    export = _Export(service.database, held, known_as)

    @router.get(
        "/v1/leads/{lead}/held", dependencies=[Depends(require("admin"))], response_class=Response,
        responses={200: {"content": {"application/x-ndjson": {}}}},
    )  # fmt: skip
    async def tell_held(
        lead: NamedLead, also: Annotated[list[UUID] | None, Query(max_length=MOST_IDS)] = None
    ) -> Response:
        """All that is held here of a person, as JSON lines: `{lead_ids}`, `{table, row}` …, `{rows}`.

        `also`: further ids of the same person, for ingest alone knows who is whom. Nothing held is no rows. One export
        at a time, and 429 while there is another. Who doesn't read all of it within five minutes is cut off.
        """
        lines = export.lines({named_lead(lead), *map(str, also or ())})
        return _Lines(await anext(lines), lines)

    return router


@dataclass(frozen=True, slots=True)
class _Export:
    """One at a time: others need the connections of the database too."""

    database: Database
    held: Sequence[Held]
    known_as: KnownAs
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def lines(self, asked: set[str]) -> AsyncGenerator[bytes, None]:
        """What is held of a person, all of one instant. Refused with 429 out of turn."""
        if self.turn.locked():
            raise Refusal(429, "another export is under way", headers={"retry-after": "5"})
        async with self.turn, self.database.transaction() as connection:
            await connection.execute(_SNAPSHOT)
            lead_ids = asked.union(*[await self.known_as(connection, each) for each in asked])
            yield _line({"lead_ids": sorted(lead_ids)})
            count = 0
            async for table, rows in read(connection, self.held, lead_ids):
                yield b"".join(_line({"table": table, "row": row}) for row in rows)
                count += len(rows)
            yield _line({"rows": count})


def _line(value: object) -> bytes:
    return orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


class _Lines(Response):
    """Lines that are sent as they come, to who takes them in time; whatever happens, what they need is let go of."""

    media_type = "application/x-ndjson"

    def __init__(self, first: bytes, others: AsyncGenerator[bytes, None]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._first = first
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        try:
            async with asyncio.timeout(_ALL_SECONDS):
                await self._tell(send)
        except TimeoutError:  # the server closes the connection, and the last line is missing
            log.warning("export_cut_off", error="its reader took too long")

    async def _tell(self, send: Send) -> None:
        async with aclosing(self._others) as others:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": self._first, "more_body": True})
            async for lines in others:
                async with asyncio.timeout(_SEND_SECONDS):
                    await send({"type": "http.response.body", "body": lines, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
