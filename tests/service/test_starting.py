"""Which playbook decides once `baton up` has started, and what it says about that."""

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from baton.flow.memory import MemoryBus
from baton.kernel.clock import ManualClock
from baton_standalone.publishing import publish_candidate, read_active, read_candidate
from baton_standalone.starting import Chosen, begin
from tests.support.older_release import publish_unchecked

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def text(version: str) -> str:
    return f"""\
version: {version}
teams:
  reps: [{{id: ada, name: Ada, email: ada@acme.example}}]
  pools: {{sdr: {{members: [ada]}}}}
routing:
  - {{name: Everyone, pool: sdr}}
catch_all: {{rep: ada}}
"""


@dataclass
class House:
    """One bus that outlives its starts, and directories that playbooks are edited in."""

    database: str
    folder: Path
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    bus: MemoryBus = field(init=False)

    def __post_init__(self) -> None:
        self.bus = MemoryBus(self.clock)

    def edit(self, version: str, directory: str = "playbook") -> Path:
        path = self.folder / directory
        path.mkdir(exist_ok=True)
        (path / "playbook.yaml").write_text(text(version))
        return path

    async def start(self, directory: str | None = "playbook") -> str:
        """What a start says, with that directory as BATON_PLAYBOOK."""
        path = None if directory is None else self.folder / directory
        candidate = read_candidate(path or self.folder / "reference", published=True)
        return await begin(Chosen(candidate, path), self.bus, clock=self.clock, database_url=self.database)

    async def publish(self, version: str, *, from_setting: bool = False) -> None:
        """As `baton playbook publish`, from another directory or from BATON_PLAYBOOK."""
        directory = self.edit(version, "playbook" if from_setting else "elsewhere")
        await publish_candidate(
            self.bus, read_candidate(directory), clock=self.clock, database_url=self.database,
            is_configured=from_setting,
        )  # fmt: skip

    async def active(self) -> str:
        active = await read_active(self.bus)
        assert active is not None
        return active.published.version


@pytest.fixture
def house(database: str, tmp_path: Path) -> House:
    house = House(database, tmp_path)
    house.edit("one")
    house.edit("shipped", "reference")
    return house


async def test_the_first_start_publishes_and_the_next_says_what_is_active(house: House) -> None:
    first, second = await house.start(), await house.start()

    assert first.startswith('Published the playbook "one" (')
    assert second.startswith('The playbook "one" (')
    assert second.endswith("is active, as BATON_PLAYBOOK holds it")


async def test_an_edited_directory_is_published(house: House) -> None:
    await house.start()

    house.edit("two")

    assert (await house.start()).startswith('BATON_PLAYBOOK has changed: published "two" (')
    assert await house.active() == "two"


async def test_another_directory_is_published(house: House) -> None:
    await house.start()

    house.edit("two", "other")

    assert (await house.start("other")).startswith('BATON_PLAYBOOK has changed: published "two" (')
    assert (await house.start()).startswith('BATON_PLAYBOOK has changed: published "one" (')


async def test_a_directory_that_was_moved_has_not_changed(house: House) -> None:
    await house.start()
    await house.publish("two")

    shutil.copytree(house.folder / "playbook", house.folder / "moved")
    await house.start("moved")

    assert await house.active() == "two"


async def test_an_edit_that_is_taken_back_is_published_too(house: House) -> None:
    await house.start()
    house.edit("two")
    await house.start()

    house.edit("one")

    assert (await house.start()).startswith('BATON_PLAYBOOK has changed: published "one" (')
    assert await house.active() == "one"


async def test_a_restart_leaves_what_was_published_by_command_and_says_how_to_go_back(house: House) -> None:
    await house.start()
    await house.publish("two")
    await house.publish("three")

    told = [await house.start(), await house.start()]

    assert told[0] == told[1]
    assert told[0].startswith('The playbook "three" (')
    assert 'published by command after "one" (' in told[0]
    assert told[0].endswith(f": baton playbook publish {house.folder}/playbook")
    assert await house.active() == "three"


async def test_an_edit_after_a_publish_by_command_is_published(house: House) -> None:
    await house.start()
    await house.publish("two")

    house.edit("three")

    assert (await house.start()).startswith('BATON_PLAYBOOK has changed: published "three" (')


async def test_who_published_by_command_what_the_directory_holds_has_published_the_edit(house: House) -> None:
    await house.start()
    await house.publish("two", from_setting=True)
    await house.publish("three")

    await house.start()

    assert await house.active() == "three"


async def test_a_start_notes_that_the_directory_holds_what_was_published_by_command(house: House) -> None:
    await house.start()
    await house.publish("two")
    house.edit("two")
    same = await house.start()

    house.edit("one")

    assert same.endswith("is active, as BATON_PLAYBOOK holds it")
    assert (await house.start()).startswith('BATON_PLAYBOOK has changed: published "one" (')


async def test_without_the_setting_a_start_leaves_what_is_active(house: House) -> None:
    first = await house.start(None)
    await house.publish("two")

    second = await house.start(None)

    assert first.startswith('BATON_PLAYBOOK is not set: published the reference playbook "shipped" (')
    assert second.startswith('The playbook "two" (')
    assert second.endswith(" is active; BATON_PLAYBOOK is not set")


async def test_a_setting_that_is_new_counts_as_changed(house: House) -> None:
    await house.start(None)

    assert (await house.start()).startswith('BATON_PLAYBOOK has changed: published "one" (')


async def test_what_an_older_release_made_active_is_left_where_the_directory_holds_it(house: House) -> None:
    await publish_unchecked(house.bus, {"playbook.yaml": text("one").encode()})
    await house.start()
    await house.publish("two")

    await house.start()

    assert await house.active() == "two"
