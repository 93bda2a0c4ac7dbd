"""Scoring on a real PostgreSQL: one profile, whoever writes it at once; nothing of an erased person comes back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from baton.flow.bus import Received
from baton.flow.database import Connection, Database, Overtaken
from baton.flow.deliveries import Delivery, read_delivery
from baton.flow.unit_of_work import UnitOfWork
from baton.flow.writes import Writes
from baton.kernel.ids import derived_id
from baton.leads.envelope import Event, encode
from baton.leads.events import LeadErased
from baton.leads.values import Activity
from baton.service.chains import Chain
from baton.service.migrations import check, downgrade, upgrade
from baton_scoring import repository
from baton_scoring.handlers import ScoreLeads
from baton_scoring.profile import Profile, Said
from tests.support.playbooks import playbook
from tests.support.postgres import somebody_waits

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


async def test_what_was_read_without_locks_is_not_written_over_what_another_wrote_meanwhile(scoring: Database) -> None:
    async with scoring.connection() as connection:
        new = (await _looked(connection)).get("p")
        await _write(connection, Profile("p", "acme.example", version=1))
        with pytest.raises(Overtaken):
            await _write(connection, new or Profile("p", "late.example"))
        known = (await _looked(connection))["p"]
        await _write(connection, replace(known, version=2))
        with pytest.raises(Overtaken):
            await _write(connection, replace(known, version=9))
        kept = (await repository.load(connection, ["p"])).profiles["p"]

    assert (kept.key, kept.version) == ("acme.example", 2)


@pytest.mark.parametrize("is_known", [False, True])
async def test_who_is_erased_while_a_batch_writes_without_locks_does_not_come_back(
    scoring: Database, *, is_known: bool
) -> None:
    async with scoring.connection() as writer, scoring.connection() as other:
        if is_known:
            await _write(writer, Profile("p", "acme.example"))
        profile = (await _looked(writer)).get("p", Profile("p", "acme.example"))
        async with other.transaction():
            await repository.be_alone(other)
            await repository.erase(other, "p", at=NOW)
            writing = asyncio.create_task(_write(writer, profile))
            await asyncio.sleep(0)
        with pytest.raises(Overtaken):
            await writing
        left = await repository.load(writer, ["p"])

    assert (left.profiles, left.erased) == ({}, {"p": NOW})


async def test_who_is_merged_while_a_batch_writes_without_locks_is_scored_again_as_one(scoring: Database) -> None:
    async with scoring.connection() as writer, scoring.connection() as other:
        profile = (await _looked(writer)).get("p", Profile("p", "acme.example"))
        async with other.transaction():
            await repository.be_alone(other)
            await repository.add_alias(other, "p", into="q", at=NOW)
            writing = asyncio.create_task(_write(writer, profile))
            await asyncio.sleep(0)
        with pytest.raises(Overtaken):
            await writing

        assert await repository.look(writer, ["p"]) is None


async def test_an_erasure_waits_for_who_has_the_lead_in_hand_and_keeps_nobody_from_writing(scoring: Database) -> None:
    event = Event(id=derived_id("erase"), source="/test", time=NOW, key="p", data=LeadErased(lead_id="p"))
    headers, value = encode(event)
    delivery = read_delivery(Received(event.data.topic, 0, 0, b"p", value, headers, NOW))
    assert isinstance(delivery, Delivery)

    async def erase() -> None:
        async with scoring.transaction() as connection:
            unit = UnitOfWork(connection, now=NOW)
            await ScoreLeads(playbook)([delivery], unit)
            await unit.writes.send(connection)

    async with scoring.connection() as looker:
        async with scoring.transaction() as connection:
            await repository.load(connection, ["p"])
            erasing = asyncio.create_task(erase())
            await somebody_waits(looker)
            repository.save(writes := Writes(), [Profile("p", "acme.example")], activities=[], told=[])
            await writes.send(connection)
        await erasing
        left = await repository.load(looker, ["p"])

    assert (left.profiles, left.erased) == ({}, {"p": NOW})


async def _looked(connection: Connection) -> dict[str, Profile]:
    known = await repository.look(connection, ["p"])
    assert known is not None
    return known.profiles


async def _write(connection: Connection, profile: Profile) -> None:
    repository.check_plain(writes := Writes(), [profile.lead_id])
    repository.save(writes, [profile], activities=[], told=[])
    await writes.send(connection)


async def test_who_was_merged_by_another_process_is_found_out_once_the_locks_are_held(scoring: Database) -> None:
    async with scoring.transaction() as connection:
        one, other = Profile("one", "a.example", captured=True), Profile("two", "b.example", captured=True)
        repository.save(writes := Writes(), [one, other], activities=[], told=[])
        await writes.send(connection)
        before = await repository.look(connection, ["one"])
        await repository.add_alias(connection, "one", into="two", at=NOW)

    async with scoring.transaction() as connection:
        known = await repository.load(connection, ["one", "three"])

    person = known.person("one")
    assert before is not None
    assert person is not None
    assert (person.lead_id, [each.lead_id for each in person.merged]) == ("two", ["one"])


async def test_both_ids_of_a_person_are_locked_in_one_order(scoring: Database) -> None:
    async with scoring.transaction() as connection:
        await repository.add_alias(connection, "b", into="a", at=NOW)
        await repository.add_alias(connection, "c", into="a", at=NOW)

    async def hold(lead_id: str) -> None:
        async with scoring.transaction() as connection:
            await repository.load(connection, [lead_id])
            await asyncio.sleep(0)

    await asyncio.gather(*(hold(lead_id) for lead_id in "abcabc"))


async def test_migrations_go_up_and_down_and_up_and_match_the_models(database: str) -> None:
    await upgrade(database, CHAIN)
    await downgrade(database, CHAIN)
    await upgrade(database, CHAIN)

    assert list(await check(database, CHAIN)) == []
