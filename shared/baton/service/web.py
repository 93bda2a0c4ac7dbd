"""The web side that every service has: health, metrics, documentation, access, correlation."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import structlog
from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from baton.kernel.ids import derived_id
from baton.service.access import ALWAYS_OPEN, Access, Door, Keys, path_in
from baton.service.errors import add_error_handlers
from baton.service.plain_routes import plain_routes
from baton.service.requests import BodyBound
from baton.service.service import Service
from baton.service.settings import Settings

log = structlog.get_logger()

MAX_BODY: Final = 16 * 1024 * 1024
"""Twice what a source takes by default; whoever reads a body by hand has a bound of its own."""
_DOCS_FILES: Final = "/docs-files"
_NO_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False}
"""We have our own metrics and logs: FastAPI needn't look into the environment at each request for somebody else's."""
_READY_FOR_SECONDS: Final = 1.0
_WRONG_FOR_SECONDS: Final = 0.1
"""Whoever waits for a start is told of its end at once."""


def create_web(
    service: Service,
    *,
    title: str,
    settings: Settings,
    routers: Sequence[APIRouter],
    plain: APIRouter | None = None,
    on_stop: Callable[[], Awaitable[None]] | None = None,
    open_paths: Sequence[str] = (),
    max_body: int | None = MAX_BODY,
) -> FastAPI:
    """The ASGI app of a service. Its lifespan runs the service; the simulator leaves that out and steps it.

    `open_paths` need no key, because they prove their callers themselves or have nothing to hide; one that ends in `/`
    opens all below it. `max_body` None leaves the bound to the routes. `plain`: see `plain_routes`.
    """
    # The reference in the browser without a CDN: it works where nothing but Baton can be reached.
    app = FastAPIOffline(
        title=title, lifespan=_lifespan(service, on_stop), static_url=_DOCS_FILES, telemetry=_NO_TELEMETRY
    )
    access = Access(keys=Keys(settings.keys), public_url=settings.public_url)
    app.state.service = service
    app.state.access = access
    app.state.public_url = settings.public_url
    app.state.stopping = asyncio.Event()
    # Not by `include_router`, which looks for the route twice at each request, and reads every endpoint anew.
    for router in (_health(service), *([] if plain is None else [plain]), *routers):
        app.router.routes += router.routes
    if plain is not None:
        app.router.routes[:0] = plain_routes(plain)
    add_error_handlers(app)
    if max_body is not None:
        app.add_middleware(BodyBound, limit=max_body)
    app.add_middleware(Door, access=access, open_paths=tuple(open_paths))
    app.add_middleware(Correlation)
    return app


def end_streams(app: object) -> None:
    """Tell what would never end by itself (`app.state.stopping`) to end, in this app and in those mounted in it."""
    stopping = getattr(getattr(app, "state", None), "stopping", None)
    if isinstance(stopping, asyncio.Event):
        stopping.set()
    for route in getattr(app, "routes", ()):
        if isinstance(route, Mount):
            end_streams(route.app)


def _lifespan(
    service: Service, on_stop: Callable[[], Awaitable[None]] | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        # Apart from `state.stopping`: streams end first, so that the requests can; only then the loops behind them.
        finishing = asyncio.Event()
        running = asyncio.create_task(service.run(finishing), name=service.name)
        running.add_done_callback(_tell_failure)
        try:
            yield
        finally:
            end_streams(app)
            try:
                if on_stop is not None:
                    await on_stop()
            finally:
                finishing.set()
                await running

    return run


def _tell_failure(running: "asyncio.Task[None]") -> None:
    if not running.cancelled() and (error := running.exception()) is not None:
        log.error("service_failed", service=running.get_name(), exc_info=error)


def _health(service: Service) -> APIRouter:
    router = APIRouter(tags=["health"])
    readiness = Readiness(service)

    @router.get("/healthz")
    async def alive() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @router.get("/readyz")
    async def ready() -> JSONResponse:
        """The service can do its work; 503 with what is wrong if not."""
        wrong = await readiness.wrong()
        return readiness_response(wrong, service.warnings())

    @router.get("/metrics")
    async def metrics() -> Response:
        """For Prometheus."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


def readiness_response(wrong: Mapping[str, object], warnings: Mapping[str, object]) -> JSONResponse:
    """`{status, wrong, warnings}`; what is only a warning leaves it ready, and stands there only if there is one."""
    told = {"status": "not ready" if wrong else "ready", "wrong": wrong} | ({"warnings": warnings} if warnings else {})
    return JSONResponse(told, 503 if wrong else 200)


class Readiness:
    """What keeps a service from its work; asked once a second at most, ten times while something does."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._asking = asyncio.Lock()
        self._ask_at = 0.0
        self._wrong: dict[str, str] = {}

    async def wrong(self) -> dict[str, str]:
        async with self._asking:
            if time.monotonic() >= self._ask_at:
                self._wrong = dict(await self._service.ready())
                self._ask_at = time.monotonic() + (_WRONG_FOR_SECONDS if self._wrong else _READY_FOR_SECONDS)
        return self._wrong


class Correlation:
    """Binds one id to everything that is logged about a request, gives it back, and writes the access log.

    Plain ASGI: one `BaseHTTPMiddleware` was measured to cost three quarters of the request rate.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or path_in(scope) in ALWAYS_OPEN:
            await self._app(scope, receive, send)
            return
        self._count += 1
        began = time.monotonic()
        correlation = derived_id("request", str(id(self)), str(self._count), str(began))
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-correlation-id", correlation.encode())]
            await send(message)

        bound = structlog.contextvars.bind_contextvars(correlation=correlation)
        try:
            await self._app(scope, receive, answer)
        finally:
            _log_access(scope, status=status, seconds=time.monotonic() - began)
            structlog.contextvars.reset_contextvars(**bound)


def _log_access(scope: MutableMapping[str, Any], *, status: int, seconds: float) -> None:
    """Method, route template, status and time: never the path or the query, they may hold addresses and secrets.

    At debug where all is well: at thousands of requests a second the metrics tell it better.
    """
    route = getattr(scope.get("route"), "path", None)
    say = log.warning if status >= 500 else log.debug
    say("request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1))
