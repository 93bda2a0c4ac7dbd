"""What became of the leads that were accepted: in the database, and on the topics."""

import asyncio
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import asyncpg

from baton.flow.bus import Bus
from baton.leads.envelope import read_head
from baton.leads.topics import Topic

ENDS: Final = frozenset({"lead.assigned", "lead.held", "lead.nurtured", "lead.rejected"})
_ONCE: Final = {
    Topic.CAPTURED: frozenset({"lead.captured"}),
    Topic.SCORED: frozenset({"lead.scored"}),
    Topic.ASSIGNED: ENDS,
}
"""Of each lead exactly one of these is on the topic: none is sent again, merged or rescored meanwhile."""
_SCHEMAS: Final = ("ingest", "scoring", "router", "sla")
_READ_SECONDS: Final = 120
STILL_SECONDS: Final = 60.0
"""Where nothing moves for so long, what is missing is lost."""
_LONGEST_SECONDS: Final = 900.0
_PLACES: Final = """
select lead_id, 'assigned to ' || rep as place from router.assignments where open
union all select lead_id, 'held' from router.holds
union all select lead_id, state from router.leads where state in ('nurtured', 'rejected')
"""
_CLOCKS: Final = "select lead_id, count(*) as clocks from sla.clocks where policy = 'first-contact' group by lead_id"


@dataclass(frozen=True)
class Rows:
    """The database's account. Places are where a lead is; it should be in one."""

    places: Mapping[str, tuple[str, ...]]
    dead: frozenset[str]
    clocks: Mapping[str, int]
    waiting: Mapping[str, int]
    """Rows left in the outboxes and tables of retries."""

    def missing(self, leads: set[str]) -> frozenset[str]:
        """Those that are nowhere, or assigned without a clock."""
        return frozenset(
            lead
            for lead in leads - self.dead
            if not self.places.get(lead) or (self.places[lead][0].startswith("assigned") and not self.clocks.get(lead))
        )


@dataclass(frozen=True)
class Count:
    """Accepted leads by what happened to them. Each set but `found` and `dead` should be empty."""

    found: frozenset[str]
    """In the database and on the topics, or dead-lettered."""
    lost: frozenset[str]
    in_two_places: frozenset[str]
    """More than one of: an open assignment, a hold, nurtured, rejected, a dead letter."""
    told_twice: frozenset[str]
    """Two different events where one belongs: captured, scored, or an answer of the router's."""
    without_clock: frozenset[str]
    """Assigned, and without exactly one clock of the first contact."""
    dead: frozenset[str]
    waiting: Mapping[str, int]

    @property
    def is_clean(self) -> bool:
        return not (
            self.lost or self.in_two_places or self.told_twice or self.without_clock or any(self.waiting.values())
        )


async def read_rows(database: str) -> Rows:
    """Read the tables of all services. Raises OSError or asyncpg.PostgresError while the database is away."""
    connection = await asyncpg.connect(database, timeout=10)
    try:
        places: dict[str, tuple[str, ...]] = defaultdict(tuple)
        for row in await connection.fetch(_PLACES):
            places[row["lead_id"]] += (row["place"],)
        return Rows(
            places=places,
            dead=frozenset(await _dead(connection)),
            clocks={row["lead_id"]: row["clocks"] for row in await connection.fetch(_CLOCKS)},
            waiting={
                f"{schema}.{table}": await connection.fetchval(f"select count(*) from {schema}.{table}")
                for schema in _SCHEMAS
                for table in ("outbox", "retries")
            },
        )
    finally:
        await connection.close()


async def drained_of(accepted: set[str], *, database: str, bus: Callable[[], Bus]) -> Count:
    """Wait until nothing of these is missing in the database, or nothing moves any more; then count."""
    least, moved_at = math.inf, time.monotonic()
    until = moved_at + _LONGEST_SECONDS
    while True:
        rows = await _rows_if_there(database)
        left = math.inf if rows is None else len(rows.missing(accepted)) + sum(rows.waiting.values())
        now = time.monotonic()
        if left < least:
            least, moved_at = left, now
        if left == 0 or now > min(moved_at + STILL_SECONDS, until):
            assert rows is not None, "the database did not come back"
            return await count_leads(accepted, rows, bus=bus)
        await asyncio.sleep(1)


async def _rows_if_there(database: str) -> Rows | None:
    try:
        return await read_rows(database)
    except (OSError, asyncpg.PostgresError):
        return None


async def count_leads(accepted: set[str], rows: Rows, *, bus: Callable[[], Bus]) -> Count:
    """Compare what was accepted with the rows and with the topics; `bus` makes one to read them from."""
    told = {topic: await told_on(topic, bus()) for topic in _ONCE}
    lost = {
        lead for lead in accepted - rows.dead if not rows.places.get(lead) or any(not of[lead] for of in told.values())
    }
    return Count(
        found=frozenset(accepted - lost),
        lost=frozenset(lost),
        in_two_places=frozenset(at for at, in_ in rows.places.items() if len(in_) + (at in rows.dead) > 1),
        told_twice=frozenset(lead for of in told.values() for lead, times in of.items() if times > 1),
        without_clock=frozenset(
            lead for lead, in_ in rows.places.items() if in_[0].startswith("assigned") and rows.clocks.get(lead) != 1
        ),
        dead=rows.dead & accepted,
        waiting=rows.waiting,
    )


async def told_on(topic: Topic, bus: Bus) -> Counter[str]:
    """How many different events of the kind that comes once each lead has on a topic; the same one twice is one."""
    events: dict[str, str] = {}
    await bus.start()
    try:
        async with asyncio.timeout(_READ_SECONDS):
            async for record in bus.read(topic, follow=False):
                head = read_head(record.headers)
                if head.type in _ONCE[topic]:
                    events[head.id] = head.subject
    finally:
        await bus.stop()
    return Counter(events.values())


async def _dead(connection: asyncpg.Connection) -> set[str]:
    dead: set[str] = set()
    for schema in _SCHEMAS:
        rows = await connection.fetch(f"select subject from {schema}.dead_letters where replayed_at is null")
        dead |= {row["subject"] or "unreadable" for row in rows}
    return dead
