"""Four routers take turns, one of them is killed midway, and everyone still gets the same."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import asyncpg

from tests.bench.load import Connection, leads
from tests.bench.systems import Baton, Ground
from tests.faults.counting import Count
from tests.faults.scenario import Scenario

LEADS: Final = 1000
"""All of companies of their own."""
REPS: Final = 4
"""In the one pool of the playbook that measurements use; as many routers."""
_CONNECTIONS: Final = 50


@dataclass(frozen=True)
class Shares:
    """How many leads each rep has, and what was found of them."""

    by_rep: Mapping[str, int]
    accepted: int
    count: Count

    @property
    def is_fair(self) -> bool:
        """Nothing lost or doubled, and the same number for each."""
        return self.count.is_clean and sorted(self.by_rep.values()) == [LEADS // REPS] * REPS


async def share_turns(ground: Ground) -> Shares:
    """Send all leads at once to four routers, and kill one of them when half are accepted."""
    async with Baton(ground, prefix="fair.", copies={"router": REPS}) as baton:
        accepted = await _send_at_once(baton)
        count = await Scenario(ground, baton, rate=1).drained_of(accepted)
        return Shares(await _open_by_rep(ground.postgres.url), len(accepted), count)


async def _send_at_once(baton: Baton) -> set[str]:
    source = leads(uuid.uuid4().hex[:8])
    accepted: set[str] = set()

    async def send() -> None:
        connection = Connection(baton.port, baton.path)
        for _ in range(LEADS // _CONNECTIONS):
            lead = next(source)
            status = await connection.post(lead.body)
            assert status == 202, status
            accepted.add(lead.lead_id)
            if len(accepted) == LEADS // 2:
                baton.processes["router-2"].kill9()
        connection.close()

    await asyncio.gather(*(send() for _ in range(_CONNECTIONS)))
    return accepted


async def _open_by_rep(database: str) -> Mapping[str, int]:
    connection = await asyncpg.connect(database, timeout=10)
    try:
        rows = await connection.fetch("select rep, count(*) as leads from router.assignments where open group by rep")
    finally:
        await connection.close()
    return Counter({row["rep"]: row["leads"] for row in rows})
