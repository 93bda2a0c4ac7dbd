"""Refusals that a caller reads: one form for all of them."""

from collections.abc import Mapping

import structlog
from asyncpg import CharacterNotInRepertoireError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from baton.flow.bus import BusUnavailable
from baton.flow.database import DatabaseUnavailable, StatementTimedOut
from baton.flow.deliveries import NotReady

log = structlog.get_logger()

_CODES = {
    400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
    409: "conflict", 410: "gone", 413: "too_large", 415: "wrong_content_type", 422: "unusable", 429: "too_many",
    501: "not_served", 503: "unavailable",
}  # fmt: skip


class Refusal(Exception):
    """A request that can't be granted: the status, what is wrong, and what to do about it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        hint: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.hint = hint
        self.code = code or _CODES.get(status, "error")
        self.headers = headers or {}


def error_response(refusal: Refusal, *, details: object = None) -> JSONResponse:
    """`{"error": {"code", "message", "hint"?, "details"?}}`."""
    error: dict[str, object] = {"code": refusal.code, "message": refusal.message}
    if refusal.hint is not None:
        error["hint"] = refusal.hint
    if details is not None:
        error["details"] = details
    return JSONResponse({"error": error}, refusal.status, dict(refusal.headers))


def add_error_handlers(app: FastAPI) -> None:
    """Give every error the same form."""

    @app.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> JSONResponse:
        return error_response(refusal)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        details = [{"field": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in error.errors()]
        return error_response(Refusal(422, "the request can't be used"), details=details)

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> JSONResponse:
        return error_response(Refusal(error.status_code, str(error.detail), headers=error.headers))

    for away in (DatabaseUnavailable, BusUnavailable, NotReady):
        app.add_exception_handler(away, _unavailable)
    app.add_exception_handler(CharacterNotInRepertoireError, _unstorable)
    app.add_exception_handler(Exception, _unexpected)


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    what = {
        DatabaseUnavailable: "the database is away",
        StatementTimedOut: "the database took too long",
        BusUnavailable: "the bus is away",
    }
    message = what.get(type(error), str(error) or "not ready yet")
    return error_response(Refusal(503, f"{message}: come again", headers={"retry-after": "5"}))


async def _unstorable(_: Request, __: Exception) -> JSONResponse:
    """A path, a query or a cursor with U+0000 in it, which no text in PostgreSQL holds: nothing has such a name."""
    return error_response(Refusal(422, "a character in this request can't be stored: U+0000"))


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    route = request.scope.get("route")
    log.error("request_failed", route=getattr(route, "path", None), error=type(error).__name__, exc_info=error)
    return error_response(Refusal(500, "something went wrong here; it is in the log", code="internal"))
