"""Ingest on a real PostgreSQL: what came in is durable, once, and answered in the sender's own form."""

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from baton.kernel.ids import lead_id_for_email
from baton.leads.events import LeadActivity, LeadCaptured, LeadErased, LeadMerged, LeadUnmerged
from baton.service.chains import Chain
from baton.service.migrations import check, downgrade, upgrade
from baton_ingest import path as way_in
from baton_ingest import repository
from baton_ingest.merging import merge
from baton_ingest.remote_dry_run import RemoteDryRun
from baton_ingest.try_out import TryOut
from tests.support.ingest import SECRET, Ingest, empty, migrated, running_ingest
from tests.support.postgres import Databases, somebody_waits

HUBSPOT_URL = "https://leads.example.com/in"
BEARER = {"authorization": f"Bearer {SECRET}"}
SOAP = """<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>
<notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D000000000001EAA</OrganizationId>
 <Notification><Id>04l000000000001AAA</Id>
  <sObject xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>00Q000000000001EAA</sf:Id>{fields}</sObject>
 </Notification></notifications></soapenv:Body></soapenv:Envelope>"""


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", SECRET)


@pytest.fixture(scope="module")
def emptied(databases: Databases) -> Iterator[str]:
    """One database for all tests here: to empty its tables is a tenth of the work of making it."""
    url = asyncio.run(databases.create(migrated))
    yield url
    asyncio.run(databases.drop(url))


@pytest.fixture
async def ingest(emptied: str) -> AsyncIterator[Ingest]:
    await empty(emptied)
    async with running_ingest(emptied) as running:
        yield running


LATE = "scoring and the router did not answer in time"


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """Takes a connection, and says nothing until it is given up."""
    given_up = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        given_up.set()

    server = await asyncio.start_server(wait, "127.0.0.1", 0)
    async with server:
        yield "http://127.0.0.1:{1}".format(*server.sockets[0].getsockname())
        await given_up.wait()


def hubspot(body: bytes) -> dict[str, Any]:
    """A workflow's webhook, signed by v2."""
    signature = hashlib.sha256(SECRET.encode() + b"POST" + HUBSPOT_URL.encode() + body).hexdigest()
    headers = {"x-hubspot-signature-version": "v2", "x-hubspot-signature": signature}
    return {"content": body, "headers": {**headers, "content-type": "application/json"}}


def contact(vid: int, email: str | None = None, *, conversion: str = "c1", merged: str = "") -> dict[str, Any]:
    properties = f'"email":{{"value":"{email}"}}' if email else '"firstname":{"value":"Mia"}'
    text = (
        f'{{"vid":{vid},"canonical-vid":{vid},"portal-id":1,"merged-vids":[{merged}],"properties":{{{properties}}},'
        f'"form-submissions":[{{"conversion-id":"{conversion}","timestamp":1768471100000}}]}}'
    )
    return hubspot(text.encode())


def salesforce(fields: str = "<sf:Email>una@fir.example</sf:Email>") -> dict[str, Any]:
    return {
        "content": SOAP.format(fields=fields).encode(), "params": {"token": SECRET},
        "headers": {"content-type": "text/xml"},
    }  # fmt: skip


MARKETO = {"event": "webinar", "lead_id": "88", "email": "kai@birch.example", "sent_at": "2026-01-15T09:00:00Z",
           "campaign_id": "12"}  # fmt: skip
WAYS: dict[str, tuple[str, dict[str, Any], str]] = {
    "json": ("/v1/leads", {"json": {"email": "Ada@Acme.example", "activity": "demo_request"}}, "ada@acme.example"),
    "form": ("/v1/sources/demo-form", {"data": {"work_email": "bob@beta.example"}}, "bob@beta.example"),
    "hubspot": ("/v1/sources/hubspot", contact(7, "mia@oak.example"), "mia@oak.example"),
    "marketo": ("/v1/sources/marketo", {"json": MARKETO, "headers": BEARER}, "kai@birch.example"),
    "salesforce": ("/v1/sources/salesforce", salesforce(), "una@fir.example"),
}
EACH_WAY = pytest.mark.parametrize(("path", "sent", "email"), WAYS.values(), ids=WAYS.keys())

# What comes in


@EACH_WAY
async def test_a_lead_from_each_way_in_becomes_one_event(
    ingest: Ingest, path: str, sent: dict[str, Any], email: str
) -> None:
    answer = await ingest.client.post(path, **sent)

    assert answer.status_code in {200, 202}, answer.text
    (captured,) = await ingest.told(LeadCaptured)
    assert (captured.lead.email, captured.lead.lead_id) == (email, lead_id_for_email(email))
    assert captured.lead.source == path.rpartition("/")[2].replace("leads", "api")
    assert captured.proven is (path != "/v1/sources/demo-form")


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/v1/sources/demo-form", {"data": {"work_email": "bob@beta.example", "note": "long " * 100_000}}),
        ("/v1/sources/salesforce", salesforce(f"<sf:Email>bob@beta.example</sf:Email><sf:X>{'x' * 500_000}</sf:X>")),
    ],
    ids=["form", "salesforce"],
)
async def test_a_large_body_is_proved_and_read_like_a_small_one(
    ingest: Ingest, path: str, sent: dict[str, Any]
) -> None:
    answer = await ingest.client.post(path, **sent)
    unproven = await ingest.client.post(path, **{**sent, "params": {"token": "wrong"}})

    assert answer.status_code in {200, 202}, answer.text
    assert unproven.status_code == (401 if path.endswith("salesforce") else 202)
    assert [captured.lead.email for captured in await ingest.told(LeadCaptured)] == ["bob@beta.example"]


@EACH_WAY
async def test_the_same_five_times_is_one_event_and_the_same_answer(
    ingest: Ingest, path: str, sent: dict[str, Any], email: str
) -> None:
    answers = [await ingest.client.post(path, **sent) for _ in range(5)]

    assert len({answer.status_code for answer in answers}) == 1
    assert [captured.lead.email for captured in await ingest.told(LeadCaptured)] == [email]
    if path != "/v1/sources/salesforce":  # its answer has no room for it
        told = [answer.json() for answer in answers]
        assert [each["duplicate"] for each in told] == [False, True, True, True, True]
        assert {each["lead_id"] for each in told} == {lead_id_for_email(email)}


@EACH_WAY
async def test_the_same_many_times_at_once_is_one_event(
    ingest: Ingest, path: str, sent: dict[str, Any], email: str
) -> None:
    answers = await asyncio.gather(*(ingest.client.post(path, **sent) for _ in range(40)))

    assert len({answer.status_code for answer in answers}) == 1
    assert [captured.lead.email for captured in await ingest.told(LeadCaptured)] == [email]


async def test_groups_that_run_at_the_same_time_agree_on_the_first(ingest: Ingest) -> None:
    ingest.app.state.reception.path.linger_seconds = 0
    bodies = [
        [{"email": f"p{n}@acme.example", "event_id": str(n)} for n in order] for order in (range(50), range(49, -1, -1))
    ]

    answers = await asyncio.gather(*(ingest.send("/v1/leads", bodies[n % 2]) for n in range(20)))

    results = [result for answer in answers for result in answer["results"]]
    assert sum(not result["duplicate"] for result in results) == 50
    assert len(await ingest.told(LeadCaptured)) == 50


