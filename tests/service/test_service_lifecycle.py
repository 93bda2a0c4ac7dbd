"""A service's life: it opens when it can, says what it waits for, outlives what fails, and closes in order."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from alembic.script import ScriptDirectory
from fastapi import APIRouter, Request
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.routing import Mount

from baton.flow.bus import BusUnavailable, Record
from baton.flow.database import Database, DatabaseUnavailable
from baton.flow.deliveries import ConsumerPaused, Delivery, NotReady
from baton.flow.memory import MemoryBus
from baton.flow.processing import Handler
from baton.flow.unit_of_work import UnitOfWork
from baton.kernel.clock import ManualClock
from baton.kernel.ids import derived_id
from baton.leads.envelope import Event, encode
from baton.leads.events import LeadAccepted, LeadActivity
from baton.leads.playbook.files import read_directory
from baton.leads.topics import Topic
from baton.leads.values import Activity
from baton.service import service as service_module
from baton.service.chains import Chain, bring_to_head, is_at_head
from baton.service.errors import Refusal
from baton.service.migrations import downgrade, upgrade
from baton.service.playbooks import publish
from baton.service.requests import read_body
from baton.service.service import Service, build, topic_specs
from baton.service.settings import Settings
from baton.service.web import create_web, end_streams
from baton_standalone.apps import PARTS
from tests.support.older_release import publish_unchecked
from tests.support.postgres import PostgresServer
from tests.support.processes import Processes

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PLAYBOOK = Path(__file__).parents[2] / "deploy" / "playbooks" / "minimal"
PATIENCE = 20
"""Seconds after which a test that waits for something has failed."""


@dataclass
class Toy:
    """A service that counts what it is given."""

    service: Service
    bus: MemoryBus
    clock: ManualClock
    is_asleep: bool = False
    handled: list[str] = field(default_factory=list)
    got_one: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, deliveries: Sequence[Delivery], unit: UnitOfWork) -> None:
        del unit
        if self.is_asleep:
            raise NotReady("asleep")
        self.handled += [delivery.event.id for delivery in deliveries]
        self.got_one.set()

    async def publish_activity(self, lead: str = "a") -> None:
        data = LeadActivity(lead_id=lead, account=None, activity=Activity(id="1", kind="call", at=NOW, source="test"))
        headers, value = encode(Event(id=derived_id("test", lead), source="/test", time=NOW, key=lead, data=data))
        await self.bus.publish([Record(topic=Topic.ACTIVITY, key=lead.encode(), value=value, headers=headers)])

    async def publish_playbook(self) -> None:
        await publish(self.bus, await asyncio.to_thread(read_directory, PLAYBOOK), clock=self.clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        stopping = asyncio.Event()
        run = asyncio.create_task(self.service.run(stopping))
        try:
            yield
        finally:
            stopping.set()
            await asyncio.wait_for(run, PATIENCE)


def make_toy(url: str, **settings: object) -> Toy:
    clock = ManualClock(NOW)
    bus = MemoryBus(clock, partitions=2)
    toys: list[Toy] = []

    def handler(_: object) -> Handler:
        async def handle(deliveries: Sequence[Delivery], unit: UnitOfWork) -> None:
            await toys[0].handle(deliveries, unit)

        return handle

    service = build(
        name="toy", package="tests.support.toy", settings=Settings.model_validate(settings), bus=bus, clock=clock,
        database=Database(url, schema="toy"), group="baton-toy", topics=(Topic.ACTIVITY,), handler=handler,
    )  # fmt: skip
    toys.append(Toy(service, bus, clock))
    return toys[0]


@pytest.fixture
async def toy(database: str) -> AsyncIterator[Toy]:
    toy = make_toy(database)
    yield toy
    await toy.service.close()


@pytest.fixture(autouse=True)
def _in_no_hurry_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_IDLE", "_PAUSE_SECONDS"):
        monkeypatch.setattr(service_module, name, 0.01)


# Whether it is ready


async def test_a_service_with_all_that_it_needs_is_ready(toy: Toy) -> None:
    await toy.service.open()
    await toy.publish_playbook()
    await toy.service.step()

    assert await toy.service.ready() == {}


async def test_a_service_that_has_not_begun_says_everything_that_it_lacks(toy: Toy) -> None:
    wrong = await toy.service.ready()

    assert set(wrong) == {"start", "database", "playbook"}


async def test_a_service_whose_bus_is_away_says_so(toy: Toy) -> None:
    await toy.service.open()
    await toy.publish_playbook()
    await toy.service.step()

    toy.bus.go_away()

    assert set(await toy.service.ready()) == {"bus"}


async def test_a_service_that_sits_on_a_record_for_too_long_says_since_when(toy: Toy) -> None:
    await toy.service.open()
    await toy.publish_playbook()
    await toy.service.step()
    toy.is_asleep = True
    await toy.publish_activity()
    with pytest.raises(NotReady):
        await toy.service.step()
    before = await toy.service.ready()

    toy.clock.advance(timedelta(seconds=31))
    after = await toy.service.ready()

    assert before == {}
    assert "2026-03-02T12:00:00" in after["baton-toy"]


async def test_a_service_that_may_not_migrate_says_who_has_to(database: str) -> None:
    toy = make_toy(database, migrate=False)

    with pytest.raises(DatabaseUnavailable, match="baton migrate"):
        await toy.service.open()


# Starting


async def test_a_service_begins_to_work_when_its_bus_comes(toy: Toy) -> None:
    await toy.publish_activity()
    toy.bus.go_away()

    async with toy.running():
        toy.bus.come_back()
        await asyncio.wait_for(toy.got_one.wait(), PATIENCE)

    assert len(toy.handled) == 1


async def test_the_database_is_opened_while_the_bus_is_away(toy: Toy) -> None:
    opened = asyncio.Event()

    async def look(stopping: asyncio.Event) -> None:
        try:
            await toy.service.database.check()
        except DatabaseUnavailable:
            return
        opened.set()
        await stopping.wait()

    toy.bus.go_away()
    toy.service.loops.append(look)

    async with toy.running():
        await asyncio.wait_for(opened.wait(), PATIENCE)
        wrong = await toy.service.ready()

    assert set(wrong) == {"bus", "start", "playbook"}


async def test_a_playbook_is_followed_while_the_database_is_away() -> None:
    toy = make_toy("postgresql://nobody@127.0.0.1:1/none")
    active = asyncio.Event()
    toy.service.feed.on_change(lambda _: active.set())
    await toy.publish_playbook()

    async with toy.running():
        await asyncio.wait_for(active.wait(), PATIENCE)
        wrong = await toy.service.ready()

    assert set(wrong) == {"database", "start"}


async def test_a_service_begins_to_work_when_its_database_comes(postgres_server: PostgresServer) -> None:
    toy = make_toy(postgres_server.url)
    await toy.publish_activity()
    await asyncio.to_thread(postgres_server.stop)

    async with toy.running():
        await asyncio.to_thread(postgres_server.start)
        await asyncio.wait_for(toy.got_one.wait(), PATIENCE)

    assert len(toy.handled) == 1


# Going on


def cancelled() -> Exception:
    return asyncio.CancelledError()  # type: ignore[return-value]  # as aiokafka raises it, sent by nobody


@pytest.mark.parametrize(
    "fault",
    [
        ZeroDivisionError,
        lambda: BusUnavailable("away"),
        lambda: DatabaseUnavailable("away"),
        cancelled,
        lambda: None,
    ],
    ids=["a mistake", "bus", "database", "a stranger's cancellation", "an early end"],
)
async def test_a_loop_that_ends_before_its_time_runs_again(toy: Toy, fault: Callable[[], Exception | None]) -> None:
    began: list[int] = []
    again = asyncio.Event()

    async def fragile(stopping: asyncio.Event) -> None:
        began.append(len(began))
        if len(began) > 1:
            again.set()
            await stopping.wait()
        elif (error := fault()) is not None:
            raise error

    toy.service.loops.append(fragile)
    async with toy.running():
        await asyncio.wait_for(again.wait(), PATIENCE)

    assert began == [0, 1]


async def test_a_timer_does_what_is_due_and_outlives_its_own_mistakes(toy: Toy) -> None:
    timer = Ticking()
    toy.service.timers.append(timer)

    async with toy.running():
        await asyncio.wait_for(timer.ticked.wait(), PATIENCE)

    assert timer.steps >= 3


async def test_a_timer_that_has_to_pause_says_so_and_goes_on(toy: Toy) -> None:
    timer = Pausing()
    toy.service.timers.append(timer)

    async with toy.running():
        await asyncio.wait_for(timer.ticked.wait(), PATIENCE)

    assert REGISTRY.get_sample_value("baton_consumer_paused", {"consumer": "pausing"}) == 0


class Pausing:
    """A timer that can't go on for a while, and then can."""

    name = "pausing"
    due = None

    def __init__(self) -> None:
        self.has_paused = False
        self.ticked = asyncio.Event()

    async def step(self) -> int:
        if not self.has_paused:
            self.has_paused = True
            raise ConsumerPaused(datetime.min.replace(tzinfo=UTC))
        self.ticked.set()
        return 0


