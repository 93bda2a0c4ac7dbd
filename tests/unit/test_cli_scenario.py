from datetime import UTC, datetime

import pytest

from baton.leads.events import LeadMerged
from baton_standalone.scenario import Publish, Request, RunUntil, ScenarioError, Told, read_scenario

AT = '"at": "2026-03-27T16:30:00Z"'
ID = "3d21f9ee-d85e-5a10-bda2-dff7da80567a"
MOMENT = datetime(2026, 3, 27, 16, 30, tzinfo=UTC)


def test_a_request_has_its_body_as_json() -> None:
    (line,) = read_scenario(f'{{{AT}, "request": "POST /ingest/v1/leads", "body": {{"email": "a@b.co"}}}}', name="s")

    assert line == Request(
        MOMENT,
        "POST /ingest/v1/leads",
        "POST",
        "/ingest/v1/leads",
        b'{"email":"a@b.co"}',
        {"content-type": "application/json"},
    )


@pytest.mark.parametrize("body", ["null", "false", "0", '""', "[]"])
def test_any_json_value_is_a_body(body: str) -> None:
    (line,) = read_scenario(f'{{{AT}, "request": "POST /x", "body": {body}}}', name="s")

    assert isinstance(line, Request)
    assert line.content == body.encode()


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ("<a/>", "text/xml; charset=utf-8"),
        ('[{\\"a\\": 1}]', "application/json"),
        ("email=a%40b.co&x=1", "application/x-www-form-urlencoded"),
        ("so it is", "text/plain; charset=utf-8"),
    ],
)
def test_raw_text_has_the_content_type_that_its_sender_would_name(raw: str, kind: str) -> None:
    (line,) = read_scenario(f'{{{AT}, "request": "POST /x", "raw": "{raw}"}}', name="s")

    assert isinstance(line, Request)
    assert line.headers == {"content-type": kind}


def test_headers_of_the_scenario_win() -> None:
    written = f'{{{AT}, "request": "POST /x", "raw": "a=1", "headers": {{"Content-Type": "text/csv"}}}}'

    (line,) = read_scenario(written, name="s")

    assert isinstance(line, Request)
    assert line.headers == {"content-type": "text/csv"}


def test_blank_lines_are_left_out_and_time_and_playbooks_have_lines_of_their_own() -> None:
    lines = read_scenario(f'{{{AT}, "publish": "next"}}\n\n{{{AT}, "run_until": true}}\n', name="s")

    assert lines == (Publish(MOMENT, "next"), RunUntil(MOMENT))


def test_an_event_that_ingest_told_is_told_again() -> None:
    written = f'{{{AT}, "event": "lead.merged", "id": "{ID}", "data": {{"from": "a", "into": "b"}}}}'

    assert read_scenario(written, name="s") == (Told(MOMENT, ID, LeadMerged(from_="a", into="b")),)


def test_a_command_may_depend_on_who_has_the_lead() -> None:
    request = "POST /router/v1/leads/ada@example.com/decline"

    (line,) = read_scenario(f'{{{AT}, "request": "{request}", "only_while": {{"pool": "ae"}}}}', name="s")

    assert isinstance(line, Request)
    assert (line.lead, line.only_while) == ("ada@example.com", {"pool": "ae"})


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("nonsense", "not JSON"),
        ("[]", "a JSON object"),
        ('{"request": "GET /x"}', "at: "),
        ('{"at": "2026-03-27T16:30:00", "run_until": true}', "no time zone"),
        ('{"at": 5, "run_until": true}', "at: "),
        (f"{{{AT}}}", "one of"),
        (f'{{{AT}, "run_until": false}}', "one of"),
        (f'{{{AT}, "run_until": true, "publish": "x"}}', "one of"),
        (f'{{{AT}, "run_until": true, "body": 1}}', "belong to"),
        (f'{{{AT}, "request": "GET /x", "body": 1, "raw": "x"}}', "give one of them"),
        (f'{{{AT}, "request": "FETCH /x"}}', "must be like"),
        (f'{{{AT}, "request": "GET x"}}', "must be like"),
        (f'{{{AT}, "request": "GET /router/v1/reps/mary/stream"}}', "never ends"),
        (f'{{{AT}, "request": "GET /x", "boddy": 1}}', "unknown key 'boddy'"),
        (f'{{{AT}, "event": "lead.merged", "data": {{}}}}', "belong together"),
        (f'{{{AT}, "event": "lead.assigned", "id": "{ID}", "data": {{}}}}', "what ingest tells: lead.captured"),
        (f'{{{AT}, "event": "lead.merged", "id": "{ID}", "data": {{"from": "a"}}}}', "into: Field required"),
        (f'{{{AT}, "event": "lead.merged", "id": "7", "data": {{}}}}', "id: "),
        (f'{{{AT}, "request": "PUT /x", "only_while": {{"pool": "ae"}}}}', "only_while: "),
        (f'{{{AT}, "request": "POST /router/v1/leads/a/accept", "only_while": {{"state": "x"}}}}', "only_while: "),
        ('{"at": "2026-03-27T16:29:59Z", "run_until": true}', "earlier than the line before"),
    ],
)
def test_a_mistake_is_told_with_its_line(line: str, complaint: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        read_scenario(f'{{{AT}, "run_until": true}}\n{line}', name="day.jsonl")

    (mistake,) = raised.value.mistakes
    assert mistake.startswith("day.jsonl:2: ")
    assert complaint in mistake


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ScenarioError) as raised:
        read_scenario("x\ny\n", name="s")

    assert [mistake[:4] for mistake in raised.value.mistakes] == ["s:1:", "s:2:"]