async def test_two_equal_ones_in_one_array_are_one(ingest: Ingest) -> None:
    lead = {"email": "ada@acme.example"}

    answer = await ingest.send("/v1/leads", [lead, lead])

    assert [result["duplicate"] for result in answer["results"]] == [False, True]
    assert len(await ingest.told(LeadCaptured)) == 1


async def test_an_array_with_bad_items_takes_the_good_ones(ingest: Ingest) -> None:
    items = [{"email": "a@acme.example"}, {"company": "Acme"}, 5, {"email": "b@acme.example", "at": "soon"}]

    answer = await ingest.send("/v1/leads", items)

    assert (answer["accepted"], answer["refused"]) == (1, 3)
    assert ["error" in result for result in answer["results"]] == [False, True, True, True]
    assert len(await ingest.told(LeadCaptured)) == 1


async def test_the_same_words_are_a_new_capture_after_ten_minutes(ingest: Ingest) -> None:
    first = await ingest.send("/v1/leads", {"email": "ada@acme.example"})
    ingest.clock.advance(timedelta(minutes=10))
    second = await ingest.send("/v1/leads", {"email": "ada@acme.example"})

    assert (first["duplicate"], second["duplicate"]) == (False, False)
    assert len({event.id for event in await ingest.events()}) == 2


async def test_what_normalising_changed_is_told_and_kept(ingest: Ingest) -> None:
    answer = await ingest.send("/v1/leads", {"email": "ada@acme.example", "employees": "about 150"})

    (captured,) = await ingest.told(LeadCaptured)
    assert [(each["field"], each["before"], each["after"]) for each in answer["changes"]] == [
        ("employees", "about 150", None)
    ]
    assert [change.model_dump(mode="json") for change in captured.changes] == answer["changes"]


async def test_a_test_is_marked(ingest: Ingest) -> None:
    await ingest.send("/v1/leads", {"email": "ada@acme.example", "test": True})

    assert [captured.test for captured in await ingest.told(LeadCaptured)] == [True]


async def test_a_test_says_why_it_is_not_told_what_would_happen(ingest: Ingest) -> None:
    answer = await ingest.send("/v1/leads", {"email": "ada@acme.example", "test": True})
    repeat = await ingest.send("/v1/leads", {"email": "ada@acme.example", "test": True})

    assert answer["trace"] is None
    assert "BATON_SCORING_URL and BATON_ROUTER_URL" in answer["why"]
    assert repeat == {"lead_id": answer["lead_id"], "duplicate": True}


async def test_a_test_is_answered_while_those_who_would_decide_are_silent(ingest: Ingest) -> None:
    async with silent_server() as url:
        ingest.app.state.reception.try_out = TryOut(RemoteDryRun(url, url, key=None), patience_seconds=0.05)
        leads = [{"email": f"{name}@acme.example", "test": name != "real"} for name in ("ada", "real", "bob")]

        answer = await ingest.send("/v1/leads", leads)

    assert [result.get("why") for result in answer["results"]] == [LATE, None, LATE]
    assert len(await ingest.told(LeadCaptured)) == 3


async def test_under_an_idempotency_key_a_test_gets_its_first_answer_again(ingest: Ingest) -> None:
    first, again = [
        await ingest.send("/v1/leads", {"email": "ada@acme.example", "test": True}, headers={"idempotency-key": "1"})
        for _ in range(2)
    ]

    assert again == {**first, "duplicate": True}


async def test_a_lead_may_name_a_source_of_the_playbook_or_another(ingest: Ingest) -> None:
    await ingest.send("/v1/leads", [{"email": f"{name}@acme.example", "source": name} for name in ("partner", "fair")])

    captured = [(each.lead.source, each.lead.channel, each.proven) for each in await ingest.told(LeadCaptured)]
    assert captured == [("partner", "partner", True), ("fair", None, True)]


async def test_a_source_that_is_open_proves_nothing(ingest: Ingest) -> None:
    await ingest.send("/v1/sources/partner", {"email": "ada@acme.example", "source": "api"})

    (captured,) = await ingest.told(LeadCaptured)
    assert (captured.proven, captured.lead.source) == (False, "partner")


async def test_the_senders_trace_goes_on_if_it_is_one(ingest: Ingest) -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"

    for sent in (trace, "nonsense"):
        await ingest.send("/v1/leads", {"email": "ada@acme.example", "event_id": sent}, headers={"traceparent": sent})

    assert [event.traceparent for event in await ingest.events()] == [trace, None]


@pytest.mark.parametrize(
    "odd",
    [{"event_id": "x" * 5000}, {"event_id": "a\0b"}, {"source": "s\0" * 300}, {"company": "\0"}, {"activity": "\0"},
     {"activity": {"kind": "k", "id": "\0", "data": {"\0": "\0"}}}, {"own": {"a": [[[[[[[[[[1]]]]]]]]]]}}],
)  # fmt: skip
async def test_what_no_database_holds_doesnt_stop_a_lead(ingest: Ingest, odd: dict[str, object]) -> None:
    sent = {"email": "ada@acme.example", **odd}

    answers = [await ingest.send("/v1/leads", sent) for _ in range(2)]

    assert [answer["duplicate"] for answer in answers] == [False, True]
    assert len(await ingest.told(LeadCaptured)) == 1


# Activities


async def test_an_activity_by_id_goes_with_the_account_of_its_lead(ingest: Ingest) -> None:
    lead = await ingest.send("/v1/leads", {"email": "ada@acme.example"})

    answer = await ingest.send("/v1/activities", {"lead_id": lead["lead_id"], "kind": "page_view", "id": "a1"})

    assert answer == {"lead_id": lead["lead_id"], "duplicate": False}
    event = (await ingest.events())[-1]
    assert isinstance(event.data, LeadActivity)
    assert (event.key, event.data.account, event.data.activity.id) == ("acme.example", "acme.example", "a1")


async def test_an_activity_of_a_lead_that_nobody_knows_goes_under_its_id(ingest: Ingest) -> None:
    lead_id = lead_id_for_email("x@y.example")

    await ingest.send("/v1/activities", {"lead_id": lead_id.upper(), "kind": "page_view"})

    (event,) = await ingest.events()
    assert (event.key, event.data.subject) == (lead_id, lead_id)


async def test_activities_come_by_address_too_and_in_arrays(ingest: Ingest) -> None:
    items = [
        {"email": "ada@acme.example", "kind": "call", "by": "mary", "at": "2026-01-15T09:00:00Z", "source": "dialer"},
        {"phone": "+14155550100", "kind": "sms"},
        {"email": "ada@acme.example"},
        {"kind": "call"},
        {"lead_id": "7", "kind": "call"},
        {"email": "ada@acme.example", "kind": "!"},
    ]

    answer = await ingest.send("/v1/activities", items)

    assert (answer["accepted"], answer["refused"]) == (2, 4)
    call, sms = await ingest.told(LeadActivity)
    assert (call.by, call.activity.source, call.activity.kind) == ("mary", "dialer", "call")
    assert (sms.account, sms.activity.source) == (None, "api")


