"""The demo plays the reps of its own leads."""

import asyncio
import random
from contextlib import suppress
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from baton.flow.memory import MemoryBus
from baton.flow.unit_of_work import as_record
from baton.kernel.clock import ManualClock
from baton.kernel.ids import derived_id, lead_id_for_email
from baton.leads.decisions import Assignment, Trace
from baton.leads.envelope import Event
from baton.leads.events import LeadAssigned
from baton.leads.playbook.loader import load_directory
from baton.leads.values import Lead
from baton_standalone.demo import running
from baton_standalone.demo.posting import Senders, Sent
from baton_standalone.demo.running import Demo
from baton_standalone.demo.telling import Teller

NOW = datetime(2026, 3, 25, 17, tzinfo=UTC)
REFERENCE = Path(__file__).parents[2] / "deploy" / "playbooks" / "reference"


class Eager(random.Random):
    """Every chance is taken."""

    def random(self) -> float:
        return 0.0


def assigned(email: str) -> Event:
    lead_id = lead_id_for_email(email)
    given = Assignment(id=derived_id("of", email), rep="sofia", pool="sdr", at=NOW, rule="r", reason="their turn")
    trace = Trace(playbook="h1", rules=[], candidates=[])
    data = LeadAssigned(lead=Lead(lead_id=lead_id, source="web"), score=None, assignment=given, trace=trace)
    return Event(id=derived_id(email), source="/test", time=NOW, key=lead_id, data=data, sequence=1)


async def test_a_lead_that_somebody_else_sent_is_left_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_TOUCH_AFTER", (0.0, 0.0))
    clock = ManualClock(NOW)
    bus, touched, called = MemoryBus(clock), list[str](), asyncio.Event()
    own = lead_id_for_email("own@demo.example")

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":  # the demo has begun
            await asyncio.sleep(0.05)  # and looks on
            await bus.publish([as_record(assigned("mary@acme.example")), as_record(assigned("own@demo.example"))])
        else:
            touched.append(request.url.path)
            called.set()
        return httpx.Response(200, json={})

    playbook = load_directory(REFERENCE).playbook
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        senders = Senders(client=client, playbook=playbook, base_url="http://baton", public_url=None, clock=clock)
        senders.sent[own] = Sent("form", NOW)
        teller = Teller(Console(file=StringIO()), playbook.reps)
        demo = asyncio.create_task(
            Demo(senders=senders, teller=teller, bus=bus, clock=clock, chance=Eager(), leads=0, rate=1.0).run()
        )
        async with asyncio.timeout(10):
            await called.wait()
        demo.cancel()
        with suppress(asyncio.CancelledError):
            await demo

    assert touched == [f"/router/v1/leads/{own}/touches"]
