"""Ingest on a real database and a bus in memory, driven by hand through its own HTTP door."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import asyncpg
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from baton.flow.database import Database
from baton.flow.memory import MemoryBus
from baton.kernel.clock import ManualClock
from baton.leads.envelope import Event, decode
from baton.leads.events import EventData
from baton.leads.topics import Topic
from baton.service.chains import Chain
from baton.service.migrations import upgrade
from baton.service.playbooks import publish
from baton.service.service import Service
from baton_ingest import SCHEMA
from baton_ingest.app import create_app
from baton_ingest.models import metadata
from baton_ingest.settings import IngestSettings

START = datetime(2026, 1, 15, 10, tzinfo=UTC)
"""The instant of the worked signatures."""
SECRET = "demo-secret"

PLAYBOOK = """
sources:
  demo-form: {type: form, channel: inbound, activity: demo_request, fields: {work_email: email}, honeypot: site}
  shop: {type: form, origins: ["https://shop.example"], rate_per_ip: 3}
  hubspot: {type: hubspot-workflow, secret: env:TEST_SECRET, channel: inbound, activity: form_fill,
            public_url: "https://leads.example.com/in"}
  marketo: {type: marketo, secret: env:TEST_SECRET, channel: inbound}
  salesforce: {type: salesforce, organization: 00D000000000001EAA, token: env:TEST_SECRET}
  flow: {type: salesforce-json, secret: env:TEST_SECRET, max_body: 2000}
  partner: {type: json, open: true, channel: partner}
  off: {type: json, secret: env:TEST_SECRET_THAT_NOBODY_SET}
  product: {type: segment, header: X-Token, header_secret: env:TEST_SECRET}
  calendly: {type: calendly, open: true}
  cdc: {type: salesforce-cdc, token: env:TEST_SECRET}
teams:
  reps: [{id: mary, name: Mary, email: mary@example.com}]
  pools: {sdr: {members: [mary]}}
routing: [{name: All, pool: sdr}]
catch_all: {rep: mary}
"""

E = TypeVar("E", bound=EventData)


@dataclass
class Ingest:
    """One ingest service, opened, with an active playbook."""

    app: FastAPI
    bus: MemoryBus
    clock: ManualClock
    client: AsyncClient
    url: str = ""

    @property
    def service(self) -> Service:
        service: Service = self.app.state.service
        return service

    async def send(self, path: str, body: Any = None, *, status: int = 202, **more: Any) -> Any:
        """POST JSON; the answer's body, which must come with that status."""
        answer = await self.client.post(path, json=body, **more)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def call(self, method: str, path: str, *, status: int, **more: Any) -> Response:
        answer = await self.client.request(method, path, **more)
        assert answer.status_code == status, answer.text
        return answer

    async def settle(self) -> None:
        """What is due is done, and what waits in the outbox is published."""
        for timer in self.service.timers:
            await timer.step()
        await self.service.step()

    async def events(self) -> list[Event]:
        """All that came on the bus, in order."""
        await self.settle()
        return [
            decode(each.headers, each.value)
            for topic in (Topic.CAPTURED, Topic.ACTIVITY)
            async for each in self.bus.read(topic, follow=False)
        ]

    async def told(self, kind: type[E]) -> list[E]:
        return [event.data for event in await self.events() if type(event.data) is kind]

    async def lose_database(self) -> None:
        """Its server is gone: nobody listens there."""
        database = self.service.database
        await database.stop()
        self.url, database.url = database.url, "postgresql://nobody@127.0.0.1:1/nothing"
        await database.start()

    async def find_database(self) -> None:
        """It is back."""
        database = self.service.database
        await database.stop()
        database.url = self.url
        await database.start()

    async def fetch(self, query: str, *values: object) -> Sequence[Any]:
        async with self.service.database.connection() as connection:
            rows: Sequence[Any] = await connection.fetch(query, *values)
        return rows

    async def count(self, table: str) -> int:
        rows = await self.fetch(f"select count(*) as n from {table}")  # noqa: S608 - a test's own word
        return int(rows[0]["n"])


async def migrated(url: str) -> None:
    """Prepare a database for ingest."""
    await upgrade(url, Chain("baton_ingest"))


async def empty(url: str) -> None:
    """As after the migration."""
    connection = await asyncpg.connect(url)
    try:
        tables = ", ".join(table.fullname for table in metadata.tables.values())
        await connection.execute(f"truncate {tables}")
    finally:
        await connection.close()


@asynccontextmanager
async def running_ingest(url: str, *, playbook: str | None = PLAYBOOK) -> AsyncIterator[Ingest]:
    """An ingest service that was opened. Without a playbook none is active."""
    clock = ManualClock(START)
    bus = MemoryBus(clock)
    settings = IngestSettings(database_url=url, partitions=1, migrate=False)
    app = create_app(settings=settings, bus=bus, clock=clock, database=Database(url, schema=SCHEMA))
    service: Service = app.state.service
    await service.open()
    if playbook is not None:
        await publish(bus, {"playbook.yaml": playbook.encode()}, clock=clock)
        await service.feed.step()
    transport = ASGITransport(app, client=("127.0.0.1", 1), raise_app_exceptions=False)
    try:
        async with AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield Ingest(app, bus, clock, client)
    finally:
        await app.state.reception.path.drain()
        await service.close()
