"""Debian's Prometheus scrapes a running Baton; every query of the dashboard and every rule is asked of it."""

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.support.kafka import free_port
from tests.support.processes import Processes, ServiceProcess

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ROOT / "deploy" / "prometheus" / "rules.yml"
DASHBOARD: Final = ROOT / "deploy" / "grafana" / "dashboards" / "baton.json"
PATIENCE: Final = 60.0
NEEDS_TROUBLE: Final = (
    "baton_refused_total",
    "baton_ingest_straight_to_bus_total",
    "baton_records_retried_total",
    "baton_records_dead_lettered_total",
    "baton_records_duplicate_total",
    "baton_batch_failures_total",
    "baton_batches_overtaken_total",
    "max by (consumer) (baton_consumer_paused)",
    "baton_oldest_unhandled_timestamp_seconds",
    "baton_outbox_published_total",  # on this bus the outbox is the bus
)
"""What has no series, or none that is worth a line, while all is well."""

pytestmark = pytest.mark.slow


@pytest.fixture
async def baton(processes: Processes, database: str) -> ServiceProcess:
    return await processes.start("baton_standalone", "up", environment={"BATON_DATABASE_URL": database}).ready()


@pytest.fixture
def prometheus(baton: ServiceProcess, tmp_path: Path) -> Iterator[str]:
    """Its URL."""
    program = shutil.which("prometheus") or pytest.skip("prometheus is not there: apt-get install prometheus")
    (tmp_path / "prometheus.yml").write_text(json.dumps(settings(baton)), encoding="utf-8")
    url = f"127.0.0.1:{free_port()}"
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [program, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/metrics",
             f"--web.listen-address={url}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    yield f"http://{url}"
    process.terminate()
    process.wait(20)


def settings(baton: ServiceProcess) -> Mapping[str, Any]:
    target = {"targets": [f"127.0.0.1:{baton.port}"], "labels": {"service": "all"}}
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "baton", "static_configs": [target]}],
    }


async def send_leads(baton: ServiceProcess) -> None:
    """A few a second, so that there are rates."""
    async with httpx.AsyncClient(base_url=baton.url, timeout=10) as client:
        for number in range(12):
            lead = {"email": f"ann{number}@acme{number}.example", "title": "CEO", "activity": "demo_request"}
            answer = await client.post("/ingest/v1/leads", json=lead)
            assert answer.status_code == 202, answer.text
            await asyncio.sleep(0.4)


def dashboard_queries() -> list[str]:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [target["expr"].replace("$__rate_interval", "1m") for panel in panels for target in panel.get("targets", ())]


async def ask(client: httpx.AsyncClient, query: str) -> list[Any]:
    answer = (await client.post("/api/v1/query", data={"query": query})).json()
    assert answer["status"] == "success", f"{query}: {answer}"
    result: list[Any] = answer["data"]["result"]
    return result


async def test_every_query_of_the_dashboard_and_every_rule_is_answered_by_what_really_runs(
    baton: ServiceProcess, prometheus: str
) -> None:
    wanted = dashboard_queries()
    ordinary = {query for query in wanted if not any(name in query for name in NEEDS_TROUBLE)}

    async with httpx.AsyncClient(base_url=prometheus, timeout=10) as client:
        await scraped(client)  # what rose before the first scrape has never risen
        await send_leads(baton)
        assert await unanswered(client, ordinary) == set()
        for query in wanted:
            await ask(client, query)
        rules = await evaluated_rules(client)
    assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []
    assert [rule["name"] for rule in rules if rule.get("state", "inactive") == "firing"] == []


async def scraped(client: httpx.AsyncClient) -> None:
    """Wait until Prometheus is there and has seen Baton."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                if await ask(client, "up == 1"):
                    return
            except (httpx.TransportError, json.JSONDecodeError):  # not there yet
                pass
            await asyncio.sleep(0.2)


async def unanswered(client: httpx.AsyncClient, queries: AbstractSet[str]) -> AbstractSet[str]:
    """Those that show nothing, once there was time enough."""
    empty = queries
    deadline = time.monotonic() + PATIENCE
    while empty and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        empty = {query for query in queries if not await ask(client, query)}
    return empty


async def evaluated_rules(client: httpx.AsyncClient) -> list[Any]:
    rules: list[Any] = []
    deadline = time.monotonic() + PATIENCE
    while not rules or any(rule["health"] == "unknown" for rule in rules):
        assert time.monotonic() < deadline, rules
        await asyncio.sleep(0.5)
        groups = (await client.get("/api/v1/rules")).json()["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
    return rules
