"""The simulator: the real four apps on a hand-driven clock, a bus in memory and a database for this run only.

Nothing of it depends on the time of day, on hashing or on who is faster: the same scenario prints the same bytes.
"""

import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, assert_never

import orjson
from fastapi import FastAPI

from baton.flow.bus import Record
from baton.kernel.clock import ManualClock
from baton.leads.envelope import Event, encode
from baton.leads.playbook.findings import PlaybookError
from baton.service.playbooks import publish
from baton.service.settings import Settings
from baton_ingest.captures import ORIGIN
from baton_standalone.apps import PARTS, mount, service_of
from baton_standalone.direct_requests import DirectRequests
from baton_standalone.local_dry_run import connect
from baton_standalone.publishing import Refused, publish_candidate, read_candidate
from baton_standalone.scenario import Line, Publish, Replace, Request, RunUntil, Told
from baton_standalone.stage import Member, Stage
from baton_standalone.stepped_database import SteppedDatabase
from baton_standalone.tape import TapedBus, Write, left_out_line, response_line

_COMMANDS: Final = "POST"
"""The method of requests that are answered without a look at the timeline."""
_OK: Final = 200
_FORGET_EVERY: Final = 500
"""Lines after which the bus lets go of what everybody has handled."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a simulation needs: the lines, of which each is asked for when it is its turn, and the playbook's files.

    `folder` is what the directories of `publish` lines are relative to.
    """

    lines: Iterable[Line]
    files: Mapping[str, bytes]
    database_url: str
    folder: Path
    write: Write
    public_url: str | None = None


async def simulate(run: Run) -> None:
    """Play a scenario through, and write what it brings about."""
    lines = iter(run.lines)
    first = next(lines, None)
    if first is None:
        return
    clock = ManualClock(first.at)
    bus = TapedBus(clock, write=run.write)
    databases = {part.path: SteppedDatabase(run.database_url, schema=part.chain.schema) for part in PARTS}
    apps = _make_apps(run, bus, clock, databases)
    stage = Stage([Member(service_of(app), databases[path]) for path, app in apps.items()], bus, clock)
    async with _opened(stage):
        await publish(bus, run.files, clock=clock)
        await stage.load_playbook()
        player = _Player(run=run, stage=stage, requests=DirectRequests(mount(apps)))
        for number, line in enumerate(chain([first], lines)):
            await player.play(line)
            if number % _FORGET_EVERY == 0:
                bus.forget_handled()
        await stage.let_watch()


@dataclass(frozen=True, slots=True)
class _Player:
    run: Run
    stage: Stage
    requests: DirectRequests

    async def play(self, line: Line) -> None:
        """What was due before, the line itself, and all that follows from it."""
        await self.stage.advance(line.at)
        match line:
            case Request():
                await self._request(line)
            case Told():
                await self._tell(line)
            case Publish():
                await self._publish(line)
            case Replace():
                await publish(self.stage.bus, line.files, clock=self.stage.clock)
                await self.stage.load_playbook()
            case RunUntil():
                pass
            case _:
                assert_never(line)

    async def _request(self, line: Request) -> None:
        if line.only_while and not await self._is_with(line):
            self.run.write(left_out_line(line.written, only_while=line.only_while, at=line.at))
            return
        if line.method != _COMMANDS:
            await self.stage.let_watch()
        answer = await self.requests.send(line.method, line.target, content=line.content, headers=line.headers)
        self.run.write(response_line(answer, request=line.written, at=line.at))
        await self.stage.settle()

    async def _is_with(self, line: Request) -> bool:
        """Whether the lead is with whom the line says."""
        answer = await self.requests.send("GET", f"/router/v1/leads/{line.lead}", headers={})
        assignment = (orjson.loads(answer.content).get("assignment") if answer.status == _OK else None) or {}
        return all(assignment.get(name) == wanted for name, wanted in line.only_while.items())

    async def _tell(self, line: Told) -> None:
        """An event as ingest told it: to the topic that it is told on, under the key that it had."""
        told = vars(line.data)
        account = vars(told["lead"])["account"] if "lead" in told else told.get("account")
        key = str(account or line.data.subject)
        event = Event(line.id, ORIGIN, line.at, key, line.data)
        headers, value = encode(event)
        await self.stage.bus.publish([Record(line.data.topic, key.encode(), value, headers)])
        await self.stage.settle()

    async def _publish(self, line: Publish) -> None:
        """Another playbook; one with mistakes is told, and the old one stays."""
        try:
            candidate = read_candidate(self.run.folder / line.directory)
            await publish_candidate(
                self.stage.bus, candidate, clock=self.stage.clock, database_url=self.run.database_url
            )
        except PlaybookError as error:
            _complain(line, [finding.render() for finding in error.findings])
        except Refused as refused:
            _complain(line, [str(refused)])
        else:
            await self.stage.load_playbook()


def _complain(line: Publish, mistakes: Sequence[str]) -> None:
    sys.stderr.write(f"{line.at:%Y-%m-%dT%H:%M:%SZ} publish {line.directory}: not published\n")
    sys.stderr.writelines(f"{mistake}\n" for mistake in mistakes)


def _make_apps(
    run: Run, bus: TapedBus, clock: ManualClock, databases: Mapping[str, SteppedDatabase]
) -> dict[str, FastAPI]:
    apps = {}
    for part in PARTS:
        settings = _settings(part.kind, run)
        app = part.create(settings=settings, bus=bus, clock=clock, database=databases[part.path])
        app.state.access.trust_all = True
        apps[part.path] = app
    reception = apps["ingest"].state.reception
    reception.trust_all = True
    reception.path.linger_seconds = 0.0  # requests come one by one
    connect(apps, patience_seconds=None)
    return apps


def _settings(kind: type[Settings], run: Run) -> Settings:
    """The defaults, whatever the environment says: a scenario means the same everywhere."""
    return kind.model_construct(database_url=run.database_url, bus_url="memory:", public_url=run.public_url)


@asynccontextmanager
async def _opened(stage: Stage) -> AsyncIterator[None]:
    await stage.open()
    try:
        yield
    finally:
        await stage.close()
