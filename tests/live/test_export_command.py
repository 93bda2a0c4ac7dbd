"""`baton export`: one document of all four services, be they one process or four."""

import json
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from baton.kernel.ids import lead_id_for_email
from baton_standalone.shipped import shipped_playbook
from tests.live.test_services_by_themselves import write_keys
from tests.support.kafka import free_port
from tests.support.processes import Processes, ServiceProcess

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

ADA = {"email": "ada@acme.example", "title": "VP Sales \u2028 EMEA", "country": "DE", "activity": "demo_request"}
ADA_ID, NEW_ID = lead_id_for_email("ada@acme.example"), lead_id_for_email("ada@new.example")
PATIENCE = 30.0


def export(*arguments: str, key: str = "") -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "baton_standalone", "export", *arguments]
    return subprocess.run(command, env={"BATON_API_KEY": key, "PATH": ""}, check=False, capture_output=True)


def assigned(router: str, lead: str, *, key: str = "") -> None:
    """Wait until the router has given the lead to somebody, and its clocks run."""
    deadline = time.monotonic() + PATIENCE
    headers = {"authorization": f"Bearer {key}"} if key else {}
    while True:
        answer = httpx.get(f"{router}/v1/leads/{lead}", headers=headers)
        if answer.status_code == 200 and answer.json()["assignment"] and answer.json()["clocks"]:
            return
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)


@pytest.fixture
def up(processes: Processes, database: str) -> ServiceProcess:
    return processes.start("baton_standalone", "up", environment={"BATON_DATABASE_URL": database}).wait_ready()


def test_the_document_has_the_person_of_all_services_and_of_all_ids(up: ServiceProcess, tmp_path: Path) -> None:
    for lead in (ADA, {"email": "ada@new.example"}, {"email": "bob@beta.example"}):
        httpx.post(f"{up.url}/ingest/v1/leads", json=lead).raise_for_status()
    assigned(f"{up.url}/router", "ada@acme.example")
    httpx.post(f"{up.url}/ingest/v1/leads/ada@acme.example/merge", json={"into": "ada@new.example"}).raise_for_status()
    file = tmp_path / "ada.json"

    told = export("ada@acme.example", "--url", up.url, "--output", str(file))

    assert (told.returncode, told.stdout, told.stderr) == (0, b"", b"")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    document = json.loads(file.read_bytes())
    assert list(document) == ["exported_at", "lead_ids", "ingest", "scoring", "router", "sla"]
    assert document["lead_ids"] == sorted([ADA_ID, NEW_ID])
    assert {row["lead_id"] for row in document["ingest"]["ledger"]} == {ADA_ID, NEW_ID}
    assert {row["lead_id"] for row in document["scoring"]["profiles"]} == {ADA_ID, NEW_ID}
    (captured,) = (
        row for row in document["router"]["timeline"] if (row["type"], row["lead_id"]) == ("lead.captured", ADA_ID)
    )
    assert captured["data"]["lead"]["title"] == ADA["title"]
    assert document["router"]["assignments"][0]["data"]["rule"] == "Demo request"
    assert document["sla"]["clocks"]
    assert b"bob@beta.example" not in file.read_bytes()
    assert "ada@" not in up.log.read_text()


def test_who_is_unknown_and_who_was_erased_is_said_and_nothing_written(up: ServiceProcess, tmp_path: Path) -> None:
    httpx.delete(f"{up.url}/ingest/v1/leads/eve@gamma.example").raise_for_status()
    file = tmp_path / "nobody.json"

    unknown = export("nobody@acme.example", "--url", up.url, "--output", str(file))
    erased = export("eve@gamma.example", "--url", up.url, "--output", str(file))
    number = export("+442079460007", "--url", up.url)
    no_name = export("nobody", "--url", up.url)
    nowhere = export("nobody@acme.example", "--url", f"{up.url}/else")

    assert (unknown.returncode, unknown.stderr) == (1, b"nothing is held of this person\n")
    assert number.returncode == 1
    assert number.stderr == b"no lead is named +442079460007; of one with an email address, ask by that or by the id\n"
    assert erased.returncode == 1
    assert erased.stderr.startswith(b"this person was erased at 2")
    assert (no_name.returncode, b"names no lead" in no_name.stderr) == (2, True)
    assert (nowhere.returncode, nowhere.stdout) == (1, b"")
    assert nowhere.stderr.startswith(b"ingest did not answer at ")
    assert list(tmp_path.glob("*nobody*")) == []


def test_it_gathers_from_four_services_with_a_key_for_everything(
    processes: Processes, database: str, tmp_path: Path
) -> None:
    write_keys(tmp_path / "keys", {"owner": ["admin"], "reader": ["read", "ingest", "route", "score"]})
    environment = {"BATON_DATABASE_URL": database, "BATON_KEYS": str(tmp_path / "keys")}
    names = {"ingest": "ingest", "scoring": "scoring", "router": "router", "sla": "sla_monitor"}
    services = {name: processes.start(f"baton_{module}", environment=environment) for name, module in names.items()}
    for service in services.values():
        service.wait_ready(path="/healthz")
    publish = [sys.executable, "-m", "baton_standalone", "playbook", "publish", str(shipped_playbook())]
    subprocess.run(publish, env={**environment, "PATH": ""}, check=True, capture_output=True)
    for service in services.values():
        service.wait_ready()
    owner = {"authorization": "Bearer owner"}
    httpx.post(f"{services['ingest'].url}/v1/leads", json=ADA, headers=owner).raise_for_status()
    assigned(services["router"].url, ADA_ID, key="owner")
    where = [part for name, service in services.items() for part in (f"--{name}", service.url)]

    told = export("ada@acme.example", *where, key="owner")
    refused = export("ada@acme.example", *where, key="reader")
    away = export("ada@acme.example", *where[:-1], f"http://127.0.0.1:{free_port()}", key="owner")

    document = json.loads(told.stdout)
    assert {name: len(document[name]) > 0 for name in names} == dict.fromkeys(names, True)
    assert (refused.returncode, refused.stdout) == (1, b"")
    assert refused.stderr == b"ingest answered 403: BATON_API_KEY has to be an API key with the scope admin\n"
    assert (away.returncode, away.stdout) == (1, b"")
    assert away.stderr.startswith(b"no answer from sla at http://127.0.0.1:")
