"""What a sender clears is gone from the lead that travels on."""

from datetime import UTC, datetime

import pytest

from tests.support.postgres import Databases
from tests.support.staging import staged

pytestmark = pytest.mark.postgres

START = datetime(2026, 3, 25, 15, tzinfo=UTC)


async def test_null_clears_one_custom_field_or_in_the_place_of_all_of_them_every_one(databases: Databases) -> None:
    seen: list[object] = []
    async with staged(databases, start=START) as house:
        for custom in ({"plan": "pro", "seats": 7, "color": "red"}, {"plan": None}, None, {"plan": "free"}):
            lead = {"email": "ada@acme.example", "custom": custom}
            assert (await house.client.post("/ingest/v1/leads", json=lead)).status_code == 202
            await house.stage.settle()
            told = (await house.client.get("/scoring/v1/leads/ada@acme.example")).json()
            seen.append(told["lead"].get("custom"))
            await house.stage.advance(house.clock.now().replace(minute=len(seen)))

    assert seen == [{"plan": "pro", "seats": 7, "color": "red"}, {"seats": 7, "color": "red"}, None, {"plan": "free"}]
