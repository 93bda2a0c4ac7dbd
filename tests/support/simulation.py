"""Scenarios on the simulator, in this process: the real apps, a hand-driven clock, a database cloned for each run."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from baton.service.migrations import upgrade
from baton_standalone.apps import PARTS
from baton_standalone.publishing import read_candidate
from baton_standalone.scenario import read_scenario
from baton_standalone.shipped import shipped_playbook
from baton_standalone.simulator import Run, simulate
from tests.support.postgres import Databases


@dataclass(frozen=True, slots=True)
class Played:
    """What a run printed."""

    lines: list[dict[str, Any]]
    raw: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        """All but those about the playbook."""
        return [line for line in self.lines if "topic" in line and line["topic"] != "baton.playbook"]

    @property
    def responses(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if "response" in line]

    def data(self, event_type: str) -> list[dict[str, Any]]:
        """The data of every event of that type."""
        return [event["data"] for event in self.events if event["type"] == event_type]


@dataclass(frozen=True, slots=True)
class Simulator:
    """Plays lines of a scenario. `folder` is where its `publish` lines look."""

    databases: Databases
    folder: Path

    async def play(self, *lines: Mapping[str, Any], playbook: Path | None = None) -> Played:
        async with self.recorded(*lines, playbook=playbook) as (_, played):
            return played

    @asynccontextmanager
    async def recorded(
        self, *lines: Mapping[str, Any], playbook: Path | None = None
    ) -> AsyncIterator[tuple[str, Played]]:
        """The URL of the database with all that the run left behind, and what it printed."""
        written: list[bytes] = []
        url = await self.databases.create(migrated)
        scenario = read_scenario("\n".join(map(json.dumps, lines)), name="scenario")
        candidate = read_candidate(playbook or shipped_playbook())
        try:
            await simulate(Run(scenario, candidate.files, url, self.folder, written.append))
            yield url, Played([json.loads(line) for line in written], b"".join(written))
        finally:
            await self.databases.drop(url)


@pytest.fixture
def simulator(databases: Databases, tmp_path: Path) -> Simulator:
    return Simulator(databases, tmp_path)


async def migrated(url: str) -> None:
    for part in PARTS:
        await upgrade(url, part.chain)
