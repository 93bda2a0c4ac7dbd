"""The pages in a real browser, in front of a real `baton up`; and `baton demo` as a newcomer runs it."""

import asyncio
import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.async_api import ConsoleMessage, Locator, Page, Route, expect

from tests.support.processes import Processes, ServiceProcess

pytestmark = [pytest.mark.postgres, pytest.mark.browser, pytest.mark.slow]

PHONE = {"width": 360, "height": 740}
HOSTILE = {"first_name": "<script>alert(1)</script>", "last_name": '"><img src=x onerror=alert(2)>\u202e'}
TOO_WIDE = """
document.documentElement.scrollWidth <= window.innerWidth ? [] : [...document.querySelectorAll("*")]
    .filter((each) => each.getBoundingClientRect().right > window.innerWidth)
    .map((each) => `${each.tagName} ${each.className}: ${each.textContent.trim().slice(0, 80)}`)
"""
LISTEN = """
() => {
    const source = new EventSource(document.body.dataset.stream);
    window.heard = new Promise((told) => source.addEventListener("news", () => told(true), { once: true }));
    return new Promise((open) => source.addEventListener("open", () => open(true), { once: true }));
}
"""
SHOTS = os.environ.get("BATON_TEST_SCREENSHOTS")
"""A folder for pictures of the pages, to be looked at by people."""


@dataclass
class Visit:
    """A browser in front of a running Baton. `complaints`: all that its console said, and dialogs that opened."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str = "/router/") -> None:
        await self.page.goto(self.url + path)
        await expect(self.page.locator("#connection")).to_have_text("Live")

    async def send(self, **lead: object) -> str:
        """A lead comes in. Gives its id."""
        async with httpx.AsyncClient(base_url=self.url) as client:
            answer = await client.post("/ingest/v1/leads", json={"activity": "demo_request", **lead})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["lead_id"])

    async def too_wide(self) -> list[str]:
        """What reaches over the right edge of the window, if the page can be scrolled there."""
        return list(await self.page.evaluate(TOO_WIDE))

    async def until_assigned(self, email: str) -> None:
        async with httpx.AsyncClient(base_url=self.url) as client:
            while (await client.get(f"/router/v1/leads/{email}")).json().get("state") != "assigned":
                pass

    async def shoot(self, name: str) -> None:
        if SHOTS:
            await self.page.screenshot(path=Path(SHOTS) / f"{name}.png")


@pytest.fixture(scope="module")
def baton() -> Iterator[ServiceProcess]:
    """One `baton up` on its embedded database for all tests here: each sends leads of its own."""
    with tempfile.TemporaryDirectory(prefix="baton-pages-") as folder:
        Path(folder).chmod(0o711)  # the database's user, where we are root, has to come through
        environment = {"BATON_DATA": f"{folder}/data"}
        process = ServiceProcess("baton_standalone", environment, Path(folder) / "log", ("up",)).start()
        with process:
            yield process.wait_ready(seconds=120)
            process.terminate(seconds=60)


@pytest.fixture
async def visit(baton: ServiceProcess, browser_page: Page) -> AsyncIterator[Visit]:
    visit = Visit(browser_page, baton.url)
    browser_page.on("console", lambda message: _note(visit, message))
    browser_page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    browser_page.on("dialog", lambda dialog: visit.complaints.append(f"dialog: {dialog.message}"))
    yield visit
    assert visit.complaints == []


def _note(visit: Visit, message: ConsoleMessage) -> None:
    visit.complaints.append(f"{message.type}: {message.text}")


async def test_a_lead_appears_in_the_open_list_and_its_clock_counts(visit: Visit) -> None:
    await visit.page.clock.install()
    await visit.open("/")

    await visit.send(email="zoe@lumiere.example", first_name="Zoë", title="VP", employees=300, industry="Software")

    row = visit.page.get_by_role("row").filter(has_text="Zoë")
    await expect(row).to_contain_text("assigned")
    await expect(row).to_contain_text("Demo request")
    clock = row.get_by_role("timer")
    await expect(clock).to_have_text(re.compile(r"\d"))
    before = await clock.text_content()
    await visit.page.clock.fast_forward("01:00:01")  # at a weekend all clocks run for days, and show but days and hours
    await expect(clock).not_to_have_text(before or "")
    await visit.shoot("list")


async def test_a_leads_page_shows_the_reason_and_follows_what_happens(visit: Visit) -> None:
    lead_id = await visit.send(email="mads@oresund.example", first_name="Mads", country="DK", employees=1200)
    await visit.open()
    await visit.page.get_by_role("link", name="Mads").click()
    await expect(visit.page.get_by_role("heading", name="Mads")).to_be_visible()

    async with httpx.AsyncClient(base_url=visit.url) as client:
        await client.post(f"/router/v1/leads/{lead_id}/touches", json={"kind": "call", "note": "they want a quote"})

    why = visit.page.get_by_role("region", name="Who has it, and why")
    await expect(why).to_contain_text("Demo request")
    await expect(why).to_contain_text("lead.channel is outbound")
    await expect(why.locator(".chosen")).to_have_count(1)
    await expect(visit.page.get_by_text("they want a quote")).to_be_visible()
    await visit.shoot("lead")


def clock_on(page: Page, policy: str) -> Locator:
    """A clock on a lead's page."""
    return page.get_by_role("region", name="Clocks").get_by_role("listitem").filter(has_text=policy)


