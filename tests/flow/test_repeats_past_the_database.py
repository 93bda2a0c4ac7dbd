"""A form that is sent again while ingest's database is away becomes two events: what follows is as of one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from baton.flow.database import Database
from baton.flow.unit_of_work import as_record
from baton.kernel.clock import ManualClock
from baton.kernel.ids import lead_id_for_email
from baton.leads.playbook.model import Source
from baton.service.playbooks import publish
from baton_ingest.captures import Capture, capture
from baton_ingest.sources.source_type import RawCapture
from baton_standalone.apps import PARTS, service_of
from baton_standalone.publishing import read_candidate
from baton_standalone.shipped import shipped_playbook
from baton_standalone.stage import Stage
from baton_standalone.tape import TapedBus
from tests.support.postgres import Databases
from tests.support.simulation import migrated

pytestmark = pytest.mark.postgres

START = datetime(2026, 3, 25, 17, tzinfo=UTC)
ADA = {"email": "ada@acme.example", "title": "VP Sales", "employees": 300, "country": "US", "state": "CA"}


async def test_a_form_sent_twice_past_the_database_is_one_activity_one_assignment_one_set_of_clocks(
    databases: Databases,
) -> None:
    clock = ManualClock(START)
    bus = TapedBus(clock, write=lambda _: None)
    url = await databases.create(migrated)
    stage = Stage([service_of(_app(part, url, bus, clock)) for part in PARTS], bus, clock)
    await stage.open()
    await publish(bus, read_candidate(shipped_playbook()).files, clock=clock)
    await stage.load_playbook()

    for after in (timedelta(0), timedelta(seconds=30)):
        await stage.advance(START + after)
        await bus.publish([as_record(event) for event in _sent(START + after).events])
        for service in stage.services:
            await stage.settle_after(service)

    counts = [await _count(stage, schema, query) for schema, query in QUESTIONS]
    assert counts == [1, 1, 1, 1]
    await stage.close()
    await databases.drop(url)


QUESTIONS = (
    ("scoring", "select count(*) from profiles"),
    ("scoring", "select count(*) from activities"),
    ("router", "select count(*) from assignments"),
    ("sla", "select max(running) from (select count(*) as running from clocks group by policy) as each"),
)


def _sent(at: datetime) -> Capture:
    raw = RawCapture(fields=ADA, kind="demo_request", data={"page": "/pricing"})
    found = capture(raw, Source(name="demo-form", type="form"), received_at=at)
    assert isinstance(found, Capture)
    assert found.lead_id == lead_id_for_email("ada@acme.example")
    return found


async def _count(stage: Stage, schema: str, query: str) -> int:
    [service] = [each for each in stage.services if each.database.schema == schema]
    async with service.database.connection() as connection:
        count: int = await connection.fetchval(query)
    return count


def _app(part: Any, url: str, bus: TapedBus, clock: ManualClock) -> FastAPI:
    settings = part.kind.model_construct(database_url=url, bus_url="memory:")
    app: FastAPI = part.create(
        settings=settings, bus=bus, clock=clock, database=Database(url, schema=part.chain.schema, size=4)
    )
    return app
