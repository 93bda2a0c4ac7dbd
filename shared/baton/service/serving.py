"""One service as a process: settings, logs, database, bus, app, server."""

import sys
from collections.abc import Callable
from typing import Final, Protocol

import uvicorn
from fastapi import FastAPI

from baton.flow.bus import Bus
from baton.flow.database import Database
from baton.flow.urls import bus_from_url
from baton.kernel.clock import Clock, SystemClock
from baton.service.access import is_loopback
from baton.service.logs import configure_logs
from baton.service.settings import EXIT_WRONG_SETTING, Settings, load_settings, require_database

GRACE_SECONDS: Final = 10
"""How long open requests may take at shutdown; streams are ended by us."""


class CreateApp(Protocol):
    """The composition root of a service."""

    def __call__(self, *, settings: Settings, bus: Bus, clock: Clock, database: Database) -> FastAPI: ...


def serve_service(create_app: CreateApp, *, kind: type[Settings], schema: str) -> None:
    """Run one service until SIGTERM or SIGINT."""
    settings = load_settings(kind)
    configure_logs(settings.log_level)
    url = require_database(settings)
    clock = SystemClock()
    app = create_app(
        settings=settings,
        bus=bus_from_url(settings.bus_url, settings=settings, database_url=url, clock=clock),
        clock=clock,
        database=Database(url, schema=schema, size=settings.database_connections),
    )
    serve(lambda: app, settings)


def serve(create: Callable[[], FastAPI], settings: Settings) -> None:
    """Serve an app on the address of the settings. Refuses to listen to the world without keys."""
    if not is_loopback(settings.host) and settings.keys is None:
        sys.stderr.write(
            f"BATON_LISTEN: {settings.listen} can be reached from other machines, so callers need API keys:"
            " make one with `baton keys create NAME --scope …` and set BATON_KEYS\n"
        )
        sys.exit(EXIT_WRONG_SETTING)
    if settings.keys is None:
        sys.stderr.write("No API keys (BATON_KEYS): only programs on this machine may call.\n")
    uvicorn.run(
        create(),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        loop="uvloop",
        http="httptools",
        timeout_graceful_shutdown=GRACE_SECONDS,
        server_header=False,
    )
