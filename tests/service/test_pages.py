"""The pages: what they show, what they escape, what they answer when there is nothing to show."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from httpx import Response

from baton.kernel.ids import lead_id_for_email
from baton.leads.decisions import Clock, Standstill
from baton.leads.events import LeadCaptured, LeadErased, LeadMerged, SlaBreached, SlaMoved, SlaStarted
from baton.leads.values import Lead
from baton_router.stream import EVERYBODY, Wakes
from tests.support.postgres import Databases
from tests.support.router import START, Routers, migrated, running_routers

pytestmark = pytest.mark.postgres

HOSTILE = "<script>alert(1)</script>"
ACTIVE = ("script", "img", "svg", "iframe", "object", "embed")


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[str]:
    url = await databases.create(migrated)
    yield url
    await databases.drop(url)


@pytest.fixture
async def router(database: str) -> AsyncIterator[Routers]:
    async with running_routers(database) as routers:
        yield routers


async def page(router: Routers, path: str, *, status: int = 200) -> Response:
    async with router.browser() as browser:
        answer = await browser.get(path)
    assert answer.status_code == status, answer.text
    return answer


class _Text(HTMLParser):
    """What a reader sees, and the tags that a browser would act on."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(filter(None, self.words))


def links(html: str) -> list[str]:
    return [attrs["href"] or "" for tag, attrs in _Text(html).tags if tag == "a"]


def clock_of(lead_id: str) -> Clock:
    return Clock(
        id=f"clock of {lead_id}", policy="first-contact", rep="mary", start=START, due=START + timedelta(hours=1),
        at=START, percent=0, lateness=0,
    )  # fmt: skip


async def test_without_leads_the_list_says_how_the_first_one_comes(router: Routers) -> None:
    answer = await page(router, "/")

    assert "No leads yet" in answer.text
    assert "<table" not in answer.text


