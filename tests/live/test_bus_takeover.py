"""A member that is killed: who is left takes over what it had in hand, soon."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from baton.flow.bus import Bus, TopicSpec
from baton.flow.kafka import KafkaBus
from baton.flow.kafka_settings import KafkaSettings
from baton.flow.postgres_log import PostgresBus
from baton.kernel.clock import SystemClock
from tests.support.bus_member import IN_HAND
from tests.support.buses import PARTITIONS, PATIENCE, TOPIC, Setting, numbers, record, until

SOON = 10.0
"""Sessions end after three seconds, or with the connection; the rest is room for a busy machine."""


@asynccontextmanager
async def member(kind: str, address: str, prefix: str, group: str) -> "AsyncIterator[asyncio.subprocess.Process]":
    """A process that joins the group and keeps its first batch."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.bus_member", kind, address, prefix, group,
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def takes_over(setting: Setting, process: asyncio.subprocess.Process, group: str) -> tuple[list[int], float]:
    """Kill the process with a batch in hand. Gives what a stand-by got, and after how many seconds it had all."""
    (bus,) = setting.open
    await bus.publish([record(n) for n in range(20)])
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        while await process.stdout.readline() != IN_HAND:  # the log of the process comes the same way
            pass
    stand_by = await setting.reader(group)
    process.kill()
    killed = time.monotonic()
    await until(lambda: len(set(numbers(stand_by.got))) >= 20, stand_by.step)
    return sorted(numbers(stand_by.got)), time.monotonic() - killed


@asynccontextmanager
async def opened(setting: Setting) -> AsyncIterator[Bus]:
    bus = await setting.client()
    await bus.ensure_topics([TopicSpec(TOPIC, PARTITIONS)])
    yield bus
    await setting.close()


async def test_on_kafka_a_killed_members_lanes_go_to_who_is_left(kafka_bootstrap: str, topic_prefix: str) -> None:
    settings = KafkaSettings(servers=kafka_bootstrap, partitions=PARTITIONS, replication=1, prefix=topic_prefix)
    setting, group = Setting("kafka", lambda: KafkaBus(settings)), f"{topic_prefix}group"

    async with opened(setting), member("kafka", kafka_bootstrap, topic_prefix, group) as process:
        got, seconds = await takes_over(setting, process, group)

    assert got == list(range(20))
    assert seconds < SOON


async def test_on_postgresql_a_killed_owners_group_goes_to_a_stand_by(database: str) -> None:
    setting = Setting("postgres", lambda: PostgresBus(database, clock=SystemClock()))

    async with opened(setting), member("postgres", database, "", "group") as process:
        got, seconds = await takes_over(setting, process, "group")

    assert got == list(range(20))
    assert seconds < SOON
