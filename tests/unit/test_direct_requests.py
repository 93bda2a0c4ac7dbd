"""How the simulator asks an app: as a server would, without one."""

import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from baton_standalone.direct_requests import DirectRequests


async def _echo(request: Request) -> Response:
    return JSONResponse(
        {
            "method": request.method,
            "path": request.url.path,
            "raw_path": request.scope["raw_path"].decode(),
            "query": request.url.query,
            "url": str(request.url),
            "client": request.client.host if request.client else None,
            "headers": dict(request.headers),
            "body": (await request.body()).decode(),
        }
    )


async def _in_pieces(_: Request) -> Response:
    return StreamingResponse(iter([b"one ", b"two"]), status_code=203)


async def _until_it_goes(request: Request) -> Response:
    gone_before = await request.is_disconnected()
    return PlainTextResponse(str(gone_before))


async def _broken(_: Request) -> Response:
    raise LookupError("a mistake of ours")


@pytest.fixture
def requests() -> DirectRequests:
    every = ["GET", "POST", "DELETE"]
    routes = [
        Route("/pieces", _in_pieces),
        Route("/gone", _until_it_goes),
        Route("/broken", _broken),
        Route("/{rest:path}", _echo, methods=every),
    ]
    return DirectRequests(Starlette(routes=routes))


async def heard(requests: DirectRequests, method: str, target: str, **more: Any) -> dict[str, Any]:
    answer = await requests.send(method, target, **{"headers": {}, **more})
    assert answer.status == 200
    told: dict[str, Any] = json.loads(answer.content)
    return told


async def test_an_app_hears_what_was_sent_and_from_where(requests: DirectRequests) -> None:
    told = await heard(requests, "POST", "/v1/leads?dry=yes", content=b"{}", headers={"content-type": "text/plain"})

    assert (told["method"], told["path"], told["query"], told["body"]) == ("POST", "/v1/leads", "dry=yes", "{}")
    assert (told["url"], told["client"]) == ("http://localhost:8000/v1/leads?dry=yes", "127.0.0.1")
    assert told["headers"] == {
        "host": "localhost:8000", "accept": "*/*", "content-length": "2", "content-type": "text/plain",
    }  # fmt: skip


async def test_given_headers_take_the_place_of_what_every_client_says(requests: DirectRequests) -> None:
    told = await heard(requests, "GET", "/", headers={"host": "leads.example", "accept": "text/html"})

    assert told["headers"] == {"host": "leads.example", "accept": "text/html", "content-length": "0"}


@pytest.mark.parametrize(
    ("target", "path", "raw_path"),
    [
        ("/leads/ada@example.com", "/leads/ada@example.com", "/leads/ada@example.com"),
        ("/leads/ada%2Bb%40example.com", "/leads/ada+b@example.com", "/leads/ada%2Bb%40example.com"),
        ("/leads/jürgen@example.com", "/leads/jürgen@example.com", "/leads/j%C3%BCrgen@example.com"),
        ("/leads/a b", "/leads/a b", "/leads/a%20b"),
        ("/leads/a#part", "/leads/a", "/leads/a"),
    ],
)
async def test_a_path_is_quoted_on_the_way_and_read_by_the_app(
    requests: DirectRequests, target: str, path: str, raw_path: str
) -> None:
    told = await heard(requests, "GET", target)

    assert (told["path"], told["raw_path"]) == (path, raw_path)


async def test_an_answer_in_pieces_is_one(requests: DirectRequests) -> None:
    answer = await requests.send("GET", "/pieces", headers={})

    assert (answer.status, answer.content) == (203, b"one two")


async def test_while_an_app_answers_the_sender_is_there(requests: DirectRequests) -> None:
    answer = await requests.send("GET", "/gone", headers={})

    assert answer.content == b"False"


async def test_an_app_that_fails_answers_500(requests: DirectRequests) -> None:
    answer = await requests.send("GET", "/broken", headers={})

    assert answer.status == 500


async def test_an_unknown_path_is_an_answer_like_any_other() -> None:
    answer = await DirectRequests(Starlette()).send("GET", "/nowhere", headers={})

    assert (answer.status, answer.content) == (404, b"Not Found")