async def test_an_activity_without_id_and_time_repeats_within_ten_minutes(ingest: Ingest) -> None:
    sent = {"email": "ada@acme.example", "kind": "page_view", "data": {"page": "/"}}
    answers = [await ingest.send("/v1/activities", sent) for _ in range(2)]
    other = await ingest.send("/v1/activities", {**sent, "data": {"page": "/pricing"}})

    assert [answer["duplicate"] for answer in (*answers, other)] == [False, True, False]
    assert len({activity.activity.id for activity in await ingest.told(LeadActivity)}) == 2


async def test_what_is_told_twice_in_one_array_keeps_its_first_place(ingest: Ingest) -> None:
    pages = ("/", "/pricing", "/")

    await ingest.send(
        "/v1/activities",
        [{"email": "ada@acme.example", "kind": "page_view", "data": {"page": page}} for page in pages],
    )

    assert [told.activity.data["page"] for told in await ingest.told(LeadActivity)] == ["/", "/pricing"]


# Idempotency


async def test_a_repeat_under_a_key_gets_the_first_answer(ingest: Ingest) -> None:
    key = {"idempotency-key": "k1"}
    lead = {"email": "ada@acme.example", "employees": "about 150"}

    first = await ingest.send("/v1/leads", lead, headers=key)
    ingest.clock.advance(timedelta(days=6))
    second = await ingest.send("/v1/leads", lead, headers=key)

    assert (first["duplicate"], second) == (False, {**first, "duplicate": True})
    assert len(await ingest.told(LeadCaptured)) == 1


async def test_an_id_that_is_used_again_for_another_person_swallows_nobody(ingest: Ingest) -> None:
    first = await ingest.send("/v1/leads", {"email": "ada@acme.example", "event_id": "7"})
    other = await ingest.send("/v1/leads", {"email": "bob@acme.example", "event_id": "7"})
    again = await ingest.send("/v1/leads", {"email": "Ada@acme.example", "event_id": "7"})

    assert [answer["duplicate"] for answer in (first, other, again)] == [False, False, True]
    assert first["lead_id"] == again["lead_id"] != other["lead_id"]


async def test_a_repeat_of_an_array_under_a_key_marks_each_item(ingest: Ingest) -> None:
    items, key = [{"email": "a@b.example"}, {}], {"idempotency-key": "k"}
    await ingest.send("/v1/leads", items, headers=key)

    answer = await ingest.send("/v1/leads", items, headers=key)

    assert (answer["accepted"], answer["refused"], answer["results"][0]["duplicate"]) == (1, 1, True)
    assert "duplicate" not in answer["results"][1]


async def test_another_body_under_the_same_key_is_refused(ingest: Ingest) -> None:
    await ingest.send("/v1/leads", {"email": "ada@acme.example"}, headers={"idempotency-key": "k"})

    await ingest.send("/v1/leads", {"email": "bob@acme.example"}, headers={"idempotency-key": "k"}, status=422)

    assert len(await ingest.told(LeadCaptured)) == 1


async def test_of_two_bodies_under_one_key_at_the_same_moment_one_is_refused(ingest: Ingest) -> None:
    answers = await asyncio.gather(
        *(
            ingest.client.post("/v1/leads", json={"email": f"{name}@acme.example"}, headers={"idempotency-key": "k"})
            for name in ("ada", "bob")
        )
    )

    assert sorted(answer.status_code for answer in answers) == [202, 422]
    assert len(await ingest.told(LeadCaptured)) == 1


async def test_one_body_twice_under_one_key_at_the_same_moment_is_one_lead(ingest: Ingest) -> None:
    answers = await asyncio.gather(
        *(ingest.send("/v1/leads", {"email": "ada@acme.example"}, headers={"idempotency-key": "k"}) for _ in range(2))
    )

    assert answers[0]["lead_id"] == answers[1]["lead_id"]
    assert len(await ingest.told(LeadCaptured)) == 1


async def test_a_key_whose_body_could_not_be_read_may_come_with_another(ingest: Ingest) -> None:
    key = {"idempotency-key": "k"}
    await ingest.call(
        "POST", "/v1/leads", status=422, content=b"{", headers={**key, "content-type": "application/json"}
    )

    answer = await ingest.send("/v1/leads", {"email": "ada@acme.example"}, headers=key)

    assert answer["duplicate"] is False


async def test_a_body_under_a_key_whose_answer_was_never_given_is_taken_in_again(ingest: Ingest) -> None:
    key, lead = {"idempotency-key": "k"}, {"email": "ada@acme.example"}
    first = await ingest.send("/v1/leads", lead, headers=key)
    await ingest.fetch("update idempotency set status = 0, answer = ''")

    again = await ingest.send("/v1/leads", lead, headers=key)

    assert (again["lead_id"], again["duplicate"]) == (first["lead_id"], True)


async def test_a_name_that_the_playbook_does_not_know_is_counted_with_the_others(ingest: Ingest) -> None:
    before = REGISTRY.get_sample_value("baton_captured_total", {"source": "other", "type": "lead.captured"}) or 0

    await ingest.send("/v1/leads", {"email": "ada@acme.example", "source": "a name of a stranger's"})

    after = REGISTRY.get_sample_value("baton_captured_total", {"source": "other", "type": "lead.captured"})
    assert after == before + 1


async def test_a_key_is_forgotten_after_seven_days(ingest: Ingest) -> None:
    lead = {"email": "ada@acme.example", "event_id": "e"}
    await ingest.send("/v1/leads", lead, headers={"idempotency-key": "k"})
    ingest.clock.advance(timedelta(days=7, seconds=1))

    await ingest.send("/v1/leads", {**lead, "event_id": "f"}, headers={"idempotency-key": "k"})
    await ingest.settle()

    assert len(await ingest.told(LeadCaptured)) == 2


async def test_the_same_body_under_a_key_of_eight_days_ago_is_a_new_lead(ingest: Ingest) -> None:
    lead, key = {"email": "ada@acme.example", "activity": "webinar"}, {"idempotency-key": "k"}
    await ingest.send("/v1/leads", lead, headers=key)
    ingest.clock.advance(timedelta(days=8))

    answer = await ingest.send("/v1/leads", lead, headers=key)

    assert answer["duplicate"] is False
    events = await ingest.events()
    assert len({event.id for event in events}) == 2
    told = await ingest.told(LeadCaptured)
    assert len({one.activity.id for one in told if one.activity is not None}) == 2


async def test_a_repeat_under_a_key_stays_a_repeat_when_its_person_was_erased(ingest: Ingest) -> None:
    lead, key = {"email": "ada@acme.example"}, {"idempotency-key": "k"}
    await ingest.send("/v1/leads", lead, headers=key)
    await ingest.settle()
    await ingest.call("DELETE", "/v1/leads/ada@acme.example", status=202)

    answer = await ingest.send("/v1/leads", lead, headers=key)

    assert (answer["lead_id"], answer["duplicate"]) == (None, True)
    assert len(await ingest.told(LeadCaptured)) == 1


async def test_keys_of_other_paths_are_other_keys(ingest: Ingest) -> None:
    key = {"idempotency-key": "k"}

    await ingest.send("/v1/leads", {"email": "ada@acme.example", "kind": "x"}, headers=key)
    answer = await ingest.send("/v1/activities", {"email": "ada@acme.example", "kind": "x"}, headers=key)

    assert answer["duplicate"] is False


