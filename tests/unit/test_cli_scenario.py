from datetime import UTC, datetime

import pytest

from baton_standalone.scenario import Publish, Request, RunUntil, ScenarioError, read_scenario

AT = '"at": "2026-03-27T16:30:00Z"'
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
