"""Scoring on a real PostgreSQL: one profile, whoever writes it at once; nothing of an erased person comes back."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from baton.flow.database import Database
from baton.flow.writes import Writes
from baton.leads.values import Activity
from baton.service.chains import Chain
from baton.service.migrations import check, downgrade, upgrade
from baton_scoring import repository
from baton_scoring.profile import Profile, Said

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CHAIN = Chain("baton_scoring")


@pytest.fixture
async def scoring(database: str) -> AsyncIterator[Database]:
    await upgrade(database, CHAIN)
    db = Database(database, schema="scoring")
    await db.start()
    yield db
    await db.stop()


async def test_two_lanes_that_meet_at_a_new_person_keep_what_both_have_heard(scoring: Database) -> None:
    loaded = asyncio.Event()

    async def capture() -> None:
        async with scoring.transaction() as connection:
            profile = (await repository.load(connection, ["p"])).profiles.get("p") or Profile("p", "acme.example")
            loaded.set()
            await asyncio.sleep(0)
            profile.captured, profile.version = True, profile.version + 1
            profile.fields["title"] = Said(proven=("CEO", NOW))
            repository.save(writes := Writes(), [profile], activities=[], told=[])
            await writes.send(connection)

    async def act() -> None:
        await loaded.wait()
        async with scoring.transaction() as connection:
            profile = (await repository.load(connection, ["p"])).profiles.get("p") or Profile("p", "p")
            activity = Activity(id="1", kind="page_view", at=NOW, source="s")
            repository.save(writes := Writes(), [profile], activities=[("p", activity)], told=[])
            await writes.send(connection)

    await asyncio.gather(capture(), act())
    async with scoring.transaction() as connection:
        kept = (await repository.load(connection, ["p"])).profiles["p"]

    assert (kept.captured, kept.version, kept.lead.title, len(kept.activities)) == (True, 1, "CEO", 1)


async def test_migrations_go_up_and_down_and_up_and_match_the_models(database: str) -> None:
    await upgrade(database, CHAIN)
    await downgrade(database, CHAIN)
    await upgrade(database, CHAIN)

    assert list(await check(database, CHAIN)) == []
