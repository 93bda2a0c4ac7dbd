"""The trace that a request is in goes with all that follows from it, through the four services."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from baton.flow.database import Database
from baton.kernel.clock import ManualClock
from baton.leads.envelope import Event, decode
from baton.leads.topics import LEAD_TOPICS
from baton.service.playbooks import publish
from baton_standalone.apps import PARTS, mount, service_of
from baton_standalone.publishing import read_candidate
from baton_standalone.shipped import shipped_playbook
from baton_standalone.stage import Stage
from baton_standalone.tape import TapedBus
from tests.support.postgres import Databases
from tests.support.simulation import migrated

pytestmark = pytest.mark.postgres

START = datetime(2026, 3, 25, 17, tzinfo=UTC)
SENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CALLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ADA = {
    "email": "ada@acme.example", "title": "VP Sales", "employees": 300, "country": "US", "state": "CA",
    "activity": "demo_request",
}  # fmt: skip
OF_ADA = "/router/v1/leads/ada@acme.example"


async def test_what_follows_from_a_request_is_in_its_trace_and_what_time_brings_in_none(databases: Databases) -> None:
    events = await _told(databases)

    assert {(event.source, event.type, event.traceparent) for event in events} == {
        ("/baton/ingest", "lead.captured", SENT),
        ("/baton/scoring", "lead.scored", SENT),
        ("/baton/scoring", "lead.qualified", SENT),
        ("/baton/router", "lead.assigned", SENT),
        ("/baton/sla-monitor", "sla.started", SENT),
        ("/baton/sla-monitor", "sla.met", SENT),
        ("/baton/sla-monitor", "sla.warned", None),
        ("/baton/router", "lead.touched", CALLED),
        ("/baton/sla-monitor", "sla.met", CALLED),
    }


async def _told(databases: Databases) -> list[Event]:
    """A lead comes in, the rep is warned half an hour later, and calls. Gives what was told, in order of topics."""
    clock = ManualClock(START)
    bus = TapedBus(clock, write=lambda _: None)
    url = await databases.create(migrated)
    apps = {part.path: _app(part, url, bus, clock) for part in PARTS}
    stage = Stage([service_of(app) for app in apps.values()], bus, clock)
    transport = httpx.ASGITransport(mount(apps), client=("127.0.0.1", 0))
    await stage.open()
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        await publish(bus, read_candidate(shipped_playbook()).files, clock=clock)
        await stage.load_playbook()
        for minute, path, body, trace in (
            (0, "/ingest/v1/leads", ADA, SENT),
            (40, f"{OF_ADA}/touches", {"kind": "call"}, CALLED),
        ):
            await stage.advance(START + timedelta(minutes=minute))
            response = await client.post(path, json=body, headers={"traceparent": trace})
            assert response.status_code < 300, response.text
            for service in stage.services:
                await stage.settle_after(service)
    events = [decode(each.headers, each.value) for topic in LEAD_TOPICS async for each in bus.read(topic, follow=False)]
    await stage.close()
    await databases.drop(url)
    return events


def _app(part: Any, url: str, bus: TapedBus, clock: ManualClock) -> FastAPI:
    settings = part.kind.model_construct(database_url=url, bus_url="memory:")
    app: FastAPI = part.create(
        settings=settings, bus=bus, clock=clock, database=Database(url, schema=part.chain.schema, size=4)
    )
    app.state.access.trust_all = True
    return app
