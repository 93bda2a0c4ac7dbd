"""Settings: read from the environment, every mistake one clear line, no secret in sight."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from baton.service.settings import (
    EXIT_WRONG_SETTING,
    Settings,
    load_settings,
    require_database,
    require_no_arguments,
    warn_of_unknown,
)
from baton_ingest.settings import IngestSettings
from baton_standalone.apps import PARTS

ROOT = Path(__file__).parents[2]
DEPLOYMENT = [ROOT / each for each in ("docker-compose.yml", "deploy/docker/example.env", "deploy/docker/Dockerfile")]


def mistakes(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines that are told when the settings of the environment are loaded."""
    with pytest.raises(SystemExit) as left:
        load_settings(Settings)

    assert left.value.code == EXIT_WRONG_SETTING
    return capsys.readouterr().err.splitlines()


def test_without_any_variable_the_defaults_are_those_of_one_machine() -> None:
    settings = load_settings(Settings)

    assert (settings.host, settings.port, settings.bus_url, settings.partitions) == ("127.0.0.1", 8000, "postgres:", 12)
    assert settings.database_url is None
    assert settings.migrate


def test_durations_are_read_as_people_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_KAFKA_SESSION_TIMEOUT", "6s")
    monkeypatch.setenv("BATON_RETENTION", "30d")

    settings = load_settings(Settings)

    assert settings.kafka_session_timeout == timedelta(seconds=6)
    assert settings.retention == timedelta(days=30)


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_DATABASE_URL", "")

    assert load_settings(Settings).database_url is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://baton:a%2Fb@db.internal:5432/baton",
        "postgres://db-1:5432,db-2:5433/baton?target_session_attrs=primary",
        "postgresql://baton@[::1]:5432/baton",
        "postgresql:///baton?host=/var/run/postgresql",
    ],
)
def test_a_database_may_have_several_hosts_or_a_socket(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("BATON_DATABASE_URL", url)

    assert load_settings(Settings).database_url == url


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [("0.0.0.0:80", "0.0.0.0", 80), ("[::1]:8000", "::1", 8000), ("localhost:1", "localhost", 1)],
)
def test_an_address_to_listen_on_is_a_host_and_a_port(
    monkeypatch: pytest.MonkeyPatch, listen: str, host: str, port: int
) -> None:
    monkeypatch.setenv("BATON_LISTEN", listen)

    settings = load_settings(Settings)

    assert (settings.host, settings.port) == (host, port)


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("BATON_PARTITIONS", "many", "a valid integer"),
        ("BATON_PARTITIONS", "0", "greater than or equal to 1"),
        ("BATON_MIGRATE", "perhaps", "a valid boolean"),
        ("BATON_RETENTION", "2wd", "30s, 5m, 1h30m, 14d"),
        ("BATON_RETENTION", "soon", "30s, 5m, 1h30m"),
        ("BATON_RETENTION", "0s", "above zero"),
        ("BATON_LISTEN", "8000", "address:port"),
        ("BATON_LISTEN", "localhost:99999", "address:port"),
        ("BATON_LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("BATON_BUS_URL", "rabbit://here", "kafka://host:port"),
        ("BATON_BUS_URL", "kafka://", "kafka://host:port"),
        ("BATON_BUS_URL", "kafka://one:9092,two:port", "kafka://host:port"),
        ("BATON_BUS_URL", "postgres://here/baton", "take no address"),
        ("BATON_BUS_URL", "memory://here", "take no address"),
        ("BATON_DATABASE_URL", "mysql://here/baton", "postgresql://user:password@host:port/database"),
        ("BATON_DATABASE_URL", "postgresql://here:port/baton", "postgresql://user:password@host:port/database"),
        ("BATON_PUBLIC_URL", "example.com", "https://host"),
        ("BATON_TOPIC_PREFIX", "a b", "letters, digits"),
        ("BATON_KAFKA_SASL_MECHANISM", "GSSAPI", "SCRAM-SHA-512"),
    ],
)
def test_a_wrong_setting_is_one_line_with_variable_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, variable: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(variable, value)

    (line,) = mistakes(capsys)

    assert line.startswith(f"{variable}={value}: ")
    assert allowed in line


