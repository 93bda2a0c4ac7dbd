"""`baton simulate` as people run it: processes, exit codes, what stands on which stream."""

import json
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

pytestmark = pytest.mark.postgres

LEADS = 4
SECONDS = 120


def write_scenario(folder: Path) -> Path:
    lines: list[dict[str, object]] = [
        {
            "at": f"2026-03-27T16:3{n}:00Z",
            "request": "POST /ingest/v1/leads",
            "body": {
                "email": f"ada@example{n}.com",
                "title": "VP Sales",
                "employees": 300,
                "country": "US",
                "state": "CA",
                "activity": "demo_request",
                "custom": {"b": 1, "a": 2},
            },
        }
        for n in range(LEADS)
    ]
    lines.append({"at": "2026-03-28T16:30:00Z", "run_until": True})
    path = folder / "scenario.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def simulate(*arguments: str, seconds: float = SECONDS, **environment: str) -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
    return subprocess.run(
        [sys.executable, "-m", "baton_standalone", "simulate", *arguments],
        env={**kept, **environment},
        capture_output=True,
        timeout=seconds,
        check=False,
    )


def test_two_processes_print_the_same_bytes_whatever_the_hash_seed(tmp_path: Path, postgres_url: str) -> None:
    scenario = str(write_scenario(tmp_path))

    first, second = (simulate(scenario, PYTHONHASHSEED=seed, BATON_DATABASE_URL=postgres_url) for seed in ("1", "77"))

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout == second.stdout
    assert first.stdout.count(b'"lead.assigned"') == LEADS


def test_without_a_database_it_brings_its_own_and_leaves_nothing(tmp_path: Path) -> None:
    scenario = str(write_scenario(tmp_path))

    result = simulate(scenario, BATON_DATA=str(tmp_path / "data"), TMPDIR=str(tmp_path))

    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.count(b'"lead.assigned"') == LEADS
    assert [left.name for left in tmp_path.iterdir()] == ["scenario.jsonl"]


async def test_a_given_server_is_left_as_it_was(tmp_path: Path, postgres_url: str) -> None:
    scenario = str(write_scenario(tmp_path))

    simulate(scenario, BATON_DATABASE_URL=postgres_url)

    connection = await asyncpg.connect(postgres_url)
    left = await connection.fetchval("select count(*) from pg_database where datname like 'baton_simulation_%'")
    schemas = await connection.fetchval("select count(*) from pg_namespace where nspname in ('ingest', 'router')")
    await connection.close()
    assert (left, schemas) == (0, 0)


def test_the_environment_does_not_change_what_a_scenario_means(tmp_path: Path, postgres_url: str) -> None:
    scenario = str(write_scenario(tmp_path))

    plain = simulate(scenario, BATON_DATABASE_URL=postgres_url)
    other = simulate(
        scenario, BATON_DATABASE_URL=postgres_url, BATON_TOPIC_PREFIX="x.", BATON_PARTITIONS="3", BATON_MIGRATE="false"
    )

    assert other.stdout == plain.stdout


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nonsense\n", b":1: not JSON"),
        (
            '{"at": "2026-03-27T16:30:00Z", "run_until": true}\n{"at": "2026-03-27T16:29:00Z", "run_until": true}\n',
            b":2: at: earlier than the line before",
        ),
    ],
)
def test_a_bad_scenario_is_exit_2_with_nothing_on_stdout(tmp_path: Path, text: str, complaint: bytes) -> None:
    (tmp_path / "bad.jsonl").write_text(text)

    result = simulate(str(tmp_path / "bad.jsonl"))

    assert (result.returncode, result.stdout) == (2, b"")
    assert complaint in result.stderr


def test_a_bad_playbook_is_exit_2_with_its_mistakes_on_stderr(tmp_path: Path) -> None:
    (tmp_path / "playbook.yaml").write_text("routing: []\nteems: {}\n")

    result = simulate(str(write_scenario(tmp_path)), "--playbook", str(tmp_path))

    assert (result.returncode, result.stdout) == (2, b"")
    assert b"playbook.yaml:2: teems: " in result.stderr


def test_a_missing_scenario_is_exit_2(tmp_path: Path) -> None:
    result = simulate(str(tmp_path / "none.jsonl"))

    assert (result.returncode, result.stdout) == (2, b"")
    assert b"No such file" in result.stderr