class Ticking:
    """A timer that fails, then has nothing to do, then something."""

    name = "ticking"
    due = "select now()"

    def __init__(self) -> None:
        self.steps = 0
        self.ticked = asyncio.Event()

    async def step(self) -> int:
        self.steps += 1
        if self.steps == 1:
            raise ZeroDivisionError
        if self.steps == 3:
            self.ticked.set()
            return 1
        return 0


# Stopping


async def test_what_is_left_in_the_outbox_is_sent_before_the_bus_is_closed(toy: Toy) -> None:
    async def last_word(stopping: asyncio.Event) -> None:
        await toy.got_one.wait()
        await stopping.wait()
        async with toy.service.units.begin() as unit:
            data = LeadAccepted(lead_id="a", assignment_id="x")
            unit.emit(Event(id=derived_id("last"), source="/toy", time=NOW, key="a", data=data))

    toy.service.loops.append(last_word)
    await toy.publish_activity()
    async with toy.running():
        await asyncio.wait_for(toy.got_one.wait(), PATIENCE)

    assert [len(log) for (topic, _), log in toy.bus.logs.items() if topic == Topic.WORKED] == [1]


async def test_a_loop_that_does_not_stop_is_cut_off(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "_SHUTDOWN_SECONDS", 0.1)
    cut_off: list[bool] = []
    began = asyncio.Event()

    async def stubborn(stopping: asyncio.Event) -> None:
        del stopping
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.append(True)

    toy.service.loops.append(stubborn)
    async with toy.running():
        await asyncio.wait_for(began.wait(), PATIENCE)

    assert cut_off == [True]


