"""The web side that every service has: health, metrics, documentation, access, correlation."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import structlog
from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from baton.kernel.ids import derived_id
from baton.service.access import Access, Keys
from baton.service.errors import add_error_handlers
from baton.service.service import Service
from baton.service.settings import Settings

log = structlog.get_logger()

_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_READY_FOR_SECONDS: Final = 1.0


def create_web(
    service: Service,
    *,
    title: str,
    settings: Settings,
    routers: Sequence[APIRouter],
    on_stop: Callable[[], Awaitable[None]] | None = None,
) -> FastAPI:
    """The ASGI app of a service. Its lifespan runs the service; the simulator leaves that out and steps it."""
    app = FastAPI(title=title, lifespan=_lifespan(service, on_stop))
    app.state.service = service
    app.state.access = Access(keys=Keys(settings.keys), public_url=settings.public_url)
    app.state.public_url = settings.public_url
    app.state.stopping = asyncio.Event()
    app.include_router(_health(service))
    for router in routers:
        app.include_router(router)
    add_error_handlers(app)
    app.add_middleware(Correlation)
    return app


def _lifespan(
    service: Service, on_stop: Callable[[], Awaitable[None]] | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        stopping: asyncio.Event = app.state.stopping
        running = asyncio.create_task(service.run(stopping))
        try:
            yield
        finally:
            if on_stop is not None:
                await on_stop()
            stopping.set()
            await running

    return run


def _health(service: Service) -> APIRouter:
    router = APIRouter(tags=["health"])
    answered: dict[str, tuple[float, dict[str, str]]] = {}

    @router.get("/healthz")
    async def alive() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @router.get("/readyz")
    async def ready() -> JSONResponse:
        """The service can do its work; 503 with what is wrong if not."""
        at, wrong = answered.get("ready", (0.0, {}))
        if time.monotonic() - at > _READY_FOR_SECONDS:
            wrong = dict(await service.ready())
            answered["ready"] = (time.monotonic(), wrong)
        return JSONResponse({"status": "not ready" if wrong else "ready", "wrong": wrong}, 503 if wrong else 200)

    @router.get("/metrics")
    async def metrics() -> Response:
        """For Prometheus."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


class Correlation:
    """Binds one id to everything that is logged about a request, gives it back, and writes the access log.

    Plain ASGI: one `BaseHTTPMiddleware` was measured to cost three quarters of the request rate.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await self._app(scope, receive, send)
            return
        self._count += 1
        began = time.monotonic()
        correlation = derived_id("request", str(id(self)), str(self._count), str(began))
        structlog.contextvars.bind_contextvars(correlation=correlation)
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-correlation-id", correlation.encode())]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            _log_access(scope, status=status, seconds=time.monotonic() - began)
            structlog.contextvars.unbind_contextvars("correlation")


def _log_access(scope: MutableMapping[str, Any], *, status: int, seconds: float) -> None:
    """Method, route template, status and time: never the path or the query, they may hold addresses and secrets."""
    route = getattr(scope.get("route"), "path", None)
    say = log.warning if status >= 500 else log.debug
    say("request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1))
