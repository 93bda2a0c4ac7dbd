"""The gateway's own answers: what nginx refuses, or can't pass on, is said in the form that all errors have."""

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.support.kafka import free_port

CONFIGURATION: Final = Path(__file__).parents[2] / "deploy" / "docker" / "nginx.conf"
PROGRAMS: Final = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
"""Debian keeps it where only root looks by himself."""
PATIENCE: Final = 20.0
OWN_WORDS: Final = b'{"error":{"code":"not_served","message":"in the words of the service"}}'

pytestmark = pytest.mark.slow


class Service(BaseHTTPRequestHandler):
    """Says something of its own: 501."""

    def do_GET(self) -> None:
        self.send_response(501)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(OWN_WORDS)))
        self.end_headers()
        self.wfile.write(OWN_WORDS)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def service() -> Iterator[int]:
    """The port of one that answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of one that takes a request and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def gateway(service: int, silent: int, tmp_path: Path) -> Iterator[int]:
    """Its port: sla answers, scoring is silent, ingest and the router are away."""
    program = shutil.which("nginx", path=PROGRAMS) or pytest.skip("nginx is not there: apt-get install nginx")
    ports = {"sla-monitor": service, "scoring": silent, "ingest": free_port(), "router": free_port()}
    port = free_port()
    (tmp_path / "nginx.conf").write_text(_on_this_machine(port, ports, tmp_path), encoding="utf-8")
    user = "user root;" if os.geteuid() == 0 else ""  # whose the folder is
    with (tmp_path / "nginx.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-g", f"daemon off; {user}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    _wait(port, process, tmp_path / "nginx.log")
    yield port
    process.terminate()
    process.wait(PATIENCE)


def _on_this_machine(port: int, ports: dict[str, int], folder: Path) -> str:
    """The shipped configuration with addresses of loopback, which older versions of nginx can read too."""
    text = CONFIGURATION.read_text(encoding="utf-8").replace("/tmp/", f"{folder}/")  # noqa: S108  what it says
    text = re.sub(r"server ([\w-]+):8000 resolve", lambda found: f"server 127.0.0.1:{ports[found[1]]}", text)
    text = re.sub(r"^ *(zone|resolver) .*;$", "", text, flags=re.MULTILINE)
    text = text.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    return text.replace("proxy_connect_timeout 2s;", "proxy_connect_timeout 2s; proxy_read_timeout 500ms;")


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(log.read_text(errors="replace"))


@pytest.mark.parametrize(
    ("request_line", "body", "expected"),
    [
        ("POST /ingest/v1/leads", b"x" * (9 * 1024 * 1024 + 1), (413, "too_large")),
        ("POST /ingest/v1/leads", b"{}", (502, "unavailable")),
        ("GET /router/v1/leads", b"", (502, "unavailable")),
        ("POST /scoring/v1/score", b"{}", (504, "unavailable")),
        ("GET /elsewhere", b"", (404, "not_found")),
        ("GET /refused/502", b"", (404, "not_found")),
        ("GET /sla/" + "x" * 20_000, b"", (414, "bad_request")),
    ],
)
def test_what_the_gateway_says_itself_has_the_form_of_all_errors(
    gateway: int, request_line: str, body: bytes, expected: tuple[int, str]
) -> None:
    method, target = request_line.split()

    answer = httpx.request(method, f"http://127.0.0.1:{gateway}{target}", content=body, timeout=PATIENCE)

    assert (answer.status_code, answer.json()["error"]["code"]) == expected
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"]["message"]
    assert ("retry-after" in answer.headers) == (expected[0] in {502, 504})


def test_headers_that_are_too_large_are_refused_in_that_form_too(gateway: int) -> None:
    answer = httpx.get(f"http://127.0.0.1:{gateway}/sla/v1/clocks", headers={"x-much": "x" * 40_000})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


def test_what_a_service_says_passes_as_it_is(gateway: int) -> None:
    answer = httpx.get(f"http://127.0.0.1:{gateway}/sla/v1/clocks")

    assert (answer.status_code, answer.content) == (501, OWN_WORDS)
