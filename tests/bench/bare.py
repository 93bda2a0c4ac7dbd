"""The bare pipeline: the same hops and the same durability as Baton's, and no logic. Frozen: it is the yardstick.

A webhook front commits groups (ids seen, outbox) before it answers; three consumers (score, route, sla) each take a
batch, commit it in one transaction (ids seen, a row of state, outbox), publish what they wrote, then commit offsets.
One process a role: `python -m tests.bench.bare front|score|route|sla`, settings from `BARE_DATABASE`, `BARE_KAFKA`,
`BARE_PORT`, `BARE_PARTITIONS`.
"""

import asyncio
import contextlib
import os
import signal
import sys
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg
import orjson
import uvicorn
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from fastapi import FastAPI, Request, Response

PREFIX: Final = "bare."
HOPS: Final = {"score": ("captured", "scored"), "route": ("scored", "assigned"), "sla": ("assigned", "timed")}
TABLES: Final = """
create table if not exists seen_{name} (id uuid primary key);
create table if not exists state_{name} (id uuid primary key, body bytea not null);
create table if not exists outbox_{name} (id bigint generated always as identity primary key, key bytea, body bytea);
"""

Message = tuple[bytes, bytes]
"""Key and value of a record."""


@dataclass
class Store:
    """One role's tables: ids seen, state and outbox in one transaction, the outbox emptied after publishing."""

    name: str
    pool: asyncpg.Pool

    @staticmethod
    async def open(name: str) -> "Store":
        pool = await asyncpg.create_pool(os.environ["BARE_DATABASE"], min_size=1, max_size=4)
        async with pool.acquire() as connection:
            await connection.execute(TABLES.format(name=name))
        return Store(name, pool)

    async def commit(self, messages: Sequence[Message]) -> tuple[Sequence[Message], Sequence[int]]:
        """Write what is new. Gives it, and its rows in the outbox."""
        ids = [uuid.UUID(bytes=key[:16]) for key, _ in messages]
        bodies = {uuid.UUID(bytes=key[:16]): (key, body) for key, body in messages}
        async with self.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(
                f"insert into seen_{self.name} select unnest($1::uuid[]) on conflict do nothing returning id", ids
            )
            fresh = [bodies[row["id"]] for row in rows]
            await connection.execute(
                f"insert into state_{self.name} select * from unnest($1::uuid[], $2::bytea[]) on conflict do nothing",
                [row["id"] for row in rows],
                [body for _, body in fresh],
            )
            written = await connection.fetch(
                f"insert into outbox_{self.name} (key, body) select * from unnest($1::bytea[], $2::bytea[])"
                " returning id",
                [key for key, _ in fresh],
                [body for _, body in fresh],
            )
        return fresh, [row["id"] for row in written]

    async def forget(self, rows: Sequence[int]) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("set local synchronous_commit = off")
            await connection.execute(f"delete from outbox_{self.name} where id = any($1::bigint[])", rows)


async def open_producer() -> Any:
    producer = AIOKafkaProducer(
        bootstrap_servers=os.environ["BARE_KAFKA"], acks="all", enable_idempotence=True, max_batch_size=256 * 1024
    )
    await producer.start()
    return producer


async def publish(producer: Any, topic: str, messages: Sequence[Message]) -> None:
    sent = [await producer.send(PREFIX + topic, value=body, key=key) for key, body in messages]
    await asyncio.gather(*sent)


@dataclass
class Group:
    """Requests of the last two milliseconds share a transaction."""

    store: Store
    producer: Any
    waiting: list[tuple[Message, "asyncio.Future[None]"]] = field(default_factory=list)
    task: "asyncio.Task[None] | None" = None

    async def add(self, message: Message) -> None:
        done = asyncio.get_running_loop().create_future()
        self.waiting.append((message, done))
        if self.task is None:
            self.task = asyncio.create_task(self.run())
        await done

    async def run(self) -> None:
        while self.waiting:
            await asyncio.sleep(0.002)
            group, self.waiting = self.waiting, []
            fresh, rows = await self.store.commit([message for message, _ in group])
            for _, done in group:
                done.set_result(None)
            await publish(self.producer, "captured", fresh)
            await self.store.forget(rows)
        self.task = None


def front(group_of: Callable[[], Awaitable[Group]]) -> FastAPI:
    app = FastAPI()
    state: dict[str, Group] = {}
    opening = asyncio.Lock()

    @app.post("/in")
    async def take(request: Request) -> Response:
        if "group" not in state:
            async with opening:
                if "group" not in state:
                    state["group"] = await group_of()
        body = await request.body()
        lead = orjson.loads(body)
        await state["group"].add((uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{lead['email']}").bytes, body))
        return Response(b'{"ok":true}', 202, media_type="application/json")

    return app


async def hop(role: str) -> None:
    """Consume, commit, publish, commit offsets, for ever."""
    source, target = HOPS[role]
    store, producer = await Store.open(role), await open_producer()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=os.environ["BARE_KAFKA"],
        group_id=PREFIX + role,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=6000,
        heartbeat_interval_ms=500,
        partition_assignment_strategy=(RangePartitionAssignor,),
    )
    consumer.subscribe([PREFIX + source], listener=ConsumerRebalanceListenerOfNobody())
    await consumer.start()
    while True:
        polled = await consumer.getmany(timeout_ms=250, max_records=500)
        records = [record for batch in polled.values() for record in batch]
        if not records:
            continue
        fresh, rows = await store.commit([(record.key, record.value) for record in records])
        await publish(producer, target, fresh)
        await store.forget(rows)
        positions: dict[TopicPartition, int] = {tp: batch[-1].offset + 1 for tp, batch in polled.items()}
        await consumer.commit(positions)


class ConsumerRebalanceListenerOfNobody(ConsumerRebalanceListener):  # type: ignore[misc]
    """A bare pipeline does nothing about rebalances."""

    def on_partitions_revoked(self, revoked: object) -> None:
        """Nothing."""

    def on_partitions_assigned(self, assigned: object) -> None:
        """Nothing."""


def main() -> None:
    """Run one role until SIGTERM."""
    role = sys.argv[1]
    if role == "front":

        async def group() -> Group:
            return Group(await Store.open("front"), await open_producer())

        port = int(os.environ["BARE_PORT"])
        uvicorn.run(front(group), host="127.0.0.1", port=port, log_level="warning", access_log=False)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(hop(role))


if __name__ == "__main__":
    main()
