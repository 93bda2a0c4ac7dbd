"""A profile's custom fields: as many as a lead may have, however many captures told them, and none once cleared."""

import random
from datetime import UTC, datetime, timedelta

from baton.flow.bus import MAX_RECORD_BYTES
from baton.leads.events import LeadCaptured
from baton.leads.normalising.extras import LARGEST, MOST_CUSTOM, read_custom
from baton.leads.values import Lead
from baton_scoring.profile import Profile

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def captured(minute: int, custom: dict[str, object] | None, *, proven: bool = True) -> LeadCaptured:
    lead = Lead(lead_id="7", email="a@b.example", custom=custom)
    return LeadCaptured(lead=lead, activity=None, at=NOW + timedelta(minutes=minute), proven=proven)


def told(*captures: LeadCaptured) -> Lead:
    profile = Profile("7", "7")
    for each in captures:
        profile.hear(each, told=NOW)
    return profile.lead


def test_what_one_capture_may_tell_is_kept_whole() -> None:
    full = read_custom((f"field {n}", "\x01" * (LARGEST // MOST_CUSTOM - 20)) for n in range(MOST_CUSTOM)).values
    large = read_custom([("text", "\x01" * (LARGEST - 100))]).values

    assert told(captured(0, full)).custom == full
    assert told(captured(0, large, proven=False), captured(1, large)).custom == large


def test_of_more_custom_fields_than_a_lead_may_have_those_told_last_are_kept() -> None:
    lead = told(*(captured(minute, {f"field {minute}": minute}) for minute in range(150)))

    assert lead.custom == {f"field {minute}": minute for minute in range(50, 150)}


def test_however_much_is_told_a_lead_stays_far_below_what_the_bus_takes() -> None:
    lead = told(*(captured(minute, {f"field {minute}": "\x01" * 30_000}, proven=False) for minute in range(90)))

    assert lead.email == "a@b.example"
    assert len(lead.model_dump_json()) < MAX_RECORD_BYTES / 8


def test_what_a_form_claims_pushes_nothing_out_that_is_proven() -> None:
    known = captured(0, {f"field {n}": n for n in range(MOST_CUSTOM)})

    lead = told(known, *(captured(minute, {f"junk {minute}": 1}, proven=False) for minute in range(1, 50)))

    assert lead.custom == known.lead.custom


def test_the_same_is_kept_in_whatever_order_it_was_told() -> None:
    captures = [captured(n, {f"a{n}": n, f"b{n % 7}": n}, proven=n % 3 > 0) for n in range(160)]
    shuffled = random.Random(7).sample(captures, len(captures))

    assert told(*shuffled).custom == told(*captures).custom


def test_a_form_clears_no_custom_fields() -> None:
    lead = told(captured(0, {"plan": "pro"}), captured(1, None, proven=False))

    assert lead.custom == {"plan": "pro"}


def test_once_all_are_cleared_a_form_fills_them_again() -> None:
    form = captured(0, {"plan": "free"}, proven=False)

    assert told(form, captured(1, None)).custom is None
    assert told(captured(1, None), form).custom is None
    assert told(form, captured(1, None), captured(2, {"plan": "team"}, proven=False)).custom == {"plan": "team"}


def test_what_is_cleared_leaves_nothing_behind_that_others_need_room_for() -> None:
    full = captured(0, {f"field {n}": n for n in range(MOST_CUSTOM)})

    lead = told(full, captured(1, None), captured(2, {"plan": "free"}, proven=False))

    assert lead.custom == {"plan": "free"}
