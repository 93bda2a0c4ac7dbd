"""Who may call: keys with scopes, the machine's own user, and nobody else."""

import hashlib
import json
import os
import socket
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from baton.service.access import Access, Caller, Door, Keys, is_loopback, read_keys, require
from baton.service.errors import add_error_handlers
from baton.service.serving import require_free_address, require_listening, require_safe_listening, say_who_may_call
from baton.service.settings import Settings
from tests.support.kafka import free_port


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def write_keys(path: Path, **scopes: list[str]) -> None:
    """A keys file in which each name is also its key."""
    path.write_text(json.dumps([{"name": n, "scopes": s, "sha256": sha256(n)} for n, s in scopes.items()]))
    # A file system may keep times coarser than a test is quick.
    later = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(later, later))


def replace(path: Path, content: str | None) -> None:
    """Write the file anew, or take it away."""
    if content is None:
        path.unlink()
    else:
        path.write_text(content)


def make_app(keys: Path | None = None, *, public_url: str | None = None) -> FastAPI:
    app = FastAPI()
    access = Access(keys=Keys(keys), public_url=public_url)
    app.state.access = access
    router = APIRouter()

    @router.get("/v1/leads")
    async def leads(caller: Annotated[Caller, Depends(require("read"))]) -> str:
        return caller.name

    @router.post("/v1/route")
    async def route(caller: Annotated[Caller, Depends(require("read", "route"))]) -> str:
        return caller.name

    @router.get("/v1/unguarded")
    async def unguarded() -> str:
        return "in"

    @router.get("/v1/sources/{source}")
    async def source(source: str) -> str:
        return source

    @router.get("/healthz")
    async def healthz() -> str:
        return "ok"

    app.include_router(router)
    add_error_handlers(app)
    app.add_middleware(Door, access=access, open_paths=("/v1/sources/",))
    return app


async def get(
    app: FastAPI | Starlette,
    path: str = "/v1/leads",
    *,
    key: str | None = None,
    peer: str = "127.0.0.1",
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
) -> httpx.Response:
    transport = httpx.ASGITransport(app, client=(peer, 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        bearer = {} if key is None else {"authorization": f"Bearer {key}"}
        return await client.request(method, path, headers={**bearer, **(headers or {})})


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    write_keys(path, reader=["read"], router=["route"], sender=["ingest"], boss=["admin"])
    return path


@pytest.mark.parametrize(("key", "status"), [("reader", 200), ("boss", 200), ("sender", 403), ("stranger", 401)])
async def test_a_key_opens_what_its_scopes_name_and_admin_everything(keys: Path, key: str, status: int) -> None:
    response = await get(make_app(keys), key=key, peer="203.0.113.9")

    assert response.status_code == status


@pytest.mark.parametrize(("key", "status"), [("reader", 200), ("router", 200), ("boss", 200), ("sender", 403)])
async def test_a_dry_run_is_open_to_who_may_read_and_to_who_may_route(keys: Path, key: str, status: int) -> None:
    response = await get(make_app(keys), "/v1/route", key=key, peer="203.0.113.9", method="POST")

    assert response.status_code == status
    assert status == 200 or response.json()["error"]["message"] == "this key lacks the scope read or route"


async def test_where_there_are_keys_nobody_comes_in_without_one(keys: Path) -> None:
    response = await get(make_app(keys))

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Basic realm="Baton"'
    assert response.json()["error"]["code"] == "unauthorized"


@pytest.mark.parametrize(("key", "status"), [("reader", 200), ("stranger", 401)])
async def test_a_browser_sends_a_key_as_a_password(keys: Path, key: str, status: int) -> None:
    basic = b64encode(f"anybody:{key}".encode()).decode()

    response = await get(make_app(keys), peer="203.0.113.9", headers={"authorization": f"Basic {basic}"})

    assert response.status_code == status


@pytest.mark.parametrize("given", ["", "?", b64encode(b"\xff:boss").decode(), b64encode(b"boss").decode()])
async def test_a_password_that_can_not_be_read_is_no_key(keys: Path, given: str) -> None:
    response = await get(make_app(keys), headers={"authorization": f"Basic {given}"})

    assert response.status_code == 401


async def test_another_sites_form_changes_nothing_with_a_browsers_password(keys: Path) -> None:
    basic = b64encode(b"anybody:boss").decode()

    response = await get(make_app(keys), headers={"authorization": f"Basic {basic}"}, method="POST")

    assert response.status_code == 401


async def test_without_keys_the_own_user_of_the_machine_is_trusted() -> None:
    response = await get(make_app())

    assert (response.status_code, response.json()) == (200, "local")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "baton.example.com"},
        {"host": "127.0.0.1.example.com"},
        {"host": "[::1"},
        {"host": ""},
        {"host": "evil@localhost"},
        {"forwarded": "for=192.0.2.1"},
        {"x-forwarded-for": "127.0.0.1"},
        {"x-forwarded-anything": "1"},
        {"via": "1.1 tunnel"},
        {"origin": "https://evil.example.com"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"authorization": "Bearer anything"},
    ],
)
async def test_a_tunnel_a_proxy_or_a_web_page_is_not_the_own_user(headers: dict[str, str]) -> None:
    response = await get(make_app(), headers=headers)

    assert response.status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        [("host", "localhost"), ("host", "evil.example.com")],
        [("host", "localhost"), ("origin", "http://localhost"), ("origin", "https://evil.example.com")],
    ],
)
async def test_a_header_that_comes_twice_is_nobodys_proof(headers: list[tuple[str, str]]) -> None:
    transport = httpx.ASGITransport(make_app(), client=("127.0.0.1", 40000))

    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        response = await client.get("/v1/leads", headers=headers)

    assert response.status_code == 401


