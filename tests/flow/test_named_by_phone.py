"""A lead without an email is named by its phone, in every service and whichever way a plus is written."""

from typing import Any

import pytest

from tests.support.simulation import Simulator

pytestmark = pytest.mark.postgres


def line(at: str, request: str, **body: Any) -> dict[str, Any]:
    return {"at": f"2026-03-25T{at}Z", "request": request, "body": body}


async def test_a_lead_is_found_and_worked_by_its_phone_in_all_services(simulator: Simulator) -> None:
    asked = [
        "GET /scoring/v1/leads/+14155550100",
        "GET /router/v1/leads/%2B14155550100",
        "GET /sla/v1/clocks?lead=%2B14155550100",
        "GET /sla/v1/clocks?lead=+14155550100",
        "GET /router/leads/+14155550100",
    ]
    touch = line("17:05:00", "POST /router/v1/leads/+14155550100/touches", kind="call")
    erase = line("17:06:00", "DELETE /ingest/v1/leads/+14155550100")

    played = await simulator.play(
        line("17:00:00", "POST /ingest/v1/leads", phone="+1 415 555 0100", country="US", activity="demo_request"),
        *(line(f"17:01:0{number}", request) for number, request in enumerate(asked)),
        touch,
        erase,
        line("17:07:00", "GET /router/v1/leads/+14155550100"),
    )

    sent, scored, routed, *clocks, page, touched, _, gone = played.responses
    lead_id = sent["body"]["lead_id"]
    assert [each["body"]["lead_id"] for each in (scored, routed, touched)] == [lead_id] * 3
    assert [{clock["lead_id"] for clock in each["body"]["items"]} for each in clocks] == [{lead_id}] * 2
    assert (page["response"], touched["body"]["state"], gone["response"]) == (200, "working", 410)


async def test_what_is_no_phone_number_is_told_as_such(simulator: Simulator) -> None:
    played = await simulator.play(line("17:00:00", "GET /router/v1/leads/+1"))

    [answer] = played.responses
    assert answer["response"] == 422
    assert answer["body"]["error"]["message"].startswith("+1 is no phone number")
