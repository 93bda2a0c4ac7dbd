"""Laws of a profile at rest: what was said is written as it always was, and the lead is the one that it tells."""

from datetime import UTC, datetime, timedelta

import orjson
from hypothesis import given
from hypothesis import strategies as st

from baton.kernel.instants import format_instant
from baton.leads.events import LeadCaptured
from baton.leads.values import Lead
from baton_scoring.profile import Profile, Said
from baton_scoring.repository import pack_fields

VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=5)
INSTANTS = st.datetimes(timezones=st.just(UTC)) | st.just(datetime(2026, 3, 25, 17, tzinfo=UTC))
STATEMENTS = st.none() | st.tuples(VALUES, INSTANTS)
SAID = st.builds(Said, proven=STATEMENTS, claimed=STATEMENTS)
NEAR = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.timezones())  # noqa: DTZ001 - it adds them
CAPTURES = st.builds(
    LeadCaptured,
    lead=st.builds(
        Lead, lead_id=st.just("7"), email=st.none() | st.just("a@b.example"), title=st.sampled_from(["CEO", "VP"]),
        custom=st.none() | st.dictionaries(st.sampled_from("ab"), st.integers(0, 3)),
    ),
    activity=st.none(),
    at=st.none() | NEAR,
    proven=st.booleans(),
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=3), SAID, max_size=4))
def test_instants_are_written_as_everywhere_else(fields: dict[str, Said]) -> None:
    expected = {
        name: [None if one is None else [one[0], format_instant(one[1])] for one in (said.proven, said.claimed)]
        for name, said in fields.items()
    }

    assert pack_fields(fields) == orjson.dumps(expected)


@given(st.lists(CAPTURES, min_size=1, max_size=4))
def test_the_lead_is_the_same_whether_it_was_asked_for_between_or_not(captures: list[LeadCaptured]) -> None:
    told = datetime(2026, 3, 25, 17, tzinfo=UTC)
    asked, not_asked = Profile("7", "7"), Profile("7", "7")

    for captured in captures:
        asked.hear(captured, told=told)
        not_asked.hear(captured, told=told)
        assert asked.lead.lead_id == "7"

    assert asked.lead == not_asked.lead
    assert {at.tzinfo for said in asked.fields.values() for _, at in filter(None, (said.proven, said.claimed))} <= {UTC}


@given(
    st.lists(st.none() | st.dictionaries(st.sampled_from("ab"), st.none() | st.integers(0, 3)), max_size=6), st.data()
)
def test_null_in_the_place_of_all_custom_fields_clears_those_told_before_in_whatever_order_it_is_heard(
    told: list[dict[str, object] | None], data: st.DataObject
) -> None:
    start = datetime(2026, 3, 25, 17, tzinfo=UTC)
    captures = [
        LeadCaptured(lead=Lead(lead_id="7", custom=custom), activity=None, at=start + timedelta(minutes=minute))
        for minute, custom in enumerate(told)
    ]
    split = data.draw(st.integers(0, len(told)))
    profile, merged = Profile("7", "7"), Profile("6", "6")

    for number, captured in enumerate(data.draw(st.permutations(captures))):
        (profile if number < split else merged).hear(captured, told=start)
    profile.merged = (merged,)

    expected: dict[str, object] = {}
    for custom in told:
        expected = {} if custom is None else expected | custom
    assert (profile.lead.custom or {}) == {name: value for name, value in expected.items() if value is not None}
