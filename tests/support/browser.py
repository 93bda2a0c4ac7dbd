"""A real browser: Debian's Chromium, driven by Playwright."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Page, async_playwright

from tests.support.available import unavailable

CHROMIUM: Final = Path("/usr/bin/chromium")
FLAGS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture
def chromium() -> Path:
    """The browser's program."""
    if not CHROMIUM.exists():
        unavailable("browser", "install Debian's chromium (apt-get install chromium)")
    return CHROMIUM


@pytest.fixture
async def browser_page(chromium: Path) -> AsyncIterator[Page]:
    """An empty page in a browser of its own; any wait in it ends after ten seconds."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(chromium), args=list(FLAGS), timeout=30_000)
        try:
            page = await browser.new_page()
            page.set_default_timeout(10_000)
            yield page
        finally:
            await browser.close()
