"""The composition root: the only place that wires sla-monitor."""

from datetime import timedelta
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
from baton_sla_monitor import GROUP
from baton_sla_monitor.api import create_router
from baton_sla_monitor.handlers import KeepClocks
from baton_sla_monitor.held import HELD
from baton_sla_monitor.reading import OURS
from baton_sla_monitor.shelf import TermsShelf
from baton_sla_monitor.timers import ClockTimer, OverdueWatch

TOPICS: Final = (Topic.CAPTURED, Topic.ACTIVITY, Topic.ASSIGNED, Topic.WORKED)
_GATHER: Final = timedelta(milliseconds=200)
"""A clock starts at the instant of its cause, not when it is written down."""


def create_app(*, settings: Settings, bus: Bus, clock: Clock, database: Database) -> FastAPI:
    """The service as an ASGI app; `app.state.service` is the Service."""
    shelf = TermsShelf()
    service = build(
        name="sla-monitor",
        package="baton_sla_monitor",
        settings=settings,
        bus=bus,
        clock=clock,
        database=database,
        group=GROUP,
        topics=TOPICS,
        handler=lambda feed: KeepClocks(feed.current, shelf),
        types=OURS,
        gather=_GATHER,
        optimistic=True,
    )
    service.timers += [ClockTimer(service.units, shelf), OverdueWatch(database, clock)]
    routers = [create_router(service, shelf), create_export(service, HELD)]
    return create_web(service, title="Baton sla-monitor", settings=settings, routers=routers)
