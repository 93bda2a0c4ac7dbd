"""The whole house on a stage, for tests that want to look behind the simulator's output."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from fastapi import FastAPI

from baton.flow.bus import Bus
from baton.flow.database import Database
from baton.kernel.clock import Clock, ManualClock
from baton.service.playbooks import publish
from baton_standalone.apps import PARTS, mount, service_of
from baton_standalone.publishing import read_candidate
from baton_standalone.shipped import shipped_playbook
from baton_standalone.stage import Member, Stage
from baton_standalone.stepped_database import SteppedDatabase
from baton_standalone.tape import TapedBus
from tests.support.postgres import Databases
from tests.support.simulation import migrated


@dataclass(frozen=True, slots=True)
class Staged:
    """The four apps with the shipped playbook, and a client that asks them."""

    stage: Stage
    bus: TapedBus
    clock: ManualClock
    client: httpx.AsyncClient

    def database(self, schema: str) -> Database:
        """The one of the service with that schema."""
        [database] = [member.database for member in self.stage.cast if member.database.schema == schema]
        return database


@asynccontextmanager
async def staged(databases: Databases, *, start: datetime) -> AsyncIterator[Staged]:
    """Everything is stepped: nothing happens until the stage is told so."""
    clock = ManualClock(start)
    bus = TapedBus(clock, write=lambda _: None)
    url = await databases.create(migrated)
    of_parts = {part.path: SteppedDatabase(url, schema=part.chain.schema) for part in PARTS}
    apps = {part.path: part_app(part, of_parts[part.path], bus, clock) for part in PARTS}
    stage = Stage([Member(service_of(app), of_parts[path]) for path, app in apps.items()], bus, clock)
    transport = httpx.ASGITransport(mount(apps), client=("127.0.0.1", 0))
    await stage.open()
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        await publish(bus, read_candidate(shipped_playbook()).files, clock=clock)
        await stage.load_playbook()
        yield Staged(stage, bus, clock, client)
    await stage.close()
    await databases.drop(url)


def part_app(part: Any, database: Database, bus: Bus, clock: Clock) -> FastAPI:
    """One of the four apps, where every caller is trusted."""
    settings = part.kind.model_construct(database_url=database.url, bus_url="memory:")
    app: FastAPI = part.create(settings=settings, bus=bus, clock=clock, database=database)
    app.state.access.trust_all = True
    return app
