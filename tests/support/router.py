"""One router or several on one database, driven by hand: scored leads in, assignments out."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from baton.flow.bus import Record
from baton.flow.database import Database
from baton.flow.memory import MemoryBus
from baton.kernel.clock import ManualClock
from baton.kernel.ids import derived_id, lead_id_for_email
from baton.leads.envelope import Event, decode, encode
from baton.leads.events import EventData, LeadScored
from baton.leads.topics import LEAD_TOPICS
from baton.leads.values import Activity, Lead, Score, Tier
from baton.service.chains import Chain
from baton.service.migrations import upgrade
from baton.service.playbooks import publish
from baton.service.service import Service, next_dues
from baton_router import SCHEMA
from baton_router.app import create_app
from baton_router.settings import RouterSettings

START = datetime(2026, 3, 25, 17, tzinfo=UTC)
"""A Wednesday, 10:00 in Los Angeles."""

PLAYBOOK = """
teams:
  reps:
    - {id: mary, name: Mary, email: mary@example.com, manager: ops}
    - {id: joe, name: Joe, email: joe@example.com}
    - {id: ann, name: Ann, email: ann@example.com}
    - {id: bob, name: Bob, email: bob@example.com, active: false}
    - {id: ops, name: Ops, email: ops@example.com}
  pools:
    sdr: {members: [mary, joe, ann]}
    one: {members: [mary], hold: 24h, overflow: none}
    closed: {members: [joe], calendar: office, outside_hours: hold}
routing:
  - {name: Competitor, when: {score.disqualified: true}, reject: disqualified}
  - {name: Owned, when: {account.owner: {exists: true}}, assign: account.owner, else: {pool: sdr}}
  - {name: Closed, when: {lead.channel: event}, pool: closed}
  - {name: One, when: {lead.channel: partner}, pool: one}
  - {name: Qualified, when: {score.tier: [mql, sql]}, pool: sdr, booking: true}
  - {name: Everyone else, nurture: newsletter}
catch_all: {rep: ops}
calendars:
  office: {time_zone: America/Los_Angeles, hours: {mon-fri: ["09:00-18:00"]}}
sla:
  first-contact:
    {from: assigned, to: first_touch, target: 1h, clock: always, on_breach: [reassign],
     bench: {misses: 2, within: 24h, for: 4h}}
