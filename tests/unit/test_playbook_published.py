"""A playbook that was published before a check came: what it holds stands wherever it can be read as it is written."""

from datetime import UTC, datetime

import pytest

from baton.leads.conditions.condition import Facts
from baton.leads.playbook.findings import PlaybookError
from baton.leads.playbook.loader import Loaded, load_files, load_published
from baton.leads.values import Lead
from tests.support.playbooks import SALES as BASE

NOW = datetime(2026, 3, 27, 12, tzinfo=UTC)


def published(text: str, **files: str) -> Loaded:
    """Keyword `reps_csv` is the file reps.csv."""
    given = {name.replace("_", "."): content.encode() for name, content in files.items()}
    return load_published({"playbook.yaml": text.encode(), **given})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BASE + "plans: {}\n", 'unknown key "plans"'),
        (BASE.replace("pool: sales}", "pool: sales, shade: blue}"), 'unknown key "shade"'),
        (BASE.replace("pool: sales}", "pool: sales, when: }"), "an empty condition"),
        (BASE.replace("mary@example.com", "mary"), '"mary" is no email address'),
        (BASE.replace("[mary, joe]", "[mary, mary]"), '"mary" is a member twice'),
        (BASE.replace("\n  - {name: Everyone, pool: sales}", " []"), "routing without a rule"),
        (BASE + "sources: {Web: {type: form}}\n", '"Web" can\'t stand in a URL'),
        (
            BASE + 'calendars: {office: {hours: {mon: "09:00-17:00"}, colour: blue}}\n',
            'unknown key "colour" in a calendar',
        ),
        (BASE + "deliver: [{to: rep}]\n", '"via" is missing: there is no way to reach them'),
        (BASE + "commitments: {mql_to_sql: half}\n", "not a percentage"),
        (BASE + "sla: {answer: {to: first_touch, target: 0s}}\n", "a promise of no time"),
        (BASE + "sla: {follow: {touches: 2, channels: 3, within: 2d}}\n", "3 channels in 2 touches: a touch has one"),
        (
            BASE.replace("pool: sales}", "pool: sales, when: {lead.country: [US, UK]}}"),
            '"UK" is no ISO 3166-1 country code',
        ),
        (BASE.replace("pool: sales}", "pool: sales, when: {score.tier: warmer}}"), 'unknown tier "warmer"'),
        (
            BASE + "territories: {us: {when: {lead.country: US}}, US: {when: {lead.country: CA}}}\n",
            '"US" and "us" are one name to a condition',
        ),
    ],
)
def test_a_mistake_in_what_can_be_read_as_it_is_written_stops_a_publish_and_not_what_was_published(
    text: str, message: str
) -> None:
    loaded = published(text)

    assert [each.message for each in loaded.mistakes if each.message.startswith(message)]
    with pytest.raises(PlaybookError) as caught:
        load_files({"playbook.yaml": text.encode()})
    assert caught.value.findings == loaded.findings


def test_a_condition_with_a_word_that_no_lead_has_is_asked_as_it_is_written() -> None:
    text = BASE.replace("pool: sales}", "pool: sales, when: {lead.country: [US, UK]}}")

    [rule] = published(text).playbook.routing

    assert rule.when is not None
    asked = [Facts(Lead(lead_id="l", country=country), NOW) for country in ("US", "DE")]
    assert [rule.when.matches(each) for each in asked] == [True, False]


def test_a_column_of_the_reps_that_is_not_known_any_more_is_passed_over() -> None:
    text = BASE.replace(BASE[BASE.index("  reps:") : BASE.index("  pools:")], "  reps: reps.csv\n")

    loaded = published(text, reps_csv="id,name,email,shoe\nmary,Mary,mary@example.com,38\njoe,Joe,joe@example.com,44\n")

    assert [each.message for each in loaded.mistakes] == ['unknown column "shoe"']
    assert set(loaded.playbook.reps) == {"mary", "joe"}


def test_what_was_published_keeps_the_hash_of_its_files() -> None:
    fine, mistaken = published(BASE), published(BASE + "plans: {}\n")

    again = published(BASE + "plans: {}\n")

    assert mistaken.playbook.hash == again.playbook.hash != fine.playbook.hash


@pytest.mark.parametrize(
    "text",
    [
        BASE.replace("pool: sales}", "pool: saels}"),  # a rule without its target
        BASE.replace("pool: sales}", "pool: sales, when: {lead.size: 5}}"),  # a rule that would match every lead
        BASE + "sources: {web: {type: json}}\n",  # a source that anybody could use
        BASE + "calendars: {office: {hours: {}, colour: blue}}\n",  # it never opens
        BASE.replace("catch_all: {rep: mary}\n", ""),
        "version: [\n",
    ],
)
def test_what_can_not_be_read_as_it_is_written_is_not_guessed_at(text: str) -> None:
    with pytest.raises(PlaybookError):
        published(text)