def test_ingest_asks_the_others_at_web_addresses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BATON_ROUTER_URL", "router:8000")

    with pytest.raises(SystemExit):
        load_settings(IngestSettings)

    assert capsys.readouterr().err.startswith("BATON_ROUTER_URL=router:8000: must be http://host")


def test_all_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("BATON_PARTITIONS", "many")
    monkeypatch.setenv("BATON_LOG_LEVEL", "loud")

    lines = mistakes(capsys)

    assert [line.partition("=")[0] for line in lines] == ["BATON_PARTITIONS", "BATON_LOG_LEVEL"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BATON_DATABASE_URL", "mysql://baton:hush@here/baton"),
        ("BATON_DATABASE_URL", "postgresql://baton:a/hush@here/baton"),
        ("BATON_DATABASE_URL", "postgresql://baton:a@hush@here/baton"),
        ("BATON_BUS_URL", "rabbit://baton:hush@here"),
    ],
)
def test_a_mistake_beside_a_password_does_not_tell_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    assert "hush" not in "".join(mistakes(capsys))


def test_printed_settings_hold_no_secret() -> None:
    settings = Settings(
        database_url="postgresql://baton:hush@here/baton",
        kafka_sasl_password=SecretStr("hush"),
    )

    assert "hush" not in f"{settings!r} {settings}"


def test_a_single_service_without_a_database_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        require_database(Settings())

    assert left.value.code == EXIT_WRONG_SETTING
    assert capsys.readouterr().err.startswith("BATON_DATABASE_URL: a single service needs a PostgreSQL")


def test_a_service_tells_its_settings_when_asked_for_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        require_no_arguments(IngestSettings, ["--help"])

    told = capsys.readouterr().out
    assert left.value.code == 0
    assert "  BATON_LISTEN: Address and port to listen on\n" in told
    assert "  BATON_SCORING_URL: " in told


def test_a_service_does_not_start_with_an_argument_that_it_would_ignore(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        require_no_arguments(IngestSettings, ["--port=9000"])

    assert left.value.code == EXIT_WRONG_SETTING
    assert capsys.readouterr().err == "--port=9000: a service takes no arguments; --help tells its settings\n"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("BATON_PLAYBOK", "BATON_PLAYBOOK"),
        ("baton_listn", "BATON_LISTEN"),
        ("BATON_STREAM", "BATON_STREAMS"),
    ],
)
def test_a_variable_that_nothing_reads_is_told_with_what_may_be_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "hush")

    warn_of_unknown()

    assert capsys.readouterr().err == f'warning: {name} is no setting of Baton; did you mean "{meant}"?\n'


def test_a_variable_that_may_be_anybodys_is_not_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("BATON_HUBSPOT_SECRET", "BATON_SERVICE_HOST", "BATON_PORT_8000_TCP_ADDR"):
        monkeypatch.setenv(name, "hush")

    warn_of_unknown()

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", [["baton_router"], ["baton_standalone", "up"]], ids=" ".join)
def test_services_and_all_of_baton_tell_it_before_anything_else(tmp_path: Path, command: list[str]) -> None:
    variables = {
        "BATON_PLAYBOK": "mine",
        "BATON_DATABASE_URL": "postgresql://baton@nowhere/baton",
        "BATON_KEYS": str(tmp_path),  # no file, so nothing starts
    }

    result = subprocess.run(
        [sys.executable, "-m", *command],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    first, second = result.stderr.splitlines()
    assert first == 'warning: BATON_PLAYBOK is no setting of Baton; did you mean "BATON_PLAYBOOK"?'
    assert (result.returncode, second.partition("=")[0]) == (2, "BATON_KEYS")


def test_what_some_part_reads_is_known_to_all(capsys: pytest.CaptureFixture[str]) -> None:
    of_services = {f"BATON_{name.upper()}" for part in PARTS for name in part.kind.model_fields}
    of_deployment = {name for path in DEPLOYMENT for name in re.findall(r"BATON_\w+", path.read_text())}

    warn_of_unknown({*of_services, *of_deployment, "BATON_TEST_KAFKA", "baton_keys", "BATONS", "HUBSPOT_TOKEN"})

    assert capsys.readouterr().err == ""


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("BATON_")]:
        monkeypatch.delenv(name)
