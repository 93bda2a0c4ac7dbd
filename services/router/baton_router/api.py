"""What the router answers: commands on leads, the story of each, the dry run, reps, the account directory.

Scopes: `read` for what only shows something, `route` for what changes something and for the dry run. What changes
something honours `Idempotency-Key`.
"""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse
from pydantic import TypeAdapter, ValidationError

from baton.flow.unit_of_work import UnitOfWork
from baton.kernel.instants import format_instant, parse_instant
from baton.leads.normalising import Unusable
from baton.service.access import may_still, require
from baton.service.errors import Refusal
from baton.service.fields import Instant
from baton.service.idempotency import Asked, Done, asked_of, in_steps, once
from baton.service.naming import NamedLead, named_lead
from baton.service.paging import Cursor, Limit, page, read_cursor, write_cursor
from baton.service.requests import read_body
from baton.service.service import Service
from baton_router import directory, reviews, staff_repository, views
from baton_router.bodies import (
    MOST_ACCOUNTS,
    AcceptBody,
    AccountBody,
    DeclineBody,
    DispositionBody,
    HandoverBody,
    PauseBody,
    ReassignBody,
    RepPatch,
    ResumeBody,
    RouteBody,
    TouchBody,
)
from baton_router.commands import Commands, Named
from baton_router.deciding.values import Account, RepState
from baton_router.dry_run import dry_run
from baton_router.lead_file import LeadFile, State
from baton_router.people import People, known_rep, shown
from baton_router.stream import RepStream, Wakes
from baton_router.views import LeadFilter

_MAX_BODY: Final = 8 * 1024 * 1024
_MOST_MISTAKES: Final = 20
_EVENT_ID: Final = re.compile("[0-9]{1,18}")
"""What PostgreSQL's bigint holds, whatever its value."""
_READ: Final = [Depends(require("read"))]
_DRY_RUN: Final = [Depends(require("read", "route"))]
_ACCOUNTS: Final = TypeAdapter(list[AccountBody])
_ACCOUNTS_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "array", "items": AccountBody.model_json_schema()}}},
    }
}
"""For the interactive reference: the body is read by hand, for mistakes in one answer."""

_Asked = Annotated[Asked | None, Depends(asked_of(require("route")))]


def _lead(lead: NamedLead, traceparent: Annotated[str | None, Header(include_in_schema=False)] = None) -> Named:
    return Named(named_lead(lead), traceparent)


_Lead = Annotated[Named, Depends(_lead)]


def create_router(service: Service, wakes: Wakes, *, most_streams: int) -> APIRouter:
    """The routes of the API."""
    router = APIRouter(prefix="/v1", tags=["router"])
    _add_dry_run(router, service)
    _add_leads(router, service)
    _add_commands(router, service)
    _add_reps(router, service)
    _add_stream(router, service, wakes, most=most_streams)
    _add_accounts(router, service)
    return router


def _add_dry_run(router: APIRouter, service: Service) -> None:
    @router.post("/route", dependencies=_DRY_RUN)
    async def route(body: RouteBody) -> dict[str, object]:
        """Who would get this lead now, and why. Changes nothing, so that the scope `read` is enough.

        The lead as `POST /ingest/v1/leads` takes it, optionally with `score`; without it the lead's stored one.
        What ingest would not take, for want of an email and a phone, can be asked about too; `note` says so.
        """
        sent: dict[str, object] = body.model_extra or {}
        async with service.database.connection() as connection:
            return await dry_run(UnitOfWork(connection, now=service.clock.now()), service.feed.current(), sent)