async def test_a_part_that_can_not_be_closed_does_not_keep_the_others_open(toy: Toy) -> None:
    class Broken(MemoryBus):
        async def stop(self) -> None:
            raise OSError("broken")

    await toy.service.open()
    toy.service.bus = Broken(toy.clock)

    await toy.service.close()

    with pytest.raises(DatabaseUnavailable):
        await toy.service.database.check()


@pytest.mark.parametrize("module", ["baton_scoring", "baton_ingest"])
async def test_a_service_that_is_told_to_end_ends_well(processes: Processes, database: str, module: str) -> None:
    environment = {"BATON_DATABASE_URL": database, "BATON_BUS_URL": "memory:"}
    process = processes.start(module, environment=environment)
    await process.ready(path="/healthz")

    code = await asyncio.to_thread(process.terminate)

    assert code == 0, process.tail()


async def test_a_service_on_a_wrong_bus_exits_with_one_clear_line(processes: Processes) -> None:
    process = processes.start("baton_scoring", environment={"BATON_BUS_URL": "rabbit://here"})

    code = await asyncio.to_thread(process.wait)

    assert code == 2
    assert process.tail().splitlines()[0].startswith("BATON_BUS_URL=rabbit://here: must be kafka://")
    assert len(process.tail().splitlines()) == 1


def test_ending_streams_reaches_mounted_apps(database: str) -> None:
    inner = create_web(make_toy(database).service, title="Toy", settings=Settings(), routers=[])
    outer = Starlette(routes=[Mount("/toy", inner)])

    end_streams(outer)

    assert inner.state.stopping.is_set()


# The web side


@asynccontextmanager
async def web(toy: Toy, *routers: APIRouter, prefix: str = "") -> AsyncIterator[httpx.AsyncClient]:
    """The service behind HTTP, running."""
    app = create_web(toy.service, title="Toy", settings=toy.service.settings, routers=routers, max_body=100)
    served = Starlette(routes=[Mount(prefix, app)]) if prefix else app
    transport = httpx.ASGITransport(served, client=("127.0.0.1", 1), raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=f"http://localhost:8000{prefix}") as client,
    ):
        yield client


@pytest.mark.parametrize("prefix", ["", "/toy"])
async def test_health_and_readiness_are_told_over_http(toy: Toy, prefix: str) -> None:
    async with web(toy, prefix=prefix) as client:
        alive, ready, metrics = [await client.get(path) for path in ("/healthz", "/readyz", "/metrics")]

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert ready.status_code == 503
    assert "none is active" in ready.json()["wrong"]["playbook"]
    assert "baton_records_handled_total" in metrics.text


