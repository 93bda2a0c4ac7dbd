"""The laws of flow on a real PostgreSQL: nothing lost, nothing twice, one bad record alone, order kept."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from baton.flow import dead_letters, retries
from baton.flow.bus import MAX_RECORD_BYTES, BusUnavailable, Received, Record
from baton.flow.database import Database, StatementTimedOut
from baton.flow.deliveries import ConsumerPaused, Delivery, NotReady, RetryLater
from baton.flow.headers import pack_headers
from baton.flow.inbox import keep_partitions, week_of
from baton.flow.memory import MemoryBus
from baton.flow.outbox import Relay, in_turn
from baton.flow.unit_of_work import UnitOfWork, Units
from baton.flow.worker import Worker
from baton.kernel.clock import ManualClock
from baton.kernel.ids import derived_id
from baton.leads.envelope import Event, decode, encode
from baton.leads.events import LeadAccepted, LeadActivity
from baton.leads.topics import Topic
from baton.leads.values import Activity
from baton.service.chains import Chain
from baton.service.migrations import check, downgrade, upgrade

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
RETENTION = timedelta(days=14)
TOY = Chain("tests.support.toy")
NAME = "toy"


_NOTE = "insert into handled (lead_id, kind) select * from unnest($1::text[], $2::text[])"


@dataclass
class Toy:
    """A service that notes what it handled and answers every activity with an event."""

    database: Database
    bus: MemoryBus
    clock: ManualClock
    lanes: frozenset[int] | None = None
    optimistic: bool = False
    failing: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    endless: set[str] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)
    seen: list[int] = field(default_factory=list)
    """How many records each call of the handler had."""
    counted: list[tuple[str, str]] = field(default_factory=list)
    """What it would have counted for good."""
    ready: bool = True

    def __post_init__(self) -> None:
        self.consumer = self.bus.consumer("toy", [Topic.ACTIVITY])
        self.relay = Relay(
            database=self.database,
            bus=self.bus,
            clock=self.clock,
            lanes=lambda: self.consumer.lanes if self.lanes is None else self.lanes,
        )
        self.units = Units(database=self.database, bus=self.bus, clock=self.clock, relay=self.relay)
        self.worker = Worker(
            name=NAME, group="toy", topics=[Topic.ACTIVITY], consumer=self.consumer, handler=self.handle,
            units=self.units, bus=self.bus, clock=self.clock, optimistic=self.optimistic,
        )  # fmt: skip

    async def handle(self, deliveries: Sequence[Delivery], unit: UnitOfWork) -> None:
        if not self.ready:
            raise NotReady("asleep")
        self.seen.append(len(deliveries))
        done: list[tuple[str, str]] = []
        for delivery in deliveries:
            data = delivery.event.data
            assert isinstance(data, LeadActivity)
            if data.activity.kind in self.failing:
                raise ValueError(f"{data.activity.kind} is bad")
            if data.activity.kind in self.slow:
                await unit.begin()
                await unit.connection.execute("set local statement_timeout = 20")
                await unit.connection.execute("select pg_sleep(10)")
            if data.activity.kind in self.later:
                raise RetryLater("not yet", after=timedelta(minutes=1))
            done.append((data.lead_id, data.activity.kind))
            size = MAX_RECORD_BYTES if data.activity.kind in self.endless else 1
            answer = LeadAccepted(lead_id=data.lead_id, assignment_id="a" * size)
            unit.emit(
                delivery.event.followed_by(
                    answer, id=derived_id("answer", delivery.event.id), source="/toy", time=unit.now
                )
            )
        unit.writes.add(_NOTE, *map(list, zip(*done, strict=True)))
        unit.afterwards(lambda: self.counted.extend(done))

    async def handled(self) -> list[tuple[str, str]]:
        async with self.database.connection() as connection:
            rows = await connection.fetch("select lead_id, kind from handled order by id")
        return [(row["lead_id"], row["kind"]) for row in rows]

    async def count(self, table: str) -> int:
        async with self.database.connection() as connection:
            number: int = await connection.fetchval(f"select count(*) from {table}")  # noqa: S608 - a table's name
        return number

    async def settle(self) -> None:
        while await self.worker.step():
            pass


@pytest.fixture(params=[False, True], ids=["under locks", "optimistic"])
async def toy(database: str, request: pytest.FixtureRequest) -> AsyncIterator[Toy]:
    await upgrade(database, TOY)
    db = Database(database, schema="toy")
    await db.start()
    clock = ManualClock(NOW)
    made = Toy(db, MemoryBus(clock, partitions=2), clock, optimistic=request.param)
    await made.consumer.start()
    yield made
    await db.stop()


def activity(lead: str, kind: str, *, source: str = "test") -> Record:
    event = Event(
        id=derived_id("test", lead, kind),
        source="/test",
        time=NOW,
        key=lead,
        data=LeadActivity(lead_id=lead, account=None, activity=Activity(id=kind, kind=kind, at=NOW, source=source)),
    )
    headers, value = encode(event)
    return Record(topic=Topic.ACTIVITY, key=lead.encode(), value=value, headers=headers)


def answers(toy: Toy) -> list[str]:
    logs = [record for (topic, _), log in sorted(toy.bus.logs.items()) for record in log if topic == Topic.WORKED]
    return [decode(record.headers, record.value).id for record in logs]


async def test_a_record_that_comes_twice_is_handled_once(toy: Toy) -> None:
    await toy.bus.publish([activity("a", "call"), activity("a", "call")])

    await toy.worker.step()
    await toy.bus.publish([activity("a", "call")])
    await toy.worker.step()

    assert await toy.handled() == toy.counted == [("a", "call")]


async def test_a_record_that_comes_twice_in_one_batch_keeps_its_first_place(toy: Toy) -> None:
    await toy.bus.publish([activity("a", "call"), activity("a", "mail"), activity("a", "call")])

    await toy.worker.step()

    assert await toy.handled() == [("a", "call"), ("a", "mail")]


async def test_what_a_handler_emits_is_published_once_it_is_committed(toy: Toy) -> None:
    await toy.bus.publish([activity("a", "call")])

    await toy.worker.step()

    assert answers(toy) == [derived_id("answer", derived_id("test", "a", "call"))]
    assert await toy.count("outbox") == 0


async def test_one_bad_record_among_many_is_buried_alone(toy: Toy) -> None:
    toy.failing.add("bad")
    await toy.bus.publish([activity(f"l{n}", "bad" if n == 5 else "good") for n in range(12)])

    await toy.worker.step()

    assert len(await toy.handled()) == 11
    assert sorted(await toy.handled()) == sorted(toy.counted)
    assert await toy.count("dead_letters") == 1
    copies = [log for (topic, _), log in toy.bus.logs.items() if topic == Topic.DEAD_LETTERS]
    ((copy,),) = copies
    headers = dict(copy.headers)
    assert headers["dl_consumer"] == b"toy"
    assert headers["dl_reason"] == b"failed"
    assert headers["ce_type"] == b"lead.activity"


async def test_what_is_no_event_is_buried_with_its_bytes(toy: Toy) -> None:
    await toy.bus.publish([Record(topic=Topic.ACTIVITY, key=b"k", value=b"\xff\x00", headers=(("x", b"\xfe"),))])

    await toy.worker.step()

    async with toy.database.connection() as connection:
        row = await connection.fetchrow("select reason, value, key from dead_letters")
    assert row is not None
    assert (row["reason"], row["value"], row["key"]) == ("unreadable", b"\xff\x00", b"k")


async def test_a_lead_id_that_no_table_can_hold_is_buried_like_what_is_no_event(toy: Toy) -> None:
    await toy.bus.publish([activity("a\x00", "call"), activity("b", "call")])

    await toy.worker.step()

    assert await toy.handled() == [("b", "call")]
    assert await toy.count("dead_letters") == 1


async def test_a_dead_letter_does_not_fail_for_the_words_of_its_error(toy: Toy) -> None:
    toy.failing.add("bad\x00")
    await toy.bus.publish([activity("a", "bad\x00")])

    await toy.worker.step()

    async with toy.database.connection() as connection:
        assert (
            await connection.fetchval("select error from dead_letters")
            == "ValueError: bad\N{REPLACEMENT CHARACTER} is bad"
        )


async def test_a_dead_letter_is_written_and_told_once_however_often_its_record_comes(toy: Toy) -> None:
    toy.failing.add("bad")
    await toy.bus.publish([activity("a", "bad"), Record(topic=Topic.ACTIVITY, key=b"k", value=b"nothing")])
    publish = toy.bus.publish

    async def away(records: Sequence[Record]) -> None:
        raise BusUnavailable("away")

    toy.bus.publish = away  # type: ignore[method-assign]
    with pytest.raises(BusUnavailable):
        await toy.worker.step()
    toy.bus.publish = publish  # type: ignore[method-assign]
    await toy.worker.step()

    assert await toy.count("dead_letters") == 2
    assert sum(len(log) for (topic, _), log in toy.bus.logs.items() if topic == Topic.DEAD_LETTERS) == 2


async def test_what_waits_behind_a_retry_has_all_its_own_tries_left(toy: Toy) -> None:
    toy.later.add("early")
    await toy.bus.publish([activity("a", "early")])
    await toy.worker.step()
    await toy.bus.publish([activity("a", "later")])
    await toy.worker.step()

    async with toy.database.connection() as connection:
        rows = await connection.fetch("select attempts, reason from retries order by id")

    assert [(row["attempts"], row["reason"]) for row in rows] == [(1, "not yet"), (0, "behind another")]


async def test_a_record_that_takes_too_long_is_put_off_alone_and_the_others_are_handled(toy: Toy) -> None:
    toy.slow.add("heavy")
    await toy.bus.publish([activity(f"l{n}", "heavy" if n == 3 else "call") for n in range(8)])
    await toy.bus.publish([activity("l3", "later")])

    whole = [await times_out(toy) for _ in range(2)]
    await toy.worker.step()
    await toy.worker.step()

    assert (whole, toy.seen[:3]) == ([True, True], [9, 9, 9])
    assert sorted(lead for lead, _ in await toy.handled()) == ["l0", "l1", "l2", "l4", "l5", "l6", "l7"]
    assert await waiting(toy) == [("l3", 1), ("l3", 0)]
    assert await toy.count("dead_letters") == 0


async def test_a_record_that_took_too_long_once_is_handled_at_its_next_try(toy: Toy) -> None:
    toy.slow.add("heavy")
    await toy.bus.publish([activity("a", "heavy"), activity("a", "later")])
    assert [await times_out(toy) for _ in range(2)] == [True, True]
    await toy.worker.step()

    toy.slow.clear()
    toy.clock.advance(timedelta(seconds=1))
    await toy.settle()
    await toy.settle()

    assert await toy.handled() == [("a", "heavy"), ("a", "later")]


async def test_while_the_database_is_slow_for_all_nothing_becomes_a_dead_letter(toy: Toy) -> None:
    toy.slow.add("call")
    await toy.bus.publish([activity(f"l{n}", "call") for n in range(40)])

    for _ in range(60):
        await times_out(toy)
        toy.clock.advance(timedelta(minutes=11))
    put_off = await waiting(toy)
    toy.slow.clear()
    for _ in range(10):
        toy.clock.advance(timedelta(minutes=11))
        await toy.settle()

    assert max(attempts for _, attempts in put_off) > retries.MAX_ATTEMPTS
    assert await toy.count("dead_letters") == 0
    assert sorted(await toy.handled()) == sorted((f"l{n}", "call") for n in range(40))


async def test_what_takes_too_long_every_time_while_others_are_handled_becomes_a_dead_letter(toy: Toy) -> None:
    toy.slow.add("heavy")
    await toy.bus.publish([activity("a", "heavy"), activity("b", "call")])

    for number in range(40):
        await times_out(toy)
        await toy.bus.publish([activity(f"c{number}", "call")])
        toy.clock.advance(timedelta(seconds=30))

    async with toy.database.connection() as connection:
        (row,) = await connection.fetch("select subject, reason, attempts from dead_letters")
    assert tuple(row) == ("a", "timed_out", retries.MAX_ATTEMPTS)


async def times_out(toy: Toy) -> bool:
    """One step, and whether its records have to come again because a statement took too long."""
    try:
        await toy.worker.step()
    except StatementTimedOut:
        return True
    return False


async def waiting(toy: Toy) -> list[tuple[str, int]]:
    """Whose events wait in the table of retries, and after how many tries."""
    async with toy.database.connection() as connection:
        rows = await connection.fetch("select subject, attempts from retries order by id")
    return [(row["subject"], row["attempts"]) for row in rows]


async def test_a_retry_that_two_have_read_is_handled_by_one_of_them(toy: Toy) -> None:
    toy.later.add("early")
    await toy.bus.publish([activity("a", "early")])
    await toy.worker.step()
    toy.later.clear()
    toy.clock.advance(timedelta(minutes=1))
    async with toy.database.connection() as connection:
        both_read = [
            await retries.due(connection, consumer=NAME, lanes=toy.consumer.lanes, now=toy.clock.now(), limit=10)
            for _ in range(2)
        ]

    processor = toy.worker._processor
    await asyncio.gather(*(processor.settle(read) for read in both_read))

    assert await toy.handled() == [("a", "early")]


async def test_a_retry_holds_back_its_lead_in_order_and_nobody_else(toy: Toy) -> None:
    toy.later.add("early")
    await toy.bus.publish([activity("a", "early")])
    await toy.worker.step()
    await toy.bus.publish([activity("a", "later"), activity("b", "other")])
    await toy.worker.step()
    before = await toy.handled()

    toy.later.clear()
    toy.clock.advance(timedelta(minutes=1))
    for _ in range(4):
        await toy.worker.step()

    assert before == [("b", "other")]
    assert [kind for lead, kind in await toy.handled() if lead == "a"] == ["early", "later"]
    assert await toy.count("retries") == 0


async def test_a_retry_is_due_at_its_exact_instant(toy: Toy) -> None:
    toy.later.add("early")
    await toy.bus.publish([activity("a", "early")])

    await toy.worker.step()

    assert await toy.worker.next_due() == NOW + timedelta(minutes=1)


async def test_a_retry_that_never_succeeds_becomes_a_dead_letter(toy: Toy) -> None:
    toy.later.add("early")
    await toy.bus.publish([activity("a", "early")])

    for _ in range(12):
        await toy.worker.step()
        toy.clock.advance(timedelta(minutes=2))

    assert await toy.count("retries") == 0
    async with toy.database.connection() as connection:
        assert await connection.fetchval("select reason from dead_letters") == "gave_up"


async def test_a_replayed_dead_letter_goes_to_the_consumer_that_failed(toy: Toy) -> None:
    toy.failing.add("bad")
    await toy.bus.publish([activity("a", "bad")])
    await toy.worker.step()

    toy.failing.clear()
    async with toy.database.connection() as connection:
        row = await connection.fetchrow("select id, key from dead_letters")
        assert row is not None
        chosen = await dead_letters.replay(connection, [row["id"]], [toy.bus.lane(row["key"])], now=toy.clock.now())
        again = await dead_letters.replay(connection, [row["id"]], [toy.bus.lane(row["key"])], now=toy.clock.now())
    toy.clock.advance(timedelta(seconds=1))
    await toy.worker.step()

    assert (len(chosen), again) == (1, [])
    assert await toy.handled() == [("a", "bad")]


async def test_a_replayed_dead_letter_that_fails_again_is_dead_once_more_and_can_be_replayed(toy: Toy) -> None:
    toy.failing.add("bad")
    await toy.bus.publish([activity("a", "bad")])
    await toy.worker.step()

    chosen = [await replay_all(toy) for _ in range(2)]

    assert chosen == [1, 1]
    async with toy.database.connection() as connection:
        assert await connection.fetchval("select replayed_at from dead_letters") is None
    assert sum(len(log) for (topic, _), log in toy.bus.logs.items() if topic == Topic.DEAD_LETTERS) == 3


async def replay_all(toy: Toy) -> int:
    """Replay all dead letters and let the worker handle them. Gives how many there were."""
    async with toy.database.connection() as connection:
        rows = await connection.fetch("select id, key from dead_letters where replayed_at is null")
        lanes = [toy.bus.lane(row["key"]) for row in rows]
        chosen = await dead_letters.replay(connection, [row["id"] for row in rows], lanes, now=toy.clock.now())
    toy.clock.advance(timedelta(seconds=1))
    await toy.worker.step()
    return len(chosen)


async def test_a_broken_handler_stops_with_its_records_still_on_the_bus(toy: Toy) -> None:
    toy.failing.add("bad")
    await toy.bus.publish([activity(f"l{n}", "bad") for n in range(60)])

    with pytest.raises(ConsumerPaused):
        await toy.worker.step()

    assert await toy.count("dead_letters") == 50
    assert (await toy.bus.depths("toy", [Topic.ACTIVITY]))[Topic.ACTIVITY] >= 10


async def test_one_senders_bad_records_stop_nobody_elses(toy: Toy) -> None:
    toy.failing.add("poison")
    await toy.bus.publish([activity("before", "call", source="form")])
    await toy.settle()
    poison = [activity(f"bad{n}", "poison", source="hostile") for n in range(300)]
    await toy.bus.publish([*poison, activity("behind", "call", source="form")])

    await toy.settle()

    assert [lead for lead, _ in await toy.handled()] == ["before", "behind"]
    assert await toy.count("dead_letters") == 300


async def test_a_release_that_fails_the_leads_of_all_sources_stops_with_their_records_on_the_bus(toy: Toy) -> None:
    toy.failing.add("call")
    await toy.bus.publish([activity(f"l{n}", "call", source=f"source {n % 3}") for n in range(200)])

    with pytest.raises(ConsumerPaused):
        await toy.settle()

    assert await toy.count("dead_letters") == 50


async def test_a_record_that_comes_again_after_a_pause_is_not_counted_again(toy: Toy) -> None:
    toy.failing.add("bad")
    toy.worker._processor.idempotent = True
    await toy.bus.publish([activity(f"l{n}", "bad") for n in range(60)])
    with pytest.raises(ConsumerPaused):
        await toy.worker.step()

    toy.clock.advance(timedelta(seconds=30))
    await toy.worker.step()

    assert await toy.count("dead_letters") == 60


async def test_a_consumer_that_is_not_ready_buries_nothing(toy: Toy) -> None:
    toy.ready = False
    await toy.bus.publish([activity("a", "call")])
    with pytest.raises(NotReady):
        await toy.worker.step()

    toy.ready = True
    await toy.worker.step()

    assert await toy.handled() == [("a", "call")]
    assert await toy.count("dead_letters") == 0


async def test_an_outbox_that_could_not_be_published_is_published_later_in_order(toy: Toy) -> None:
    await toy.bus.publish([activity("a", "one"), activity("a", "two")])
    publish = toy.bus.publish

    async def away(records: Sequence[Record]) -> None:
        raise BusUnavailable("away")

    toy.bus.publish = away  # type: ignore[method-assign]
    with pytest.raises(BusUnavailable):
        await toy.worker.step()
    waiting = await toy.count("outbox")
    toy.bus.publish = publish  # type: ignore[method-assign]
    await toy.worker.step()

    assert waiting == 2
    assert answers(toy) == [derived_id("answer", derived_id("test", "a", kind)) for kind in ("one", "two")]
    assert await toy.handled() == [("a", "one"), ("a", "two")]


async def test_who_takes_over_a_lane_first_publishes_what_its_predecessor_left(toy: Toy) -> None:
    stranger = Toy(toy.database, toy.bus, toy.clock, lanes=frozenset())
    async with stranger.units.begin() as unit:
        unit.emit(_event("a", "left behind"))
    assert await toy.count("outbox") == 1

    await toy.worker.step()

    assert await toy.count("outbox") == 0
    ((record,),) = [log for (topic, _), log in toy.bus.logs.items() if topic == Topic.ACTIVITY and log]
    assert decode(record.headers, record.value).id == derived_id("left", "a", "left behind")


async def test_what_a_predecessor_left_comes_before_anything_new_of_its_lane(toy: Toy) -> None:
    stranger = Toy(toy.database, toy.bus, toy.clock, lanes=frozenset())
    async with stranger.units.begin() as unit:
        unit.emit(
            Event(
                id=derived_id("left"), source="/toy", time=NOW, key="a",
                data=LeadAccepted(lead_id="a", assignment_id="a"),
            )
        )  # fmt: skip
    await toy.bus.publish([activity("a", "new")])

    await toy.worker.step()

    assert answers(toy) == [derived_id("left"), derived_id("answer", derived_id("test", "a", "new"))]


async def test_what_the_bus_never_takes_becomes_a_dead_letter_and_its_lane_goes_on(toy: Toy) -> None:
    large = b"x" * (MAX_RECORD_BYTES + 1)
    await write_outbox_row(toy, "a", large)
    async with toy.units.begin() as unit:
        unit.emit(_event("a", "behind it"))

    await toy.worker.step()

    ((told,),) = [log for (topic, _), log in toy.bus.logs.items() if topic == Topic.ACTIVITY and log]
    assert decode(told.headers, told.value).id == derived_id("left", "a", "behind it")
    async with toy.database.connection() as connection:
        (row,) = await connection.fetch("select consumer, subject, reason, error, value from dead_letters")
    assert (row["consumer"], row["subject"], row["reason"], row["value"]) == ("outbox", "a", "too_large", large)
    assert "8,388,610 bytes, and at most 8,388,608 go" in row["error"]
    ((copy,),) = [log for (topic, _), log in toy.bus.logs.items() if topic == Topic.DEAD_LETTERS]
    assert (dict(copy.headers)["dl_reason"], copy.value) == (b"too_large", b"")
    assert await toy.count("outbox") == 0


async def test_a_dead_letter_that_was_too_large_is_sent_by_its_replay(toy: Toy) -> None:
    await write_outbox_row(toy, "a", b"x" * (MAX_RECORD_BYTES + 1))
    await toy.worker.step()
    async with toy.database.connection() as connection:
        await connection.execute("update dead_letters set value = 'smaller'")  # as if the bus took more now

    chosen = await replay_all(toy)
    await toy.relay.publish()

    assert chosen == 1
    ((sent,),) = [log for (topic, _), log in toy.bus.logs.items() if topic == Topic.WORKED]
    assert sent.value == b"smaller"
    assert (await toy.count("outbox"), await toy.count("retries")) == (0, 0)


async def test_a_handler_that_would_send_what_no_bus_takes_fails_by_the_record_that_caused_it(toy: Toy) -> None:
    toy.endless.add("talkative")
    await toy.bus.publish([activity("a", "talkative"), activity("a", "call"), activity("b", "call")])

    await toy.worker.step()

    assert await toy.handled() == [("a", "call"), ("b", "call")]
    async with toy.database.connection() as connection:
        assert await connection.fetchval("select reason from dead_letters") == "too_large"


async def test_a_dead_letters_copy_that_is_too_large_goes_without_what_is_too_much(toy: Toy) -> None:
    foreign = Received(
        topic=Topic.ACTIVITY, partition=0, offset=7, key=b"k", value=b"x" * (MAX_RECORD_BYTES + 1), headers=(), at=NOW
    )

    await toy.worker._processor.process([foreign])
    await toy.relay.publish()

    ((copy,),) = [log for (topic, _), log in toy.bus.logs.items() if topic == Topic.DEAD_LETTERS]
    assert (dict(copy.headers)["dl_offset"], copy.value) == (b"7", b"")
    async with toy.database.connection() as connection:
        assert await connection.fetchval("select octet_length(value) from dead_letters") == MAX_RECORD_BYTES + 1


async def write_outbox_row(toy: Toy, lead: str, value: bytes) -> None:
    """As a release wrote it that knew no bound."""
    async with toy.database.connection() as connection:
        await connection.execute(
            "insert into outbox (lane, subject, topic, key, headers, value) values ($1, $2, $3, $4, $5, $6)",
            toy.bus.lane(lead.encode()), lead, Topic.WORKED, lead.encode(), pack_headers(()), value,
        )  # fmt: skip


async def test_what_was_committed_before_a_crash_is_published_by_the_next_process(toy: Toy) -> None:
    await toy.bus.publish([activity("a", "call")])
    toy.relay.publish = lost  # type: ignore[method-assign]
    with pytest.raises(Crash):
        await toy.worker.step()
    assert answers(toy) == []

    successor = Toy(toy.database, toy.bus, toy.clock)
    await toy.consumer.stop()
    await successor.consumer.start()
    await successor.settle()

    assert answers(toy) == [derived_id("answer", derived_id("test", "a", "call"))]
    assert await toy.handled() == [("a", "call")]


class Crash(BaseException):
    """The process ends here."""


async def lost() -> int:
    raise Crash


async def test_replicas_look_after_the_partitions_at_the_same_moment(toy: Toy) -> None:
    async def keep() -> None:
        async with toy.database.connection() as connection:
            await keep_partitions(connection, now=NOW, retention=RETENTION)

    await asyncio.gather(*(keep() for _ in range(5)))

    async with toy.database.connection() as connection:
        count = await connection.fetchval("select count(*) from pg_inherits where inhparent = 'inbox'::regclass")
    assert count == 3


async def test_a_relay_publishes_only_the_lanes_it_owns(toy: Toy) -> None:
    other = Toy(toy.database, toy.bus, toy.clock, lanes=frozenset())
    async with other.units.begin() as unit:
        unit.emit(_event("a", "x"))

    assert await other.relay.publish() == 0
    assert await toy.relay.publish() == 1


async def test_what_another_process_wrote_before_is_published_before(toy: Toy) -> None:
    other = Toy(toy.database, toy.bus, toy.clock, lanes=frozenset())
    await toy.relay.publish()  # it has looked, and found nothing
    await _emit(other, "first")
    await _emit(toy, "second")
    await _emit(other, "third")
    await _emit(toy, "fourth")

    await toy.relay.publish()

    assert _kinds(toy) == ["first", "second", "third", "fourth"]


async def test_the_look_for_earlier_rows_stops_at_the_first_though_planned_while_there_were_none(toy: Toy) -> None:
    database = Database(toy.database.url, schema="toy")
    database.plan_once()
    await database.start()
    question = in_turn(lanes="$1", known="$2", rows="(select 1::bigint as id) rows")

    async with database.connection() as connection:
        plan = await connection.fetch(f"explain select {question}", [0, 1], [])
    await database.stop()

    assert any("Scan using outbox_by_lane" in row[0] for row in plan)


async def test_what_could_not_be_published_goes_before_what_came_later_once_the_bus_is_back(toy: Toy) -> None:
    await toy.relay.publish()
    await _emit(toy, "first")
    toy.bus.go_away()
    with pytest.raises(BusUnavailable):
        await toy.relay.publish()
    await _emit(toy, "second")
    toy.bus.come_back()

    await toy.relay.publish()

    assert _kinds(toy) == ["first", "second"]
    assert await toy.count("outbox") == 0


async def test_what_was_published_is_not_published_by_the_lanes_next_owner(toy: Toy) -> None:
    await toy.relay.publish()
    await _emit(toy, "first")
    await toy.relay.publish()
    await _emit(toy, "second")
    heir = Toy(toy.database, toy.bus, toy.clock, lanes=toy.consumer.lanes)

    await heir.relay.publish()

    assert _kinds(toy) == ["first", "second"]


async def test_what_is_written_as_a_lane_is_taken_over_goes_behind_what_its_predecessor_left(toy: Toy) -> None:
    predecessor = Toy(toy.database, toy.bus, toy.clock, lanes=frozenset())
    heir = Toy(toy.database, toy.bus, toy.clock, lanes=toy.consumer.lanes - {toy.bus.lane(b"a")})
    await heir.relay.publish()  # it has looked, and found nothing
    await _emit(predecessor, "first")
    await _emit(heir, "second")

    heir.lanes = toy.consumer.lanes
    await heir.relay.publish()

    assert _kinds(toy) == ["first", "second"]


async def test_a_lane_that_was_away_while_something_was_written_keeps_its_order(toy: Toy) -> None:
    owner = Toy(toy.database, toy.bus, toy.clock, lanes=toy.consumer.lanes)
    await owner.relay.publish()
    await _emit(owner, "first")
    async with owner.database.transaction() as connection:
        unit = UnitOfWork(connection, now=NOW)
        unit.emit(_event("a", "second"))
        left = await unit.flush(owner.bus, owner.relay)

    owner.lanes = toy.consumer.lanes - {toy.bus.lane(b"a")}
    await owner.relay.publish()
    owner.lanes = toy.consumer.lanes
    owner.relay.hand(left)
    await owner.relay.publish()

    assert _kinds(toy) == ["first", "second"]


async def test_a_running_relay_keeps_the_order_of_what_is_written_here_and_by_others(toy: Toy) -> None:
    other = Toy(toy.database, toy.bus, toy.clock, lanes=frozenset())
    stopping = asyncio.Event()
    running = asyncio.create_task(toy.relay.run(stopping))
    for number in range(5):
        await _emit(other, f"theirs {number}")
        await _emit(toy, f"ours {number}")
    stopping.set()
    await running
    await toy.relay.publish()

    assert _kinds(toy) == [kind for number in range(5) for kind in (f"theirs {number}", f"ours {number}")]


async def test_a_unit_whose_locks_are_not_to_be_had_leaves_its_connection_clean(toy: Toy) -> None:
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))

    async def wait_for_lock() -> None:
        async with toy.units.begin_late() as unit:
            await unit.connection.execute("set lock_timeout = 10")
            await unit.begin(locks=[7])

    async with toy.database.transaction() as holder:
        await holder.execute("select pg_advisory_xact_lock(7)")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await wait_for_lock()

    assert complaints == []


async def test_a_unit_that_fails_leaves_no_state_and_no_event(toy: Toy) -> None:
    async def fail() -> None:
        async with toy.units.begin() as unit:
            await unit.connection.execute("insert into handled (lead_id, kind) values ('a', 'b')")
            unit.emit(_event("a", "x"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert (await toy.count("handled"), await toy.count("outbox")) == (0, 0)


async def test_ids_are_forgotten_by_dropping_a_week_and_a_repeat_is_still_known_the_week_after(toy: Toy) -> None:
    await toy.bus.publish([activity("a", "call")])
    await toy.worker.step()
    toy.clock.advance(timedelta(days=8))
    async with toy.database.connection() as connection:
        await keep_partitions(connection, now=toy.clock.now(), retention=RETENTION)
    await toy.bus.publish([activity("a", "call")])
    await toy.worker.step()
    known = await toy.handled()

    toy.clock.advance(timedelta(days=40))
    async with toy.database.connection() as connection:
        await keep_partitions(connection, now=toy.clock.now(), retention=RETENTION)
        names = [
            r["relname"] for r in await connection.fetch("select relname from pg_class where relname ~ '^inbox_2'")
        ]

    assert known == [("a", "call")]
    assert min(names) == f"inbox_{week_of(toy.clock.now()):%Y%m%d}"


async def test_ids_are_remembered_for_as_long_as_the_topics_keep_their_records(toy: Toy) -> None:
    await toy.bus.publish([activity("a", "call")])
    await toy.worker.step()
    toy.clock.advance(timedelta(days=60))

    async with toy.database.connection() as connection:
        await keep_partitions(connection, now=toy.clock.now(), retention=timedelta(days=60))
    await toy.bus.publish([activity("a", "call")])
    await toy.worker.step()

    assert await toy.handled() == [("a", "call")]


async def test_migrations_go_up_and_down_and_up_and_match_the_models(database: str) -> None:
    await upgrade(database, TOY)
    differences = await check(database, TOY)
    await downgrade(database, TOY)
    await upgrade(database, TOY)

    assert (list(differences), list(await check(database, TOY))) == ([], [])


async def _emit(toy: Toy, kind: str) -> None:
    async with toy.units.begin() as unit:
        unit.emit(_event("a", kind))


def _kinds(toy: Toy) -> list[str]:
    """What was told of lead a, in the order of its topic."""
    log = toy.bus.logs.get((Topic.ACTIVITY, toy.bus.lane(b"a")), [])
    read = [decode(record.headers, record.value).data for record in log]
    return [data.activity.kind for data in read if isinstance(data, LeadActivity)]


def _event(lead: str, kind: str) -> Event:
    return Event(
        id=derived_id("left", lead, kind), source="/toy", time=NOW, key=lead,
        data=LeadActivity(lead_id=lead, account=None, activity=Activity(id=kind, kind=kind, at=NOW, source="test")),
    )  # fmt: skip