def _add_leads(router: APIRouter, service: Service) -> None:
    @router.get("/leads", dependencies=_READ)
    async def leads(
        *,
        rep: str | None = None,
        pool: str | None = None,
        state: State | None = None,
        since: Annotated[Instant | None, Query(description="Changed at or after that instant")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> dict[str, object]:
        """Leads, those that changed last first.

        `state=erased` and `state=captured` (nothing is decided on it yet) are listed only where they are asked for.
        """
        place = read_cursor(cursor, 2)
        before = None if place is None else (_instant(place[0]), str(place[1]))
        wanted = LeadFilter(rep, pool, state, since)
        async with service.database.connection() as connection:
            found = await views.list_leads(connection, wanted, before=before, limit=limit + 1)
        items = [item for _, item in found[:limit]]
        last = found[limit - 1] if len(found) > limit else None
        following = None if last is None else write_cursor(format_instant(last[0]), last[1]["lead_id"])
        return page(items, following=following)

    @router.get("/leads/{lead}", dependencies=_READ)
    async def lead(lead: NamedLead) -> dict[str, object]:
        """All that happened to a lead, in order.

        A lead that was merged answers as the one it was merged into: `lead_id` is that one's, `merged` has its own.
        """
        async with service.database.connection() as connection:
            return await views.whole_story(connection, named_lead(lead), now=service.clock.now())

    @router.get("/reviews", dependencies=_READ)
    async def list_reviews(limit: Limit = 50, cursor: Cursor = None) -> dict[str, object]:
        """Leads whose account a person should look at, each with the candidates."""
        place = read_cursor(cursor, 1)
        async with service.database.connection() as connection:
            found = await reviews.listed(connection, after="" if place is None else str(place[0]), limit=limit + 1)
        following = write_cursor(found[limit - 1]["lead_id"]) if len(found) > limit else None
        return page(found[:limit], following=following)


def _add_commands(router: APIRouter, service: Service) -> None:
    commands = Commands(service.feed.current)

    async def act(asked: Asked | None, command: Callable[[UnitOfWork], Awaitable[LeadFile]]) -> Mapping[str, object]:
        async def done(unit: UnitOfWork) -> Done:
            file = await command(unit)
            return Done(views.summary(file), file.members)

        return await once(service.units, asked, done)

    @router.post("/leads/{lead}/accept")
    async def accept(asked: _Asked, lead: _Lead, body: AcceptBody | None = None) -> Mapping[str, object]:
        """The rep takes the lead on."""
        return await act(asked, lambda unit: commands.accept(unit, lead, body or AcceptBody()))

    @router.post("/leads/{lead}/decline")
    async def decline(asked: _Asked, lead: _Lead, body: DeclineBody) -> Mapping[str, object]:
        """The rep gives the lead back: somebody else gets it, or it is held.

        While it is held it stays theirs, with its clocks, until somebody can have it; `hold.why` says so.
        """
        return await act(asked, lambda unit: commands.decline(unit, lead, body))

    @router.post("/leads/{lead}/reassign")
    async def reassign(asked: _Asked, lead: _Lead, body: ReassignBody) -> Mapping[str, object]:
        """To the rep who is named, or to whoever is next without the present one.

        Where nobody can have it, it is held and stays with the present rep, with its clocks; `hold.why` says so.
        """
        return await act(asked, lambda unit: commands.reassign(unit, lead, body))

    @router.post("/leads/{lead}/touches")
    async def touch(asked: _Asked, lead: _Lead, body: TouchBody) -> Mapping[str, object]:
        """A call, an email, a message or a meeting: now, or up to 15 minutes ago.

        Where an answer may be lost, say `at`, or send an `Idempotency-Key`: sent again in the same words, it is one
        touch.
        """
        return await act(asked, lambda unit: commands.touch(unit, lead, body))

    @router.post("/leads/{lead}/disposition")
    async def disposition(asked: _Asked, lead: _Lead, body: DispositionBody) -> Mapping[str, object]:
        """The rep's verdict, which ends the assignment."""
        return await act(asked, lambda unit: commands.dispose(unit, lead, body))

    @router.post("/leads/{lead}/pause")
    async def pause(asked: _Asked, lead: _Lead, body: PauseBody) -> Mapping[str, object]:
        """Stop the lead's clocks, until then or until it is resumed."""
        return await act(asked, lambda unit: commands.pause(unit, lead, body))

    @router.post("/leads/{lead}/resume")
    async def resume(asked: _Asked, lead: _Lead, body: ResumeBody | None = None) -> Mapping[str, object]:
        """Start them again."""
        return await act(asked, lambda unit: commands.resume(unit, lead, body or ResumeBody()))


def _add_reps(router: APIRouter, service: Service) -> None:
    people = People(service.units, service.feed.current)

    @router.get("/reps", dependencies=_READ)
    async def reps() -> dict[str, object]:
        """Everyone whom the playbook knows, as they are now, and whoever else still has open leads."""
        playbook, now = service.feed.current(), service.clock.now()
        async with service.database.connection() as connection:
            states = await staff_repository.load_states(connection)
            opened = await staff_repository.reps_with_open(connection)
        known = [
            shown(playbook, each, states.get(each.id, RepState()), opened=opened.get(each.id, 0), now=now)
            for each in playbook.reps.values()
        ]
        dropped = [
            {"id": rep, "active": False, "open": count}
            for rep, count in sorted(opened.items())
            if rep not in playbook.reps
        ]
        return page([*known, *dropped], following=None)

    @router.get("/reps/{rep}", dependencies=_READ)
    async def rep(rep: str) -> dict[str, object]:
        """One of them."""
        playbook, now = service.feed.current(), service.clock.now()
        found = known_rep(playbook, rep)
        async with service.database.connection() as connection:
            states = await staff_repository.load_states(connection)
            opened = (await staff_repository.reps_with_open(connection)).get(found.id, 0)
        return shown(playbook, found, states.get(found.id, RepState()), opened=opened, now=now)

    @router.patch("/reps/{rep}")
    async def patch(asked: _Asked, rep: str, body: RepPatch) -> Mapping[str, object]:
        """Availability, absences, caps. Stays over publishes of the playbook until set to null."""

        async def done(unit: UnitOfWork) -> Done:
            return Done(await people.patch(unit, rep, body))

        return await once(service.units, asked, done)

    @router.post("/reps/{rep}/handover")
    async def handover(asked: _Asked, rep: str, body: HandoverBody) -> Mapping[str, object]:
        """Move all open leads of a rep to a rep or a pool."""
        return await in_steps(service.units, asked, lambda: people.hand_over(rep, body))


def _add_stream(router: APIRouter, service: Service, wakes: Wakes, *, most: int) -> None:
    @router.get("/reps/{rep}/stream", dependencies=_READ, response_class=StreamingResponse)
    async def stream(
        rep: str, request: Request, last_event_id: Annotated[str | None, Header()] = None
    ) -> StreamingResponse:
        """The rep's assignments and clocks, live. `Last-Event-ID` resumes; without it, what is open comes first."""
        if last_event_id is not None and not _EVENT_ID.fullmatch(last_event_id):
            raise Refusal(422, "Last-Event-ID is not one of ours")
        if wakes.count >= most:
            raise Refusal(503, "too many live streams here", headers={"retry-after": "5"})
        found = known_rep(service.feed.current(), rep)
        events = RepStream(
            service.database, wakes, request.app.state.stopping, found.id, lambda: may_still(request, "read")
        )
        return EventSourceResponse(
            events.run(None if last_event_id is None else int(last_event_id)),
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )


def _add_accounts(router: APIRouter, service: Service) -> None:
    @router.put("/accounts", openapi_extra=_ACCOUNTS_BODY)
    async def put_accounts(request: Request, asked: _Asked) -> Mapping[str, object]:
        """Write entries of the account directory: an array, or `{items: […]}`; each replaces the one with its id."""
        accounts = _read_accounts(await read_body(request, _MAX_BODY))

        async def done(unit: UnitOfWork) -> Done:
            await directory.save(unit.connection, accounts, now=unit.now)
            playbook = service.feed.current_or_none
            warnings = [] if playbook is None else _at_most(list(directory.strangers(accounts, playbook.reps)))
            return Done({"accounts": len(accounts), **({"warnings": warnings} if warnings else {})})

        return await once(service.units, asked, done)

    @router.get("/accounts", dependencies=_READ)
    async def accounts(limit: Limit = 50, cursor: Cursor = None) -> dict[str, object]:
        """The directory, in the order of ids."""
        place = read_cursor(cursor, 1)
        async with service.database.connection() as connection:
            found = await directory.list_accounts(
                connection, after="" if place is None else str(place[0]), limit=limit + 1
            )
        following = write_cursor(found[limit - 1].id) if len(found) > limit else None
        return page([directory.shown(each) for each in found[:limit]], following=following)


def _read_accounts(body: bytes) -> list[Account]:
    try:
        accounts = [directory.read_account(each) for each in _ACCOUNTS.validate_python(_items(body))]
    except ValidationError as error:
        raise Refusal(422, _mistakes(error), hint="what else is known of an account goes into `custom`") from None
    except Unusable as error:
        raise Refusal(422, error.why, hint=error.hint) from None
    counts = Counter(each.id for each in accounts)
    twice = [each for each, count in counts.items() if count > 1]
    if twice:
        raise Refusal(422, f"accounts: more than one has the id {twice[0]}")
    return accounts


def _mistakes(error: ValidationError) -> str:
    """All of them up to a screenful, each with its place."""
    found = error.errors(include_url=False, include_input=False)
    return "; ".join(_at_most([f"accounts.{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found]))


def _at_most(told: list[str]) -> list[str]:
    more = len(told) - _MOST_MISTAKES
    return [*told[:_MOST_MISTAKES], f"and {more} more"] if more > 0 else told


def _items(body: bytes) -> list[object]:
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal(422, "the body is not JSON") from None
    items = sent.get("items") if isinstance(sent, dict) else sent
    if not isinstance(items, list):
        raise Refusal(422, "accounts: an array is expected, or {items: […]}")
    if len(items) > MOST_ACCOUNTS:
        raise Refusal(413, f"{len(items)} accounts at once", hint=f"send at most {MOST_ACCOUNTS} in one request")
    return items


def _instant(text: object) -> datetime:
    try:
        return parse_instant(str(text))
    except ValueError:
        raise Refusal(422, "this cursor is not one of ours", hint="take `next` of the page before") from None