async def test_a_key_that_is_too_long_is_refused(ingest: Ingest) -> None:
    await ingest.send("/v1/leads", {"email": "ada@acme.example"}, headers={"idempotency-key": "k" * 256}, status=422)


# Those without an address


async def test_a_contact_without_an_address_waits_and_joins_when_one_arrives(ingest: Ingest) -> None:
    waiting = await ingest.client.post("/v1/sources/hubspot", **contact(7, conversion="c1"))
    repeated = await ingest.client.post("/v1/sources/hubspot", **contact(7, conversion="c1"))
    before = await ingest.events()
    ingest.clock.advance(timedelta(hours=1))

    await ingest.client.post("/v1/sources/hubspot", **contact(7, "mia@oak.example", conversion="c2"))

    assert (waiting.status_code, waiting.json()["lead_id"], "waiting" in waiting.json()) == (202, None, True)
    assert (repeated.status_code, repeated.json()["duplicate"], before) == (202, True, [])
    first, second = await ingest.events()
    assert isinstance(first.data, LeadCaptured)
    assert (first.data.lead.first_name, first.data.lead.email) == ("Mia", "mia@oak.example")
    assert (first.data.lead.domain, first.data.lead.account) == ("oak.example", "oak.example")
    assert {event.key for event in (first, second)} == {"oak.example"}
    assert {event.data.subject for event in (first, second)} == {lead_id_for_email("mia@oak.example")}
    assert first.time == second.time  # nobody could act on it before: no clock runs from then


async def test_what_waited_before_its_person_was_erased_joins_no_more(ingest: Ingest) -> None:
    await ingest.client.post("/v1/sources/hubspot", **contact(7, conversion="c1"))
    ingest.clock.advance(timedelta(hours=1))
    await ingest.client.delete("/v1/leads/mia@oak.example")
    ingest.clock.advance(timedelta(hours=1))

    await ingest.client.post("/v1/sources/hubspot", **contact(7, "mia@oak.example", conversion="c2"))

    assert [event.type for event in await ingest.events()] == ["lead.captured", "lead.erased"]
    assert await ingest.count("quarantine") == 0


async def test_what_joined_is_known_as_a_repeat_afterwards(ingest: Ingest) -> None:
    await ingest.client.post("/v1/sources/hubspot", **contact(7, conversion="c1"))
    await ingest.client.post("/v1/sources/hubspot", **contact(7, "mia@oak.example", conversion="c2"))

    again = await ingest.client.post("/v1/sources/hubspot", **contact(7, conversion="c1"))

    assert again.json() == {"lead_id": lead_id_for_email("mia@oak.example"), "duplicate": True}
    assert len(await ingest.events()) == 2


async def test_a_known_person_needs_no_address_the_next_time(ingest: Ingest) -> None:
    await ingest.client.post("/v1/sources/hubspot", **contact(7, "mia@oak.example", conversion="c1"))

    answer = await ingest.client.post("/v1/sources/hubspot", **contact(7, conversion="c2"))

    assert answer.json()["lead_id"] == lead_id_for_email("mia@oak.example")
    assert [event.key for event in await ingest.events()] == ["oak.example", "oak.example"]


async def test_a_salesforce_record_without_an_address_is_acknowledged_and_waits(ingest: Ingest) -> None:
    answer = await ingest.client.post("/v1/sources/salesforce", **salesforce("<sf:LastName>Berg</sf:LastName>"))

    assert (answer.status_code, b"<Ack>true</Ack>" in answer.content) == (200, True)
    assert (await ingest.events(), await ingest.count("quarantine")) == ([], 1)


async def test_marketo_is_told_that_an_address_is_missing_unless_the_person_is_known(ingest: Ingest) -> None:
    nameless = {"event": "visit", "lead_id": "88", "campaign_id": "13", "sent_at": "2026-01-15T09:30:00Z"}
    refused = await ingest.send("/v1/sources/marketo", nameless, headers=BEARER, status=422)
    await ingest.send("/v1/sources/marketo", MARKETO, headers=BEARER)

    taken = await ingest.send("/v1/sources/marketo", nameless, headers=BEARER)

    assert "neither an email nor a phone" in refused["error"]["message"]
    assert (taken["lead_id"], await ingest.count("quarantine")) == (lead_id_for_email("kai@birch.example"), 0)


async def test_what_came_to_wait_in_the_moment_of_becoming_known_is_found_by_the_clock(ingest: Ingest) -> None:
    await ingest.client.post("/v1/sources/hubspot", **contact(7, conversion="c1"))
    await ingest.fetch(
        "insert into vendor_ids values ('hubspot', '7', $1)", lead_id_for_email("mia@oak.example")
    )  # as if both had been under way at the same time

    (event,) = await ingest.events()

    assert (event.data.subject, await ingest.count("quarantine")) == (lead_id_for_email("mia@oak.example"), 0)


async def product_events(ingest: Ingest, *messages: dict[str, object]) -> None:
    await ingest.send("/v1/sources/product", list(messages), headers={"x-token": SECRET})


def identify(email: str, user: str, browser: str = "b1") -> dict[str, object]:
    return {"type": "identify", "messageId": f"i-{user}-{browser}", "userId": user, "anonymousId": browser,
            "traits": {"email": email}}  # fmt: skip


async def test_what_an_anonymous_visitor_did_is_told_once_they_say_who_they_are(ingest: Ingest) -> None:
    views: list[dict[str, object]] = [
        {"type": "page", "messageId": f"p{number}", "anonymousId": "b1"} for number in range(2)
    ]
    await product_events(ingest, *views)
    before = await ingest.events()

    await product_events(ingest, identify("lou@elm.example", "u1"))
    await product_events(ingest, {"type": "page", "messageId": "p2", "anonymousId": "b1"})

    activities = await ingest.told(LeadActivity)
    assert (before, [activity.activity.id for activity in activities]) == ([], ["p0", "p1", "p2"])
    assert {activity.lead_id for activity in activities} == {lead_id_for_email("lou@elm.example")}
    assert {activity.account for activity in activities} == {"elm.example"}


async def test_two_people_at_one_browser_are_two_people(ingest: Ingest) -> None:
    await product_events(ingest, identify("lou@elm.example", "u1"), identify("max@elm.example", "u2"))
    await product_events(ingest, identify("lou@elm.example", "u1", "b2"))

    assert await ingest.told(LeadMerged) == []


async def test_a_user_with_another_address_is_merged(ingest: Ingest) -> None:
    await product_events(ingest, identify("lou@gmail.com", "u1"))
    await product_events(ingest, identify("lou@elm.example", "u1", "b2"))

    assert len(await ingest.told(LeadMerged)) == 1


async def test_a_batch_without_its_header_is_refused(ingest: Ingest) -> None:
    await ingest.send("/v1/sources/product", [identify("lou@elm.example", "u1")], status=401)


INVITEE = {
    "event": "invitee.created",
    "payload": {"uri": "I1", "email": "max@hazel.example", "scheduled_event": {"start_time": "2026-01-20T14:00:00Z"}},
}


