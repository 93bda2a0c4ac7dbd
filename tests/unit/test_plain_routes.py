"""Routes ahead of FastAPI's routing: to callers they are those of FastAPI."""

from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.types import Receive, Scope, Send

from baton.service.errors import Refusal, add_error_handlers
from baton.service.plain_routes import PlainRoute, plain_routes
from baton.service.requests import read_body

router = APIRouter()


@router.post("/v1/things", status_code=202, tags=["things"])
async def take_things(request: Request) -> Response:
    """All of them."""
    return Response(await read_body(request, 10), 202)


@router.api_route("/v1/doors/{door}", methods=["GET", "POST"])
async def knock(request: Request, door: str) -> Response:
    if door == "broken":
        raise ValueError(door)
    if door == "closed":
        raise Refusal(403, "closed", headers={"x-until": "nine"})
    return Response(f"{door} {request.url.path} {request.scope['route'].path}", headers={"x-door": door})


def app(*, plain: bool) -> FastAPI:
    made = FastAPI()
    made.include_router(router)
    add_error_handlers(made)
    if plain:
        made.router.routes[:0] = plain_routes(router)
    return made


async def told(asked: FastAPI, method: str, url: str, **more: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    transport = httpx.ASGITransport(asked, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://baton.example") as client:
        answer = await client.request(method, url, **more)
    return answer.status_code, answer.headers.multi_items(), answer.content


@pytest.mark.parametrize(
    ("method", "url", "more"),
    [
        ("POST", "/v1/things", {"content": b"one"}),
        ("POST", "/v1/things", {"content": b"more than ten"}),
        ("POST", "/v1/things", {"content": b"one", "headers": {"content-encoding": "br"}}),
        ("GET", "/v1/things", {}),
        ("HEAD", "/v1/doors/front", {}),
        ("OPTIONS", "/v1/things", {}),
        ("POST", "/v1/things/", {"content": b"one"}),
        ("GET", "/v1/doors/front?loud=1", {}),
        ("GET", "/v1/doors/b%C3%BCro", {}),
        ("GET", "/v1/doors/closed", {}),
        ("GET", "/v1/doors/broken", {}),
        ("GET", "/v1/doors/a/b", {}),
        ("GET", "/v1/doors/", {}),
        ("GET", "/openapi.json", {}),
    ],
)
async def test_a_plain_route_answers_as_fastapi_would(method: str, url: str, more: dict[str, Any]) -> None:
    expected = await told(app(plain=False), method, url, **more)

    assert await told(app(plain=True), method, url, **more) == expected


async def test_a_plain_route_is_found_below_the_path_under_which_its_app_is_mounted() -> None:
    outer = FastAPI()
    outer.mount("/ingest", app(plain=True))

    status, _, body = await told(outer, "GET", "/ingest/v1/doors/front")

    assert (status, body) == (200, b"front /ingest/v1/doors/front /v1/doors/{door}")


async def test_the_route_in_the_scope_is_the_plain_one() -> None:
    seen: list[Scope] = []
    inner = app(plain=True)

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await inner(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(asked), base_url="http://baton.example") as client:
        await client.post("/v1/things", content=b"one")

    assert isinstance(seen[0]["route"], PlainRoute)
    assert seen[0]["route"].path == "/v1/things"
