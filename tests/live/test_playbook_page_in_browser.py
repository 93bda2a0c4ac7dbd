"""The page of a playbook in a real browser: on a phone, in the dark, with hostile names in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from baton.leads.playbook.loader import load_directory
from baton_standalone.playbook_documents import as_html
from baton_standalone.shipped import shipped_playbook
from tests.support.rich_playbook import edited, load

pytestmark = pytest.mark.browser

OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
HOSTILE = '"<script>alert(1)</script><img src=x onerror=alert(2)>"'


@pytest.fixture
async def page(browser_page: Page) -> AsyncIterator[Page]:
    """A page that must give no complaint and open no dialog."""
    complaints: list[str] = []
    browser_page.on("console", lambda message: complaints.append(message.text))
    browser_page.on("pageerror", lambda error: complaints.append(str(error)))
    browser_page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
    yield browser_page
    assert complaints == []


async def test_the_reference_playbook_is_read_on_a_phone_and_in_the_dark(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(as_html(load_directory(shipped_playbook()).playbook))
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto(file.as_uri(), wait_until="domcontentloaded")
    light = await page.evaluate(BACKGROUND)

    await page.emulate_media(color_scheme="dark")

    assert await page.evaluate(OVERFLOW) <= 0
    assert await page.evaluate(BACKGROUND) != light
    await page.get_by_role("link", name="Routing").click()
    await expect(page.locator("#routing")).to_be_in_viewport()
    await expect(page.locator("#routing-known-account")).to_contain_text("when the account's owner has a value")


async def test_a_hostile_name_is_only_text(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(as_html(load(edited(("{name: Boss", f"{{name: {HOSTILE}")))))

    await page.goto(file.as_uri(), wait_until="domcontentloaded")

    await expect(page.get_by_role("heading", name="<script>alert(1)</script>")).to_be_visible()
    assert await page.evaluate("document.scripts.length + document.images.length") == 0