async def test_the_list_shows_who_has_a_lead_by_which_rule_and_its_clock(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com", first_name="Zoë", last_name="Lefèvre", title="VP Sales")
    await router.tell(SlaStarted(lead_id=lead_id, clocks=[clock_of(lead_id)]))

    shown = _Text((await page(router, "/")).text)

    assert "Zoë Lefèvre VP Sales 60 mql assigned Mary Qualified 1 h 00 min first-contact" in shown.text
    due = next(attrs for tag, attrs in shown.tags if tag == "time" and "data-due" in attrs)
    assert due["datetime"] == "2026-03-25T18:00:00Z"


async def test_a_clock_of_a_promise_that_was_missed_says_so(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    await router.tell(SlaStarted(lead_id=lead_id, clocks=[clock_of(lead_id)]))
    router.clock.advance(timedelta(hours=1))
    await router.tell(SlaBreached(lead_id=lead_id, clocks=[clock_of(lead_id)]))

    answer = await page(router, "/")

    assert "missed first-contact" in _Text(answer.text).text


async def test_a_paused_lead_shows_its_clock_standing_still_with_what_is_left(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    await router.tell(SlaStarted(lead_id=lead_id, clocks=[clock_of(lead_id)]))
    router.clock.advance(timedelta(minutes=20))
    await router.post(f"/v1/leads/{lead_id}/pause", {"reason": "on holiday"})
    stopped = {"due": None, "stopped": Standstill(since=router.clock.now(), until=None, left=2400)}
    await router.tell(SlaMoved(lead_id=lead_id, clocks=[clock_of(lead_id).model_copy(update=stopped)]), sequence=2)

    listed, lead = [_Text((await page(router, path)).text) for path in ("/", f"/leads/{lead_id}")]

    assert "assigned paused Mary Qualified stopped, 40:00 left first-contact" in listed.text
    assert "first-contact stopped since 2026-03-25 17:20:00 UTC stopped, 40:00 left" in lead.text
    assert "Standing still: first-contact" in lead.text
    assert not [tag for shown in (listed, lead) for tag, attrs in shown.tags if "data-due" in attrs]


async def test_a_resumed_lead_shows_when_its_clock_is_due_now(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    await router.tell(SlaStarted(lead_id=lead_id, clocks=[clock_of(lead_id)]))
    later = clock_of(lead_id).model_copy(update={"due": START + timedelta(hours=3)})

    await router.tell(SlaMoved(lead_id=lead_id, clocks=[later]), sequence=2)

    listed, lead = [_Text((await page(router, path)).text) for path in ("/", f"/leads/{lead_id}")]
    assert "3 h 00 min first-contact" in listed.text
    assert "first-contact due 2026-03-25 20:00:00 UTC 3 h 00 min" in lead.text
    assert "Going on with Mary: first-contact" in lead.text


async def test_the_page_of_a_merged_lead_is_that_of_the_lead_it_was_merged_into_and_says_so(router: Routers) -> None:
    old = await router.capture("a@old.com", first_name="Ada")
    router.clock.advance(timedelta(minutes=1))
    new = await router.capture("b@new.com", first_name="Bea")
    await router.post(f"/v1/leads/{new}/decline", {"reason": "not mine"})
    await router.tell(LeadCaptured(lead=Lead(lead_id=old, email="a@old.com"), activity=None))
    await router.tell(LeadMerged(**{"from": old, "into": new}))

    pages = [(await page(router, f"/leads/{lead}")).text for lead in (old, new, "a@old.com")]

    assert "Bea" in _Text(pages[0]).text
    assert "Merged into this lead: a@old.com" in _Text(pages[0]).text
    assert f"{old[:8]}… became {new[:8]}…" in _Text(pages[0]).text.replace(" … ", "… ")
    assert old in links(pages[0])
    assert pages[0] == pages[1] == pages[2]
    why = _Text(pages[0]).text.partition("Who has it, and why")[2].partition("Score")[0]
    assert "Mary has this lead" in why
    assert "Mary sdr chosen" in why


@pytest.mark.parametrize("path", ["/", "/leads/a@acme.com"])
async def test_a_hostile_name_comes_out_as_a_name(router: Routers, path: str) -> None:
    await router.capture(
        "a@acme.com", first_name=HOSTILE, last_name='"><img src=x onerror=alert(2)>', company="{{7*7}}</title>",
        website="javascript:alert(3)", custom={"</dd><svg onload=alert(4)>": "x"},
    )  # fmt: skip

    shown = _Text((await page(router, path)).text)

    assert HOSTILE in shown.text
    assert "{{7*7}}</title>" in shown.text
    sources = [(attrs.get("src") or "inline").rpartition("/")[2] for tag, attrs in shown.tags if tag in ACTIVE]
    assert [source.partition("?")[0] for source in sources] == ["htmx-2.0.8.min.js", "pages.js", "baton.svg"]
    assert not [name for _, attrs in shown.tags for name in attrs if name.startswith("on")]
    assert not [href for href in links((await page(router, path)).text) if href.startswith("javascript")]


async def test_pages_allow_no_script_but_their_own_files(router: Routers) -> None:
    await router.capture("a@acme.com")

    for path in ("/", "/leads/a@acme.com"):
        answer = await page(router, path)

        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script>|<style| style=| on[a-z]+=", answer.text)
        assert answer.headers["cache-control"] == "no-store"


async def test_a_page_and_its_files_are_found_by_relative_links(router: Routers) -> None:
    await router.capture("a@acme.com")

    for path, up in (("/", "./"), ("/leads/a@acme.com", "../")):
        html = (await page(router, path)).text
        sources = [attrs["src"] or "" for tag, attrs in _Text(html).tags if tag == "script"]

        assert sources
        assert all(source.startswith(f"{up}static/") for source in sources)
        for source in sources:
            await page(router, "/" + source.removeprefix(up))


async def test_a_list_goes_on_page_by_page_and_back_to_the_newest(router: Routers) -> None:
    for number in range(51):
        await router.capture(f"x@company{number}.com")
        router.clock.advance(timedelta(minutes=1))

    first = (await page(router, "/?state=assigned")).text
    older = next(link for link in links(first) if "cursor=" in link)
    second = (await page(router, older.removeprefix("."))).text

    assert (first.count("<tr "), second.count("<tr ")) == (51, 2)  # each with its head
    assert "x@company0.com" in second
    assert "state=assigned" in older
    assert not [link for link in links(second) if "cursor=" in link]
    assert "./?state=assigned" in links(second)


async def test_only_the_first_page_is_live(router: Routers) -> None:
    for number in range(51):
        await router.capture(f"x@company{number}.com")
    first = (await page(router, "/")).text
    older = next(link for link in links(first) if "cursor=" in link)

    second = (await page(router, older.removeprefix("."))).text

    assert "news from:body" in first
    assert "news from:body" not in second


async def test_filters_choose_and_stay_chosen(router: Routers) -> None:
    await router.capture("a@acme.com")
    await router.capture("b@cold.com", tier="cold")

    nurtured = (await page(router, "/?state=nurtured&rep=&pool=")).text
    nobody = (await page(router, "/?rep=joe&state=held")).text

    assert "b@cold.com" in nurtured
    assert "a@acme.com" not in nurtured
    assert '<option value="nurtured" selected>' in nurtured
    assert "No lead fits this filter" in nobody
    assert '<option value="joe" selected>' in nobody


@pytest.mark.parametrize("path", ["/?state=hot", "/?cursor=nonsense", "/leads/not%20an@@address"])
async def test_what_can_not_be_read_is_refused_on_a_page(router: Routers, path: str) -> None:
    answer = await page(router, path, status=422)

    assert answer.headers["content-type"].startswith("text/html")


async def test_a_leads_page_tells_the_rules_the_reps_and_the_story(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    await router.post(f"/v1/leads/{lead_id}/touches", {"kind": "call", "by": "mary", "note": "left a <b>message</b>"})

    text = _Text((await page(router, "/leads/A@Acme.com")).text).text

    assert "Mary has this lead, from the pool sdr , by the rule Qualified ." in text
    assert "✗ Competitor did not match ✗ does not hold: score.disqualified is yes : here no" in text
    assert "✓ Qualified matched ✓ holds: score.tier is one of mql, sql : here mql" in text
    assert "Mary sdr chosen turns 0, weight 1, turns after 1" in text
    assert "Joe sdr eligible may have it, another is next not_next turns 0, weight 1" in text
    assert "Mary called: left a <b>message</b>" in text
    assert "Assigned to Mary: Qualified" in text


async def test_a_leads_page_tells_the_reasons_of_earlier_decisions_too(router: Routers) -> None:
    lead_id = await router.capture("a@acme.com")
    await router.post(f"/v1/leads/{lead_id}/decline", {"reason": "on holiday"})

    html = (await page(router, f"/leads/{lead_id}")).text

    text = _Text(html).text
    assert html.count("<details") == 1
    assert "Declined by Mary: on holiday" in text
    assert re.search(r"Moved from Mary to \w+", text)
    assert "Mary sdr left out declined this lead, or was relieved of it declined" in text


async def test_a_lead_that_is_held_with_its_rep_says_so_on_its_page_and_in_the_list(router: Routers) -> None:
    for rep in ("joe", "ann"):
        await router.call("PATCH", f"/v1/reps/{rep}", {"paused": True})
    lead_id = await router.capture("a@acme.com")
    await router.post(f"/v1/leads/{lead_id}/decline", {"reason": "on holiday"})

    text, listed = [_Text((await page(router, path)).text).text for path in (f"/leads/{lead_id}", "/")]

    assert "Mary has this lead until somebody else can have it (declined). It waits: everyone has paused" in text
    assert "Held, still with Mary (declined): everyone has paused" in text
    assert "Mary sdr left out declined this lead" in text.split("What happened")[0]
    assert "held Mary until somebody else can" in listed


async def test_a_held_lead_says_why_it_waits(router: Routers) -> None:
    await router.wait_until(START + timedelta(hours=12))
    await router.capture("a@acme.com", channel="event")

    text = _Text((await page(router, "/leads/a@acme.com")).text).text

    assert "It waits:" in text
    assert "Joe closed left out" in text


async def test_unknown_leads_are_404_and_erased_ones_410(router: Routers) -> None:
    await router.capture("a@acme.com")
    lead_id = lead_id_for_email("a@acme.com")
    await router.tell(LeadErased(lead_id=lead_id))

    unknown = await page(router, "/leads/b@acme.com", status=404)
    erased = await page(router, f"/leads/{lead_id}", status=410)

    assert "no such lead" in unknown.text
    assert "this person was erased" in erased.text
    assert "a@acme.com" not in erased.text


async def test_the_field_for_an_address_leads_to_that_lead(router: Routers) -> None:
    async with router.browser() as browser:
        answer = await browser.get("/", params={"find": " ann/..@acme.com "})

    assert (answer.status_code, answer.headers["location"]) == (303, "leads/ann%2F..@acme.com")


async def test_a_phone_leads_to_the_lead_that_was_given_to_somebody_last_under_it(router: Routers) -> None:
    await router.capture("a@acme.com", phone="+14155550100")
    router.clock.advance(timedelta(seconds=1))
    later = await router.capture("b@acme.com", phone="+14155550100")

    async with router.browser() as browser:
        found = [
            (await browser.get("/", params={"find": written})).headers["location"]
            for written in ("+1 (415) 555-0100", "0014155550100", "+442079460007", "+1")
        ]

    assert found == [f"leads/{later}", f"leads/{later}", "leads/%2B442079460007", "leads/%2B1"]


async def test_strangers_see_no_page(router: Routers) -> None:
    router.app.state.access.trust_all = False
    async with router.browser() as browser:
        browser.headers["x-forwarded-for"] = "203.0.113.7"
        statuses = [(await browser.get(path)).status_code for path in ("/", "/leads/a@acme.com", "/stream")]

    assert statuses == [401, 401, 401]


async def test_a_page_hears_of_leads_that_concern_no_rep(router: Routers) -> None:
    wakes = Wakes("")
    with wakes.sleeper(EVERYBODY) as everybody, wakes.sleeper("mary") as mary:
        wakes.wake("-")

        assert everybody.is_set()
        assert not mary.is_set()
