"""The composition root: the only place that wires the router."""

from datetime import timedelta
from typing import Final

from fastapi import FastAPI

from baton.flow.bus import Bus
from baton.flow.database import Database
from baton.kernel.clock import Clock
from baton.leads.topics import LEAD_TOPICS, Topic
from baton.service.exporting import create_export
from baton.service.idempotency import EXPIRED, KEPT
from baton.service.service import add_worker, build
from baton.service.settings import Settings
from baton.service.trimming import TrimTimer
from baton.service.web import create_web
from baton_router import GROUP, TIMELINE_GROUP
from baton_router.api import create_router
from baton_router.handlers import OURS, RouteLeads, is_ours
from baton_router.held import HELD
from baton_router.pages.routes import create_pages, serve_static
from baton_router.settings import RouterSettings
from baton_router.stream import Wakes
from baton_router.timeline import keep_timeline
from baton_router.timers import HoldTimer, MoveTimer, PauseTimer

TOPICS: Final = (Topic.SCORED, Topic.ACTIVITY, Topic.SLA)
_GATHER_STORIES: Final = timedelta(milliseconds=200)
"""Nobody's lead waits for the timeline: only eyes do."""
_STORIES: Final = 100
"""Few at a time: the timeline shares its event loop with whoever routes leads."""


def create_app(*, settings: Settings, bus: Bus, clock: Clock, database: Database) -> FastAPI:
    """The service as an ASGI app; `app.state.service` is the Service."""
    service = build(
        name="router",
        package="baton_router",
        settings=settings,
        bus=bus,
        clock=clock,
        database=database,
        group=GROUP,
        topics=TOPICS,
        handler=lambda feed: RouteLeads(feed.current),
        types=OURS,
        concerns=is_ours,
        optimistic=True,
    )
    add_worker(
        service, group=TIMELINE_GROUP, topics=LEAD_TOPICS, handler=keep_timeline, gather=_GATHER_STORIES,
        most=_STORIES, idempotent=True,
    )  # fmt: skip
    holds, moves = (HoldTimer(service.units, service.feed.current), MoveTimer(service.units, service.feed.current))
    service.feed.on_change(holds.playbook_changed)
    service.feed.on_change(moves.playbook_changed)
    service.timers += [holds, PauseTimer(service.units, service.feed.current), moves]
    service.timers.append(TrimTimer(service.units, "router-answers", {EXPIRED: KEPT}))
    wakes = Wakes(database.url)
    service.loops.append(wakes.run)
    streams = (
        settings.streams if isinstance(settings, RouterSettings) else RouterSettings.model_fields["streams"].default
    )
    routers = [make(service, wakes, most_streams=streams) for make in (create_router, create_pages)]
    routers.append(create_export(service, HELD))
    app = create_web(service, title="Baton router", settings=settings, routers=routers)
    serve_static(app)
    return app
