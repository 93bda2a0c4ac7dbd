"""The trace that a request is in goes with all that follows from it, through the four services."""

from datetime import UTC, datetime, timedelta

import pytest

from baton.leads.envelope import Event, decode
from baton.leads.topics import LEAD_TOPICS
from tests.support.postgres import Databases
from tests.support.staging import staged

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
    async with staged(databases, start=START) as house:
        for minute, path, body, trace in (
            (0, "/ingest/v1/leads", ADA, SENT),
            (40, f"{OF_ADA}/touches", {"kind": "call"}, CALLED),
        ):
            await house.stage.advance(START + timedelta(minutes=minute))
            response = await house.client.post(path, json=body, headers={"traceparent": trace})
            assert response.status_code < 300, response.text
            await house.stage.settle()
        return [
            decode(each.headers, each.value)
            for topic in LEAD_TOPICS
            async for each in house.bus.read(topic, follow=False)
        ]
