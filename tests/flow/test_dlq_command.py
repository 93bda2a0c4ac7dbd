"""`baton dlq` on the dead letters of a migrated database."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from baton.flow.bus import Received, TopicSpec
from baton.flow.database import Database
from baton.flow.dead_letters import Failure, bury
from baton.flow.memory import MemoryBus
from baton.flow.reasons import Reason
from baton.flow.unit_of_work import UnitOfWork
from baton.kernel.clock import SystemClock
from baton.service.service import Service
from baton_ingest import IMPORTS
from baton_standalone import reaching
from baton_standalone.apps import PARTS, Part
from baton_standalone.cli import app
from tests.support.postgres import Databases
from tests.support.simulation import migrated

pytestmark = pytest.mark.postgres

AT = datetime(2026, 3, 27, 16, 30, tzinfo=UTC)
EVERYBODY = [
    "baton-ingest", "baton-router", "baton-router-timeline", "baton-scoring", "baton-sla-monitor", "ingest-imports",
    "retired-one",
]  # fmt: skip
LEAD = "3d21f9ee-d85e-5a10-bda2-dff7da80567a"


class OtherPartitions(MemoryBus):
    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        raise ValueError(f"partitions differ from BATON_PARTITIONS: {topics[0].name} has 4, not 12")


def record(offset: int, value: bytes) -> Received:
    return Received("baton.leads.scored", 0, offset, b"example.com", value, (("ce_type", b"lead.scored"),), AT)


@pytest.fixture
async def dead(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """One event that failed at the router, one record that is no event; the URL of the database."""
    url = await databases.create(migrated)
    monkeypatch.setenv("BATON_DATABASE_URL", url)
    database = Database(url, schema="router")
    await database.start()
    async with database.transaction() as connection:
        unit = UnitOfWork(connection, now=AT)
        failed, unreadable = Failure(Reason.FAILED, "KeyError: 'mary'", 1), Failure(Reason.UNREADABLE, "no header", 1)
        await bury(unit, record(4, b'{"email": "ada@example.com"}'), failed, consumer="baton-router", subject=LEAD)
        await bury(unit, record(5, b"???"), unreadable, consumer="baton-router-timeline", subject=None)
    await database.stop()
    yield url
    await databases.drop(url)


def baton(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["dlq", *arguments])


def test_the_list_tells_why_but_nothing_personal(dead: str) -> None:
    listed = [json.loads(line) for line in baton("list", "--json").stdout.splitlines()]

    assert [(one["id"], one["consumer"], one["reason"], one["lead_id"]) for one in listed] == [
        ("router:1", "baton-router", "failed", LEAD),
        ("router:2", "baton-router-timeline", "unreadable", None),
    ]
    assert "ada@example.com" not in json.dumps(listed)


@pytest.mark.parametrize(
    ("filter_", "ids"),
    [
        (["--consumer", "baton-router"], ["router:1"]),
        (["--reason", "unreadable"], ["router:2"]),
        (["--lead", "ada@example.com"], ["router:1"]),
        (["--since", "2026-03-27T16:31:00Z"], []),
        (["--limit", "1"], ["router:1"]),
    ],
)
def test_the_list_can_be_narrowed(dead: str, filter_: list[str], ids: list[str]) -> None:
    lines = baton("list", *filter_).stdout.splitlines()

    assert [line.split()[0] for line in lines] == ids


@pytest.mark.parametrize(
    ("filter_", "told"),
    [
        (
            ["--consumer", "baton-scoring"],
            "no dead letters like that; there are some of baton-router, baton-router-timeline",
        ),
        (["--reason", "fialed"], "'failed', 'gave_up', 'unreadable', 'too_large', 'timed_out'"),
        (["--since", "yesterday"], "write an instant like 2026-03-27T16:30:00Z, or how long ago, like 2h or 14d"),
    ],
)
def test_a_slip_in_a_filter_is_no_all_clear(dead: str, filter_: list[str], told: str) -> None:
    result = baton("list", *filter_)

    assert result.stdout == ""
    assert told in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("consumer", "hint"),
    [
        ("baton-routr", 'did you mean "baton-router"?'),
        ("retired-on", 'did you mean "retired-one"?'),
        ("nope", f"there are {', '.join(EVERYBODY)}"),
    ],
)
@pytest.mark.parametrize("command", [["list"], ["replay", "--dry-run"], ["replay"]], ids=" ".join)
async def test_a_consumer_that_nobody_is_called_is_a_mistake(
    dead: str, command: list[str], consumer: str, hint: str
) -> None:
    connection = await asyncpg.connect(dead)
    await connection.execute(
        "update router.dead_letters set consumer = 'retired-one', replayed_at = now() where id = 2"
    )
    await connection.close()

    result = await asyncio.to_thread(baton, *command, "--consumer", consumer)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f'--consumer: there is no "{consumer}": {hint}\n'


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.path)
def test_the_consumers_that_are_known_are_those_that_a_service_has(part: Part) -> None:
    clock, database = SystemClock(), Database("postgresql://baton@nowhere/baton", schema=part.chain.schema)

    service: Service = part.create(
        settings=part.kind(), bus=MemoryBus(clock), clock=clock, database=database
    ).state.service

    assert {worker.name for worker in service.workers} == {*part.consumers} - {IMPORTS}


def test_one_is_shown_whole(dead: str) -> None:
    shown = json.loads(baton("show", "router:1").stdout)

    assert (shown["value"], shown["headers"]) == ({"email": "ada@example.com"}, {"ce_type": "lead.scored"})


def test_a_dry_run_changes_nothing(dead: str) -> None:
    result = baton("replay", "--all", "--dry-run")

    assert result.stderr == "2 would be replayed\n"
    assert len(baton("list").stdout.splitlines()) == 2


def test_a_replay_takes_what_is_an_event_and_leaves_the_rest(dead: str) -> None:
    result = baton("replay", "--all", "--rate", "1000")

    assert result.stderr == "1 replayed, 1 can't be: no events at all\n"
    assert [line.split()[0] for line in baton("list").stdout.splitlines()] == ["router:2"]
    assert [line.split()[0] for line in baton("list", "--replayed").stdout.splitlines()] == ["router:1", "router:2"]


def test_a_replay_of_what_is_not_there_says_so(dead: str) -> None:
    result = baton("replay", "router:1", "router:99")

    assert result.exit_code == 1
    assert result.stderr == "1 replayed\nnot there, or replayed already: router:99\n"


def test_nothing_is_replayed_to_other_partitions_than_the_services_have(
    dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaching, "make_bus", lambda *_: OtherPartitions(SystemClock()))

    result = baton("replay", "--all")

    assert result.exit_code == 2
    assert result.stderr.startswith("partitions differ")
    assert len(baton("list").stdout.splitlines()) == 2


def test_a_replay_of_everything_has_to_be_asked_for(dead: str) -> None:
    result = baton("replay")

    assert result.exit_code == 2
    assert "--all" in result.stderr


@pytest.mark.parametrize("wrong", ["12", "nowhere:1", "router:x"])
def test_an_id_that_can_not_be_one_is_a_mistake(dead: str, wrong: str) -> None:
    result = baton("show", wrong)

    assert result.exit_code == 2
    assert "no id of a dead letter" in result.stderr
