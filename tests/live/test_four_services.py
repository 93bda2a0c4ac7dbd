"""Four processes on a real Kafka and a real PostgreSQL: a lead from each way in, all the way."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from baton.flow.kafka import KafkaBus
from baton.flow.kafka_settings import KafkaSettings
from baton.kernel.clock import SystemClock
from baton.leads.playbook.loader import load_directory
from baton.service.playbooks import publish
from tests.support.processes import Processes, ServiceProcess

PARTITIONS = 4
PATIENCE = 40.0
SECRET = "demo-secret"
PLAYBOOK = Path(__file__).parents[2] / "deploy" / "playbooks" / "reference"
SOAP = """<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>
<notifications xmlns="http://soap.sforce.com/2005/09/outbound">
 <OrganizationId>00D000000000001EAA</OrganizationId><ActionId>04k000000000001AAA</ActionId><SessionId xsi:nil="true"/>
 <Notification><Id>04l000000000001AAA</Id>
  <sObject xsi:type="sf:Lead" xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>00Q000000000001EAA</sf:Id>
   <sf:Email>una@fir.example</sf:Email><sf:LastName>Berg &amp; Co</sf:LastName><sf:Title>CEO</sf:Title>
   <sf:NumberOfEmployees>300</sf:NumberOfEmployees><sf:Country>Germany</sf:Country></sObject></Notification>
</notifications></soapenv:Body></soapenv:Envelope>"""


@dataclass
class Baton:
    """The four services, reached as their users do."""

    services: dict[str, ServiceProcess]
    client: httpx.AsyncClient

    def url(self, service: str, path: str) -> str:
        return self.services[service].url + path

    async def assigned(self, email: str) -> dict[str, object]:
        """The lead's file, once it is assigned and its clocks run."""
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = await self.client.get(self.url("router", f"/v1/leads/{email}"))
            if answer.status_code == 200:
                file: dict[str, object] = answer.json()
                steps = file["steps"]
                assert isinstance(steps, list)
                told = {step["type"] for step in steps}
                if file["state"] == "assigned" and file["clocks"] and {"lead.assigned", "sla.started"} <= told:
                    return file
            assert time.monotonic() < deadline, answer.text
            await asyncio.sleep(0.05)


@pytest.fixture
async def baton(processes: Processes, database: str, kafka_bootstrap: str, topic_prefix: str) -> AsyncIterator[Baton]:
    environment = {
        "BATON_DATABASE_URL": database,
        "BATON_BUS_URL": f"kafka://{kafka_bootstrap}",
        "BATON_TOPIC_PREFIX": topic_prefix,
        "BATON_PARTITIONS": str(PARTITIONS),
        "BATON_REPLICATION": "1",
        "HUBSPOT_WORKFLOW_SECRET": SECRET,
        "MARKETO_WEBHOOK_SECRET": SECRET,
        "SALESFORCE_TOKEN": SECRET,
    }
    modules = {
        "ingest": "baton_ingest", "scoring": "baton_scoring", "router": "baton_router", "sla": "baton_sla_monitor",
    }  # fmt: skip
    services = {name: processes.start(module, environment=environment) for name, module in modules.items()}
    for service in services.values():
        await service.ready(path="/healthz")
    settings = KafkaSettings(servers=kafka_bootstrap, partitions=PARTITIONS, replication=1, prefix=topic_prefix)
    bus = KafkaBus(settings)
    await eventually(lambda: publish(bus, load_directory(PLAYBOOK).playbook.files, clock=SystemClock()))
    for service in services.values():
        await service.ready()
    async with httpx.AsyncClient(timeout=10) as client:
        yield Baton(services, client)
    await bus.stop()


async def eventually(act: Callable[[], Awaitable[object]]) -> None:
    """Until the services have made the topics."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await act()
            except Exception as error:  # noqa: BLE001 - whatever a topic that isn't there yet gives
                del error
                await asyncio.sleep(0.2)
            else:
                return


def hubspot_signature(url: str, body: bytes) -> str:
    return hashlib.sha256(SECRET.encode() + b"POST" + url.encode() + body).hexdigest()


async def send_all_five(baton: Baton) -> list[httpx.Response]:
    hubspot = (
        b'{"vid":4012,"canonical-vid":4012,"portal-id":5550100,"properties":{"email":{"value":"mia@oak.example"},'
        b'"firstname":{"value":"Mia"},"jobtitle":{"value":"VP Sales"},"country":{"value":"USA"}},'
        b'"form-submissions":[{"conversion-id":"7c1e","timestamp":1768471100000,"form-id":"0f2d","title":"Demo"}]}'
    )
    url = baton.url("ingest", "/v1/sources/hubspot-workflow")
    client, json = baton.client, {"content-type": "application/json"}
    return [
        await client.post(
            baton.url("ingest", "/v1/leads"),
            json={"email": "Mary@Acme.example", "title": "CEO", "employees": "about 150", "country": "UK",
                  "activity": "demo_request"},
        ),
        await client.post(
            baton.url("ingest", "/v1/sources/demo-form"), data={"email": "bob@beta.example", "company": "Beta"}
        ),
        await client.post(
            url, content=hubspot, headers={**json, "x-hubspot-signature-version": "v2",
                                           "x-hubspot-signature": hubspot_signature(url, hubspot)}
        ),
        await client.post(
            baton.url("ingest", "/v1/sources/marketo"),
            json={"event": "demo_request", "lead_id": "88123", "email": "kai@birch.example", "campaign_id": "1204",
                  "sent_at": "2026-01-15T09:59:58Z", "job_title": "Director of Sales", "country": "Germany"},
            headers={"authorization": f"Bearer {SECRET}"},
        ),
        await client.post(
            baton.url("ingest", "/v1/sources/salesforce"), params={"token": SECRET}, content=SOAP.encode(),
            headers={"content-type": "text/xml"},
        ),
    ]  # fmt: skip


async def test_each_of_the_five_ways_in_ends_as_one_assignment_with_its_reasons_and_clocks(baton: Baton) -> None:
    answers = [response for _ in range(5) for response in await send_all_five(baton)]

    assert {response.status_code for response in answers} <= {200, 202}, [r.text for r in answers]
    leads = ["mary@acme.example", "bob@beta.example", "kai@birch.example"]
    files = {email: await baton.assigned(email) for email in leads}
    for file in files.values():
        steps = file["steps"]
        assert isinstance(steps, list)
        types = [step["type"] for step in steps]
        assert types.count("lead.assigned") == 1
        trace = next(step["data"]["trace"] for step in steps if step["type"] == "lead.assigned")
        assert any(rule["conditions"] for rule in trace["rules"])
        assert trace["candidates"]
        assert sum(candidate["eligible"] and not candidate.get("code") for candidate in trace["candidates"]) == 1
    changes = answers[0].json()["changes"]
    employees = next(change for change in changes if change["field"] == "employees")
    assert (employees["before"], employees["after"]) == ("about 150", None)
