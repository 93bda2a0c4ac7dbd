"""Services as processes of their own, without a gateway: what one asks of another, and what is sent to one of them."""

import asyncio
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from baton.leads.playbook.files import read_directory
from baton.service.settings import Settings
from baton_standalone.reaching import open_bus
from baton_standalone.shipped import shipped_playbook
from tests.support.older_release import publish_unchecked
from tests.support.processes import Processes, ServiceProcess

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

ADA = {"email": "ada@acme.example", "title": "VP Sales", "country": "US", "state": "CA", "activity": "demo_request"}

SECRETS = {"HUBSPOT_WORKFLOW_SECRET": "try", "SALESFORCE_TOKEN": "try"}


@dataclass
class Baton:
    """Three of the four, which let nobody in without a key."""

    services: dict[str, ServiceProcess]
    keys: Path

    def let_in(self, **scopes: Sequence[str]) -> None:
        """Whoever is named may come with the name as the key."""
        write_keys(self.keys, scopes)

    def send(self, **lead: object) -> dict[str, Any]:
        """A lead to ingest, which takes it."""
        answer = httpx.post(
            f"{self.services['ingest'].url}/v1/leads", json={**ADA, **lead}, headers={"authorization": "Bearer sender"}
        )
        assert answer.status_code == 202, answer.text
        told: dict[str, Any] = answer.json()
        return told


def write_keys(path: Path, scopes: dict[str, Sequence[str]]) -> None:
    entries = [
        {"name": name, "scopes": list(each), "sha256": hashlib.sha256(name.encode()).hexdigest()}
        for name, each in scopes.items()
    ]
    path.write_text(json.dumps(entries))


@pytest.fixture
def baton(processes: Processes, database: str, tmp_path: Path) -> Baton:
    keys = tmp_path / "keys"
    write_keys(keys, {"sender": ["ingest"], "ingest": ["score", "read"]})
    environment = {"BATON_DATABASE_URL": database, "BATON_BUS_URL": "postgres:", "BATON_KEYS": str(keys)}
    services = {
        name: processes.start(module, environment=environment)
        for name, module in (("scoring", "baton_scoring"), ("router", "baton_router"))
    }
    asking = {
        "BATON_SCORING_URL": services["scoring"].url, "BATON_ROUTER_URL": f"{services['router'].url}/",
        "BATON_API_KEY": "ingest",
    }  # fmt: skip
    services["ingest"] = processes.start("baton_ingest", environment={**environment, **asking, **SECRETS})
    for service in services.values():
        service.wait_ready(path="/healthz")
    publish = [sys.executable, "-m", "baton_standalone", "playbook", "publish", str(shipped_playbook())]
    subprocess.run(publish, env={**environment, "PATH": ""}, check=True, capture_output=True)
    for service in services.values():
        service.wait_ready()
    return Baton(services, keys)


def test_ingest_tells_what_the_other_services_would_decide(baton: Baton) -> None:
    told = baton.send(test=True)

    assert (told["decision"], told["assignment"]["rule"]) == ("assign", "Demo request")
    assert told["score"]["model"] == told["trace"]["playbook"]


def test_the_key_with_which_ingest_asks_can_do_nothing_to_a_lead(baton: Baton) -> None:
    baton.send()

    touched = httpx.post(
        f"{baton.services['router'].url}/v1/leads/{ADA['email']}/touches",
        json={"kind": "call"},
        headers={"authorization": "Bearer ingest"},
    )

    assert (touched.status_code, touched.json()["error"]["message"]) == (403, "this key lacks the scope route")


def test_a_delivery_is_taken_whatever_keeps_the_others_from_answering(baton: Baton) -> None:
    baton.let_in(sender=["ingest"], ingest=["score"])
    without_scope = baton.send(test=True)
    baton.let_in(sender=["ingest"])
    without_key = baton.send(email="bob@beta.example", test=True)
    baton.let_in(sender=["ingest"], ingest=["score", "read"])
    baton.services["router"].kill9()
    without_router = baton.send(email="eve@gamma.example", test=True)

    told = [without_scope, without_key, without_router]
    assert [(each["duplicate"], each["trace"]) for each in told] == [(False, None)] * 3
    assert without_scope["why"].startswith("the router answered 403; BATON_API_KEY of ingest")
    assert without_key["why"].startswith("scoring answered 401; BATON_API_KEY of ingest")
    assert without_router["why"] == "the router can't be reached: ConnectError"


