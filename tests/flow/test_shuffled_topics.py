"""Topics run ahead of each other: a touch before its assignment, an activity before its lead. The end is the same."""

import random
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from baton.flow.bus import Record
from baton.flow.database import Database
from baton.flow.memory import MemoryBus
from baton.flow.worker import Worker
from baton.kernel.clock import ManualClock
from baton.leads.topics import LEAD_TOPICS
from baton.service.playbooks import publish
from baton_standalone.apps import PARTS, service_of
from baton_standalone.publishing import read_candidate
from baton_standalone.shipped import shipped_playbook
from tests.support.postgres import Databases
from tests.support.simulation import migrated
from tests.support.staging import part_app, staged

pytestmark = pytest.mark.postgres

START = datetime(2026, 3, 25, 15, tzinfo=UTC)
FILES = read_candidate(shipped_playbook()).files
Story = Mapping[tuple[str, int], Sequence[Record]]
"""What was told, by topic and partition, each in its order."""

SLA = """
select lead_id, policy, assignment_id, rep, start_at, due_at, status, reason, breached_at, ended_at, corrected
from sla.clocks order by lead_id, policy, assignment_id, start_at
"""
PROFILES = "select lead_id, fields, score from scoring.profiles order by lead_id"
ACTIVITIES = "select lead_id, source, activity_id, kind, at, data from scoring.activities order by 1, 2, 3"
TIMELINE = "select lead_id, type, event_id, at, data from router.timeline order by lead_id, event_id"
CLOCKS = "select id, lead_id, status, told_at from router.clocks order by id"
CONSUMERS = {"scoring": (0, (PROFILES, ACTIVITIES)), "sla": (0, (SLA,)), "router": (1, (TIMELINE, CLOCKS))}
"""Each service's worker (of the router its timeline: what people did comes to it as events), and its state."""


def lead(name: str, **more: Any) -> dict[str, Any]:
    return {
        "email": f"{name}@{name}.example", "company": name, "title": "VP Sales", "employees": 300, "country": "US",
        "state": "CA", "industry": "Software", "activity": "demo_request", **more,
    }  # fmt: skip


def of(name: str) -> str:
    return f"/router/v1/leads/{name}@{name}.example"


def known(name: str) -> str:
    return f"/ingest/v1/leads/{name}@{name}.example"


TOLD: Sequence[tuple[int, str, str, dict[str, Any]]] = [
    (0, "POST", "/ingest/v1/leads", lead("ada")),
    (1, "POST", "/ingest/v1/leads", lead("bob", title="Engineer")),
    (2, "POST", "/ingest/v1/leads", lead("cyd")),
    (3, "POST", "/ingest/v1/activities", {"email": "bob@bob.example", "kind": "pricing_page_view", "id": "v1"}),
    (5, "POST", f"{of('ada')}/touches", {"kind": "call"}),
    (6, "POST", "/ingest/v1/leads", lead("ada", title="CEO", activity="webinar")),
    (8, "POST", f"{of('cyd')}/decline", {"reason": "not mine"}),
    (9, "POST", f"{of('cyd')}/pause", {"reason": "on a journey"}),
    (10, "POST", "/ingest/v1/leads", lead("eve")),
    (11, "POST", "/ingest/v1/leads", lead("fay", title="CEO", activity="webinar")),
    (12, "POST", f"{known('fay')}/merge", {"into": "bob@bob.example"}),
    (13, "POST", "/ingest/v1/activities", {"email": "fay@fay.example", "kind": "pricing_page_view", "id": "v1"}),
    (14, "POST", "/ingest/v1/activities", {"email": "fay@fay.example", "kind": "demo_request", "id": "r1"}),
    (15, "POST", "/ingest/v1/leads", lead("gus")),
    (16, "POST", "/ingest/v1/leads", lead("hal")),
    (17, "POST", f"{known('gus')}/merge", {"into": "hal@hal.example"}),
    (18, "POST", "/ingest/v1/leads", lead("gus", title="CTO", activity="webinar")),
    (20, "DELETE", known("eve"), {}),
    (25, "DELETE", f"{known('gus')}/merge", {}),
    (30, "POST", f"{of('cyd')}/resume", {}),
    (35, "POST", "/ingest/v1/leads", lead("dee")),
    (40, "POST", f"{of('ada')}/disposition", {"verdict": "sql", "reason": "budget and date"}),
    (55, "POST", "/ingest/v1/activities", {"email": "dee@dee.example", "kind": "webinar", "id": "w1"}),
    (300, "POST", f"{of('dee')}/touches", {"kind": "email"}),
]
"""Minutes after the start, and a request; between them promises are missed."""


