"""`baton send`: what it says where it fails."""

from typer.testing import CliRunner

from baton_standalone.cli import app
from tests.support.kafka import free_port


def test_where_nobody_answers_the_address_is_told() -> None:
    url = f"http://127.0.0.1:{free_port()}"

    result = CliRunner().invoke(app, ["send", "form", "--url", url])

    assert result.exit_code != 0
    assert f"no answer from {url}: " in result.stderr