def test_samples_are_sent_to_ingest_by_itself(baton: Baton) -> None:
    sent = [send(kind, url=baton.services["ingest"].url) for kind in ("api", "hubspot-workflow", "salesforce")]

    assert [each.stdout[:4] for each in sent] == ["202 ", "202 ", "200 "]
    assert [each.returncode for each in sent] == [0, 0, 0]


def test_who_sends_to_another_service_is_told_where_to_send(baton: Baton) -> None:
    url = baton.services["scoring"].url

    sent = [send(kind, url=url) for kind in ("api", "form")]

    assert [each.returncode for each in sent] == [1, 1]
    assert all(f"ingest did not answer at {url}: --url has to be" in each.stderr for each in sent)


def test_who_sends_our_own_json_without_a_key_is_told_of_it(baton: Baton) -> None:
    sent = send("api", url=baton.services["ingest"].url, key="")

    assert (sent.returncode, sent.stdout[:4]) == (1, "401 ")
    assert sent.stderr == "BATON_API_KEY has to be an API key with the scope ingest\n"


def send(kind: str, *, url: str, key: str = "sender") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "baton_standalone", "send", kind, "--url", url]
    environment = {**SECRETS, "BATON_API_KEY": key, "PATH": ""}
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)


def test_an_upgrade_under_a_playbook_that_the_release_before_accepted_goes_on_and_a_first_publish_is_refused(
    processes: Processes, database: str, tmp_path: Path
) -> None:
    files = {**read_directory(shipped_playbook("minimal"))}
    files["playbook.yaml"] += b"plans: {}\n"
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    environment = {"BATON_DATABASE_URL": database, "BATON_PLAYBOOK": str(tmp_path), "PATH": ""}
    show = [sys.executable, "-m", "baton_standalone", "playbook", "show"]

    first = processes.start("baton_standalone", "up", environment=environment)
    refused = first.wait()
    asyncio.run(_publish_unchecked(database, files))
    ready = httpx.get(processes.start("baton_standalone", "up", environment=environment).wait_ready().url + "/readyz")
    shown = subprocess.run(show, env=environment, check=True, capture_output=True, text=True)

    assert refused == 2
    assert 'plans: unknown key "plans"' in first.tail()
    assert set(ready.json()["warnings"]) == {"ingest", "scoring", "router", "sla"}
    assert 'plans: unknown key "plans"' in shown.stderr
    assert shown.stdout.startswith('Playbook "minimal"')


def test_a_restart_of_all_in_one_process_leaves_a_playbook_that_was_published_by_command(
    processes: Processes, database: str, tmp_path: Path
) -> None:
    directory = shutil.copytree(shipped_playbook("minimal"), tmp_path / "minimal")
    environment = {"BATON_DATABASE_URL": database, "BATON_PLAYBOOK": str(directory), "PATH": ""}
    publish = [sys.executable, "-m", "baton_standalone", "playbook", "publish"]

    up = processes.start("baton_standalone", "up", environment=environment).wait_ready()
    with (directory / "playbook.yaml").open("a") as edited:
        edited.write("# edited\n")
    for each in (publish, [*publish, str(shipped_playbook())]):
        subprocess.run(each, env=environment, check=True, capture_output=True)
    up.terminate()
    up.start().wait_ready().terminate()

    said = up.log.read_text()
    assert 'Published the playbook "minimal" (' in said
    assert 'it was published by command after "minimal" (' in said
    assert "BATON_PLAYBOOK has changed" not in said


async def _publish_unchecked(database: str, files: Mapping[str, bytes]) -> None:
    async with open_bus(Settings(database_url=database), database) as bus:
        await publish_unchecked(bus, files)
