"""All that is held of a person: told by each service, and deleted by an erasure, from one declaration."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, Final
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

from baton.flow import held
from baton.flow.database import Connection, Database
from baton.flow.held import Held
from baton.kernel.ids import lead_id_for_email
from baton_standalone.apps import PARTS, Part
from tests.support.postgres import Databases
from tests.support.simulation import migrated
from tests.support.staging import Staged, staged

pytestmark = pytest.mark.postgres

START = datetime(2026, 3, 25, 15, tzinfo=UTC)
LEAD: Final = lead_id_for_email("ada@acme.example")
OTHER: Final = lead_id_for_email("bob@beta.example")
NOBODYS: Final = {
    "inbox",  # ids of events
    "router.turns", "router.reps",  # whose turn it is; what reps are and said
    "router.accounts", "router.account_domains",  # companies
    "sla.terms",  # of policies
    "ingest.import_pace",  # an instant
}  # fmt: skip
OF_SERVICES = pytest.mark.parametrize("part", PARTS, ids=lambda part: part.path)


def declared(part: Part) -> tuple[Held, ...]:
    of_service: tuple[Held, ...] = import_module(f"{part.package}.held").HELD
    return of_service


def tables(part: Part) -> dict[str, sa.Table]:
    metadata: sa.MetaData = import_module(f"{part.package}.models").metadata
    return {table.name: table for table in metadata.sorted_tables}


@OF_SERVICES
def test_every_table_has_a_persons_rows_or_nobodys(part: Part) -> None:
    nobodys = {name for name in tables(part) if {name, f"{part.chain.schema}.{name}"} & NOBODYS}

    assert {each.table for each in declared(part)} == tables(part).keys() - nobodys


@OF_SERVICES
async def test_a_row_of_each_table_is_told_and_erased_and_those_of_others_are_not(
    databases: Databases, part: Part
) -> None:
    url = await databases.create(migrated)
    database = Database(url, schema=part.chain.schema)
    await database.start()
    async with database.transaction() as connection:
        for lead in (LEAD, OTHER):
            for table in tables(part).values():
                await insert(connection, table, of=lead)

        before = await told(connection, part, LEAD)
        await held.erase(connection, declared(part), LEAD, at=START + timedelta(days=1))
        left, others = await told(connection, part, LEAD), await told(connection, part, OTHER)
    await database.stop()
    await databases.drop(url)

    every = {each.table for each in declared(part)}
    settled = {each.table for each in declared(part) if each.instead == ()}
    assert before.keys() == every
    assert left.keys() == settled
    assert others.keys() == every


async def insert(connection: Connection, table: sa.Table, *, of: str) -> None:
    """A row of that table about a lead; what isn't the lead's own id differs from lead to lead only where it must."""
    row = {column.name: value(column, of) for column in table.columns if column.identity is None}
    places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await connection.execute(
        f"insert into {table.schema}.{table.name} ({', '.join(row)}) values ({places}) on conflict do nothing",  # noqa: S608
        *row.values(),
    )


def value(column: sa.Column[Any], lead: str) -> object:
    content = b"[]" if column.name == "headers" else b'{"of": "somebody"}'
    text = f"{column.name} of {lead}" if column.name in {"source", "vendor_id"} else lead
    number = 1 if lead == LEAD else 2  # as the timeline counts
    values: dict[type, object] = {
        sa.DateTime: START, sa.Date: START.date(), sa.Boolean: True, sa.UUID: UUID(lead), ARRAY: [lead], BYTEA: content,
        sa.Text: text, sa.Integer: number, sa.Double: number,
    }  # fmt: skip
    return next(each for kind, each in values.items() if isinstance(column.type, kind))


async def told(connection: Connection, part: Part, lead: str) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    async for table, rows in held.read(connection, declared(part), [lead]):
        found.setdefault(table, []).extend(rows)
    return found


async def lines(house: Staged, service: str, lead: str, **params: Any) -> list[dict[str, Any]]:
    answer = await house.client.get(f"/{service}/v1/leads/{lead}/held", params=params)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.content.splitlines()]


async def by_table(house: Staged, service: str, lead: str, **params: Any) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in (await lines(house, service, lead, **params))[1:-1]:
        found.setdefault(line["table"], []).append(line["row"])
    return found


async def capture(house: Staged, *leads: Mapping[str, Any], key: str | None = None) -> None:
    headers = {} if key is None else {"idempotency-key": key}
    answer = await house.client.post("/ingest/v1/leads", json=leads, headers=headers)
    assert answer.status_code == 202, answer.text
    await house.stage.settle()


ADA: Final = {"email": "ada@acme.example", "employees": "about 150", "country": "USA", "activity": "demo_request"}
BOB: Final = {"email": "bob@beta.example", "title": "VP", "employees": "many"}


async def test_each_service_tells_its_own_in_words(databases: Databases) -> None:
    async with staged(databases, start=START) as house:
        await capture(house, ADA)
        await house.stage.let_watch()

        scoring = await by_table(house, "scoring", "ada@acme.example")
        router = await by_table(house, "router", LEAD)
        sla = await by_table(house, "sla", LEAD)

    assert scoring["profiles"][0]["fields"]["country"] == [["US", "2026-03-25T15:00:00Z"], None]
    assert [each["kind"] for each in scoring["activities"]] == ["demo_request"]
    assert scoring["scores"][0]["at"] == "2026-03-25T15:00:00Z"
    assert router["assignments"][0]["data"]["rule"] == "Demo request"
    stories = {each["type"]: each["data"] for each in router["timeline"]}
    assert [each["field"] for each in stories["lead.captured"]["changes"]] == ["country", "employees"]
    assert stories["lead.assigned"]["trace"]["candidates"]
    assert {each["policy"] for each in sla["clocks"]} >= {"absolute-max"}
    assert {each["kind"] for each in sla["leads"][0]["facts"]} >= {"captured"}


async def test_the_reference_of_each_service_has_it(databases: Databases) -> None:
    async with staged(databases, start=START) as house:
        documents = [(await house.client.get(f"/{part.path}/openapi.json")).json() for part in PARTS]

    for document in documents:
        answer = document["paths"]["/v1/leads/{lead}/held"]["get"]["responses"]["200"]
        assert list(answer["content"]) == ["application/x-ndjson"]


async def test_ingest_knows_the_person_under_all_ids_and_tells_nothing_of_others(databases: Databases) -> None:
    async with staged(databases, start=START) as house:
        await capture(house, ADA, BOB, key="monday")
        await capture(house, {"email": "ada@new.example"})
        await house.client.post("/ingest/v1/leads/ada@acme.example/merge", json={"into": "ada@new.example"})
        await house.stage.settle()

        first, *rows, last = await lines(house, "ingest", "ada@acme.example")

    new = lead_id_for_email("ada@new.example")
    assert first == {"lead_ids": sorted([LEAD, new])}
    assert last == {"rows": len(rows)}
    assert [each["row"]["into_lead"] for each in rows if each["table"] == "aliases"] == [new]
    (answered,) = (each["row"] for each in rows if each["table"] == "idempotency")
    assert [each["lead_id"] for each in answered["answer"]["results"]] == [LEAD]
    assert (answered["key"], answered["lead_ids"]) == ("monday", [LEAD])
    assert OTHER not in json.dumps(rows)


async def test_a_service_that_is_told_further_ids_tells_of_them_too(databases: Databases) -> None:
    async with staged(databases, start=START) as house:
        await capture(house, ADA, BOB)

        found = await by_table(house, "scoring", LEAD, also=[OTHER])

    assert sorted(each["lead_id"] for each in found["profiles"]) == sorted([LEAD, OTHER])


async def test_of_who_was_erased_there_is_the_instant_and_nothing_else(databases: Databases) -> None:
    async with staged(databases, start=START) as house:
        await capture(house, ADA, key="monday")
        await house.stage.let_watch()
        await house.client.delete("/ingest/v1/leads/ada@acme.example")
        await house.stage.settle()
        await house.stage.let_watch()

        found = {part.path: await by_table(house, part.path, LEAD) for part in PARTS}

    erased = {"erased": [{"lead_id": LEAD, "at": "2026-03-25T15:00:00Z"}]}
    assert {path: {**each, "timeline": None} for path, each in found.items() if path != "router"} == {
        path: {**erased, "timeline": None} for path in ("ingest", "scoring", "sla")
    }
    assert found["router"]["erased"] == erased["erased"]
    assert {each["type"] for each in found["router"].pop("timeline", [])} <= {"lead.erased", "sla.cancelled"}
