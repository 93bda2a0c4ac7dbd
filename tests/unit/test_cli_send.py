"""`baton send`: what it says where it fails."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from baton_standalone.cli import app
from tests.support.kafka import free_port

NAME = "HUBSPOT_WORKFLOW_SECRET"


class Unproven(BaseHTTPRequestHandler):
    """Answers as ingest does where the proof of origin is wrong."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(401)
        self.end_headers()
        self.wfile.write(b'{"error": {"code": "unproven"}}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def unproven() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Unproven) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which a demo keeps the secrets that it made up; the environment has none."""
    monkeypatch.setenv("BATON_DATA", str(tmp_path))
    monkeypatch.setenv(NAME, "undone by monkeypatch only if it set it")
    monkeypatch.delenv(NAME)
    return tmp_path


def test_where_nobody_answers_the_address_is_told() -> None:
    url = f"http://127.0.0.1:{free_port()}"

    result = CliRunner().invoke(app, ["send", "form", "--url", url])

    assert result.exit_code != 0
    assert f"no answer from {url}: " in result.stderr


@pytest.mark.parametrize("origin", ["nothing", "demo", "environment"])
def test_where_the_secret_is_wrong_it_is_told_which_one_was_taken(
    unproven: str, data: Path, monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    if origin != "nothing":
        (data / "demo-secrets.json").write_text(json.dumps({NAME: "hush"}))
    if origin == "environment":
        monkeypatch.setenv(NAME, "hush, hush")

    result = CliRunner().invoke(app, ["send", "hubspot-workflow", "--url", unproven])

    told = {
        "nothing": f"no secret, because {NAME} is not set",
        "demo": f"the {NAME} that `baton demo` made up ({data}/demo-secrets.json), because none is set",
        "environment": f"the {NAME} of this command's environment",
    }
    assert (result.exit_code, "hush" in result.output) == (1, False)
    assert result.stderr.startswith(
        f"sent with {told[origin]}: set {NAME} to what Baton was started with (or the address"
    )


def test_a_form_that_needs_no_secret_is_told_of_none(unproven: str, data: Path) -> None:
    result = CliRunner().invoke(app, ["send", "form", "--url", unproven])

    assert (result.exit_code, result.stderr) == (1, "")