async def test_readiness_turns_to_200_when_nothing_is_wrong_any_more(toy: Toy) -> None:
    active = asyncio.Event()
    toy.service.feed.on_change(lambda _: active.set())
    await toy.publish_playbook()
    await toy.publish_activity()

    async with web(toy) as client:
        await asyncio.wait_for(asyncio.gather(active.wait(), toy.got_one.wait()), PATIENCE)
        response = await client.get("/readyz")

    assert (response.status_code, response.json()) == (200, {"status": "ready", "wrong": {}})


async def test_mistakes_in_the_active_playbook_are_told_and_keep_nobody_from_being_ready(toy: Toy) -> None:
    files = await asyncio.to_thread(read_directory, PLAYBOOK)
    active = asyncio.Event()
    toy.service.feed.on_change(lambda _: active.set())
    await publish_unchecked(toy.bus, {**files, "playbook.yaml": files["playbook.yaml"] + b"plans: {}\n"})
    await toy.publish_activity()

    async with web(toy) as client:
        await asyncio.wait_for(asyncio.gather(active.wait(), toy.got_one.wait()), PATIENCE)
        response, metrics = await client.get("/readyz"), await client.get("/metrics")

    assert (response.status_code, response.json()["status"]) == (200, "ready")
    assert response.json()["warnings"] == {"playbook": "1 mistake in the active one: see `baton playbook show`"}
    assert "\nbaton_playbook_mistakes 1.0\n" in metrics.text


async def test_an_active_playbook_that_this_release_can_not_read_is_told_apart_from_none(toy: Toy) -> None:
    await publish_unchecked(toy.bus, {"playbook.yaml": b"version: ["})
    await toy.service.step()
    before, warned = (await toy.service.ready())["playbook"], toy.service.warnings()

    await toy.publish_playbook()
    await toy.service.step()
    await publish_unchecked(toy.bus, {"playbook.yaml": b"version: ["})
    await toy.service.step()

    assert "can't be read by this release" in before
    assert warned == {}
    assert "playbook" not in await toy.service.ready()
    assert toy.service.warnings()["playbook"].endswith("the one before it decides")


def failing(error: Exception) -> APIRouter:
    router = APIRouter()

    @router.get("/fail/{secret}")
    async def fail(secret: str) -> None:
        raise error

    return router


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Refusal(409, "taken", hint="choose another"), 409, "conflict"),
        (DatabaseUnavailable("gone"), 503, "unavailable"),
        (BusUnavailable("gone"), 503, "unavailable"),
        (NotReady("no playbook"), 503, "unavailable"),
        (ZeroDivisionError(), 500, "internal"),
    ],
)
async def test_every_error_has_the_same_form(toy: Toy, error: Exception, status: int, code: str) -> None:
    async with web(toy, failing(error)) as client:
        response = await client.get("/fail/x")

    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert ("retry-after" in response.headers) is (status == 503)


async def test_unknown_paths_and_methods_have_the_form_of_every_error(toy: Toy) -> None:
    async with web(toy) as client:
        unknown, wrong = await client.get("/nowhere"), await client.post("/healthz")

    assert [unknown.json()["error"]["code"], wrong.json()["error"]["code"]] == ["not_found", "method_not_allowed"]


async def test_a_body_that_is_too_large_is_refused_in_the_form_of_every_error(toy: Toy) -> None:
    router = APIRouter()

    @router.post("/body")
    async def body(body: list[int]) -> int:
        return len(body)

    async with web(toy, router) as client:
        fits, too_large = [await client.post("/body", json=[1] * count) for count in (10, 100)]
        in_parts = await client.post("/body", content=endless())

    assert (fits.status_code, fits.json()) == (200, 10)
    assert [(one.status_code, one.json()["error"]["code"]) for one in (too_large, in_parts)] == [(413, "too_large")] * 2


async def endless() -> AsyncIterator[bytes]:
    """A body without a declared length."""
    yield b"["
    for _ in range(100):
        yield b"1,"


async def test_every_answer_names_the_id_under_which_it_was_logged(toy: Toy) -> None:
    async with web(toy) as client:
        first, second = await client.get("/nowhere"), await client.get("/nowhere")

    assert first.headers["x-correlation-id"] != second.headers["x-correlation-id"]


