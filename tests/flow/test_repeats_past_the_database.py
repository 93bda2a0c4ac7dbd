"""A form that is sent again while ingest's database is away becomes two events: what follows is as of one."""

from datetime import UTC, datetime, timedelta

import pytest

from baton.flow.unit_of_work import as_record
from baton.kernel.ids import lead_id_for_email
from baton.leads.playbook.model import Source
from baton_ingest.captures import Capture, capture
from baton_ingest.sources.source_type import RawCapture
from tests.support.postgres import Databases
from tests.support.staging import Staged, staged

pytestmark = pytest.mark.postgres

START = datetime(2026, 3, 25, 17, tzinfo=UTC)
ADA = {"email": "ada@acme.example", "title": "VP Sales", "employees": 300, "country": "US", "state": "CA"}


async def test_a_form_sent_twice_past_the_database_is_one_activity_one_assignment_one_set_of_clocks(
    databases: Databases,
) -> None:
    async with staged(databases, start=START) as house:
        for after in (timedelta(0), timedelta(seconds=30)):
            await house.stage.advance(START + after)
            await house.bus.publish([as_record(event) for event in _sent(START + after).events])
            await house.stage.settle()

        counts = [await _count(house, schema, query) for schema, query in QUESTIONS]
    assert counts == [1, 1, 1, 1]


QUESTIONS = (
    ("scoring", "select count(*) from profiles"),
    ("scoring", "select count(*) from activities"),
    ("router", "select count(*) from assignments"),
    ("sla", "select max(running) from (select count(*) as running from clocks group by policy) as each"),
)


def _sent(at: datetime) -> Capture:
    raw = RawCapture(fields=ADA, kind="demo_request", data={"page": "/pricing"})
    found = capture(raw, Source(name="demo-form", type="form"), received_at=at)
    assert isinstance(found, Capture)
    assert found.lead_id == lead_id_for_email("ada@acme.example")
    return found


async def _count(house: Staged, schema: str, query: str) -> int:
    async with house.database(schema).connection() as connection:
        count: int = await connection.fetchval(query)
    return count