""".replace(", overflow: none", "")

E = TypeVar("E", bound=EventData)


@dataclass
class Routers:
    """Routers on one database and one bus."""

    url: str
    bus: MemoryBus
    clock: ManualClock
    apps: list[FastAPI]
    sent: list[Record] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def app(self) -> FastAPI:
        return self.apps[0]

    @property
    def service(self) -> Service:
        service: Service = self.app.state.service
        return service

    @property
    def services(self) -> list[Service]:
        return [app.state.service for app in self.apps]

    def event(self, data: EventData, *, key: str, sequence: int | None = None, identity: str = "") -> Event:
        """An event that is told now."""
        event_id = derived_id(data.type, identity or f"{next(self.numbers)}")
        return Event(id=event_id, source="/test", time=self.clock.now(), key=key, data=data, sequence=sequence)

    async def send(self, *events: Event) -> None:
        """Publish, without letting anybody handle it."""
        records = [record_of(event) for event in events]
        self.sent += records
        await self.bus.publish(records)

    async def tell(self, data: EventData, *, key: str = "acme.com", sequence: int | None = None) -> Event:
        """Publish an event, and let everything settle."""
        event = self.event(data, key=key, sequence=sequence)
        await self.send(event)
        await self.settle()
        return event

    async def capture(self, email: str, *, sequence: int = 1, **more: Any) -> str:
        """A lead was captured and scored. Gives its id."""
        data = scored(email, cause=derived_id("cause", email, str(next(self.numbers))), at=self.clock.now(), **more)
        await self.tell(data, key=data.lead.account or data.lead.lead_id, sequence=sequence)
        return data.lead.lead_id

    async def settle(self) -> None:
        """Everything there is to do now is done."""
        while sum([await service.step() + await step_timers(service) for service in self.services]):
            pass
        for service in self.services:
            await service.relay.publish()
            await service.step()

    async def wait_until(self, moment: datetime) -> None:
        """Let time pass; what is due is done at its own instant."""
        while (due := await self._next_due()) is not None and due <= moment:
            self.clock.set(max(due, self.clock.now()))
            await self.settle()
        self.clock.set(max(moment, self.clock.now()))
        await self.settle()

    async def events(self) -> list[Event]:
        """All that routers told, in the order of topics."""
        found = [
            decode(each.headers, each.value)
            for topic in LEAD_TOPICS
            async for each in self.bus.read(topic, follow=False)
        ]
        return [event for event in found if event.source == "/baton/router"]

    async def types(self) -> list[str]:
        return [event.type for event in await self.events()]

    async def told(self, kind: type[E]) -> list[E]:
        return [event.data for event in await self.events() if type(event.data) is kind]

    async def fetch(self, query: str, *values: object) -> Sequence[Any]:
        async with self.service.database.connection() as connection:
            rows: Sequence[Any] = await connection.fetch(query, *values)
        return rows

    async def publish(self, playbook: str) -> None:
        await publish(self.bus, {"playbook.yaml": playbook.encode()}, clock=self.clock)
        await self.settle()

    def browser(self) -> AsyncClient:
        return AsyncClient(transport=ASGITransport(self.app), base_url="http://localhost")

    async def post(self, path: str, body: object = None, *, status: int = 200, key: str | None = None) -> Any:
        """A call that must be answered so; what follows from it settles."""
        return await self.call("POST", path, body, status=status, key=key)

    async def get(self, path: str, *, status: int = 200) -> Any:
        return await self.call("GET", path, status=status)

    async def call(
        self, method: str, path: str, body: object = None, *, status: int = 200, key: str | None = None
    ) -> Any:
        """As `post`. `key` is an idempotency key."""
        async with self.browser() as browser:
            headers = {} if key is None else {"idempotency-key": key}
            answer = await browser.request(method, path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        await self.settle()
        return answer.json()

    async def _next_due(self) -> datetime | None:
        due = await next_dues(self.service.database, self.service.timers)
        return min((each for each in due if each is not None), default=None)


def scored(
    email: str,
    *,
    cause: str,
    at: datetime | None,
    tier: Tier = "mql",
    activity: Activity | None = None,
    test: bool = False,
    disqualified: bool = False,
    **fields: Any,
) -> LeadScored:
    """A lead as scoring tells it. `at`: when it was captured; None if only something it did was scored."""
    domain = email.partition("@")[2]
    lead = {"lead_id": lead_id_for_email(email), "email": email, "domain": domain, "free_mail": False}
    return LeadScored(
        lead=Lead.model_validate({**lead, "account": domain, **fields}),
        activity=activity,
        score=Score(
            total=60, fit=30, engagement=30, negative=0, tier=tier, segment=None, disqualified=disqualified,
            model="model", reasons=[],
        ),
        captured_at=at,
        cause=cause,
        test=test,
    )  # fmt: skip


def record_of(event: Event) -> Record:
    headers, value = encode(event)
    return Record(topic=event.data.topic, key=event.key.encode(), value=value, headers=headers)


async def step_timers(service: Service) -> int:
    return sum([await timer.step() for timer in service.timers])


async def migrated(url: str) -> None:
    """Prepare a database for routers."""
    await upgrade(url, Chain("baton_router"))


@asynccontextmanager
async def running_routers(
    url: str, *, count: int = 1, partitions: int = 1, playbook: str = PLAYBOOK
) -> AsyncIterator[Routers]:
    """Routers that were opened, with a playbook."""
    clock = ManualClock(START)
    bus = MemoryBus(clock, partitions=partitions)
    settings = RouterSettings(database_url=url, partitions=partitions, migrate=False)
    apps = [
        create_app(settings=settings, bus=bus, clock=clock, database=Database(url, schema=SCHEMA)) for _ in range(count)
    ]
    for app in apps:
        app.state.access.trust_all = True
        await app.state.service.open()
    routers = Routers(url, bus, clock, apps)
    await routers.publish(playbook)
    try:
        yield routers
    finally:
        for app in apps:
            await app.state.service.close()