async def test_the_access_log_holds_the_route_and_never_the_path(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    async with web(toy, failing(DatabaseUnavailable("gone"))) as client:
        await client.get("/fail/ada@example.com?token=hush")

    logged = "".join(capsys.readouterr())
    assert "/fail/{secret}" in logged
    assert "ada@example.com" not in logged
    assert "hush" not in logged


# Bodies from strangers


@pytest.mark.parametrize(
    ("encoding", "packed", "status"),
    [
        ("identity", b"x" * 50, 200),
        ("gzip", "gzip of 50", 200),
        ("gzip", "gzip of 5000", 413),
        ("gzip", b"x", 422),
        ("br", b"x", 415),
        ("identity", b"x" * 200, 413),
    ],
)
async def test_a_body_is_bounded_before_and_after_it_is_unpacked(
    toy: Toy, encoding: str, packed: bytes | str, status: int
) -> None:
    router = APIRouter()

    @router.post("/raw")
    async def raw(request: Request) -> int:
        return len(await read_body(request, 60))

    content = packed if isinstance(packed, bytes) else gzip.compress(b"x" * int(packed.rpartition(" ")[2]))
    async with web(toy, router) as client:
        response = await client.post("/raw", content=content, headers={"content-encoding": encoding})

    assert response.status_code == status


# Migrations and names


async def test_replicas_that_start_together_migrate_once(database: str) -> None:
    chain = Chain("tests.support.toy")

    await asyncio.gather(*(upgrade(database, chain) for _ in range(3)))

    db = Database(database, schema="toy")
    await db.start()
    async with db.connection() as connection:
        assert await connection.fetchval("select count(*) from alembic_version") == 1
    await db.stop()


async def test_replicas_that_start_together_on_an_empty_database_all_come_to_its_head(database: str) -> None:
    chain = Chain("tests.support.toy")

    await asyncio.gather(*(bring_to_head(database, chain) for _ in range(3)))

    assert await is_at_head(database, chain)


async def test_a_schema_is_at_its_head_between_going_up_and_going_down(database: str) -> None:
    chain = Chain("tests.support.toy")

    before = await is_at_head(database, chain)
    await upgrade(database, chain)
    up = await is_at_head(database, chain)
    await downgrade(database, chain)
    down = await is_at_head(database, chain)

    assert (before, up, down) == (False, True, False)


async def test_a_schema_of_another_release_is_not_at_its_head(database: str) -> None:
    chain = Chain("tests.support.toy")
    await upgrade(database, chain)
    db = Database(database, schema="toy")
    await db.start()
    async with db.connection() as connection:
        await connection.execute("update alembic_version set version_num = '0000'")
    await db.stop()

    assert not await is_at_head(database, chain)


@pytest.mark.parametrize("migrate", [upgrade, bring_to_head])
async def test_a_database_that_is_away_is_told_as_such_by_a_migration(
    migrate: Callable[[str, Chain], Awaitable[None]],
) -> None:
    with pytest.raises(DatabaseUnavailable):
        await migrate("postgresql://nobody@127.0.0.1:1/none", Chain("tests.support.toy"))


@pytest.mark.parametrize("package", [part.package for part in PARTS])
def test_the_head_that_is_read_as_text_is_the_one_that_alembic_finds(package: str) -> None:
    chain = Chain(package)

    assert chain.head == ScriptDirectory(str(chain.folder)).get_current_head()


def test_deployments_on_one_broker_share_no_group(database: str) -> None:
    one, other = (make_toy(database, topic_prefix=prefix).service.workers[0] for prefix in ("blue.", "green."))

    assert (one.group, other.group, one.name) == ("blue.baton-toy", "green.baton-toy", "baton-toy")


def test_lead_topics_are_kept_for_two_weeks_the_playbook_for_ever_and_dead_letters_for_a_month() -> None:
    specs = {spec.name: spec for spec in topic_specs(Settings(partitions=6))}

    assert (specs[Topic.CAPTURED].partitions, specs[Topic.CAPTURED].retention) == (6, timedelta(days=14))
    assert (specs[Topic.PLAYBOOK].partitions, specs[Topic.PLAYBOOK].retention) == (1, None)
    assert specs[Topic.PLAYBOOK].compacted
    assert specs[Topic.DEAD_LETTERS].retention == timedelta(days=30)
    assert set(specs) == set(Topic)
