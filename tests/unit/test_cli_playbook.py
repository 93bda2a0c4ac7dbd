import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from baton_standalone.cli import app
from baton_standalone.shipped import Shipped, shipped_playbook
from tests.support.kafka import free_port

SMALL = """\
version: small
teams:
  reps: [{id: ada, name: Ada, email: ada@acme.example}]
  pools: {sdr: {members: [ada]}}
routing:
  - {name: Everyone, pool: sdr}
catch_all: {rep: ada}
"""


def baton(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def a_playbook(folder: Path, text: str = SMALL) -> str:
    (folder / "playbook.yaml").write_text(text)
    return str(folder)


@pytest.mark.parametrize("name", ["minimal", "reference"])
def test_every_shipped_playbook_is_fine_even_strictly(name: Shipped) -> None:
    result = baton("playbook", "check", str(shipped_playbook(name)), "--strict")

    assert (result.exit_code, result.stderr) == (0, "")


def test_all_mistakes_are_told_with_file_line_and_path(tmp_path: Path) -> None:
    directory = a_playbook(tmp_path, SMALL.replace("pool: sdr}", "pool: sdx}").replace("{rep: ada}", "{rep: eve}"))

    result = baton("playbook", "check", directory)

    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.split(" ")[:2] for line in result.stderr.splitlines()] == [
        ["playbook.yaml:6:", "routing.0.pool:"],
        ["playbook.yaml:7:", "catch_all.rep:"],
    ]


def test_a_warning_stops_only_a_strict_check(tmp_path: Path) -> None:
    directory = a_playbook(tmp_path, SMALL.replace("pools: {", "pools: {spare: {members: [ada]}, "))

    result, strict = baton("playbook", "check", directory), baton("playbook", "check", directory, "--strict")

    assert (result.exit_code, strict.exit_code) == (0, 2)
    assert result.stderr.startswith("warning: playbook.yaml:4: teams.pools.spare")


def test_a_directory_without_a_playbook_is_a_mistake(tmp_path: Path) -> None:
    result = baton("playbook", "check", str(tmp_path / "nowhere"))

    assert result.exit_code == 2
    assert "no playbook.yaml here" in result.stderr


def test_the_setting_names_the_playbook_that_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_PLAYBOOK", a_playbook(tmp_path))

    result = baton("playbook", "check")

    assert 'playbook "small"' in result.stdout


def test_a_playbook_is_shown_to_people_in_the_order_of_a_lead(tmp_path: Path) -> None:
    result = baton("playbook", "show", a_playbook(tmp_path))

    assert result.exit_code == 0
    assert "  1. Everyone: to the pool sdr\n\nWhat is left: " in result.stdout
    assert "\n  Catch-all: to Ada\n" in result.stdout


def test_a_playbook_is_shown_to_programs_as_it_was_written(tmp_path: Path) -> None:
    result = baton("playbook", "show", "--json", a_playbook(tmp_path))

    shown = json.loads(result.stdout)
    assert shown["version"] == "small"
    assert shown["playbook"]["routing"] == [{"name": "Everyone", "pool": "sdr"}]


def test_the_reference_playbook_can_be_shown() -> None:
    result = baton("playbook", "show", str(shipped_playbook()))

    assert result.exit_code == 0
    assert (
        "a first touch within 1 hour of being assigned, in the rep's hours, when tier is one of mql, sql"
        in result.stdout
    )
    assert "when industry is in the table verticals" in result.stdout
    assert "when the lead did page view at least 3 times within 30 days" in result.stdout
    assert (
        "Known account: when the account's owner has a value: to the rep named as the account's owner" in result.stdout
    )
    assert "mid-market: when employees is between 200 and 999" in result.stdout
    assert "    at 80%: a warning\n    at 100%: notify rep, notify manager, reassign\n" in result.stdout
    assert "True" not in result.stdout


def test_a_rule_without_a_name_is_shown_by_its_number_and_a_table_by_its_columns(tmp_path: Path) -> None:
    (tmp_path / "verticals.csv").write_text("industry,points\nsaas,10\n")
    rules = "[{points: 5}, {points_from: {table: verticals, key: lead.industry, column: points}}]"
    directory = a_playbook(tmp_path, f"{SMALL}scoring: {{fit: {{rules: {rules}}}}}\n")

    result = baton("playbook", "show", directory)

    assert "  fit rule 1: +5 points\n" in result.stdout
    assert "  fit rule 2: points of the table verticals, by industry\n" in result.stdout


def test_a_bus_in_memory_has_nothing_to_publish_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_BUS_URL", "memory:")

    result = baton("playbook", "publish", a_playbook(tmp_path))

    assert result.exit_code == 2
    assert result.stderr.startswith("BATON_BUS_URL")


def test_where_the_bus_is_away_one_line_says_so(tmp_path: Path) -> None:
    away = {
        "BATON_BUS_URL": f"kafka://127.0.0.1:{free_port()}",
        "BATON_DATABASE_URL": "postgresql://baton@nowhere/baton",
    }

    result = subprocess.run(
        [sys.executable, "-m", "baton_standalone", "playbook", "publish"],
        env={**os.environ, **away},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    (line,) = result.stderr.splitlines()
    assert (result.returncode, result.stdout) == (1, "")
    assert line.startswith("the bus can't be reached: ")
