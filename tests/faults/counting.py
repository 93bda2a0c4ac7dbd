"""What became of the leads that were accepted: in the database, and on the topics."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import asyncpg

from baton.flow.kafka import KafkaBus
from baton.flow.kafka_settings import KafkaSettings
from baton.leads.envelope import decode
from baton.leads.topics import Topic
from tests.bench.systems import PARTITIONS

ENDS: Final = {"lead.assigned", "lead.held", "lead.nurtured", "lead.rejected"}
_SCHEMAS: Final = ("ingest", "scoring", "router", "sla")


@dataclass(frozen=True)
class Count:
    """Leads by what happened to them. All sets but `found` should be empty."""

    found: frozenset[str]
    lost: frozenset[str]
    assigned_twice: frozenset[str]
    open_twice: frozenset[str]
    dead: frozenset[str]
    waiting: Mapping[str, int]
    """Rows left in the outboxes and tables of retries."""

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.assigned_twice or self.open_twice or any(self.waiting.values()))


async def count_leads(accepted: set[str], *, database: str, servers: str, prefix: str) -> Count:
    """Look for every accepted lead."""
    answers = await answers_on_the_topic(servers, prefix)
    connection = await asyncpg.connect(database)
    try:
        dead = await _dead(connection)
        open_twice = await connection.fetch(
            "select lead_id from router.assignments where closed_at is null group by lead_id having count(*) > 1"
        )
        waiting = {
            f"{schema}.{table}": await connection.fetchval(f"select count(*) from {schema}.{table}")
            for schema in _SCHEMAS
            for table in ("outbox", "retries")
        }
    finally:
        await connection.close()
    found = accepted & (answers.keys() | dead)
    return Count(
        found=frozenset(found),
        lost=frozenset(accepted - found),
        assigned_twice=frozenset(lead for lead in accepted if answers[lead] > 1),
        open_twice=frozenset(row["lead_id"] for row in open_twice),
        dead=frozenset(dead & accepted),
        waiting=waiting,
    )


async def answers_on_the_topic(servers: str, prefix: str) -> Counter[str]:
    """How many different answers each lead got; the same event twice is one."""
    bus = KafkaBus(KafkaSettings(servers=servers, partitions=PARTITIONS, replication=1, prefix=prefix))
    events: dict[str, str] = {}
    async with asyncio.timeout(120):
        async for record in bus.read(Topic.ASSIGNED, follow=False):
            event = decode(record.headers, record.value)
            if event.type in ENDS and event.data.subject is not None:
                events[event.id] = event.data.subject
    await bus.stop()
    return Counter(events.values())


async def _dead(connection: asyncpg.Connection) -> set[str]:
    dead: set[str] = set()
    for schema in _SCHEMAS:
        rows = await connection.fetch(f"select subject from {schema}.dead_letters where replayed_at is null")
        dead |= {row["subject"] for row in rows if row["subject"]}
    return dead
