"""One service as a process: settings, logs, database, bus, app, server."""

import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, Protocol

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from baton.flow.bus import Bus
from baton.flow.database import Database
from baton.flow.urls import bus_from_url
from baton.kernel.clock import Clock, SystemClock
from baton.service.access import Keys, is_loopback, is_loopback_url, read_keys
from baton.service.logs import configure_logs
from baton.service.settings import (
    EXIT_WRONG_SETTING,
    Settings,
    load_settings,
    require_database,
    require_no_arguments,
    warn_of_unknown,
)
from baton.service.web import end_streams

GRACE_SECONDS: Final = 10
"""How long open requests may take at shutdown; streams are ended by us."""
EXIT_NOT_STARTED: Final = 3


class CreateApp(Protocol):
    """The composition root of a service."""

    def __call__(self, *, settings: Settings, bus: Bus, clock: Clock, database: Database) -> FastAPI: ...


def serve_service(create_app: CreateApp, *, kind: type[Settings], schema: str) -> None:
    """Run one service until SIGTERM or SIGINT."""
    require_no_arguments(kind, sys.argv[1:])
    warn_of_unknown()
    settings = load_settings(kind)
    configure_logs(settings.log_level)
    url = require_database(settings)
    require_listening(settings)
    clock = SystemClock()
    app = create_app(
        settings=settings,
        bus=bus_from_url(settings.bus_url, settings=settings, database_url=url, clock=clock),
        clock=clock,
        database=Database(url, schema=schema, size=settings.database_connections),
    )
    serve(lambda: app, settings)


def serve(create: Callable[[], ASGIApp], settings: Settings) -> None:
    """Serve an app on the address of the settings until SIGTERM or SIGINT, then return.

    `require_listening` comes before. Exits with 3 if the app can't start.
    """
    say_who_may_call(settings)
    app = create()
    server = _Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            lifespan="on",
            loop="uvloop",
            http="httptools",
            timeout_graceful_shutdown=GRACE_SECONDS,
            server_header=False,
        )
    )
    with _signals_end_the_server_only():
        server.run()
    if not server.started:
        sys.exit(EXIT_NOT_STARTED)


def require_listening(settings: Settings) -> None:
    """Exit with code 2, before anything is started, where nobody can or may listen on the address of the settings."""
    require_sound_keys(settings)
    require_safe_listening(settings)
    require_free_address(settings)


def require_sound_keys(settings: Settings) -> None:
    """Exit with code 2 where the keys file is there and can't be read, so that nobody could call."""
    if settings.keys is None:
        return
    try:
        read_keys(settings.keys.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return  # before the first key there is none
    except OSError as error:
        why = error.strerror or str(error)
    except (ValueError, TypeError) as error:
        why = str(error)
    else:
        return
    sys.stderr.write(f"BATON_KEYS={settings.keys}: {why}: mend it, or take it away: without it there are no keys yet\n")
    sys.exit(EXIT_WRONG_SETTING)


def require_free_address(settings: Settings) -> None:
    """Exit with code 2 where the address is another program's, or none of this machine's."""
    try:
        places = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in places:
            with socket.socket(family, kind, protocol) as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
                listener.bind(address)
    except OSError as error:
        sys.stderr.write(f"BATON_LISTEN={settings.listen}: {(error.strerror or str(error)).lower()}\n")
        sys.exit(EXIT_WRONG_SETTING)


def require_safe_listening(settings: Settings) -> None:
    """Exit with code 2 where other machines could call and nobody would need a key."""
    if not is_loopback(settings.host) and not Keys(settings.keys).is_needed:
        sys.stderr.write(
            f"BATON_LISTEN={settings.listen}: it can be reached from other machines, so callers need API keys, and"
            " there are none: set BATON_KEYS and make one with `baton keys create NAME --scope …`\n"
        )
        sys.exit(EXIT_WRONG_SETTING)


def say_who_may_call(settings: Settings) -> None:
    """Say on stderr who may call while there are no keys."""
    if Keys(settings.keys).is_needed:
        return
    if is_loopback_url(settings.public_url):
        told = "programs of this machine may call without one"
    else:
        told = "BATON_PUBLIC_URL leads here from elsewhere, so only sources may call; `baton keys create` makes one"
    sys.stderr.write(f"There are no API keys (BATON_KEYS): {told}.\n")


class _Server(uvicorn.Server):
    """Ends streams first, or the server would wait for them."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        end_streams(self.config.app)
        await super().shutdown(sockets)


@contextmanager
def _signals_end_the_server_only() -> Iterator[None]:
    """Uvicorn raises the signal again once it is done; whoever called us may have something to close yet."""

    def ignore(number: int, frame: FrameType | None) -> None:
        del number, frame

    before = {number: signal.signal(number, ignore) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