async def test_the_clocks_of_a_paused_lead_stand_still_on_its_open_page_and_in_the_list(visit: Visit) -> None:
    lead_id = await visit.send(email="rex@pausing.example", first_name="Rex", country="DK", employees=1200)
    await visit.open()
    await visit.page.get_by_role("link", name="Rex").click()
    clock = clock_on(visit.page, "absolute-max")
    await expect(clock.get_by_role("timer")).to_be_visible()

    async with httpx.AsyncClient(base_url=visit.url) as client:
        await client.post(f"/router/v1/leads/{lead_id}/pause", json={"reason": "on a journey"})

    await expect(clock).to_contain_text(re.compile("stopped since .+ stopped, 23 h 59 min left"))
    await expect(clock.get_by_role("timer")).to_have_count(0)
    await clock.scroll_into_view_if_needed()
    await visit.shoot("lead-paused")
    await visit.page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    too_wide = await visit.too_wide()
    await clock.scroll_into_view_if_needed()
    await visit.shoot("lead-paused-phone")
    await visit.open()
    await expect(visit.page.get_by_role("row").filter(has_text="Rex")).to_contain_text("stopped, 23 h 59 min left")
    await visit.shoot("list-paused-phone")
    assert too_wide + await visit.too_wide() == []


async def test_the_clocks_of_a_lead_that_is_resumed_go_on_until_their_new_due_time(visit: Visit) -> None:
    lead_id = await visit.send(email="max@pausing.example", first_name="Max", country="DK", employees=1200)
    await visit.open()
    await visit.page.get_by_role("link", name="Max").click()
    clock = clock_on(visit.page, "absolute-max")
    async with httpx.AsyncClient(base_url=visit.url) as client:
        await client.post(f"/router/v1/leads/{lead_id}/pause", json={"reason": "on a journey"})
        await expect(clock).to_contain_text("stopped")

        await client.post(f"/router/v1/leads/{lead_id}/resume")

        await expect(clock.get_by_role("timer")).to_be_visible()
        told = (await client.get("/sla/v1/clocks", params={"lead": lead_id})).json()["items"]
    [due] = [each["due"] for each in told if each["policy"] == "absolute-max"]
    await expect(clock.get_by_role("timer")).to_have_attribute("datetime", due)
    await clock.scroll_into_view_if_needed()
    await visit.shoot("lead-resumed")


async def test_what_is_told_while_the_page_looks_again_is_shown_too(visit: Visit) -> None:
    lead_id = await visit.send(email="kay@looking.example", first_name="Kay")
    await visit.open()
    await visit.page.get_by_role("link", name="Kay").click()
    await expect(clock_on(visit.page, "absolute-max")).to_be_visible()
    written, shown = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        answer = await route.fetch()
        written.set()
        await shown.wait()
        await route.fulfill(response=answer)

    await visit.page.route(f"**/leads/{lead_id}", hold)
    async with httpx.AsyncClient(base_url=visit.url) as client:
        await client.post(f"/router/v1/leads/{lead_id}/touches", json={"kind": "call"})
        await written.wait()
        await visit.page.evaluate(LISTEN)
        await client.post(f"/router/v1/leads/{lead_id}/pause", json={"reason": "on a journey"})
        await visit.page.evaluate("window.heard")
    shown.set()

    await expect(visit.page.locator(".badges")).to_contain_text("paused")


async def test_a_hostile_name_is_only_a_name(visit: Visit) -> None:
    await visit.send(email="bobby@hostile.example", **HOSTILE)
    await visit.open()

    await visit.page.get_by_role("link", name="<script>alert(1)</script>").click()

    await expect(visit.page.get_by_role("heading", level=1)).to_contain_text(HOSTILE["first_name"])
    assert await visit.page.locator("main img, main script").count() == 0


async def test_filters_work_without_a_new_page_and_stay_in_the_address(visit: Visit) -> None:
    await visit.send(email="ada@ada.example", first_name="Ada")
    await visit.send(email="rita@rivalroute.example", first_name="Rita")
    await visit.open()
    await expect(visit.page.get_by_role("row").filter(has_text="Rita")).to_contain_text("rejected")

    await visit.page.get_by_label("State").select_option("rejected")

    await expect(visit.page.get_by_role("link", name="Ada")).to_have_count(0)
    await expect(visit.page.get_by_role("link", name="Rita")).to_be_visible()
    await expect(visit.page).to_have_url(re.compile("state=rejected"))


