"""`baton import`: a file, accepted for good, whatever happens to the process that accepted it."""

import json
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import httpx
import pytest

from baton_standalone.shipped import shipped_playbook
from tests.support.kafka import free_port
from tests.support.processes import Processes, ServiceProcess

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

PATIENCE = 40.0


def baton_import(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "baton_standalone", "import", *arguments]
    return subprocess.run(command, env={"PATH": ""}, check=False, capture_output=True, text=True)


@pytest.fixture
def up(processes: Processes, database: str, tmp_path: Path) -> ServiceProcess:
    """Twenty leave in a second."""
    playbook = tmp_path / "playbook"
    playbook.mkdir()
    for file in shipped_playbook("minimal").iterdir():
        (playbook / file.name).write_bytes(file.read_bytes())
    with (playbook / "playbook.yaml").open("a") as written:
        written.write("\nbulk_rate: 20\n")
    environment = {"BATON_DATABASE_URL": database, "BATON_PLAYBOOK": str(playbook)}
    return processes.start("baton_standalone", "up", environment=environment).wait_ready()


def captured(up: ServiceProcess, count: int) -> list[str]:
    """The people of whom the router has been told, once there are so many, by their first capture."""
    deadline = time.monotonic() + PATIENCE
    while True:
        items = httpx.get(f"{up.url}/router/v1/leads?limit=500").json()["items"]
        if len(items) >= count:
            return sorted(item["lead"]["email"] for item in items)
        assert time.monotonic() < deadline, (len(items), up.tail())
        time.sleep(0.2)


def test_what_was_accepted_leaves_after_a_crash_and_the_same_file_again_brings_nothing(
    up: ServiceProcess, tmp_path: Path
) -> None:
    emails = [f"p{number:03}@acme{number}.example" for number in range(100)]
    file, refused = tmp_path / "leads.csv", tmp_path / "refused.csv"
    file.write_text("\ufeffMail;Plan\n" + "".join(f"{each};pro\n" for each in emails) + "nobody;pro\n")
    options = (str(file), "--url", up.url, "--map", "Mail=email", "--refused", str(refused))

    tried = baton_import(*options, "--dry-run")
    first = baton_import(*options)
    up.kill9()
    up.start().wait_ready()
    waiting = httpx.get(f"{up.url}/ingest/v1/imports").json()
    told = captured(up, 100)
    again = baton_import(*options)

    assert tried.stdout == "100 would be accepted, 0 known already, 1 refused\n"
    assert first.stdout == "100 accepted, 0 known already, 1 refused\n"
    assert first.returncode == 1
    for each in (tried, first):
        assert each.stderr.splitlines()[:2] == ["Mail -> email", "Plan -> custom.Plan"]
        assert [line.partition(":")[0] for line in each.stderr.splitlines()[2:]] == ["line 102"]
    assert refused.read_text().splitlines()[0] == "Mail,Plan,refused_line,refused_why"
    assert refused.read_text().splitlines()[1].startswith("nobody,pro,102,")
    assert waiting["rate"] == 20
    assert waiting["waiting"] > 0
    assert told == emails
    assert again.stdout == "0 accepted, 100 known already, 1 refused\n"
    assert httpx.get(f"{up.url}/ingest/v1/imports").json()["waiting"] == 0


def test_what_became_of_the_values_is_said_in_the_end_and_in_a_dry_run(up: ServiceProcess, tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    people = "".join(f"p{number}@acme.example,Atlantis,+14155550100,50\n" for number in range(1200))
    file.write_text(f"email,country,phone,employees\n{people}ada@acme.example,Germany,4.91512E+11,many\x1b]0;x\x07\n")

    tried = baton_import(str(file), "--url", up.url, "--dry-run")
    done = baton_import(str(file), "--url", up.url)

    examples = "line 2: Atlantis, line 3: Atlantis, line 4: Atlantis"
    for each in (tried, done):
        assert each.stderr.splitlines()[4:] == [
            f"country left out in 1,200 rows: no country is known by this name ({examples}, …)",
            "phone left out in 1 row: not a phone number (line 1202: 4.91512E+11)",
            "employees left out in 1 row: not a number of people (line 1202: many·]0;x·)",
            "country changed in 1 row: ISO 3166-1 alpha-2 (line 1202: Germany -> DE)",
        ]


def test_mistakes_are_said_in_a_line(tmp_path: Path) -> None:
    file = tmp_path / "leads.jsonl"
    file.write_text(json.dumps({"email": "ada@acme.example"}) + "\n")
    nowhere = f"http://127.0.0.1:{free_port()}"

    sheet = tmp_path / "leads.csv"
    sheet.write_text("email\n" + "ada@acme.example\n" * 500 + '"bob@acme.example\n')

    no_field = baton_import(str(file), "--map", "Mail=emial")
    no_file = baton_import(str(tmp_path / "none.csv"))
    mapped_twice = baton_import(str(file), "--map", "Mail=email", "--map", "Mail=custom.mail")
    both_mapped = baton_import(str(file), "--map", "Mail=email", "--map", "E-mail=email")
    itself = baton_import(str(file), "--refused", str(file))
    no_files = [baton_import(name) for name in ("-", "/dev/null")]
    open_quote = baton_import(str(sheet), "--url", nowhere)
    away = baton_import(str(file), "--url", nowhere)

    assert (no_field.returncode, "there is no emial" in no_field.stderr, "email" in no_field.stderr) == (2, True, True)
    assert (no_file.returncode, "No such file" in no_file.stderr) == (2, True)
    assert (mapped_twice.returncode, "Mail is mapped twice" in mapped_twice.stderr) == (2, True)
    assert (both_mapped.returncode, "two columns are email: Mail and E-mail" in both_mapped.stderr) == (2, True)
    assert (itself.returncode, "name another" in itself.stderr) == (2, True)
    assert [(each.returncode, "write it to a file first" in each.stderr) for each in no_files] == [(2, True)] * 2
    assert (open_quote.returncode, "line 502: a quote in this row isn't closed" in open_quote.stderr) == (2, True)
    assert (away.returncode, f"no answer from ingest at {nowhere}" in away.stderr) == (2, True)


def test_what_is_written_in_a_file_steers_no_terminal(up: ServiceProcess, tmp_path: Path) -> None:
    evil = "\x1b]0;yours\x07\x9b2J\u202e"
    values, twice = tmp_path / "values.csv", tmp_path / "twice.csv"
    values.write_text(f"email,at,{evil}note\nada@{evil}.example,,x\nbob@beta.example,{evil}soon,x\n")
    twice.write_text(f"{evil}a,{evil}a,email\n")

    refused = baton_import(str(values), "--url", up.url)
    unknown = baton_import(str(values), "--url", up.url, "--map", f"{evil}mail=email")
    wrong = baton_import(str(values), "--url", up.url, "--map", f"note={evil}")
    named_twice = baton_import(str(twice), "--url", up.url)
    no_file = baton_import(str(tmp_path / f"{evil}.csv"), "--url", up.url)

    told = [each.stdout + each.stderr for each in (refused, unknown, wrong, named_twice, no_file)]
    assert [each.returncode for each in (refused, unknown, wrong, named_twice, no_file)] == [1, 2, 2, 2, 2]
    assert [text.count("yours") > 0 for text in told[1:]] == [True] * 4
    assert refused.stderr.splitlines()[:2] == ["email -> email", "at -> at"]
    assert [line.partition(":")[0] for line in refused.stderr.splitlines()[3:]] == ["line 2", "line 3"]
    assert not {each for text in told for each in text if unicodedata.category(each) in ("Cc", "Cf")} - {"\n"}
