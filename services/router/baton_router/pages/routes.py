"""The routes of the pages. Scope `read`, as for what the API shows."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from fastapi.sse import EventSourceResponse
from starlette.staticfiles import StaticFiles

from baton.flow.bus import BusUnavailable
from baton.flow.database import DatabaseUnavailable
from baton.flow.deliveries import NotReady
from baton.kernel.instants import parse_instant
from baton.leads.naming import phone_named
from baton.leads.normalising import Unusable
from baton.service.access import require
from baton.service.errors import Refusal
from baton.service.naming import named_lead
from baton.service.paging import Cursor, read_cursor, write_cursor
from baton.service.service import Service
from baton_router import views
from baton_router.lead_file import State
from baton_router.pages.lead_list import listed
from baton_router.pages.lead_story import story
from baton_router.pages.live import PageStream
from baton_router.pages.rendering import HEADERS, STATIC, Pages
from baton_router.pages.wording import Names
from baton_router.stream import Wakes
from baton_router.views import LeadFilter

STATIC_PATH: Final = "/static"
_READ: Final = [Depends(require("read"))]
_SHOWN_STATES: Final = tuple(state for state in State if state is not State.ERASED)
_AWAY: Final = (DatabaseUnavailable, BusUnavailable, NotReady)


def create_pages(service: Service, wakes: Wakes, *, most_streams: int) -> APIRouter:
    """The pages as a router; `serve_static` adds the files they need."""
    router = APIRouter(include_in_schema=False, dependencies=_READ)
    pages = Pages()
    _add_list(router, service, pages)
    _add_lead(router, service, pages)
    _add_stream(router, wakes, most=most_streams)
    return router


def serve_static(app: FastAPI) -> None:
    """Serve stylesheet and scripts."""
    app.mount(STATIC_PATH, StaticFiles(directory=STATIC))


def _add_list(router: APIRouter, service: Service, pages: Pages) -> None:
    @router.get("/")
    async def leads(
        *,
        request: Request,
        find: Annotated[str, Query(max_length=400)] = "",
        state: str = "",
        rep: str = "",
        pool: str = "",
        cursor: Cursor = None,
    ) -> Response:
        if find.strip():
            found = await _found(service, find.strip())
            return RedirectResponse(f"leads/{quote(found, safe='@')}", 303, HEADERS)
        filters = {"state": state, "rep": rep, "pool": pool}
        return await _answer(request, pages, "leads.html", lambda: _list(service, filters, cursor))


async def _found(service: Service, written: str) -> str:
    """How the page that is looked for names its lead. Who is called back shows a number, whatever else is known."""
    with suppress(Unusable, DatabaseUnavailable):  # the page says so
        number = phone_named(written)
        if number is not None:
            async with service.database.connection() as connection:
                return await views.lead_called(connection, number) or written
    return written


async def _list(service: Service, filters: Mapping[str, str], cursor: str | None) -> Mapping[str, Any]:
    place = read_cursor(cursor, 2)
    before = None if place is None else (_instant(place[0]), str(place[1]))
    playbook, now = service.feed.current_or_none, service.clock.now()
    wanted = LeadFilter(filters["rep"] or None, filters["pool"] or None, _state(filters["state"]))
    async with service.database.connection() as connection:
        found = await listed(connection, wanted, before=before, now=now, names=_names(service))
    said = {name: value for name, value in filters.items() if value}
    following = None if found.following is None else urlencode({**said, "cursor": write_cursor(*found.following)})
    return {
        "now": now,
        "rows": found.rows,
        "filters": filters,
        "states": _SHOWN_STATES,
        "reps": [] if playbook is None else sorted((each.name, each.id) for each in playbook.reps.values()),
        "pools": [] if playbook is None else sorted(playbook.pools),
        "here": urlencode(said),
        "is_first": cursor is None,
        "following": following,
    }


def _add_lead(router: APIRouter, service: Service, pages: Pages) -> None:
    @router.get("/leads/{lead}")
    async def lead(request: Request, lead: str) -> Response:
        return await _answer(request, pages, "lead.html", lambda: _lead(service, lead))


async def _lead(service: Service, lead: str) -> Mapping[str, Any]:
    now = service.clock.now()
    async with service.database.connection() as connection:
        told = await views.whole_story(connection, named_lead(lead), now=now)
    return {"now": now, "lead": story(told, now=now, names=_names(service))}


def _add_stream(router: APIRouter, wakes: Wakes, *, most: int) -> None:
    @router.get("/stream", response_class=StreamingResponse)
    async def stream(request: Request) -> StreamingResponse:
        """Tells an open page that something has changed."""
        if wakes.count >= most:
            raise Refusal(503, "too many live streams here", headers={"retry-after": "5"})
        events = PageStream(wakes, request.app.state.stopping)
        return EventSourceResponse(events.run(), headers={"cache-control": "no-store", "x-accel-buffering": "no"})


async def _answer(
    request: Request, pages: Pages, template: str, read: Callable[[], Awaitable[Mapping[str, Any]]]
) -> Response:
    """The page, or a refusal as a page: people don't read JSON."""
    try:
        return pages.answer(request, template, **await read())
    except Refusal as refusal:
        status, message, hint = refusal.status, refusal.message, refusal.hint
    except _AWAY:
        status, message, hint = 503, "Baton is waiting for its database or its playbook", "Come again in a moment."
    return pages.answer(request, "error.html", status=status, code=status, message=message, hint=hint)


def _names(service: Service) -> Names:
    playbook = service.feed.current_or_none
    reps = {} if playbook is None else playbook.reps

    def name(rep: str | None) -> str:
        known = None if rep is None else reps.get(rep)
        return known.name if known is not None else rep or "nobody"

    return name


def _state(text: str) -> State | None:
    try:
        return State(text) if text else None
    except ValueError:
        raise Refusal(422, "there is no such state", hint=", ".join(_SHOWN_STATES)) from None


def _instant(text: object) -> datetime:
    try:
        return parse_instant(str(text))
    except ValueError:
        raise Refusal(422, "this cursor is not one of ours", hint="take the link on the page before") from None
