"""Making a playbook the active one, as `baton playbook publish` does."""

from datetime import UTC, datetime

import pytest

from baton.flow.memory import MemoryBus
from baton.kernel.clock import ManualClock
from baton.leads.playbook.loader import load_files
from baton_standalone.publishing import Candidate, Refused, publish_candidate, read_active
from tests.support.postgres import Databases
from tests.support.router import PLAYBOOK, migrated, running_routers

pytestmark = pytest.mark.postgres


def candidate(playbook: str = PLAYBOOK) -> Candidate:
    loaded = load_files({"playbook.yaml": playbook.encode()})
    return Candidate(files=loaded.playbook.files, playbook=loaded.playbook, warnings=loaded.warnings)


async def test_where_no_router_has_ever_run_nobody_has_open_leads(database: str) -> None:
    clock = ManualClock(datetime(2026, 3, 2, tzinfo=UTC))
    bus = MemoryBus(clock)

    await publish_candidate(bus, candidate(), clock=clock, database_url=database)

    active = await read_active(bus)
    assert active is not None
    assert active.hash == candidate().playbook.hash


async def test_a_publish_that_removes_reps_with_open_leads_names_them_and_how_many(databases: Databases) -> None:
    url = await databases.create(migrated)
    async with running_routers(url) as routers:
        for name in ("a", "b", "c", "d"):
            await routers.capture(f"{name}@{name}.example")
        mary = "{id: mary, name: Mary, email: mary@example.com, manager: ops}"
        sue = "{id: sue, name: Sue, email: sue@example.com}"
        without = PLAYBOOK.replace(mary, sue).replace("[mary", "[sue")

        with pytest.raises(Refused, match=r"lacks them: mary \(2 open\) \(hand them over first"):
            await publish_candidate(routers.bus, candidate(without), clock=routers.clock, database_url=url)
    await databases.drop(url)
