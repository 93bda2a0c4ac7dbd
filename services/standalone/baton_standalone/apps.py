"""The four apps in one: mounted side by side, started and stopped together, with one answer about health."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Final, cast

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from baton.flow.bus import Bus
from baton.flow.database import Database
from baton.kernel.clock import Clock
from baton.service.chains import Chain
from baton.service.errors import Refusal, error_response
from baton.service.service import Service
from baton.service.serving import CreateApp
from baton.service.settings import Settings
from baton.service.web import readiness_response

_READY_FOR_SECONDS: Final = 1.0
_WRONG_FOR_SECONDS: Final = 0.1
"""Whoever waits for a start is told of its end at once."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the four: where it is mounted, and where its code is."""

    path: str
    package: str
    settings: str
    """The name of its settings' class."""

    @property
    def chain(self) -> Chain:
        return Chain(self.package)

    @property
    def consumers(self) -> tuple[str, ...]:
        """Whose dead letters there may be."""
        return cast("tuple[str, ...]", import_module(self.package).CONSUMERS)

    @property
    def kind(self) -> type[Settings]:
        """What reads its settings from the environment."""
        return cast("type[Settings]", getattr(import_module(f"{self.package}.settings"), self.settings))

    def create(self, *, settings: Settings, bus: Bus, clock: Clock, database: Database) -> FastAPI:
        """Its app, as its own composition root wires it."""
        create_app: CreateApp = import_module(f"{self.package}.app").create_app
        return create_app(settings=settings, bus=bus, clock=clock, database=database)


PARTS: Final = (
    Part("ingest", "baton_ingest", "IngestSettings"),
    Part("scoring", "baton_scoring", "ScoringSettings"),
    Part("router", "baton_router", "RouterSettings"),
    Part("sla", "baton_sla_monitor", "SlaMonitorSettings"),
)
"""In the order in which a lead passes them."""


def import_apps() -> None:
    """Import now what `create` would import, for whoever has nothing better to do."""
    for part in PARTS:
        import_module(f"{part.package}.app")


def import_simulator() -> None:
    """Import now what a simulation would import: it, the apps, and migrations, which an empty database needs."""
    for name in ("baton.service.migrations", "baton_standalone.simulator"):
        import_module(name)
    import_apps()


Apps = Mapping[str, FastAPI]
"""The four, by the path at which they are mounted."""


Alongside = Callable[[Apps], AbstractAsyncContextManager[None]]


def mount(apps: Apps, *, alongside: Alongside | None = None) -> Starlette:
    """One ASGI app with all of them, each at its path.

    Its lifespan runs theirs, and `alongside` around them. Without one it has none: the simulator steps them by hand.
    """
    routes = [
        Route("/", _index(apps)),
        Route("/healthz", _alive),
        Route("/readyz", _Readiness(apps).answer),
        Route("/metrics", _metrics),
        *(Mount(f"/{path}", app) for path, app in apps.items()),
    ]
    return Starlette(
        routes=routes,
        lifespan=None if alongside is None else lambda _: _together(apps, alongside),
        exception_handlers={HTTPException: _refused},
    )


def service_of(app: FastAPI) -> Service:
    """The service that an app was made for."""
    service: Service = app.state.service
    return service


async def wrong_with(apps: Apps) -> dict[str, dict[str, str]]:
    """What keeps each of them from its work; empty when nothing does."""
    answers = [(path, dict(await service_of(app).ready())) for path, app in apps.items()]
    return {path: wrong for path, wrong in answers if wrong}


@asynccontextmanager
async def _together(apps: Apps, alongside: Alongside) -> AsyncIterator[None]:
    """Run the lifespan of each: a mounted app's own is not run by the outer one."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(alongside(apps))
        for app in apps.values():
            await stack.enter_async_context(app.router.lifespan_context(app))
        yield


class _Readiness:
    """`/readyz` of all; asked once a second at most (ten times while not ready), so that a probe costs nothing."""

    def __init__(self, apps: Apps) -> None:
        self._apps = apps
        self._ask_at = 0.0
        self._wrong: dict[str, dict[str, str]] = {}

    async def answer(self, _: Request) -> Response:
        if time.monotonic() >= self._ask_at:
            self._wrong = await wrong_with(self._apps)
            self._ask_at = time.monotonic() + (_WRONG_FOR_SECONDS if self._wrong else _READY_FOR_SECONDS)
        warnings = {path: told for path, app in self._apps.items() if (told := service_of(app).warnings())}
        return readiness_response(self._wrong, warnings)


async def _refused(_: Request, error: Exception) -> Response:
    """In the form that all errors have: a path outside of the four, or another method at one of ours."""
    assert isinstance(error, HTTPException)
    hint = "the services are at /ingest, /scoring, /router and /sla" if error.status_code == 404 else None
    return error_response(Refusal(error.status_code, error.detail, hint=hint, headers=error.headers))


async def _alive(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _metrics(_: Request) -> Response:
    # One process has one registry: each of the four would answer the same.
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _index(apps: Apps) -> Callable[[Request], Awaitable[Response]]:
    async def index(_: Request) -> Response:
        if "router" in apps:
            return RedirectResponse("/router/")
        return JSONResponse({path: {"docs": f"/{path}/docs", "openapi": f"/{path}/openapi.json"} for path in apps})

    return index
