"""`Idempotency-Key` on what people do: a command whose answer was lost is sent again, and acts once."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from baton.leads.events import LeadDeclined, LeadErased, LeadMerged, LeadReassigned, LeadTouched
from baton.service.errors import Refusal
from baton.service.idempotency import Asked, in_steps
from tests.support.postgres import Databases
from tests.support.router import Routers, migrated, running_routers

pytestmark = pytest.mark.postgres

LEAD = "/v1/leads/a@acme.com"
FAIL = """
create function fail() returns trigger language plpgsql as $$ begin raise 'disk on fire'; end $$;
create trigger fail before update on leads for each row execute function fail();
"""

HANDOVER = Asked("local", "/v1/reps/mary/handover", "k", b"{}")


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[str]:
    url = await databases.create(migrated)
    yield url
    await databases.drop(url)


@pytest.fixture
async def router(database: str) -> AsyncIterator[Routers]:
    async with running_routers(database, count=2) as routers:
        yield routers


async def kept(router: Routers) -> int:
    [row] = await router.fetch("select count(*) as count from idempotency")
    count: int = row["count"]
    return count


async def nothing_left() -> Mapping[str, object]:
    raise Refusal(404, "there is no rep, and nobody of that name has open leads")


async def twice_at_once(router: Routers, path: str, body: object) -> list[dict[str, Any]]:
    async with router.browser() as browser:
        sent = [browser.post(path, json=body, headers={"idempotency-key": "k"}) for _ in range(2)]
        answers = await asyncio.gather(*sent)
    assert [answer.status_code for answer in answers] == [200, 200]
    await router.settle()
    return [answer.json() for answer in answers]


async def test_a_decline_that_is_sent_again_takes_the_lead_from_nobody_else(router: Routers) -> None:
    await router.capture("a@acme.com")
    body = {"reason": "I know them"}

    first = await router.post(f"{LEAD}/decline", body, key="k")
    again = await router.post(f"{LEAD}/decline", body, key="k")

    assert (first["assignment"]["rep"], "duplicate" in first) == ("joe", False)
    assert again == {**first, "duplicate": True}
    assert len(await router.told(LeadDeclined)) == len(await router.told(LeadReassigned)) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("accept", None),
        ("decline", {"reason": "no"}),
        ("reassign", {"reason": "no"}),
        ("reassign", {"rep": "ann", "reason": "hers"}),
        ("touches", {"kind": "call"}),
        ("disposition", {"verdict": "sql", "reason": "budget"}),
        ("pause", {"reason": "on holiday"}),
    ],
)
async def test_every_command_acts_once_under_a_key(router: Routers, path: str, body: object) -> None:
    await router.capture("a@acme.com")
    first = await router.post(f"{LEAD}/{path}", body, key="k")
    told = await router.types()
    router.clock.advance(timedelta(minutes=5))

    again = await router.post(f"{LEAD}/{path}", body, key="k")

    assert again == {**first, "duplicate": True}
    assert await router.types() == told


async def test_a_resumed_lead_that_was_paused_since_stays_so(router: Routers) -> None:
    await router.capture("a@acme.com")
    await router.post(f"{LEAD}/pause", {"reason": "on holiday"})
    await router.post(f"{LEAD}/resume", key="k")
    await router.post(f"{LEAD}/pause", {"reason": "ill"})

    await router.post(f"{LEAD}/resume", key="k")

    assert (await router.get(LEAD))["paused"] is True


async def test_of_two_at_the_same_moment_one_acts_and_the_other_gets_its_answer(router: Routers) -> None:
    await router.capture("a@acme.com")

    first, second = await twice_at_once(router, f"{LEAD}/reassign", {"reason": "no"})

    assert sorted([first.pop("duplicate", False), second.pop("duplicate", False)]) == [False, True]
    assert first == second
    assert len(await router.told(LeadReassigned)) == 1


async def test_another_body_under_the_same_key_is_refused_and_does_nothing(router: Routers) -> None:
    await router.capture("a@acme.com")
    await router.post(f"{LEAD}/touches", {"kind": "call"}, key="k")

    answer = await router.post(f"{LEAD}/touches", {"kind": "email"}, key="k", status=422)

    assert answer["error"]["message"] == "this Idempotency-Key came with another body before"
    assert [each.touch.kind for each in await router.told(LeadTouched)] == ["call"]


async def test_a_key_is_of_its_path_and_a_lead_is_the_same_by_id_and_by_address(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    await router.capture("b@acme.com")
    body = {"kind": "call"}

    answers = [
        await router.post(f"/v1/leads/{lead}/touches", body, key="k")
        for lead in ("a@acme.com", "b@acme.com", lead_id, "A@Acme.com")
    ]

    assert [answer.get("duplicate", False) for answer in answers] == [False, False, True, True]
    assert len(await router.told(LeadTouched)) == 2


async def test_what_was_refused_leaves_the_key_free(router: Routers) -> None:
    await router.capture("a@acme.com")
    await router.post(f"{LEAD}/touches", {"kind": "call", "at": "2026-03-25T09:00:00Z"}, key="k", status=422)

    answer = await router.post(f"{LEAD}/touches", {"kind": "call"}, key="k")

    assert "duplicate" not in answer
    assert len(await router.told(LeadTouched)) == 1


async def test_a_key_that_is_too_long_is_refused(router: Routers) -> None:
    await router.capture("a@acme.com")

    answer = await router.post(f"{LEAD}/accept", key="k" * 256, status=422)

    assert answer["error"]["message"] == "Idempotency-Key is longer than 255 characters"


async def test_an_answer_is_kept_only_with_what_was_done(router: Routers) -> None:
    await router.capture("a@acme.com")
    async with router.service.database.connection() as connection:
        await connection.execute(FAIL)
        with pytest.raises(Exception, match="disk on fire"):
            await router.post(f"{LEAD}/decline", {"reason": "no"}, key="k")
        await connection.execute("drop trigger fail on leads")

    answer = await router.post(f"{LEAD}/decline", {"reason": "no"}, key="k")

    assert ("duplicate" in answer, answer["assignment"]["rep"]) == (False, "joe")
    assert len(await router.told(LeadDeclined)) == 1


async def test_a_key_counts_for_seven_days_and_is_deleted_then(router: Routers) -> None:
    await router.capture("a@acme.com")
    await router.post(f"{LEAD}/touches", {"kind": "call"}, key="k")
    router.clock.advance(timedelta(days=7, seconds=-1))
    before = await router.post(f"{LEAD}/touches", {"kind": "call"}, key="k")
    router.clock.advance(timedelta(seconds=1))
    after = await router.post(f"{LEAD}/touches", {"kind": "call"}, key="k")
    router.clock.advance(timedelta(days=7, hours=1, seconds=1))

    await router.settle()

    assert (before["duplicate"], "duplicate" in after) == (True, False)
    assert await kept(router) == 0


async def test_of_an_erased_person_no_answer_stays(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    await router.post(f"{LEAD}/accept", key="mine")
    [row] = await router.fetch("select caller, path, answer from idempotency")
    assert (row["caller"], row["path"]) == ("local", f"/v1/leads/{lead_id}/accept")
    assert b"a@acme.com" in row["answer"]

    await router.tell(LeadErased(lead_id=lead_id))

    assert await kept(router) == 0
    await router.post(f"{LEAD}/accept", key="mine", status=410)


async def test_with_either_id_of_a_merged_person_the_answer_goes(router: Routers) -> None:
    one, other = await router.capture("a@acme.com"), await router.capture("b@acme.com")
    await router.tell(LeadMerged(from_=other, into=one))
    await router.post("/v1/leads/b@acme.com/accept", key="k")

    await router.tell(LeadErased(lead_id=other))

    assert await kept(router) == 0


async def test_what_was_said_of_a_rep_is_not_said_again_over_what_was_said_since(router: Routers) -> None:
    first = await router.call("PATCH", "/v1/reps/mary", {"paused": True}, key="k")
    await router.call("PATCH", "/v1/reps/mary", {"paused": False})

    again = await router.call("PATCH", "/v1/reps/mary", {"paused": True}, key="k")

    assert again == {**first, "duplicate": True}
    assert (await router.get("/v1/reps/mary"))["paused"] is False


async def test_an_older_directory_that_comes_again_leaves_the_newer_one(router: Routers) -> None:
    def entry(owner: str) -> list[dict[str, Any]]:
        return [{"id": "acme", "name": "Acme", "owner": owner}]

    await router.call("PUT", "/v1/accounts", entry("nobody"), key="k")
    await router.call("PUT", "/v1/accounts", entry("ann"))

    again = await router.call("PUT", "/v1/accounts", entry("nobody"), key="k")

    warning = 'account acme: owner "nobody" is no rep of the playbook: its leads go on by the rules'
    assert again == {"accounts": 1, "warnings": [warning], "duplicate": True}
    assert (await router.get("/v1/accounts"))["items"][0]["owner"] == "ann"


async def test_a_handover_that_is_sent_again_leaves_what_the_rep_got_since(router: Routers) -> None:
    for name in "abc":
        await router.capture(f"{name}@{name}.example", channel="partner")
    body = {"to": "joe"}
    first = await router.post("/v1/reps/mary/handover", body, key="k")
    await router.capture("d@d.example", channel="partner")

    again = await router.post("/v1/reps/mary/handover", body, key="k")

    assert first == {"rep": "mary", "to": "joe", "moved": 3, "left": 0}
    assert again == {**first, "duplicate": True}
    assert (await router.get("/v1/reps/mary"))["open"] == 1


async def test_a_handover_that_was_broken_off_goes_on_under_its_key(router: Routers) -> None:
    await router.capture("a@a.example", channel="partner")
    await router.post("/v1/reps/mary/handover", {"to": "joe"}, key="k")
    await router.fetch("update idempotency set status = 0, answer = ''")
    await router.capture("b@b.example", channel="partner")

    await router.post("/v1/reps/mary/handover", {"to": "ann"}, key="k", status=422)
    answer = await router.post("/v1/reps/mary/handover", {"to": "joe"}, key="k")

    assert answer == {"rep": "mary", "to": "joe", "moved": 1, "left": 0}


async def test_two_handovers_at_the_same_moment_move_each_lead_once_and_get_one_answer(router: Routers) -> None:
    for name in "abcd":
        await router.capture(f"{name}@{name}.example", channel="partner")

    first, second = await twice_at_once(router, "/v1/reps/mary/handover", {"to": "joe"})

    assert sorted([first.pop("duplicate", False), second.pop("duplicate", False)]) == [False, True]
    assert first == second
    assert len(await router.told(LeadReassigned)) == 4


async def test_a_handover_that_is_refused_while_another_moves_the_leads_leaves_that_one_its_key(
    router: Routers,
) -> None:
    units, moving, moved = router.service.units, asyncio.Event(), asyncio.Event()

    async def move() -> Mapping[str, object]:
        moving.set()
        await moved.wait()
        return {"moved": 3}

    first = asyncio.create_task(in_steps(units, HANDOVER, move))
    await moving.wait()
    with pytest.raises(Refusal, match="nobody of that name"):
        await in_steps(units, HANDOVER, nothing_left)
    moved.set()
    await first

    again = await in_steps(units, HANDOVER, nothing_left)

    assert again == {"moved": 3, "duplicate": True}


async def test_a_handover_that_finds_another_has_moved_the_leads_meanwhile_gets_its_answer(router: Routers) -> None:
    units, moving = router.service.units, asyncio.Event()

    async def move() -> Mapping[str, object]:
        await moving.wait()
        return {"moved": 3}

    async def come_too_late() -> Mapping[str, object]:
        moving.set()
        await first
        return await nothing_left()

    first = asyncio.create_task(in_steps(units, HANDOVER, move))
    while not await kept(router):
        pass
    second = await in_steps(units, HANDOVER, come_too_late)

    assert (await first, second) == ({"moved": 3}, {"moved": 3, "duplicate": True})


async def test_a_handover_that_moves_the_leads_keeps_its_answer_though_the_first_was_refused_meanwhile(
    router: Routers,
) -> None:
    units, begun = router.service.units, asyncio.Event()

    async def be_refused() -> Mapping[str, object]:
        await begun.wait()
        return await nothing_left()

    async def move() -> Mapping[str, object]:
        begun.set()
        with pytest.raises(Refusal):
            await first
        return {"moved": 3}

    first = asyncio.create_task(in_steps(units, HANDOVER, be_refused))
    while not await kept(router):
        pass
    second = await in_steps(units, HANDOVER, move)

    assert second == {"moved": 3}
    assert await in_steps(units, HANDOVER, nothing_left) == {"moved": 3, "duplicate": True}


async def test_a_handover_that_is_refused_leaves_the_key_free(router: Routers) -> None:
    await router.post("/v1/reps/nobody/handover", {"to": "joe"}, key="k", status=404)

    assert await kept(router) == 0


async def test_the_reference_names_the_key_at_whatever_changes_something(router: Routers) -> None:
    paths = (await router.get("/openapi.json"))["paths"]

    calls = [(path, method, call) for path, methods in paths.items() for method, call in methods.items()]
    changing = {(path, method) for path, method, _ in calls if method != "get" and path != "/v1/route"}
    assert changing == {
        (path, method) for path, method, call in calls
        if "Idempotency-Key" in {each["name"] for each in call.get("parameters", ())}
    }  # fmt: skip
    assert len(changing) == 10