@pytest.mark.parametrize("is_away", [False, True], ids=["", "while the database is away"])
async def test_a_booking_is_a_lead_and_a_meeting_once(ingest: Ingest, *, is_away: bool) -> None:
    if is_away:
        await ingest.lose_database()
    for _ in range(2):
        await ingest.send("/v1/sources/calendly", INVITEE)
    if is_away:
        await ingest.find_database()

    events = await ingest.events()
    assert [event.type for event in events][:: len(events) // 2] == ["lead.captured", "meeting.booked"]
    assert len({event.id for event in events}) == 2
    assert len(events) == (4 if is_away else 2)
    assert {event.key for event in events} == {"hazel.example"}


# At the door


@pytest.mark.parametrize(
    ("method", "path", "refused"),
    [
        ("POST", "/v1/sources/nobody", (404, "unknown_source")),
        ("GET", "/v1/sources/hubspot", (405, "method_not_allowed")),
        ("PUT", "/v1/sources/demo-form", (405, "method_not_allowed")),
        ("OPTIONS", "/v1/sources/salesforce", (405, "method_not_allowed")),
        ("POST", "/v1/sources/cdc", (501, "not_served")),
        ("POST", "/v1/sources/off", (503, "unavailable")),
        ("POST", "/v1/sources/flow", (401, "unproven")),
        ("POST", "/v1/sources/hubspot", (401, "unproven")),
        ("POST", "/v1/sources/marketo", (401, "unproven")),
        ("POST", "/v1/sources/salesforce", (401, "unproven")),
    ],
)
async def test_what_may_not_come_is_refused(ingest: Ingest, method: str, path: str, refused: tuple[int, str]) -> None:
    answer = await ingest.client.request(method, path, json={"email": "ada@acme.example"})

    assert (answer.status_code, answer.json()["error"]["code"]) == refused
    assert await ingest.events() == []


async def test_a_method_that_isnt_taken_is_answered_with_those_that_are(ingest: Ingest) -> None:
    answer = await ingest.call("GET", "/v1/sources/demo-form", status=405)

    assert answer.headers["allow"] == "OPTIONS, POST"


@pytest.mark.parametrize("path", ["/v1/leads", "/v1/activities", "/v1/sources/partner", "/v1/sources/demo-form"])
@pytest.mark.parametrize(
    ("status", "body"),
    [(415, b"a,b"), (422, b"{"), (422, b'{"email": NaN}'), (422, b"[" * 100_000), (422, b'"\\ud800"'), (422, b"")],
)
async def test_what_cant_be_read_is_refused(ingest: Ingest, path: str, body: bytes, status: int) -> None:
    content_type = "text/csv" if status == 415 else "application/json"

    answer = await ingest.call("POST", path, status=status, content=body, headers={"content-type": content_type})

    assert "message" in answer.json()["error"]


@pytest.mark.parametrize("path", ["/v1/leads", "/v1/sources/demo-form"])
@pytest.mark.parametrize("fields", [{}, {"company": "Acme"}, {"email": "nobody at home"}, {"phone": "0000000000"}])
async def test_a_lead_without_a_usable_address_is_refused_with_a_hint(
    ingest: Ingest, path: str, fields: dict[str, str]
) -> None:
    answer = await ingest.send(path, fields, status=422)

    assert answer["error"]["hint"]


@pytest.mark.parametrize(
    ("path", "size"), [("/v1/sources/flow", 2001), ("/v1/leads", 8 * 1024 * 1024 + 1), ("/v1/sources/shop", 8388609)]
)
async def test_a_body_that_is_too_large_is_refused_packed_or_not(ingest: Ingest, path: str, size: int) -> None:
    body = b" " * size
    packed = {"content": gzip.compress(body), "headers": {"content-encoding": "gzip"}}

    await ingest.call("POST", path, status=413, content=body)
    await ingest.call("POST", path, status=413, **packed)


async def test_a_packed_body_is_unpacked_before_it_is_proved(ingest: Ingest) -> None:
    body = gzip.compress(b'{"email": "ada@acme.example"}')
    headers = {**BEARER, "content-encoding": "gzip", "content-type": "application/json"}

    await ingest.call("POST", "/v1/sources/flow", status=202, content=body, headers=headers)

    assert len(await ingest.events()) == 1


async def test_a_page_of_the_sources_origins_may_post_and_read_the_answer(ingest: Ingest) -> None:
    origin = {"origin": "https://shop.example"}

    asked = await ingest.call("OPTIONS", "/v1/sources/shop", status=204, headers=origin)
    answer = await ingest.call("POST", "/v1/sources/shop", status=202, headers=origin, data={"email": "a@b.example"})

    for each in (asked, answer):
        assert each.headers["access-control-allow-origin"] == "https://shop.example"
        assert each.headers["vary"] == "origin"


@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
async def test_another_page_may_not(ingest: Ingest, method: str) -> None:
    answer = await ingest.call(method, "/v1/sources/shop", status=403, headers={"origin": "https://evil.example"})

    assert "access-control-allow-origin" not in answer.headers


async def test_a_rate_per_address_holds_for_a_minute(ingest: Ingest) -> None:
    async def post(number: int) -> int:
        answer = await ingest.client.post("/v1/sources/shop", data={"email": f"p{number}@b.example"})
        assert answer.status_code == 202 or answer.headers["retry-after"] == "60"
        return answer.status_code

    first = [await post(number) for number in range(5)]
    ingest.clock.advance(timedelta(minutes=1))
    second = await post(5)

    assert (first, second) == ([202, 202, 202, 429, 429], 202)


async def test_a_browser_is_sent_to_the_page_that_the_source_names(emptied: str) -> None:
    playbook = "sources: {web: {type: form, redirect: 'https://www.example.com/thanks'}}\n" + PEOPLE
    async with running_ingest(emptied, playbook=playbook) as ingest:
        answer = await ingest.call(
            "POST", "/v1/sources/web", status=303, data={"email": "a@b.example"}, headers={"accept": "text/html"}
        )

    assert answer.headers["location"] == "https://www.example.com/thanks"


PEOPLE = """
teams: {reps: [{id: mary, name: Mary, email: mary@example.com}], pools: {sdr: {members: [mary]}}}
routing: [{name: All, pool: sdr}]
catch_all: {rep: mary}
"""


async def test_without_a_playbook_senders_come_again(emptied: str) -> None:
    async with running_ingest(emptied, playbook=None) as ingest:
        answer = await ingest.call("POST", "/v1/sources/demo-form", status=503, data={"email": "a@b.example"})

    assert answer.headers["retry-after"]


async def test_a_honeypot_takes_nothing_and_doesnt_show(ingest: Ingest) -> None:
    answer = await ingest.call(
        "POST", "/v1/sources/demo-form", status=202, data={"work_email": "a@b.example", "site": "x"}
    )

    assert UUID(answer.json()["lead_id"]).version == 5
    assert await ingest.events() == []


async def test_the_api_source_takes_our_own_json_from_who_has_a_key(ingest: Ingest) -> None:
    await ingest.send("/v1/sources/api", {"email": "ada@acme.example"})
    stranger = {"host": "leads.example.com"}

    await ingest.send("/v1/sources/api", {"email": "bob@acme.example"}, headers=stranger, status=401)

    assert [captured.lead.source for captured in await ingest.told(LeadCaptured)] == ["api"]


async def test_sources_whose_secrets_are_missing_are_told_when_a_playbook_comes(
    emptied: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_ingest(emptied):
        told = capsys.readouterr().out

    assert "sources_off" in told
    assert "['off']" in told
    assert "env:TEST_SECRET_THAT_NOBODY_SET" in told


# Outages


async def test_while_the_bus_is_away_the_outbox_waits_and_drains_in_order(ingest: Ingest) -> None:
    ingest.bus.go_away()
    for number in range(10):
        await ingest.send("/v1/leads", {"email": f"p{number}@acme.example"})
    waiting = await ingest.count("outbox")

    ingest.bus.come_back()

    emails = [captured.lead.email for captured in await ingest.told(LeadCaptured)]
    assert (waiting, emails) == (10, [f"p{number}@acme.example" for number in range(10)])


@EACH_WAY
async def test_while_the_database_is_away_leads_go_straight_to_the_bus(
    ingest: Ingest, path: str, sent: dict[str, Any], email: str
) -> None:
    await ingest.lose_database()

    answer = await ingest.client.post(path, **sent)

    assert answer.status_code in {200, 202}, answer.text
    await ingest.find_database()
    (captured,) = await ingest.told(LeadCaptured)
    assert captured.lead.email == email


@EACH_WAY
async def test_with_both_away_the_sender_is_told_to_come_again(
    ingest: Ingest, path: str, sent: dict[str, Any], email: str
) -> None:
    await ingest.lose_database()
    ingest.bus.go_away()

    answer = await ingest.client.post(path, **sent)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    ingest.bus.come_back()
    await ingest.find_database()
    assert await ingest.events() == [], email


async def test_a_repeat_from_before_and_after_an_outage_has_one_events_id(ingest: Ingest) -> None:
    key = {"idempotency-key": "k"}
    await ingest.lose_database()
    await ingest.send("/v1/leads", {"email": "ada@acme.example"}, headers=key)
    await ingest.find_database()
    ingest.clock.advance(timedelta(minutes=30))

    await ingest.send("/v1/leads", {"email": "ada@acme.example"}, headers=key)

    events = await ingest.events()
    assert (len(events), len({event.id for event in events})) == (2, 1)


async def test_a_form_that_comes_again_while_the_database_is_away_is_one_activity_of_one_lead(ingest: Ingest) -> None:
    form = {"work_email": "ada@acme.example", "note": "call me"}
    await ingest.lose_database()
    await ingest.send("/v1/sources/demo-form", form)
    ingest.clock.advance(timedelta(minutes=4))
    await ingest.send("/v1/sources/demo-form", form)
    await ingest.find_database()
    ingest.clock.advance(timedelta(minutes=4))

    await ingest.send("/v1/sources/demo-form", form)

    told = await ingest.told(LeadCaptured)
    assert (len(told), len({one.lead.lead_id for one in told})) == (3, 1)
    assert len({one.activity.id for one in told if one.activity is not None}) == 1


async def test_a_form_that_comes_again_after_ten_minutes_is_another_activity(ingest: Ingest) -> None:
    form = {"work_email": "ada@acme.example"}
    await ingest.send("/v1/sources/demo-form", form)
    ingest.clock.advance(timedelta(minutes=10))

    await ingest.send("/v1/sources/demo-form", form)

    told = await ingest.told(LeadCaptured)
    assert len({one.activity.id for one in told if one.activity is not None}) == 2


async def test_who_lacks_an_address_comes_again_while_the_database_is_away(ingest: Ingest) -> None:
    await ingest.lose_database()

    answer = await ingest.client.post("/v1/sources/hubspot", **contact(7))

    assert answer.status_code == 503
    await ingest.find_database()


# People


async def test_erasing_leaves_the_id_and_the_instant(ingest: Ingest) -> None:
    lead = (await ingest.client.post("/v1/sources/hubspot", **contact(7, "mia@oak.example"))).json()
    await ingest.send("/v1/leads", {"email": "mia@oak.example"}, headers={"idempotency-key": "k"})
    ingest.bus.go_away()
    await ingest.send("/v1/activities", {"email": "mia@oak.example", "kind": "x"})

    answer = await ingest.call("DELETE", "/v1/leads/Mia@Oak.example", status=202)

    ingest.bus.come_back()
    assert answer.json() == {"lead_id": lead["lead_id"]}
    events = [event for event in await ingest.events() if isinstance(event.data, LeadErased | LeadActivity)]
    assert [(event.type, event.key) for event in events] == [("lead.erased", "oak.example")]
    for table in ("vendor_ids", "accounts", "idempotency", "quarantine", "outbox"):
        assert await ingest.count(table) == 0, table
    assert [tuple(row) for row in await ingest.fetch("select * from erased")] == [(lead["lead_id"], ingest.clock.now())]
    assert {row["lead_id"] for row in await ingest.fetch("select lead_id from ledger")} == {None}


async def test_erasing_by_id_goes_to_the_account_too(ingest: Ingest) -> None:
    lead = await ingest.send("/v1/leads", {"email": "mia@oak.example"})

    await ingest.call("DELETE", f"/v1/leads/{lead['lead_id']}", status=202)

    assert [(event.type, event.key) for event in await ingest.events()][-1] == ("lead.erased", "oak.example")


async def test_after_erasure_a_capture_starts_anew_and_an_old_delivery_stays_a_repeat(ingest: Ingest) -> None:
    await ingest.client.post("/v1/sources/hubspot", **contact(7, "mia@oak.example"))
    await ingest.send("/v1/leads", {"email": "mia@oak.example"})
    await ingest.settle()
    await ingest.call("DELETE", "/v1/leads/mia@oak.example", status=202)

    old = await ingest.client.post("/v1/sources/hubspot", **contact(7, "mia@oak.example"))
    ingest.clock.advance(timedelta(seconds=1))
    new = await ingest.send("/v1/leads", {"email": "mia@oak.example"})

    assert (old.json(), new["duplicate"]) == ({"lead_id": None, "duplicate": True}, False)
    assert len(await ingest.told(LeadCaptured)) == 3


@pytest.mark.parametrize("lead", ["7", "nobody@", "%00", "a%00@b.co", "+1", "x" * 5000])
@pytest.mark.parametrize(("method", "more"), [("DELETE", ""), ("DELETE", "/merge"), ("POST", "/merge")])
async def test_what_names_no_lead_is_refused(ingest: Ingest, lead: str, method: str, more: str) -> None:
    body = {"json": {"into": "ada@acme.example"}} if method == "POST" else {}

    await ingest.call(method, f"/v1/leads/{lead}{more}", status=422, **body)

    assert await ingest.events() == []


async def test_merging_and_unmerging_are_told(ingest: Ingest) -> None:
    one, other = lead_id_for_email("ada@gmail.com"), lead_id_for_email("ada@acme.example")
    await ingest.send("/v1/leads", {"email": "ada@acme.example"})

    merged = await ingest.send("/v1/leads/ada@gmail.com/merge", {"into": other})
    again = await ingest.send(f"/v1/leads/{one}/merge", {"into": "ada@acme.example"})
    unmerged = await ingest.call("DELETE", f"/v1/leads/{one}/merge", status=202)
    await ingest.call("DELETE", f"/v1/leads/{one}/merge", status=404)

    assert (merged, again["duplicate"]) == ({"lead_id": one, "into": other, "duplicate": False}, True)
    assert unmerged.json() == {"lead_id": one, "from": other}
    told = [event for event in await ingest.events() if isinstance(event.data, LeadMerged | LeadUnmerged)]
    assert [(event.type, event.key) for event in told] == [
        ("lead.merged", "acme.example"), ("lead.unmerged", "acme.example"),
    ]  # fmt: skip
    assert [event.data.model_dump(by_alias=True) for event in told] == [{"from": one, "into": other}] * 2


async def test_a_merge_that_is_sent_again_under_its_key_stays_undone(ingest: Ingest) -> None:
    key, path = {"idempotency-key": "k"}, "/v1/leads/ada@gmail.com/merge"
    first = await ingest.send(path, {"into": "ada@acme.example"}, headers=key)
    await ingest.call("DELETE", path, status=202)

    again = await ingest.send(path, {"into": "ada@acme.example"}, headers=key)

    assert (first["duplicate"], again) == (False, {**first, "duplicate": True})
    assert await ingest.count("aliases") == 0


async def test_an_unmerge_that_is_sent_again_under_its_key_gets_its_first_answer(ingest: Ingest) -> None:
    path = "/v1/leads/ada@gmail.com/merge"
    await ingest.send(path, {"into": "ada@acme.example"})

    first, again = [
        (await ingest.call("DELETE", path, status=202, headers={"idempotency-key": "k"})).json() for _ in range(2)
    ]

    assert again == {**first, "duplicate": True}
    assert len(await ingest.told(LeadUnmerged)) == 1


async def test_an_erasure_that_is_sent_again_under_its_key_spares_who_came_since(ingest: Ingest) -> None:
    key = {"idempotency-key": "k"}
    await ingest.send("/v1/leads", {"email": "ada@acme.example"})
    first = await ingest.call("DELETE", "/v1/leads/ada@acme.example", status=202, headers=key)
    await ingest.send("/v1/leads", {"email": "ada@acme.example", "event_id": "new"})

    again = await ingest.call("DELETE", "/v1/leads/ada@acme.example", status=202, headers=key)

    assert again.json() == {**first.json(), "duplicate": True}
    assert len(await ingest.told(LeadErased)) == 1
    assert await ingest.count("accounts") == 1
    (kept,) = await ingest.fetch("select path, answer from idempotency")
    assert "ada@acme" not in f"{kept['path']} {kept['answer']}"


async def test_with_either_of_two_merged_leads_the_answer_about_them_goes(ingest: Ingest) -> None:
    await ingest.send("/v1/leads/ada@gmail.com/merge", {"into": "ada@acme.example"}, headers={"idempotency-key": "k"})

    await ingest.call("DELETE", "/v1/leads/ada@acme.example", status=202)

    assert await ingest.count("idempotency") == 0


async def test_who_was_merged_is_erased_under_all_ids(ingest: Ingest) -> None:
    for name in ("ada@gmail.com", "ada@oak.example", "ada@acme.example"):
        await ingest.send("/v1/leads", {"email": name})
    await ingest.send("/v1/leads/ada@gmail.com/merge", {"into": "ada@oak.example"})
    await ingest.send("/v1/leads/ada@oak.example/merge", {"into": "ada@acme.example"})

    await ingest.call("DELETE", "/v1/leads/ada@oak.example", status=202)

    told = [(event.data.lead_id, event.key) for event in await ingest.events() if isinstance(event.data, LeadErased)]
    free = lead_id_for_email("ada@gmail.com")
    assert sorted(told) == sorted(
        [(free, free), *((lead_id_for_email(f"ada@{each}"), each) for each in ("oak.example", "acme.example"))]
    )
    assert await ingest.fetch("select * from aliases") == []


async def test_who_is_merged_while_being_erased_is_erased_under_all_ids(ingest: Ingest) -> None:
    units = ingest.service.units
    oak, acme = (lead_id_for_email(one) for one in ("ada@oak.example", "ada@acme.example"))
    for one in ("ada@oak.example", "ada@acme.example"):
        await ingest.send("/v1/leads", {"email": one})

    async with units.begin() as unit:
        await merge(unit, oak, into=acme, key="acme.example")
        erasing = asyncio.create_task(ingest.call("DELETE", f"/v1/leads/{acme}", status=202))
        await asyncio.wait([erasing], timeout=0.2)
        ingest.clock.advance(timedelta(seconds=1))
    await erasing

    told = [event for event in await ingest.events() if isinstance(event.data, LeadMerged | LeadErased)]
    assert [event.data.subject for event in told if event.type == "lead.erased"] == sorted([oak, acme])
    assert {event.time for event in told if event.type == "lead.erased"} == {ingest.clock.now()}
    assert await ingest.fetch("select * from aliases") == []


async def test_a_ring_of_merged_leads_is_one_person_and_no_ring(ingest: Ingest) -> None:
    for one, other in (("a", "b"), ("b", "c"), ("c", "a")):
        await ingest.send(f"/v1/leads/{one}@acme.example/merge", {"into": f"{other}@acme.example"})

    assert len(await ingest.told(LeadMerged)) == 2


async def test_two_leads_that_are_merged_into_each_other_at_once_make_no_ring(ingest: Ingest) -> None:
    units = ingest.service.units
    for one in ("ada@oak.example", "ada@acme.example"):
        await ingest.send("/v1/leads", {"email": one})
    oak, acme = (lead_id_for_email(one) for one in ("ada@oak.example", "ada@acme.example"))

    async def merge_other_way() -> bool:
        async with units.begin() as unit:
            return await merge(unit, acme, into=oak, key="acme.example")

    async with units.begin() as unit:
        first = await merge(unit, oak, into=acme, key="acme.example")
        second = asyncio.create_task(merge_other_way())
        await asyncio.wait([second], timeout=0.2)

    assert (first, await second) == (True, False)


async def test_a_lead_isnt_merged_into_itself(ingest: Ingest) -> None:
    await ingest.send("/v1/leads/a@acme.example/merge", {"into": "A@acme.example"}, status=422)
    await ingest.send("/v1/leads/a@acme.example/merge", {}, status=422)


async def test_a_contact_with_another_address_is_merged(ingest: Ingest) -> None:
    await ingest.client.post("/v1/sources/hubspot", **contact(7, "mia@oak.example", conversion="c1"))
    await ingest.client.post("/v1/sources/hubspot", **contact(7, "mia@elm.example", conversion="c2"))

    (merged,) = await ingest.told(LeadMerged)
    assert (merged.from_, merged.into) == (lead_id_for_email("mia@oak.example"), lead_id_for_email("mia@elm.example"))


async def test_a_contact_who_is_erased_under_the_old_address_at_that_moment_is_not_merged(ingest: Ingest) -> None:
    await ingest.client.post("/v1/sources/hubspot", **contact(7, "mia@oak.example", conversion="c1"))

    async with ingest.service.units.begin() as unit:
        await repository.merge_alone(unit.connection)
        moving = asyncio.create_task(
            ingest.client.post("/v1/sources/hubspot", **contact(7, "mia@elm.example", conversion="c2"))
        )
        await asyncio.wait([moving], timeout=0.3)
        await repository.erase(unit.connection, lead_id_for_email("mia@oak.example"), at=unit.now)
    answer = await moving

    elm = lead_id_for_email("mia@elm.example")
    assert answer.json()["lead_id"] == elm
    assert await ingest.told(LeadMerged) == []
    assert await ingest.count("aliases") == 0
    assert {row["lead_id"] for row in await ingest.fetch("select lead_id from vendor_ids")} == {elm}


async def test_a_contact_with_another_address_is_merged_as_of_when_it_was_free_to_be(ingest: Ingest) -> None:
    await ingest.client.post("/v1/sources/hubspot", **contact(7, "mia@oak.example", conversion="c1"))

    async with ingest.service.units.begin() as unit:
        await repository.merge_alone(unit.connection)
        moving = asyncio.create_task(
            ingest.client.post("/v1/sources/hubspot", **contact(7, "mia@elm.example", conversion="c2"))
        )
        await asyncio.wait([moving], timeout=0.3)
        ingest.clock.advance(timedelta(seconds=1))
    await moving

    (merged,) = [event for event in await ingest.events() if isinstance(event.data, LeadMerged)]
    assert merged.time == ingest.clock.now()


async def test_who_is_erased_while_known_ones_come_with_and_without_an_address_waits_for_nobody_who_waits(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(way_in, "PATIENCE_SECONDS", 30.0)
    for vid, email in ((7, "mia@oak.example"), (8, "mia@elm.example"), (9, "una@fir.example")):
        await ingest.client.post("/v1/sources/hubspot", **contact(vid, email, conversion="c1"))
    ingest.app.state.reception.path.linger_seconds = 1.5  # one group, however slow the machine is

    async with ingest.service.units.begin() as unit:
        await repository.merge_alone(unit.connection)
        coming = asyncio.gather(
            ingest.client.post("/v1/sources/hubspot", **contact(9, "una@fir.example", conversion="c2")),
            ingest.client.post("/v1/sources/hubspot", **contact(8, conversion="c2", merged="7")),
        )
        async with ingest.service.database.connection() as watching:
            await somebody_waits(watching)
        await repository.erase(unit.connection, lead_id_for_email("una@fir.example"), at=unit.now)
    answers = await coming

    una, elm, oak = (lead_id_for_email(each) for each in ("una@fir.example", "mia@elm.example", "mia@oak.example"))
    assert [answer.json() for answer in answers] == [
        {"lead_id": una, "duplicate": False}, {"lead_id": elm, "duplicate": False},
    ]  # fmt: skip
    assert [(told.from_, told.into) for told in await ingest.told(LeadMerged)] == [(oak, elm)]


async def test_each_of_a_mixed_group_is_answered_in_its_place(ingest: Ingest) -> None:
    await ingest.client.post("/v1/sources/hubspot", **contact(7, "mia@oak.example", conversion="c1"))
    ingest.app.state.reception.path.linger_seconds = 1.5
    sent = [
        contact(7, conversion="c2"),
        contact(9, conversion="c2"),
        contact(8, conversion="c2"),
        contact(8, "una@fir.example", conversion="c3"),
        contact(9, conversion="c2"),
        contact(7, conversion="c2"),
    ]

    answers = [
        answer.json()
        for answer in await asyncio.gather(*(ingest.client.post("/v1/sources/hubspot", **each) for each in sent))
    ]

    mia, una = lead_id_for_email("mia@oak.example"), lead_id_for_email("una@fir.example")
    assert [(each["lead_id"], each["duplicate"]) for each in answers] == [
        (mia, False), (None, False), (una, False), (una, False), (None, True), (mia, True),
    ]  # fmt: skip
    assert await ingest.count("quarantine") == 1
    told = [event for event in await ingest.events() if isinstance(event.data, LeadCaptured)]
    assert [(event.data.subject, event.key) for event in told[1:]] == [
        (una, "fir.example"), (mia, "oak.example"), (una, "fir.example"),
    ]  # fmt: skip


async def test_what_waited_is_told_with_the_address_though_another_beside_it_has_none(ingest: Ingest) -> None:
    await ingest.client.post("/v1/sources/hubspot", **contact(7, conversion="c1"))
    ingest.app.state.reception.path.linger_seconds = 1.5

    await asyncio.gather(
        ingest.client.post("/v1/sources/hubspot", **contact(7, "mia@oak.example", conversion="c2")),
        ingest.client.post("/v1/sources/hubspot", **contact(7, conversion="c3")),
    )

    told = [
        (event.data.lead.email, event.key) for event in await ingest.events() if isinstance(event.data, LeadCaptured)
    ]
    assert told == [("mia@oak.example", "oak.example")] * 2 + [(None, "oak.example")]


async def test_contacts_that_hubspot_merged_are_merged(ingest: Ingest) -> None:
    await ingest.client.post("/v1/sources/hubspot", **contact(7, "mia@oak.example", conversion="c1"))
    await ingest.client.post("/v1/sources/hubspot", **contact(8, "mia@elm.example", conversion="c2"))
    for _ in range(2):
        await ingest.client.post("/v1/sources/hubspot", **contact(8, "mia@elm.example", conversion="c3", merged="7"))

    (merged,) = await ingest.told(LeadMerged)
    assert (merged.from_, merged.into) == (lead_id_for_email("mia@oak.example"), lead_id_for_email("mia@elm.example"))


# Running


async def test_migrations_go_up_and_down_and_are_what_the_models_say(database: str) -> None:
    chain = Chain("baton_ingest")

    await upgrade(database, chain)
    assert await check(database, chain) == []
    await downgrade(database, chain)
    await upgrade(database, chain)

    assert await check(database, chain) == []


async def test_the_ledger_forgets_what_no_longer_counts(ingest: Ingest) -> None:
    await ingest.send("/v1/leads", [{"email": "a@acme.example"}, {"email": "b@acme.example", "event_id": "kept"}])
    await ingest.send("/v1/leads", {"email": "c@acme.example"}, headers={"idempotency-key": "k"})

    ingest.clock.advance(timedelta(days=8, seconds=1))
    await ingest.settle()

    (kept,) = [row["identity"] for row in await ingest.fetch("select identity from ledger")]
    assert kept.startswith("kept/")
    assert await ingest.count("idempotency") == 0


async def test_the_reference_shows_what_a_lead_and_an_activity_look_like(ingest: Ingest) -> None:
    paths = (await ingest.call("GET", "/openapi.json", status=200)).json()["paths"]

    bodies = [paths[path]["post"]["requestBody"]["content"] for path in ("/v1/leads", "/v1/activities")]
    assert ["email" in body["application/json"]["schema"]["example"] for body in bodies] == [True, True]
    assert list(paths["/v1/sources/{source}"]) == ["post"]


async def test_the_reference_names_the_idempotency_key_wherever_it_counts(ingest: Ingest) -> None:
    paths = (await ingest.call("GET", "/openapi.json", status=200)).json()["paths"]

    calls = [(path, method, call) for path, methods in paths.items() for method, call in methods.items()]
    assert {
        f"{method} {path}" for path, method, call in calls
        if "idempotency-key" in {each["name"].lower() for each in call.get("parameters", ())}
    } == {
        "post /v1/leads", "post /v1/activities", "delete /v1/leads/{lead}", "post /v1/leads/{lead}/merge",
        "delete /v1/leads/{lead}/merge",
    }  # fmt: skip
