from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page

from tests.support.available import unavailable
from tests.support.kafka import free_port
from tests.support.processes import Processes, ServiceProcess


def folder_server(tmp_path: Path) -> ServiceProcess:
    port = free_port()
    arguments = (str(port), "--bind", "127.0.0.1", "--directory", str(tmp_path))
    return ServiceProcess("http.server", {}, tmp_path / "log", arguments, port=port)


async def test_a_browser_shows_a_page(browser_page: Page) -> None:
    await browser_page.set_content("<h1>Baton</h1>")

    assert await browser_page.inner_text("h1") == "Baton"


async def test_a_process_is_waited_for_and_does_not_survive_its_block(tmp_path: Path) -> None:
    with folder_server(tmp_path) as process:
        await process.start().ready(path="/", seconds=20)
        url = process.url

    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


def test_a_killed_process_starts_again_at_the_same_address(tmp_path: Path) -> None:
    with folder_server(tmp_path) as process:
        url = process.start().wait_ready(path="/", seconds=20).url

        process.kill9()
        process.start().wait_ready(path="/", seconds=20)

        assert process.url == url


def test_a_process_that_ends_at_once_shows_its_log(processes: Processes) -> None:
    process = processes.start("no_such_module")

    with pytest.raises(AssertionError, match="No module named no_such_module"):
        process.wait_ready()


def test_what_is_missing_is_skipped_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_TEST_REQUIRE", "postgres,browser")

    with pytest.raises(pytest.skip.Exception, match="kafka is not available: install java"):
        unavailable("kafka", "install java")


def test_what_is_missing_and_required_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_TEST_REQUIRE", "postgres, kafka")

    with pytest.raises(pytest.fail.Exception, match="kafka is required"):
        unavailable("kafka", "install java")
