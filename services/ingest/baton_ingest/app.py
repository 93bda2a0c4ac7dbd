"""The composition root of ingest: the only place that wires."""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from fastapi import FastAPI

from baton.flow.bus import Bus
from baton.flow.database import Database
from baton.kernel.clock import Clock
from baton.leads.normalising import load
from baton.leads.topics import Topic
from baton.service.exporting import create_export
from baton.service.idempotency import EXPIRED, KEPT
from baton.service.service import Service, build
from baton.service.settings import Settings
from baton.service.trimming import TrimTimer
from baton.service.web import create_web
from baton_ingest import GROUP, api, imports_api, people_api
from baton_ingest.handlers import read_referenced
from baton_ingest.held import HELD
from baton_ingest.path import Path
from baton_ingest.reception import Reception
from baton_ingest.repository import same_person
from baton_ingest.settings import IngestSettings
from baton_ingest.timers import PASSED, ImportTimer, QuarantineTimer
from baton_ingest.try_out import DryRun, NoDryRun, TryOut

TOPICS: Final = (Topic.REFERENCED,)
SOURCES: Final = "/v1/sources/"
"""Open at the door: each source has a proof of its own, and a bound on its bodies."""


def create_app(*, settings: Settings, bus: Bus, clock: Clock, database: Database) -> FastAPI:
    """Ingest as an ASGI app."""
    database.plan_once()
    service = build(
        name="ingest",
        package="baton_ingest",
        settings=settings,
        bus=bus,
        clock=clock,
        database=database,
        group=GROUP,
        topics=TOPICS,
        handler=lambda _: read_referenced,
    )
    path = Path(units=service.units, bus=bus, sources=lambda: _sources(service))
    imports = ImportTimer(path, lambda: service.feed.current_or_none)
    kept = {EXPIRED: KEPT, PASSED: timedelta(days=1)}
    trimming = TrimTimer(service.units, "ingest-ledger", kept)
    service.timers += [trimming, QuarantineTimer(service.units), imports]
    service.loops.append(_warm_up)
    app = create_web(
        service,
        title="Baton ingest",
        settings=settings,
        routers=[people_api.router, imports_api.router, create_export(service, HELD, known_as=same_person)],
        plain=api.router,
        on_stop=path.drain,
        open_paths=[SOURCES],
        max_body=None,
    )
    reception = Reception(path=path, playbook=service.feed.current, try_out=TryOut(_dry_run(settings)))
    service.feed.on_change(reception.warn_of_sources_that_are_off)
    app.state.reception = reception
    return app


def _dry_run(settings: Settings) -> DryRun:
    """By HTTP, where ingest is told whom to ask. In one process with the others, standalone puts them there instead."""
    if not isinstance(settings, IngestSettings) or settings.scoring_url is None or settings.router_url is None:
        return NoDryRun()
    from baton_ingest.remote_dry_run import RemoteDryRun  # noqa: PLC0415 - or every start would import httpx

    return RemoteDryRun(settings.scoring_url, settings.router_url, settings.api_key)


def _sources(service: Service) -> Collection[str]:
    playbook = service.feed.current_or_none
    return () if playbook is None else {*playbook.sources, "api"}


async def _warm_up(stopping: asyncio.Event) -> None:
    """Read the lists of domains and countries before the first lead has to wait for them."""
    await asyncio.to_thread(load)
    await stopping.wait()
