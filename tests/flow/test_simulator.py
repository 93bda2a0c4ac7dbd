"""The simulator itself; what leads go through is told by the other flows."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from baton_standalone.shipped import shipped_playbook
from tests.support.simulation import Simulator

pytestmark = pytest.mark.postgres

ADA = {
    "email": "ada@example.com",
    "first_name": "Ada",
    "title": "VP Sales",
    "company": "Example",
    "employees": 300,
    "country": "US",
    "state": "CA",
    "activity": "demo_request",
}


def capture(at: str = "2026-03-27T16:30:00Z", **lead: Any) -> dict[str, Any]:
    return {"at": at, "request": "POST /ingest/v1/leads", "body": {**ADA, **lead}}


def ask(at: str, request: str) -> dict[str, Any]:
    return {"at": at, "request": request}


async def test_a_lead_goes_through_all_four_services_at_one_instant(simulator: Simulator) -> None:
    played = await simulator.play(capture())

    assert [(event["topic"], event["type"]) for event in played.events] == [
        ("baton.leads.captured", "lead.captured"),
        ("baton.leads.scored", "lead.scored"),
        ("baton.leads.scored", "lead.qualified"),
        ("baton.leads.assigned", "lead.assigned"),
        ("baton.sla.events", "sla.started"),
        ("baton.sla.events", "sla.met"),
        ("baton.sla.events", "sla.started"),
    ]
    assert {line["at"] for line in played.lines} == {"2026-03-27T16:30:00Z"}


async def test_a_pause_moves_what_the_lead_and_the_monitor_say_of_its_clocks(simulator: Simulator) -> None:
    lead = "/router/v1/leads/ada@example.com"
    looks = ("2026-03-27T16:45:00Z", "2026-03-27T17:45:00Z", "2026-03-27T18:30:00Z")

    played = await simulator.play(
        capture(),
        {"at": "2026-03-27T16:40:00Z", "request": f"POST {lead}/pause", "body": {"reason": "on a journey"}},
        ask(looks[0], f"GET {lead}"), ask(looks[0], "GET /sla/v1/clocks"),
        {"at": "2026-03-27T17:40:00Z", "request": f"POST {lead}/resume"},
        {"at": "2026-03-27T17:42:00Z", "request": f"POST {lead}/pause",
         "body": {"reason": "lunch", "until": "2026-03-27T18:12:00Z"}},
        ask(looks[1], f"GET {lead}"), ask(looks[1], "GET /sla/v1/clocks"),
        ask(looks[2], f"GET {lead}"), ask(looks[2], "GET /sla/v1/clocks"),
    )  # fmt: skip

    told: dict[str, list[dict[str, Any]]] = {at: [] for at in looks}
    for line in played.responses:
        if line["request"].startswith("GET"):
            clocks = line["body"].get("clocks", line["body"].get("items"))
            shown = [each for each in clocks if each["status"] == "running"]
            told[line["at"]].append({each["policy"]: (each["due"], each["stopped"]) for each in shown})
    assert all(of_lead == of_monitor for of_lead, of_monitor in told.values())
    assert [told[at][0]["first-contact"] for at in looks] == [
        (None, {"since": "2026-03-27T16:40:00Z", "until": None, "left": 3000}),
        ("2026-03-27T19:00:00Z", {"since": "2026-03-27T17:42:00Z", "until": "2026-03-27T18:12:00Z", "left": 2880}),
        ("2026-03-27T19:00:00Z", None),
    ]
    assert len(played.data("sla.moved")) == 3


async def test_what_normalising_changed_stands_in_the_answer_and_in_the_trace(simulator: Simulator) -> None:
    played = await simulator.play(capture(employees="about 150"))

    [response] = played.responses
    [assigned] = played.data("lead.assigned")
    [change] = [each for each in response["body"]["changes"] if each["field"] == "employees"]
    [note] = [each for each in assigned["trace"]["notes"] if each.startswith("employees")]
    assert change["before"] == "about 150"
    assert "about 150" in note
    assert change["why"] in note


async def test_a_number_that_came_as_text_is_no_note_in_the_trace(simulator: Simulator) -> None:
    played = await simulator.play(capture(employees="85"))

    [assigned] = played.data("lead.assigned")
    assert "notes" not in assigned["trace"]


async def test_the_playbook_is_told_first_and_without_its_files(simulator: Simulator) -> None:
    played = await simulator.play(capture())

    published, activated = played.lines[:2]
    assert (published["type"], set(published["data"])) == ("playbook.published", {"hash", "version"})
    assert activated["type"] == "playbook.activated"


async def test_a_response_comes_before_what_follows_from_it_and_echoes_its_request(simulator: Simulator) -> None:
    played = await simulator.play({**capture(), "request": "post  /ingest/v1/leads"})

    response = played.lines[2]
    assert (response["response"], response["request"]) == (202, "post  /ingest/v1/leads")
    assert response["body"]["duplicate"] is False


async def test_requests_see_all_that_was_brought_about_before(simulator: Simulator) -> None:
    played = await simulator.play(
        capture(),
        ask("2026-03-27T16:30:00Z", "GET /router/v1/leads/ada@example.com"),
        ask("2026-03-27T16:30:00Z", "GET /scoring/v1/leads/ada@example.com"),
    )

    _, lead, profile = played.responses
    assert lead["body"]["state"] == "assigned"
    assert profile["body"]["score"]["tier"] == "mql"


async def test_a_refusal_is_output_like_any_other(simulator: Simulator) -> None:
    played = await simulator.play(
        capture(email=None), ask("2026-03-27T16:30:00Z", "GET /nowhere"), capture("2026-03-27T16:31:00Z")
    )

    assert [response["response"] for response in played.responses] == [422, 404, 202]


async def test_what_is_no_path_of_a_service_is_refused_in_the_form_of_all_errors(simulator: Simulator) -> None:
    played = await simulator.play(
        *(
            ask("2026-03-27T16:30:00Z", request)
            for request in ("GET /nowhere", "DELETE /healthz", "GET /router/nowhere")
        )
    )

    errors = [response["body"]["error"] for response in played.responses]
    assert [error["code"] for error in errors] == ["not_found", "method_not_allowed", "not_found"]
    assert "/ingest, /scoring" in errors[0]["hint"]


async def test_what_is_due_fires_at_exactly_its_moment_and_before_a_request_of_that_moment(
    simulator: Simulator,
) -> None:
    played = await simulator.play(capture(), ask("2026-03-27T17:30:00Z", "GET /sla/v1/clocks"))

    told = [(line["at"], line.get("type", "response")) for line in played.lines[9:]]
    assert ("2026-03-27T17:30:00Z", "sla.breached") in told
    assert told[-1] == ("2026-03-27T17:30:00Z", "response")
    (breached,) = played.data("sla.breached")
    assert [(clock["due"], clock["at"], clock["lateness"]) for clock in breached["clocks"]] == [
        ("2026-03-27T17:30:00Z", "2026-03-27T17:30:00Z", 0)
    ]


async def test_nothing_happens_after_the_last_line_has_settled(simulator: Simulator) -> None:
    short = await simulator.play(capture())

    longer = await simulator.play(capture(), {"at": "2026-03-27T17:00:00Z", "run_until": True})

    assert not short.data("sla.warned")
    assert longer.data("sla.warned")
    assert longer.raw.startswith(short.raw)


async def test_output_is_in_order_of_time(simulator: Simulator) -> None:
    played = await simulator.play(
        *(capture(f"2026-03-27T16:3{n}:00Z", email=f"ada@example{n}.com") for n in range(5)),
        {"at": "2026-03-30T16:30:00Z", "run_until": True},
    )

    instants = [line["at"] for line in played.lines]
    assert instants == sorted(instants)


async def test_a_run_can_be_repeated_to_the_byte(simulator: Simulator) -> None:
    scenario = [
        capture(),
        capture("2026-03-27T16:40:00Z", email="b@other.com"),
        {"at": "2026-03-29T00:00:00Z", "run_until": True},
    ]

    first, second = await simulator.play(*scenario), await simulator.play(*scenario)

    assert first.raw == second.raw


async def test_another_playbook_decides_from_its_line_on(simulator: Simulator) -> None:
    shutil.copytree(shipped_playbook(), simulator.folder / "next")
    rename(simulator.folder / "next" / "playbook.yaml", '"2026-04"', '"2026-05"')

    played = await simulator.play(
        capture(),
        {"at": "2026-03-27T16:31:00Z", "publish": "next"},
        capture("2026-03-27T16:32:00Z", email="b@other.com"),
    )

    versions = [line["data"]["version"] for line in played.lines if line.get("type") == "playbook.published"]
    before, after = (data["trace"]["playbook"] for data in played.data("lead.assigned"))
    assert versions == ["2026-04", "2026-05"]
    assert before != after


async def test_a_bad_publish_line_is_told_on_stderr_and_the_run_goes_on(
    simulator: Simulator, capfd: pytest.CaptureFixture[str]
) -> None:
    played = await simulator.play(
        capture(),
        {"at": "2026-03-27T16:31:00Z", "publish": "nowhere"},
        capture("2026-03-27T16:32:00Z", email="b@other.com"),
    )

    first, second = (data["trace"]["playbook"] for data in played.data("lead.assigned"))
    assert first == second
    assert "nowhere: not published" in capfd.readouterr().err


async def test_a_playbook_without_a_rep_who_has_open_leads_is_not_published(
    simulator: Simulator, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(shipped_playbook("minimal"), simulator.folder / "minimal")

    await simulator.play(capture(), {"at": "2026-03-27T16:31:00Z", "publish": "minimal"})

    assert "have open leads" in capfd.readouterr().err


async def test_a_source_whose_secret_is_missing_takes_requests_without_proof(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MARKETO_WEBHOOK_SECRET", raising=False)

    played = await simulator.play({**capture(), "request": "POST /ingest/v1/sources/marketo"})

    assert played.responses[0]["response"] < 300
    assert played.data("lead.captured")


async def test_a_source_whose_secret_is_there_still_asks_for_its_proof(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKETO_WEBHOOK_SECRET", "s3cret")

    played = await simulator.play({**capture(), "request": "POST /ingest/v1/sources/marketo"})

    assert played.responses[0]["response"] == 401


async def test_an_empty_scenario_prints_nothing(simulator: Simulator) -> None:
    played = await simulator.play()

    assert played.raw == b""


def rename(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