async def test_every_consumer_ends_up_the_same_however_topics_run_ahead_of_each_other(databases: Databases) -> None:
    story, end = await _tell(databases)
    kinds = {record.topic for records in story.values() for record in records}

    ends = {
        name: [await _state_after(databases, name, story, end=end, seed=seed) for seed in range(4)]
        for name in CONSUMERS
    }

    assert kinds >= {"baton.leads.captured", "baton.leads.activity", "baton.leads.assigned", "baton.leads.worked"}
    for name, states in ends.items():
        assert all(states[0]), name
        for state in states[1:]:
            assert state == states[0], name


async def _tell(databases: Databases) -> tuple[Story, datetime]:
    """The whole house lives through it, in order."""
    story: dict[tuple[str, int], list[Record]] = {}
    async with staged(databases, start=START) as house:
        for minute, method, path, body in TOLD:
            await house.stage.advance(START + timedelta(minutes=minute))
            response = await house.client.request(method, path, json=body)
            assert response.status_code < 300, response.text
            await house.stage.settle()
        await house.stage.advance(START + timedelta(hours=8))
        for topic in LEAD_TOPICS:
            async for each in house.bus.read(topic, follow=False):
                record = Record(topic=each.topic, key=each.key, value=each.value, headers=each.headers)
                story.setdefault((topic, each.partition), []).append(record)
        return story, house.clock.now()


async def _state_after(databases: Databases, name: str, story: Story, *, end: datetime, seed: int) -> list[list[Any]]:
    """What one consumer knows when it has heard the story; each seed mixes the topics in another way, with repeats.

    Seed 0 hears topic after topic.
    """
    _, questions = CONSUMERS[name]
    async with _alone(databases, name, end) as (bus, worker, database):
        for record in _mixed({place: told for place, told in story.items() if place[0] in worker.topics}, seed):
            await bus.publish([record])
            while await worker.step():
                pass
        async with database.connection() as connection:
            state = [[tuple(row) for row in await connection.fetch(each)] for each in questions]
    return state


@asynccontextmanager
async def _alone(databases: Databases, name: str, end: datetime) -> AsyncIterator[tuple[MemoryBus, Worker, Database]]:
    url, clock = await databases.create(migrated), ManualClock(end)
    bus = MemoryBus(clock, partitions=12)
    [part] = [part for part in PARTS if part.chain.schema == name]
    service = service_of(part_app(part, Database(url, schema=name, size=4), bus, clock))
    await service.open()
    await publish(bus, FILES, clock=clock)
    await service.feed.step()
    try:
        yield bus, service.workers[CONSUMERS[name][0]], service.database
    finally:
        await service.close()
        await databases.drop(url)


def _mixed(story: Story, seed: int) -> list[Record]:
    chance, left = random.Random(seed), {place: deque(told) for place, told in sorted(story.items())}
    mixed: list[Record] = []
    while left:
        place = min(left) if seed == 0 else chance.choice(sorted(left))
        mixed.append(left[place].popleft())
        if seed and chance.random() < 0.2:
            mixed.append(chance.choice(mixed))
        if not left[place]:
            del left[place]
    return mixed
