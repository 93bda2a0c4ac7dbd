"""Routes where every lead passes, answered ahead of FastAPI's own routing.

FastAPI solves the dependencies of an endpoint, and opens two exit stacks around it: a fifth of what a lead costs at the
door, for endpoints that read the request by hand anyway.
"""

from collections.abc import Iterator

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send


def plain_routes(router: APIRouter) -> Iterator["PlainRoute"]:
    """Those of a router whose endpoints take the request and the parts of its path, no more, and give a response."""
    return (PlainRoute(route) for route in router.routes if isinstance(route, APIRoute))


class PlainRoute(Route):
    """Calls the endpoint of a route that FastAPI has too: that one stays, for the documentation and other methods."""

    def __init__(self, documented: APIRoute) -> None:
        super().__init__(documented.path, _Endpoint(documented), name=documented.name, include_in_schema=False)
        self.methods = documented.methods

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        if match is not Match.FULL:  # another method: refused by FastAPI's own
            return Match.NONE, {}
        found["route"] = self
        return match, found


class _Endpoint:
    """An endpoint as ASGI. What it raises is answered by the handlers that the app has for it."""

    def __init__(self, documented: APIRoute) -> None:
        self._answer = documented.endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive, send), **scope["path_params"])
        await response(scope, receive, send)
