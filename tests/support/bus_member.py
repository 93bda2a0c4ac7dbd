"""A member of a group in a process of its own, to be killed: it takes one batch in hand, says so, and keeps it."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from baton.flow.bus import Bus, Received
from baton.flow.kafka import KafkaBus
from baton.flow.kafka_settings import KafkaSettings
from baton.flow.postgres_log import PostgresBus
from baton.kernel.clock import SystemClock
from tests.support.buses import PARTITIONS, TOPIC

IN_HAND: Final = b"in hand\n"


async def main(kind: str, address: str, prefix: str, group: str) -> None:
    bus = _bus(kind, address, prefix)
    await bus.start()
    consumer = bus.consumer(group, [TOPIC])
    await consumer.start()
    while True:
        await consumer.consume(_keep, max_records=100, wait=timedelta(seconds=1))


async def _keep(records: Sequence[Received]) -> None:
    del records
    sys.stdout.buffer.write(IN_HAND)
    sys.stdout.buffer.flush()
    await asyncio.Event().wait()


def _bus(kind: str, address: str, prefix: str) -> Bus:
    if kind == "postgres":
        return PostgresBus(address, clock=SystemClock())
    return KafkaBus(KafkaSettings(servers=address, partitions=PARTITIONS, prefix=prefix))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