@pytest.mark.parametrize(
    "headers", [{"host": "localhost:8000"}, {"host": "[::1]:8000"}, {"origin": "http://127.0.0.1:8000"}]
)
async def test_names_and_pages_of_the_machine_itself_are_trusted(headers: dict[str, str]) -> None:
    response = await get(make_app(), headers=headers)

    assert response.status_code == 200


async def test_another_machine_is_not_trusted() -> None:
    response = await get(make_app(), peer="192.168.1.7")

    assert response.status_code == 401


@pytest.mark.parametrize(
    ("url", "status"), [("https://baton.example.com", 401), ("http://localhost:8000", 200), (None, 200)]
)
async def test_a_service_with_a_public_address_trusts_nobody_without_a_key(url: str | None, status: int) -> None:
    response = await get(make_app(public_url=url))

    assert response.status_code == status


async def test_a_route_that_asks_for_no_scope_is_closed_to_strangers_all_the_same() -> None:
    response = await get(make_app(), "/v1/unguarded", peer="203.0.113.9")

    assert response.status_code == 401


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/no-such-path"])
async def test_strangers_learn_nothing_of_what_there_is(path: str) -> None:
    response = await get(make_app(), path, peer="203.0.113.9")

    assert response.status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/v1/sources/hubspot"])
async def test_health_and_sources_are_open_to_all(keys: Path, path: str) -> None:
    response = await get(make_app(keys), path, peer="203.0.113.9", headers={"x-forwarded-for": "198.51.100.2"})

    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/healthz/", "/v1/sources", "/v1/sources/../leads", "//healthz", "/v1//sources/x"])
async def test_what_only_looks_like_an_open_path_is_closed(path: str) -> None:
    response = await get(make_app(), path, peer="203.0.113.9")

    assert response.status_code in {401, 404}
    assert response.text != '"ok"'


@pytest.mark.parametrize(
    ("path", "peer", "status"),
    [
        ("/ingest/v1/sources/hubspot", "203.0.113.9", 200),
        ("/ingest/healthz", "203.0.113.9", 200),
        ("/ingest/v1/leads", "203.0.113.9", 401),
        ("/ingest/v1/leads", "127.0.0.1", 200),
    ],
)
async def test_a_mounted_service_has_the_same_door(path: str, peer: str, status: int) -> None:
    outer = Starlette(routes=[Mount("/ingest", make_app())])

    response = await get(outer, path, peer=peer)

    assert response.status_code == status


async def test_a_changed_keys_file_counts_from_the_next_request(keys: Path) -> None:
    app = make_app(keys)
    before = await get(app, key="newcomer")

    write_keys(keys, newcomer=["read"])
    after = await get(app, key="newcomer")
    revoked = await get(app, key="reader")

    assert (before.status_code, after.status_code, revoked.status_code) == (401, 200, 401)


