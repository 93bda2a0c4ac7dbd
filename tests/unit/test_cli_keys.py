import hashlib
import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from baton.service.access import Keys
from baton_standalone.cli import app


@pytest.fixture
def keys_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys.json"
    monkeypatch.setenv("BATON_KEYS", str(path))
    return path


def baton(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_new_key_is_printed_once_and_only_its_hash_is_kept(keys_file: Path) -> None:
    key = baton("keys", "create", "website", "--scope", "ingest").stdout.strip()

    assert json.loads(keys_file.read_text()) == [
        {"name": "website", "scopes": ["ingest"], "sha256": hashlib.sha256(key.encode()).hexdigest()}
    ]


def test_the_keys_file_is_for_its_owner_only(keys_file: Path) -> None:
    baton("keys", "create", "website", "--scope", "ingest")

    assert stat.S_IMODE(keys_file.stat().st_mode) == 0o600


def test_services_accept_the_new_key_with_its_scopes(keys_file: Path) -> None:
    key = baton("keys", "create", "crm", "--scope", "read", "--scope", "score,route").stdout.strip()

    caller = Keys(keys_file).caller(key)

    assert caller is not None
    assert (caller.name, caller.scopes) == ("crm", frozenset({"read", "score", "route"}))


def test_a_revoked_key_opens_nothing(keys_file: Path) -> None:
    key = baton("keys", "create", "crm", "--scope", "admin").stdout.strip()

    result = baton("keys", "revoke", "crm")

    assert result.exit_code == 0
    assert Keys(keys_file).caller(key) is None


def test_a_name_is_given_once(keys_file: Path) -> None:
    baton("keys", "create", "crm", "--scope", "admin")

    result = baton("keys", "create", "crm", "--scope", "read")

    assert result.exit_code == 2
    assert "already" in result.stderr


def test_keys_are_listed_without_their_hashes(keys_file: Path) -> None:
    baton("keys", "create", "crm", "--scope", "read", "--scope", "admin")

    result = baton("keys", "list")

    assert result.stdout == "crm\tadmin,read\n"


@pytest.mark.parametrize("scopes", [["--scope", "everything"], ["--scope", ","]])
def test_an_unknown_scope_is_refused(keys_file: Path, scopes: list[str]) -> None:
    result = baton("keys", "create", "crm", *scopes)

    assert result.exit_code == 2
    assert "ingest, score, route, read, admin" in result.stderr
    assert not keys_file.exists()


def test_a_file_that_holds_something_else_is_left_alone(keys_file: Path) -> None:
    keys_file.write_text("my notes")

    result = baton("keys", "create", "crm", "--scope", "read")

    assert result.exit_code == 2
    assert keys_file.read_text() == "my notes"


def test_without_a_keys_file_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BATON_KEYS", raising=False)

    result = baton("keys", "list")

    assert result.exit_code == 2
    assert "BATON_KEYS" in result.stderr


def test_the_first_key_may_be_made_in_a_blank_file(keys_file: Path) -> None:
    keys_file.touch()

    key = baton("keys", "create", "crm", "--scope", "read").stdout.strip()

    assert Keys(keys_file).caller(key) is not None
