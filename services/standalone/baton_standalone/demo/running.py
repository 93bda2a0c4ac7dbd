"""The demo itself, beside the services in their process: senders that send, and a terminal that shows what follows."""

import asyncio
import random
import sys
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import structlog
from rich.console import Console

from baton.flow.bus import Bus
from baton.kernel.clock import Clock
from baton.leads.envelope import UnreadableEvent, decode
from baton.leads.events import EventData, LeadAssigned
from baton.leads.topics import Topic
from baton.service.settings import Settings
from baton_standalone.apps import service_of
from baton_standalone.demo.posting import Senders
from baton_standalone.demo.story import Scene, story
from baton_standalone.demo.telling import Teller
from baton_standalone.event_lines import following
from baton_standalone.running import Beginning

log = structlog.get_logger()

_SETTLE_SECONDS: Final = 1.5
_TIMEOUT_SECONDS: Final = 15.0
_PAUSE: Final = 0.2
_TOUCH_AFTER: Final = (2.0, 6.0)
_TOUCHED: Final = 0.4
"""So many of the demo's own leads hear from their reps; what anybody else sends is left to whoever tries Baton out."""
_PAGES: Final = (
    ("/router/", "the leads, live; click one to see why it went where it went"),
    ("/router/docs", "the API, and those beside it: /ingest/docs /scoring/docs /sla/docs"),
)


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What was asked for on the command line. `rate` is leads a second."""

    leads: int
    rate: float
    seed: int


@dataclass(slots=True)
class Demo:
    """One run of it. `rate` is leads a second."""

    senders: Senders
    teller: Teller
    bus: Bus
    clock: Clock
    chance: random.Random
    leads: int
    rate: float
    _calls: set["asyncio.Task[None]"] = field(default_factory=set)

    async def run(self) -> None:
        """Send so many leads, then go on showing what happens until cancelled."""
        watching = asyncio.create_task(self._watch())
        try:
            await self.senders.introduce_accounts()
            await self._send_all()
            await asyncio.sleep(_SETTLE_SECONDS)
            self._say_what_to_open()
            await watching
        finally:
            for task in (watching, *self._calls):
                task.cancel()
            await asyncio.gather(watching, *self._calls, return_exceptions=True)

    async def _send_all(self) -> None:
        types = list(self.senders.types)
        sent = repeats = 0
        self.teller.head()
        for scene in story(self.chance, leads=self.leads, senders=types):
            if not await self._send(scene):
                continue
            sent += scene.act == "lead"
            repeats += scene.act == "repeat"
            if scene.act == "lead":
                await asyncio.sleep(self.chance.uniform(0.5, 1.5) / self.rate)
        await asyncio.sleep(_SETTLE_SECONDS)
        self.teller.summary(sent=sent, repeats=repeats)

    async def _send(self, scene: Scene) -> bool:
        try:
            answer = await self.senders.send(scene)
        except httpx.HTTPError as error:
            self.teller.note(f"{scene.via}: {type(error).__name__} {error}", style="red")
            return False
        if answer.is_error:
            self.teller.note(f"{scene.via}: answered with {answer.status_code} {answer.text[:200]}", style="red")
            return False
        if scene.act == "repeat":
            self.teller.note(f"{scene.via} sent {scene.person.name[:40]} again: answered as before, nothing else")
        return True

    async def _watch(self) -> None:
        async with aclosing(following(self.bus, [Topic.ASSIGNED], from_end=True)) as records:
            async for record in records:
                try:
                    event = decode(record.headers, record.value)
                except UnreadableEvent:
                    continue
                self._show(event.data)

    def _show(self, data: EventData) -> None:
        sent = self.senders.sent.pop(data.subject or "", None)
        now = self.clock.now()
        took = None if sent is None else now - sent.at
        self.teller.decision(data, at=now, via="" if sent is None else sent.via, took=took)
        if sent is not None and isinstance(data, LeadAssigned) and self.chance.random() < _TOUCHED:
            task = asyncio.create_task(self._touch(data))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

    async def _touch(self, data: LeadAssigned) -> None:
        await asyncio.sleep(self.chance.uniform(*_TOUCH_AFTER))
        try:
            await self.senders.touch(data.lead.lead_id, chance=self.chance, assignment_id=data.assignment.id)
        except httpx.HTTPError as error:
            log.warning("demo_touch_failed", error=type(error).__name__)

    def _say_what_to_open(self) -> None:
        base = self.senders.base_url
        self.teller.console.print("\nBaton stays up. Open:")
        for path, what in _PAGES:
            self.teller.console.print(f"  {base}{path:<14} {what}", highlight=False, soft_wrap=True)
        self.teller.console.print(
            f"\nSend one more from another terminal: [bold]{send_one_more(base)}[/bold]"
            " (or form, marketo, salesforce, api)\nCtrl-C ends it.\n",
            soft_wrap=True,
        )


def send_one_more(base_url: str) -> str:
    """The command that does, for a terminal without this one's settings."""
    usual = f"http://{Settings.model_fields['listen'].default}"
    return f"{_program()} send hubspot-workflow" + ("" if base_url == usual else f" --url {base_url}")


def _program() -> str:
    """How this program was called: from here, where that is shorter."""
    called = Path(sys.argv[0])
    if called.name != "baton":
        return "baton"
    here = Path.cwd()
    return str(called.relative_to(here)) if called.is_relative_to(here) else str(called)


async def play(begin: Beginning, options: DemoOptions) -> None:
    """Wait until Baton answers, then run the demo in front of it."""
    url = loopback_url(begin.settings)
    async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
        while not await _answers(client, url):  # noqa: ASYNC110  what it waits for is a server
            await asyncio.sleep(_PAUSE)
        playbook = service_of(begin.apps["ingest"]).feed.current()
        public_url = begin.settings.public_url
        senders = Senders(client=client, playbook=playbook, base_url=url, public_url=public_url, clock=begin.clock)
        demo = Demo(
            senders=senders,
            teller=Teller(Console(), playbook.reps),
            bus=begin.bus,
            clock=begin.clock,
            chance=random.Random(options.seed),
            leads=options.leads,
            rate=options.rate,
        )
        await _until_stopped(demo, begin.apps["ingest"].state.stopping)


async def _until_stopped(demo: Demo, stopping: asyncio.Event) -> None:
    """Run it until Baton stops: nobody sends to a door that has closed."""
    running, told = asyncio.create_task(demo.run()), asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait((running, told), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
    finally:
        running.cancel()
        told.cancel()
        await asyncio.gather(running, told, return_exceptions=True)


def loopback_url(settings: Settings) -> str:
    """Where this machine reaches what listens as the settings say."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.listen.rpartition(":")[0])  # noqa: S104
    return f"http://{host}:{settings.port}"


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/readyz")).is_success
    except httpx.HTTPError:
        return False