async def test_a_filter_holds_though_it_is_chosen_while_the_page_looks_again(visit: Visit) -> None:
    await visit.send(email="dora@dora.example", first_name="Dora")
    await visit.send(email="rolf@rivalroute.example", first_name="Rolf")
    await visit.open()
    await expect(visit.page.get_by_role("row").filter(has_text="Rolf")).to_contain_text("rejected")
    asked, chosen, shown = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await (shown if "state=" in route.request.url else chosen).wait()
        await route.continue_()

    await visit.page.route(re.compile(r"/router/(\?state=.*)?$"), hold)
    await visit.send(email="dirk@dirk.example", first_name="Dirk")
    await asked.wait()
    await visit.until_assigned("dirk@dirk.example")
    await visit.page.get_by_label("State").select_option("rejected")
    chosen.set()
    await expect(visit.page.get_by_role("link", name="Dirk")).to_be_visible()
    shown.set()

    await expect(visit.page.get_by_role("link", name="Dirk")).to_have_count(0)
    await expect(visit.page.get_by_role("link", name="Rolf")).to_be_visible()
    await visit.send(email="rosa@rivalroute.example", first_name="Rosa")
    await expect(visit.page.get_by_role("link", name="Rosa")).to_be_visible()
    await expect(visit.page.get_by_role("link", name="Dora")).to_have_count(0)


async def test_the_list_stands_still_while_it_is_paused(visit: Visit) -> None:
    await visit.open()
    await visit.page.get_by_role("button", name="Pause").click()
    await visit.send(email="bea@bea.example", first_name="Bea")
    await visit.until_assigned("bea@bea.example")

    still = await visit.page.get_by_role("link", name="Bea").count()
    await visit.page.get_by_role("button", name="Go on").click()

    assert still == 0
    await expect(visit.page.get_by_role("link", name="Bea")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pages_fit_a_phone_in_light_and_in_dark(visit: Visit, scheme: str) -> None:
    await visit.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await visit.page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    await visit.send(
        email=f"{scheme}.{'long' * 14}@{'sub.' * 12}example.com",
        first_name="W" * 90,
        last_name=scheme,
        company="X" * 99,
    )
    await visit.open()
    row = visit.page.locator("tr[data-lead]").filter(has_text=scheme)
    await expect(row).to_contain_text("assigned")

    too_wide = await visit.too_wide()
    await visit.shoot(f"list-phone-{scheme}")
    await row.get_by_role("link").click()
    await expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
    too_wide += await visit.too_wide()
    await visit.shoot(f"lead-phone-{scheme}")

    assert too_wide == []
    background = await visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background))) < 200) == (scheme == "dark")


async def test_the_keyboard_keeps_its_place_when_the_list_changes(visit: Visit) -> None:
    await visit.send(email="cleo@cleo.example", first_name="Cleo")
    await visit.open()
    await visit.page.get_by_role("link", name="Cleo").focus()

    await visit.send(email="ben@oak.example", first_name="Ben")

    await expect(visit.page.get_by_role("link", name="Ben")).to_be_visible()
    await expect(visit.page.get_by_role("link", name="Cleo")).to_be_focused()


@pytest.mark.parametrize("part", ["ingest", "scoring", "router", "sla"])
async def test_the_interactive_reference_needs_nothing_from_elsewhere(visit: Visit, part: str) -> None:
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))

    await visit.page.goto(f"{visit.url}/{part}/docs")
    await expect(visit.page.get_by_role("heading", name=f"Baton {part.replace('sla', 'sla-monitor')}")).to_be_visible()

    assert [url for url in asked if not url.startswith((visit.url, "data:"))] == []


async def test_the_demo_shows_assigned_leads_and_ends_cleanly(
    processes: Processes, database: str, tmp_path: Path
) -> None:
    environment = {"BATON_DATABASE_URL": database, "BATON_DATA": str(tmp_path), "COLUMNS": "140"}
    arguments = ("demo", "--leads", "12", "--rate", "8", "--seed", "3")
    demo = processes.start("baton_standalone", *arguments, environment=environment)
    await demo.ready()

    async with httpx.AsyncClient(base_url=demo.url) as client:
        while len((await client.get("/router/v1/leads")).json()["items"]) < 12:
            pass
        states = {each["state"] for each in (await client.get("/router/v1/leads")).json()["items"]}
    code = demo.terminate()

    told = demo.tail()
    assert {"rejected"} < states
    assert re.search(r"\d+ ms +\S.* Demo request", told)
    assert "\x1b" not in told
    assert code == 0
    assert "Traceback" not in told
