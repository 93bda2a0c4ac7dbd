"""Imports: durable once accepted, told in their order and at their rate, behind what is live."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from baton.flow.database import StatementTimedOut
from baton.flow.deliveries import ConsumerPaused
from baton.kernel.ids import lead_id_for_email
from baton.leads.events import LeadActivity, LeadCaptured
from baton.leads.topics import Topic
from baton_ingest import IMPORTS, imports, repository
from baton_standalone.dead_letter_box import DeadLetterBox, Filter, Letter
from tests.support.ingest import PLAYBOOK, START, Ingest, migrated, running_ingest
from tests.support.postgres import Databases, somebody_waits

pytestmark = pytest.mark.postgres

ADA = lead_id_for_email("ada@acme.example")
ROWS: list[Any] = [{"email": f"p{number}@acme.example"} for number in range(7)]


@pytest.fixture
async def ingest(databases: Databases) -> AsyncIterator[Ingest]:
    """Seven leave in 350 ms."""
    url = await databases.create(migrated)
    async with running_ingest(url, playbook=f"bulk_rate: 20\n{PLAYBOOK}") as running:
        yield running
    await databases.drop(url)


async def pass_time(ingest: Ingest, seconds: float) -> None:
    """All that is due meanwhile is done when it is."""
    until = ingest.clock.now() + timedelta(seconds=seconds)
    while ingest.clock.now() < until:
        ingest.clock.advance(timedelta(milliseconds=50))
        await ingest.settle()


async def emails(ingest: Ingest) -> list[str | None]:
    return [each.lead.email for each in await ingest.told(LeadCaptured)]


async def test_what_is_accepted_leaves_in_its_order_at_the_rate_and_is_told_as_of_then(ingest: Ingest) -> None:
    answer = await ingest.send("/v1/imports", ROWS)
    first = await emails(ingest)
    await pass_time(ingest, 0.2)
    later = await emails(ingest)
    await pass_time(ingest, 1)

    told = [
        (event.data.lead.email, (event.time - START).total_seconds())
        for event in await ingest.events()
        if isinstance(event.data, LeadCaptured)
    ]
    assert (answer["accepted"], answer["refused"]) == (7, 0)
    assert [len(first), len(later), len(told)] == [2, 6, 7]
    assert [email for email, _ in told] == [row["email"] for row in ROWS]
    assert [after for _, after in told] == pytest.approx([0, 0, 0.1, 0.1, 0.2, 0.2, 0.3])
    assert (await ingest.client.get("/v1/imports")).json() == {"waiting": 0, "rate": 20}


@pytest.mark.parametrize("path", ["/v1/imports?dry_run=true", "/v1/imports"])
async def test_what_became_of_the_values_is_told_as_of_live_leads(ingest: Ingest, path: str) -> None:
    row = {
        "email": "ada@acme.example",
        "country": "Atlantis",
        "employees": "many",
        "phone": "4.91512E+11",
        "activity": {"kind": "Page View", "at": "2126-03-25T10:00:00Z"},
    }

    result = (await ingest.send(path, [row]))["results"][0]

    assert {(each["field"], each["after"] is None) for each in result["changes"]} == {
        ("country", True), ("employees", True), ("phone", True), ("activity.kind", False), ("at", False),
    }  # fmt: skip


async def test_an_import_after_a_quiet_hour_leaves_at_the_rate_too(ingest: Ingest) -> None:
    await ingest.send("/v1/imports", ROWS[:1])
    await pass_time(ingest, 1)
    ingest.clock.advance(timedelta(hours=1))
    await ingest.send("/v1/imports", ROWS[1:])

    for _ in range(5):
        await ingest.settle()

    assert await emails(ingest) == [row["email"] for row in ROWS[:3]]


async def test_a_standstill_is_not_made_up_for_by_a_flood(ingest: Ingest) -> None:
    await ingest.send("/v1/imports", [{"email": f"p{number}@acme.example"} for number in range(100)])
    await ingest.settle()
    ingest.clock.advance(timedelta(hours=1))

    for _ in range(60):
        await ingest.settle()

    assert len(await emails(ingest)) <= 2 + 20 + 2


@pytest.mark.parametrize("again", ["while it waits", "after it left"])
async def test_the_same_file_twice_is_nothing_twice(ingest: Ingest, again: str) -> None:
    rows = [*ROWS, {"email": "ada@acme.example", "kind": "webinar"}, {"email": "eve@acme.example", "event_id": "7"}]
    await ingest.send("/v1/imports", rows)
    if again == "after it left":
        await pass_time(ingest, 2)
        ingest.clock.advance(timedelta(days=90))

    second = await ingest.send("/v1/imports", rows)
    await pass_time(ingest, 2)

    assert [each["duplicate"] for each in second["results"]] == [True] * len(rows)
    assert [each["lead_id"] for each in second["results"]][:1] == [lead_id_for_email("p0@acme.example")]
    assert len(await emails(ingest)) == len(ROWS) + 1
    assert [each.activity.kind for each in await ingest.told(LeadActivity)] == ["webinar"]


async def test_what_came_live_by_its_id_is_not_imported_again_nor_the_other_way_round(ingest: Ingest) -> None:
    one, two = ({"email": "ada@acme.example", "event_id": each} for each in ("1", "2"))
    await ingest.send("/v1/leads", one)
    imported = await ingest.send("/v1/imports", [one, two])
    await pass_time(ingest, 1)

    live = await ingest.send("/v1/leads", two)

    assert [each["duplicate"] for each in imported["results"]] == [True, False]
    assert live["duplicate"] is True
    assert len(await emails(ingest)) == 2


async def test_a_row_that_is_refused_says_why_and_the_rest_goes_on(ingest: Ingest) -> None:
    rows = [{"email": "a@acme.example"}, {"email": "nobody"}, {"company": "Acme"}, 5, {"email": "a@acme.example"}]

    answer = await ingest.send("/v1/imports", rows)
    await pass_time(ingest, 1)

    refused = [each.get("error", {}).get("message") for each in answer["results"]]
    assert (answer["accepted"], answer["refused"]) == (2, 3)
    assert (refused[0], refused[4]) == (None, None)
    assert all(refused[1:4])
    assert answer["results"][4]["duplicate"] is True
    assert await emails(ingest) == ["a@acme.example"]


async def test_a_dry_run_tells_what_would_become_of_each_and_keeps_nothing(ingest: Ingest) -> None:
    rows = [{"email": "a@acme.example", "employees": "about 150"}, {"company": "Acme"}]

    answer = await ingest.send("/v1/imports?dry_run=true", rows)

    assert answer["results"][0]["changes"][0]["field"] == "employees"
    assert "error" in answer["results"][1]
    assert await ingest.count("imports") == 0


async def test_who_is_erased_while_waiting_is_never_told_by_that_file(ingest: Ingest) -> None:
    await ingest.send("/v1/imports", [*ROWS, {"email": "ada@acme.example"}])
    await ingest.call("DELETE", "/v1/leads/ada@acme.example", status=202)

    again = await ingest.send("/v1/imports", [{"email": "ada@acme.example"}])
    await pass_time(ingest, 2)

    assert await emails(ingest) == [row["email"] for row in ROWS]
    assert again["results"] == [{"lead_id": None, "duplicate": True}]


async def test_who_is_erased_by_the_release_before_meanwhile_is_never_told(ingest: Ingest) -> None:
    await ingest.send("/v1/imports", [{"email": "ada@acme.example"}, *ROWS])
    async with ingest.service.database.connection() as connection:
        await connection.execute("insert into erased values ($1, $2)", ADA, ingest.clock.now())

    await pass_time(ingest, 2)

    assert await emails(ingest) == [row["email"] for row in ROWS]


async def test_who_is_being_erased_as_their_row_is_about_to_leave_is_neither_told_nor_waited_for(
    ingest: Ingest,
) -> None:
    await ingest.send("/v1/imports", [{"email": "ada@acme.example"}, *ROWS[:1]])

    async with ingest.service.units.begin() as erasing:
        await repository.merge_alone(erasing.connection)
        leaving = asyncio.create_task(step(ingest, 1))
        async with ingest.service.database.connection() as watching:
            await somebody_waits(watching)
        await repository.erase(erasing.connection, ADA, at=erasing.now)
    left = await leaving

    assert left == ["1 left"]
    assert await emails(ingest) == [ROWS[0]["email"]]
    assert (await ingest.count("imports"), await letters(ingest)) == (0, [])


async def test_who_is_erased_while_their_row_leaves_is_erased_with_what_was_to_be_told(ingest: Ingest) -> None:
    await ingest.send("/v1/imports", [{"email": "ada@acme.example"}, *ROWS[:1]])

    async with ingest.service.units.begin() as leaving:
        path = ingest.app.state.reception.path
        rows = await imports.take(leaving, path, most=2, rate=20)
        erasing = asyncio.create_task(ingest.call("DELETE", "/v1/leads/ada@acme.example", status=202))
        async with ingest.service.database.connection() as watching:
            await somebody_waits(watching)
        ingest.clock.advance(timedelta(seconds=1))
        await imports.tell(leaving, path, rows)
    await erasing

    told = [(event.type, event.time) for event in await ingest.events() if event.data.subject == ADA]
    assert told == [("lead.erased", START + timedelta(seconds=1))]
    assert await emails(ingest) == [ROWS[0]["email"]]
    assert [await ingest.count(table) for table in ("imports", "outbox", "dead_letters")] == [0, 0, 0]
    assert {row["lead_id"] for row in await ingest.fetch("select lead_id from ledger")} == {
        None, lead_id_for_email(ROWS[0]["email"]),
    }  # fmt: skip


async def test_nothing_leaves_while_much_waits_for_the_bus(ingest: Ingest) -> None:
    async with ingest.service.database.connection() as connection:
        await connection.execute(
            "insert into outbox (lane, topic, key, headers, value)"
            " select 99, 'baton.leads.captured', '', '[]', '' from generate_series(1, 501)"
        )
    await ingest.send("/v1/imports", ROWS)
    for timer in ingest.service.timers:
        await timer.step()
    held_back = await ingest.count("imports")
    async with ingest.service.database.connection() as connection:
        await connection.execute("delete from outbox")
    await pass_time(ingest, 1)

    assert held_back == len(ROWS)
    assert len(await emails(ingest)) == len(ROWS)


# What can't be told

FAILING = ROWS[3]["email"]
OTHERS = [row["email"] for row in ROWS if row["email"] != FAILING]


async def refuse(
    ingest: Ingest, where: str = f"new.lead_id = '{lead_id_for_email(FAILING)}'", code: str = "P0001"
) -> None:
    """Let the database fail at what is said of these people, with that SQLSTATE."""
    async with ingest.service.database.connection() as connection:
        await connection.execute(
            "create function refuse() returns trigger language plpgsql as"
            f" $$ begin raise exception 'disk of ada@acme.example' using errcode = '{code}'; end $$"
        )
        await connection.execute(
            f"create trigger refuse before insert on accounts for each row when ({where}) execute function refuse()"
        )


async def accept(ingest: Ingest) -> None:
    """What `refuse` began ends."""
    async with ingest.service.database.connection() as connection:
        await connection.execute("drop function refuse cascade")


def box(ingest: Ingest) -> DeadLetterBox:
    return DeadLetterBox({"ingest": ingest.service.database})


async def letters(ingest: Ingest) -> list[Letter]:
    return await box(ingest).find(Filter(), limit=1000)


async def replay(ingest: Ingest) -> None:
    """As `baton dlq replay --all` does it."""
    assert await box(ingest).replay(await letters(ingest), bus=ingest.bus, clock=ingest.clock, rate=None)
    await pass_time(ingest, 16)


async def step(ingest: Ingest, times: int) -> list[str]:
    """Let the imports leave, so often; what each time comes of it."""
    (timer,) = [each for each in ingest.service.timers if each.name == IMPORTS]
    told = []
    for _ in range(times):
        ingest.clock.advance(timedelta(milliseconds=100))
        try:
            told.append(f"{await timer.step()} left")
        except (StatementTimedOut, ConsumerPaused) as error:
            told.append(type(error).__name__)
    return told


def buried() -> float:
    """As the metric counts them, since the tests began."""
    return REGISTRY.get_sample_value("baton_records_dead_lettered_total", {"consumer": "ingest-imports"}) or 0


async def test_what_can_not_be_told_is_a_dead_letter_and_keeps_nothing_behind_it(ingest: Ingest) -> None:
    before = buried()
    await refuse(ingest)
    await ingest.send("/v1/imports", ROWS)

    await pass_time(ingest, 2)

    (letter,) = await letters(ingest)
    content = await box(ingest).content(letter)
    copies = [each async for each in ingest.bus.read(Topic.DEAD_LETTERS, follow=False)]
    assert await emails(ingest) == OTHERS
    assert (letter.consumer, letter.reason, letter.lead_id) == ("ingest-imports", "failed", lead_id_for_email(FAILING))
    assert content["value"]["fields"]["email"] == FAILING
    assert [dict(copy.headers)["dl_consumer"] for copy in copies] == [b"ingest-imports"]
    assert buried() == before + 1


async def test_what_was_stored_and_can_not_be_read_any_more_keeps_nothing_behind_it(ingest: Ingest) -> None:
    await ingest.send("/v1/imports", ROWS)
    await ingest.fetch(r"update imports set told = '\xff00' where lead_id = $1", lead_id_for_email(FAILING))

    await pass_time(ingest, 2)

    assert await emails(ingest) == OTHERS
    assert [each.lead_id for each in await letters(ingest)] == [lead_id_for_email(FAILING)]


async def test_a_dead_letter_of_an_import_is_told_once_when_it_is_replayed(ingest: Ingest) -> None:
    await refuse(ingest)
    await ingest.send("/v1/imports", ROWS)
    await pass_time(ingest, 2)

    again = await ingest.send("/v1/imports", ROWS)
    await replay(ingest)
    failed_again = [each.id for each in await letters(ingest)]
    await accept(ingest)
    await replay(ingest)
    at_last = await ingest.send("/v1/imports", ROWS)
    await pass_time(ingest, 2)

    assert [each["duplicate"] for each in again["results"]] == [True] * len(ROWS)
    assert failed_again == ["ingest:1"]
    assert await letters(ingest) == []
    assert await emails(ingest) == [*OTHERS, FAILING]
    assert [each["duplicate"] for each in at_last["results"]] == [True] * len(ROWS)


async def test_what_was_told_live_before_its_import_died_is_not_told_by_a_replay(ingest: Ingest) -> None:
    row = {"email": FAILING, "event_id": "7"}
    await ingest.send("/v1/imports", row)
    await ingest.send("/v1/leads", row)
    await ingest.fetch(r"update imports set told = '\xff00'")
    await pass_time(ingest, 1)

    await replay(ingest)

    assert await emails(ingest) == [FAILING]
    assert (await ingest.count("imports"), await letters(ingest)) == (0, [])


async def test_what_comes_live_after_its_import_died_is_told_and_not_again_by_a_replay(ingest: Ingest) -> None:
    row = {"email": FAILING, "event_id": "7"}
    await ingest.send("/v1/imports", row)
    await ingest.fetch(r"update imports set told = '\xff00'")
    await pass_time(ingest, 1)
    died = await letters(ingest)

    live = await ingest.send("/v1/leads", row)
    imported = await ingest.send("/v1/imports", row)
    await replay(ingest)

    assert [each.lead_id for each in died] == [lead_id_for_email(FAILING)]
    assert live["duplicate"] is False
    assert imported["results"][0]["duplicate"]
    assert await emails(ingest) == [FAILING]
    assert (await ingest.count("imports"), await letters(ingest)) == (0, [])


@pytest.mark.parametrize("when", ["as a dead letter", "once replayed"])
async def test_who_is_erased_with_a_dead_import_is_never_told_by_that_file(ingest: Ingest, when: str) -> None:
    await refuse(ingest)
    await ingest.send("/v1/imports", ROWS)
    await pass_time(ingest, 2)
    await accept(ingest)
    if when == "once replayed":
        await box(ingest).replay(await letters(ingest), bus=ingest.bus, clock=ingest.clock, rate=None)

    await ingest.call("DELETE", f"/v1/leads/{FAILING}", status=202)
    again = await ingest.send("/v1/imports", ROWS)
    await pass_time(ingest, 20)

    assert await emails(ingest) == OTHERS
    assert again["results"][3] == {"lead_id": None, "duplicate": True}
    assert [await ingest.count(table) for table in ("dead_letters", "retries", "imports")] == [0, 0, 0]


async def test_a_slice_that_takes_too_long_comes_again_and_buries_nobody_at_once(ingest: Ingest) -> None:
    await refuse(ingest, code="57014")
    await ingest.send("/v1/imports", [*ROWS[2:5]])

    slow = await step(ingest, 2)
    waiting = await ingest.count("imports")
    await accept(ingest)
    await pass_time(ingest, 1)

    assert slow == ["StatementTimedOut"] * 2
    assert waiting == 3
    assert await letters(ingest) == []
    assert await emails(ingest) == [row["email"] for row in ROWS[2:5]]


async def test_only_what_takes_too_long_by_itself_again_and_again_is_dead(ingest: Ingest) -> None:
    await refuse(ingest, code="57014")
    await ingest.send("/v1/imports", [*ROWS[2:5]])

    came = await step(ingest, 20)

    (letter,) = await letters(ingest)
    slow = "StatementTimedOut"
    assert came[:14] == [slow, slow, "2 left", "1 left", *[slow] * 9, "1 left"]
    assert (letter.lead_id, letter.reason, letter.attempts) == (lead_id_for_email(FAILING), "timed_out", 10)
    assert await emails(ingest) == [ROWS[2]["email"], ROWS[4]["email"]]


async def test_where_nothing_can_be_told_the_imports_wait_rather_than_die(ingest: Ingest) -> None:
    many = [{"email": f"p{number}@acme.example"} for number in range(100)]
    await refuse(ingest, where="true")
    await ingest.send("/v1/imports", many)

    came = await step(ingest, 120)

    assert came.index("ConsumerPaused") < 80
    dead, waiting = len(await letters(ingest)), await ingest.count("imports")
    assert dead + waiting == len(many)
    assert waiting > 0


async def test_how_many_wait_is_a_metric(ingest: Ingest) -> None:
    await ingest.send("/v1/imports", ROWS)
    ingest.clock.advance(timedelta(minutes=1))
    await ingest.settle()

    assert REGISTRY.get_sample_value("baton_ingest_imports_waiting") == len(ROWS) - 2


async def test_without_the_scope_nothing_is_imported(ingest: Ingest) -> None:
    refused = await ingest.client.post("/v1/imports", json=ROWS, headers={"x-forwarded-for": "192.0.2.1"})

    assert refused.status_code == 401
    assert await ingest.count("imports") == 0
