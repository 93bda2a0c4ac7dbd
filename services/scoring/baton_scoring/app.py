"""The composition root of scoring: the only place that wires."""

from typing import Final

from fastapi import FastAPI

from baton.flow.bus import Bus
from baton.flow.database import Database
from baton.kernel.clock import Clock
from baton.leads.topics import Topic
from baton.service.exporting import create_export
from baton.service.service import build
from baton.service.settings import Settings
from baton.service.web import create_web
from baton_scoring import GROUP
from baton_scoring.api import router
from baton_scoring.handlers import ScoreLeads
from baton_scoring.held import HELD
from baton_scoring.timers import TierTimer

TOPICS: Final = (Topic.CAPTURED, Topic.ACTIVITY)


def create_app(*, settings: Settings, bus: Bus, clock: Clock, database: Database) -> FastAPI:
    """Scoring as an ASGI app."""
    database.plan_once()
    service = build(
        name="scoring",
        package="baton_scoring",
        settings=settings,
        bus=bus,
        clock=clock,
        database=database,
        group=GROUP,
        topics=TOPICS,
        handler=lambda feed: ScoreLeads(feed.current),
        optimistic=True,
    )
    service.timers.append(TierTimer(service.units, service.feed.current))
    routers = [router, create_export(service, HELD)]
    return create_web(service, title="Baton scoring", settings=settings, routers=routers)
