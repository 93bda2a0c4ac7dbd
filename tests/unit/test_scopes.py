"""What each scope opens: exactly what docs/operating.md says."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
import pytest
from fastapi import FastAPI

from baton.flow.database import Database
from baton.flow.memory import MemoryBus
from baton.kernel.clock import ManualClock
from baton.service.access import SCOPES, Keys
from baton_standalone.apps import PARTS, mount
from tests.unit.test_access import write_keys

OPERATING: Final = Path(__file__).parents[2] / "docs" / "operating.md"
NOWHERE: Final = "postgresql://baton@127.0.0.1:1/baton"
"""No database: what a key opens fails behind the door, and that is all that is asked here."""
OPEN_TO_ALL: Final = ("/healthz", "/readyz", "/metrics", "/v1/sources/")

Call = tuple[str, str]
"""Method and path."""


def documented() -> dict[str, set[Call]]:
    """The table's calls, by scope."""
    section = OPERATING.read_text().split("## API keys")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", section, re.MULTILINE)
    opened = {scope: set(re.findall(r"`([A-Z]+) (/[^`]+)`", row)) for scope, row in rows}
    opened["admin"] -= {("GET", "/v1/leads/{lead}/held")}
    opened["admin"] |= {("GET", f"/{part.path}/v1/leads/{{lead}}/held") for part in PARTS}
    opened["read"] |= {("GET", "/router/"), ("GET", "/router/leads/{lead}"), ("GET", "/router/stream")}
    return opened


@pytest.fixture
def apps(tmp_path: Path) -> dict[str, FastAPI]:
    """The four, with a key of each scope, whose text is the scope's name."""
    keys = tmp_path / "keys.json"
    write_keys(keys, **{str(scope): [str(scope)] for scope in SCOPES})
    clock = ManualClock(datetime(2026, 1, 15, tzinfo=UTC))
    made = {}
    for part in PARTS:
        settings = part.kind.model_construct(database_url=NOWHERE, bus_url="memory:")
        database = Database(NOWHERE, schema=part.chain.schema)
        made[part.path] = part.create(settings=settings, bus=MemoryBus(clock), clock=clock, database=database)
        made[part.path].state.access.keys = Keys(keys)
    return made


@pytest.fixture
async def client(apps: dict[str, FastAPI]) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(mount(apps), client=("203.0.113.9", 0), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://baton.example") as made:
        yield made


def calls(apps: dict[str, FastAPI]) -> Iterator[Call]:
    """All that the four answer to."""
    for name, app in apps.items():
        for path, methods in app.openapi()["paths"].items():
            if not path.startswith(OPEN_TO_ALL):
                yield from ((method.upper(), f"/{name}{path}") for method in methods)


def test_the_table_names_every_call_and_no_other(apps: dict[str, FastAPI]) -> None:
    pages = {call for call in documented()["read"] if "/v1/" not in call[1]}

    assert set().union(*documented().values()) - pages == set(calls(apps))


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_scope_opens_what_the_table_says_and_nothing_else(scope: str, client: httpx.AsyncClient) -> None:
    wanted = documented()
    everything = set().union(*wanted.values())
    opened = everything if scope == "admin" else wanted[scope]

    answers = {
        (method, path): await client.request(
            method, path.format(lead="ada@acme.example", rep="bob"), headers={"authorization": f"Bearer {scope}"}
        )
        for method, path in everything - {("GET", "/router/stream"), ("GET", "/router/v1/reps/{rep}/stream")}
    }

    refused = {call for call, answer in answers.items() if answer.status_code == httpx.codes.FORBIDDEN}
    assert refused == answers.keys() - opened
    assert not [call for call, answer in answers.items() if answer.status_code == httpx.codes.UNAUTHORIZED]
