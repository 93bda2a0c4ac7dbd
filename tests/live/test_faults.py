"""Faults under load, in short: `make faults` is the long form."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.bench.load import Connection, leads
from tests.bench.systems import Baton, Ground
from tests.faults.scenario import Scenario
from tests.support.available import unavailable
from tests.support.kafka import KafkaUnavailableError

pytestmark = pytest.mark.slow
LEADS = 1000
REPS = 4


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    made = Ground(tmp_path)
    try:
        await made.__aenter__()
    except KafkaUnavailableError as error:
        unavailable("kafka", str(error))
    yield made
    await made.__aexit__()


async def test_every_accepted_lead_is_found_once_whatever_was_killed_meanwhile(ground: Ground) -> None:
    async with Baton(ground, prefix="faults.") as baton:
        scenario = Scenario(ground, baton, rate=60, outage=4, between=2)

        sent, count = await scenario.run(scenario.all_faults())

    assert len(sent.accepted) > 500
    assert (count.lost, count.assigned_twice, count.open_twice) == (frozenset(), frozenset(), frozenset())
    assert not any(count.waiting.values()), count.waiting


async def test_four_routers_share_the_turns_exactly_with_one_of_them_killed_midway(ground: Ground) -> None:
    async with Baton(ground, prefix="fair.", copies={"router": REPS}) as baton:
        source = leads(uuid.uuid4().hex[:8])
        connections = [Connection(baton.port, baton.path) for _ in range(50)]
        accepted: set[str] = set()

        async def send(connection: Connection, number: int) -> None:
            for _ in range(number):
                lead = next(source)
                assert await connection.post(lead.body) == 202
                accepted.add(lead.lead_id)
                if len(accepted) == LEADS // 2:
                    baton.processes["router-2"].kill9()

        await asyncio.gather(*(send(connection, LEADS // 50) for connection in connections))
        for connection in connections:
            connection.close()
        count = await Scenario(ground, baton, rate=1).drained_of(accepted)

        shares = await _open_by_rep(ground.postgres.url)

    assert (count.lost, count.assigned_twice, count.open_twice) == (frozenset(), frozenset(), frozenset())
    assert shares == Counter({f"r0{number}": LEADS // REPS for number in range(1, REPS + 1)})


async def _open_by_rep(database: str) -> Counter[str]:
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch("select rep, count(*) as leads from router.assignments where open group by rep")
    finally:
        await connection.close()
    return Counter({row["rep"]: row["leads"] for row in rows})
