"""The playbook that decides: published as a whole, followed, swapped at once; what can't be loaded changes nothing."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from baton.flow.bus import BusUnavailable, Record
from baton.flow.deliveries import NotReady
from baton.flow.memory import MemoryBus
from baton.kernel.clock import ManualClock
from baton.leads.events import PlaybookActivated, PlaybookPublished
from baton.leads.playbook.content import pack
from baton.leads.playbook.files import read_directory
from baton.leads.playbook.findings import PlaybookError
from baton.leads.playbook.model import Playbook
from baton.leads.topics import Topic
from baton.service.playbooks import PlaybookFeed, publish
from tests.support.older_release import publish_unchecked, record

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINIMAL = Path(__file__).parents[2] / "deploy" / "playbooks" / "minimal"
PATIENCE = 20


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def bus(clock: ManualClock) -> MemoryBus:
    return MemoryBus(clock)


@pytest.fixture
def feed(bus: MemoryBus) -> PlaybookFeed:
    return PlaybookFeed(bus)


def files(version: str) -> Mapping[str, bytes]:
    """The minimal playbook under another version."""
    read = dict(read_directory(MINIMAL))
    read["playbook.yaml"] = read["playbook.yaml"].replace(b"version: minimal", f"version: {version}".encode())
    return read


async def tell(bus: MemoryBus, *events: PlaybookPublished | PlaybookActivated) -> None:
    """Put records on the topic that `publish` would not put there."""
    for data in events:
        await bus.publish([record(data, key=data.hash if isinstance(data, PlaybookPublished) else "active")])


async def test_without_a_playbook_nothing_can_be_decided(feed: PlaybookFeed) -> None:
    await feed.step()

    assert feed.current_or_none is None
    with pytest.raises(NotReady, match="baton playbook publish"):
        feed.current()


async def test_a_published_playbook_decides_from_the_next_step(
    bus: MemoryBus, clock: ManualClock, feed: PlaybookFeed
) -> None:
    published = await publish(bus, files("one"), clock=clock)

    await feed.step()

    assert (feed.current().hash, feed.current().version) == (published.hash, "one")


async def test_services_of_one_process_share_the_playbook_that_the_first_of_them_loaded(
    bus: MemoryBus, clock: ManualClock, feed: PlaybookFeed
) -> None:
    other = PlaybookFeed(bus)
    await publish(bus, files("one"), clock=clock)

    await feed.step()
    await other.step()

    assert other.current() is feed.current()


async def test_a_playbook_with_mistakes_is_not_published(bus: MemoryBus, clock: ManualClock) -> None:
    with pytest.raises(PlaybookError):
        await publish(bus, {"playbook.yaml": b"version: x\nroutin: []\n"}, clock=clock)

    assert not any(bus.logs.values())


async def test_a_playbook_is_not_published_while_the_bus_is_away(bus: MemoryBus, clock: ManualClock) -> None:
    bus.go_away()

    with pytest.raises(BusUnavailable):
        await publish(bus, files("one"), clock=clock)


async def test_the_records_of_a_playbook_are_keyed_by_its_hash_and_by_what_is_active(
    bus: MemoryBus, clock: ManualClock
) -> None:
    published = await publish(bus, files("one"), clock=clock)

    assert [record.key for log in bus.logs.values() for record in log] == [published.hash.encode(), b"active"]


async def test_going_back_to_an_earlier_playbook_is_publishing_it_again(
    bus: MemoryBus, clock: ManualClock, feed: PlaybookFeed
) -> None:
    seen: list[str] = []
    feed.on_change(lambda playbook: seen.append(playbook.version))

    for version in ("one", "two", "one"):
        clock.advance(timedelta(minutes=1))
        await publish(bus, files(version), clock=clock)
        await feed.step()

    assert seen == ["one", "two", "one"]


async def test_the_same_playbook_published_twice_changes_nothing(
    bus: MemoryBus, clock: ManualClock, feed: PlaybookFeed
) -> None:
    seen: list[Playbook] = []
    feed.on_change(seen.append)

    for _ in range(2):
        await publish(bus, files("one"), clock=clock)
        await feed.step()

    assert len(seen) == 1


async def test_a_playbook_may_be_published_long_before_it_is_activated(
    bus: MemoryBus, clock: ManualClock, feed: PlaybookFeed
) -> None:
    later = await publish(MemoryBus(clock), files("later"), clock=clock)
    await publish(bus, files("now"), clock=clock)
    await tell(bus, PlaybookPublished(hash=later.hash, version="later", files=pack(files("later"))))
    await feed.step()
    before = feed.current().version

    await tell(bus, PlaybookActivated(hash=later.hash, at=NOW))
    await feed.step()

    assert (before, feed.current().version) == ("now", "later")


@pytest.mark.parametrize("packed", ["not packed at all", pack({"playbook.yaml": b"version: x\nroutin: []\n"})])
async def test_a_playbook_that_this_release_can_not_load_leaves_the_old_one_in_force(
    bus: MemoryBus, clock: ManualClock, feed: PlaybookFeed, *, packed: str
) -> None:
    await publish(bus, files("old"), clock=clock)
    await feed.step()
    await tell(
        bus, PlaybookPublished(hash="f" * 64, version="x", files=packed), PlaybookActivated(hash="f" * 64, at=NOW)
    )

    await feed.step()

    assert feed.current().version == "old"


async def test_a_playbook_that_an_older_release_accepted_decides_with_its_mistakes(
    bus: MemoryBus, feed: PlaybookFeed
) -> None:
    mistaken = {**files("old"), "playbook.yaml": files("old")["playbook.yaml"] + b"plans: {}\n"}
    published = await publish_unchecked(bus, mistaken)

    await feed.step()

    assert (feed.current().hash, feed.current().version, feed.mistakes) == (published, "old", 1)


async def test_mistakes_are_gone_with_the_playbook_that_had_them(
    bus: MemoryBus, clock: ManualClock, feed: PlaybookFeed
) -> None:
    await publish_unchecked(bus, {**files("old"), "playbook.yaml": files("old")["playbook.yaml"] + b"plans: {}\n"})
    await feed.step()

    await publish(bus, files("new"), clock=clock)
    await feed.step()

    assert (feed.current().version, feed.mistakes) == ("new", 0)


async def test_an_activation_of_something_never_published_leaves_the_old_one_in_force(
    bus: MemoryBus, clock: ManualClock, feed: PlaybookFeed
) -> None:
    await publish(bus, files("old"), clock=clock)
    await feed.step()

    await tell(bus, PlaybookActivated(hash="f" * 64, at=NOW))
    await feed.step()

    assert feed.current().version == "old"


async def test_a_record_that_is_none_is_passed_over(bus: MemoryBus, clock: ManualClock, feed: PlaybookFeed) -> None:
    await bus.publish([Record(topic=Topic.PLAYBOOK, key=b"x", value=b"rubbish")])
    await publish(bus, files("one"), clock=clock)

    await feed.step()

    assert feed.current().version == "one"


async def test_a_running_feed_follows_and_outlives_a_bus_that_is_away(
    bus: MemoryBus, clock: ManualClock, feed: PlaybookFeed
) -> None:
    changed: asyncio.Queue[str] = asyncio.Queue()
    feed.on_change(lambda playbook: changed.put_nowait(playbook.version))
    stopping = asyncio.Event()
    running = asyncio.create_task(feed.run(stopping))
    await publish(bus, files("one"), clock=clock)
    first = await asyncio.wait_for(changed.get(), PATIENCE)

    bus.go_away()
    bus.come_back()
    await publish(bus, files("two"), clock=clock)
    second = await asyncio.wait_for(changed.get(), PATIENCE)
    stopping.set()
    await asyncio.wait_for(running, PATIENCE)

    assert (first, second) == ("one", "two")


async def test_a_feed_that_starts_decides_by_none_that_was_active_before(
    bus: MemoryBus, clock: ManualClock, feed: PlaybookFeed
) -> None:
    for version in ("one", "two", "three"):
        await publish(bus, files(version), clock=clock)
    changed = asyncio.Queue[str]()
    feed.on_change(lambda playbook: changed.put_nowait(playbook.version))
    stopping = asyncio.Event()

    running = asyncio.create_task(feed.run(stopping))
    first = await asyncio.wait_for(changed.get(), PATIENCE)
    await publish(bus, files("four"), clock=clock)
    second = await asyncio.wait_for(changed.get(), PATIENCE)

    stopping.set()
    await running
    assert (first, second) == ("three", "four")


async def test_a_feed_that_breaks_says_so_instead_of_standing_still(
    bus: MemoryBus, clock: ManualClock, feed: PlaybookFeed
) -> None:
    def broken(_: Playbook) -> None:
        raise ZeroDivisionError

    feed.on_change(broken)
    await publish(bus, files("one"), clock=clock)

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(feed.run(asyncio.Event()), PATIENCE)