async def test_the_first_key_closes_the_door_that_was_open_without_any(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    app = make_app(path)
    before = await get(app)

    write_keys(path, reader=["read"])
    after = await get(app)

    assert (before.status_code, after.status_code) == (200, 401)


DAMAGED = ["", "\n", "# keys\n", "{broken", '{"name": "x"}', '[{"name": "x", "scopes": ["read"]}]', "\x00"]


@pytest.mark.parametrize("content", DAMAGED)
async def test_a_keys_file_that_cannot_be_read_lets_nobody_in(keys: Path, content: str) -> None:
    replace(keys, content)
    app = make_app(keys)

    with_key, without = await get(app, key="reader"), await get(app)

    assert (with_key.status_code, without.status_code) == (401, 401)


async def test_a_keys_file_that_vanishes_lets_nobody_in(keys: Path) -> None:
    app = make_app(keys)
    await get(app, key="reader")

    replace(keys, None)

    assert (await get(app)).status_code == 401


def move(path: Path, to: Path) -> Path:
    return path.rename(to)


async def test_a_keys_file_that_comes_back_as_it_was_lets_its_keys_in_again(keys: Path, tmp_path: Path) -> None:
    app = make_app(keys)
    await get(app, key="reader")
    aside = move(keys, tmp_path / "aside")
    meanwhile = await get(app, key="reader")

    move(aside, keys)

    assert (meanwhile.status_code, (await get(app, key="reader")).status_code) == (401, 200)


@pytest.mark.parametrize("blank", ["", "\n"])
async def test_a_keys_file_that_is_blank_while_it_is_rewritten_lets_nobody_in(keys: Path, blank: str) -> None:
    app = make_app(keys)
    await get(app, key="reader")

    replace(keys, blank)
    blanked = await get(app)
    replace(keys, "[]")

    assert (blanked.status_code, (await get(app)).status_code) == (401, 200)


def test_keys_may_be_written_in_yaml() -> None:
    text = f"- name: crm\n  scopes: [ingest, read]\n  sha256: {sha256('k').upper()}\n"

    (key,) = read_keys(text)

    assert (key.name, key.scopes, key.sha256) == ("crm", frozenset({"ingest", "read"}), sha256("k"))


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"name": "x", "scopes": ["everything"], "sha256": sha256("x")}, "scopes has to be"),
        ({"name": "x", "scopes": ["read"], "sha256": "x"}, "64 hexadecimal digits"),
        ({"scopes": ["read"], "sha256": sha256("x")}, "no name"),
        ("x", "is no {name, scopes, sha256}"),
    ],
)
def test_a_wrong_entry_is_told_by_what_is_wrong(entry: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_keys(json.dumps([entry]))


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True), ("localhost", True),
        ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("testclient", False), ("", False),
    ],
)  # fmt: skip
def test_only_addresses_of_the_machine_itself_are_loopback(host: str, own: bool) -> None:  # noqa: FBT001 - a column
    assert is_loopback(host) is own


@pytest.mark.parametrize("content", DAMAGED)
def test_a_start_with_a_keys_file_that_is_blank_or_cannot_be_read_is_refused(
    keys: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    replace(keys, content)

    with pytest.raises(SystemExit) as left:
        require_listening(Settings(keys=keys))

    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"BATON_KEYS={keys}: ")
    assert "mend it, or take it away" in line


@pytest.mark.parametrize("content", [None, "[]"])
def test_before_the_first_key_there_is_no_file_or_an_empty_list(keys: Path, content: str | None) -> None:
    replace(keys, content)

    require_listening(Settings(keys=keys, listen=f"127.0.0.1:{free_port()}"))


@pytest.mark.parametrize("content", [None, "[]"])
def test_listening_to_the_world_without_keys_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(SystemExit) as left:
        require_safe_listening(Settings(listen="0.0.0.0:8000", keys=path))

    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("BATON_LISTEN=0.0.0.0:8000: ")


@pytest.mark.parametrize("listen", ["0.0.0.0:8000", "127.0.0.1:8000"])
def test_listening_to_the_world_with_keys_or_to_oneself_without_is_fine(keys: Path, listen: str) -> None:
    require_safe_listening(Settings(listen=listen, keys=keys if listen.startswith("0") else None))


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_an_address_on_which_nobody_can_listen_is_a_wrong_setting(
    capsys: pytest.CaptureFixture[str], host: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"{host}:{taken.getsockname()[1]}"
        with pytest.raises(SystemExit) as left:
            require_free_address(Settings(listen=listen))

    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"BATON_LISTEN={listen}: ")


def test_a_free_address_may_be_listened_on() -> None:
    require_free_address(Settings(listen=f"127.0.0.1:{free_port()}"))


@pytest.mark.parametrize(
    ("public_url", "told"),
    [
        (None, "programs of this machine may call"),
        ("http://localhost:8000", "programs of this machine may call"),
        ("https://leads.example.com", "only sources may call"),
    ],
)
def test_without_keys_it_is_said_who_may_call(
    capsys: pytest.CaptureFixture[str], public_url: str | None, told: str
) -> None:
    say_who_may_call(Settings(public_url=public_url))

    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


def test_with_keys_nothing_is_said(capsys: pytest.CaptureFixture[str], keys: Path) -> None:
    say_who_may_call(Settings(keys=keys))

    assert capsys.readouterr().err == ""
