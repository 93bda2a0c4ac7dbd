"""A whole lead: what follows from what, what is left out, and what the record says about it."""

from collections.abc import Mapping
from uuid import NAMESPACE_URL, uuid5

import pytest

from baton.leads.normalising import Change, normalise
from baton.leads.values import Lead
from tests.support.wire import as_written


def fields_of(**sent: object) -> dict[str, object]:
    return normalise({"email": "mary@acme.com", **sent}).fields


def changes_of(**sent: object) -> dict[str, Change]:
    return {change.field: change for change in normalise({"email": "mary@acme.com", **sent}).changes}


def test_the_identity_is_the_address() -> None:
    lead = normalise({"email": " Mary@ACME.com", "phone": "+1 415 555 0100"})

    assert lead.lead_id == str(uuid5(NAMESPACE_URL, "mailto:mary@acme.com"))


def test_without_an_address_the_identity_is_the_phone() -> None:
    lead = normalise({"phone": "(415) 555-0100", "country": "United States"})

    assert lead.lead_id == str(uuid5(NAMESPACE_URL, "tel:+14155550100"))


def test_an_unusable_address_gives_way_to_the_phone_and_is_recorded() -> None:
    lead = normalise({"email": "mary(at)acme.com", "phone": "+14155550100"})

    assert lead.lead_id == str(uuid5(NAMESPACE_URL, "tel:+14155550100"))
    assert "email" not in lead.fields
    assert [(change.field, change.before, change.after) for change in lead.changes] == [
        ("email", "mary(at)acme.com", None)
    ]
    assert lead.refusals == ()


def test_an_unreadable_phone_beside_an_address_is_left_out_and_recorded() -> None:
    lead = normalise({"email": "mary@acme.com", "phone": "415 555 0100"})

    assert lead.lead_id is not None
    assert "phone" not in lead.fields
    assert [change.field for change in lead.changes] == ["phone"]


def test_a_phone_alone_that_can_not_be_read_says_what_to_send() -> None:
    lead = normalise({"phone": "415 555 0100"})

    assert lead.lead_id is None
    assert [(refusal.field, refusal.hint) for refusal in lead.refusals] == [
        ("phone", "send it as +, country code and number, or send the country too")
    ]


@pytest.mark.parametrize("raw", [{}, {"email": None}, {"email": "", "phone": " "}, {"company": "Acme"}])
def test_a_lead_without_address_and_phone_has_no_identity(raw: dict[str, object]) -> None:
    lead = normalise(raw)

    assert lead.lead_id is None
    assert [refusal.field for refusal in lead.refusals] == ["email"]


def test_the_default_country_reads_a_national_number_but_is_not_the_country_of_the_lead() -> None:
    lead = normalise({"phone": "030 901820"}, default_country="DE")

    assert lead.fields == {"phone": "+4930901820"}


def test_the_account_is_the_registrable_domain_of_a_business_address() -> None:
    lead = normalise({"email": "mary@mail.acme.co.uk"})

    assert lead.account == "acme.co.uk"
    assert lead.fields == {
        "email": "mary@mail.acme.co.uk",
        "domain": "acme.co.uk",
        "free_mail": False,
        "account": "acme.co.uk",
    }


def test_free_mail_is_never_an_account() -> None:
    lead = normalise({"email": "mary@gmail.com", "company": "Acme", "website": "https://www.acme.com/about"})

    assert lead.account is None
    assert lead.fields["free_mail"] is True
    assert lead.fields["domain"] == "acme.com"
    assert "account" not in lead.fields


def test_a_page_on_a_shared_site_does_not_name_the_company() -> None:
    lead = normalise({"email": "mary@gmail.com", "website": "linkedin.com/company/acme"})

    assert lead.fields["domain"] == "gmail.com"


def test_what_follows_from_the_address_can_not_be_sent_otherwise() -> None:
    lead = normalise({"email": "mary@acme.com", "domain": "other.com", "free_mail": True, "account": "other.com"})

    assert (lead.fields["domain"], lead.fields["free_mail"], lead.account) == ("acme.com", False, "acme.com")
    assert {change.field for change in lead.changes} == {"domain", "free_mail", "account"}
    assert lead.fields["custom"] == {"account": "other.com"}


def test_seniority_and_function_follow_from_the_title() -> None:
    fields = fields_of(title="VP of Sales")

    assert (fields["seniority"], fields["function"]) == ("vp", "sales")


def test_a_seniority_that_was_sent_beats_the_title_in_our_spelling() -> None:
    assert fields_of(title="Wizard of Sales", seniority="C-Level")["seniority"] == "c_level"


def test_null_clears_a_field_and_what_follows_from_it() -> None:
    fields = fields_of(title=None, city=None)

    assert {name: fields[name] for name in ("title", "city", "seniority", "function")} == {
        "title": None,
        "city": None,
        "seniority": None,
        "function": None,
    }


def test_a_blank_field_counts_as_not_sent() -> None:
    assert "city" not in fields_of(city="  ")


def test_names_and_company_stay_as_sent_but_for_outer_space() -> None:
    fields = fields_of(first_name=" MARY  ann ", company=" Acme, Inc. ", last_name="Nun\u0303ez")

    assert (fields["first_name"], fields["company"], fields["last_name"]) == ("MARY  ann", "Acme, Inc.", "Nun\u0303ez")


def test_a_size_in_words_is_left_out_and_recorded_never_used() -> None:
    lead = normalise({"email": "mary@acme.com", "employees": "about 150"})

    assert "employees" not in lead.fields
    assert lead.changes == (Change("employees", "about 150", None, "not a number of people"),)


def test_a_country_that_is_not_known_is_left_out_and_recorded() -> None:
    lead = normalise({"email": "mary@acme.com", "country": "Atlantis"})

    assert "country" not in lead.fields
    assert lead.changes == (Change("country", "Atlantis", None, "no country is known by this name"),)


def test_every_change_names_the_value_before_and_after() -> None:
    lead = normalise({"email": "mary@acme.com", "country": "Deutschland", "state": "Bayern", "employees": "1.200"})

    assert [(change.field, change.before, change.after) for change in lead.changes] == [
        ("country", "Deutschland", "DE"),
        ("state", "Bayern", "BY"),
        ("employees", "1.200", 1200),
    ]


def test_a_lead_in_its_normal_form_has_no_changes() -> None:
    lead = normalise({"email": "mary@acme.com", "country": "DE", "phone": "+4930901820", "employees": "200-500"})

    assert lead.changes == ()


def test_campaign_parameters_are_gathered_under_their_bare_names() -> None:
    fields = fields_of(utm={"utm_source": "ads", "Medium": "cpc"}, UTM_Campaign=" spring ", utm_source="other")

    assert fields["utm"] == {"source": "ads", "medium": "cpc", "campaign": "spring"}


def test_unknown_fields_are_kept_as_custom() -> None:
    fields = fields_of(custom={"plan": "pro"}, plan="free", seats=7, note=None)

    assert fields["custom"] == {"plan": "pro", "seats": 7, "note": None}


def test_null_in_the_place_of_all_custom_fields_is_kept_and_beside_others_told_to_clear_nothing() -> None:
    alone = normalise({"email": "a@b.example", "custom": None})
    beside = normalise({"email": "a@b.example", "custom": None, "plan": "free"})

    assert (alone.fields["custom"], alone.changes) == (None, ())
    assert beside.fields["custom"] == {"plan": "free"}
    assert [(each.field, each.why.partition(":")[0]) for each in beside.changes] == [
        ("custom", "null beside other custom fields clears none of them")
    ]


def test_what_belongs_to_the_capture_is_no_custom_field() -> None:
    assert "custom" not in fields_of(activity="demo_request", at="2026-01-01T00:00:00Z", test=True, lead_id="x")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (True, True),
        ("yes", True),
        ("FALSE", False),
        ({"email": True}, {"email": True}),
        ("I agree", {"text": "I agree"}),
    ],
)
def test_consent_is_yes_no_or_a_record(sent: object, kept: object) -> None:
    assert fields_of(consent=sent)["consent"] == kept


@pytest.mark.parametrize(
    ("sent", "language"),
    [
        ("de", "de"),
        ("de-CH", "de"),
        ("German", "de"),
        ("Deutsch", "de"),
        ("en-US,en;q=0.9", "en"),
        ("Elvish", "Elvish"),
    ],
)
def test_a_language_is_the_code_that_reps_list(sent: str, language: str) -> None:
    assert fields_of(language=sent)["language"] == language


HOSTILE: dict[str, Mapping[str, object]] = {
    "wrong types everywhere": {field: [1] for field in Lead.model_fields},
    "objects everywhere": {field: {"a": {"b": 1}} for field in Lead.model_fields},
    "true everywhere": dict.fromkeys(Lead.model_fields, True),
    "numbers everywhere": dict.fromkeys(Lead.model_fields, 10**5000),
    "not a number everywhere": dict.fromkeys(Lead.model_fields, float("nan")),
    "endless text everywhere": dict.fromkeys(Lead.model_fields, "x" * 100_000),
    "combining marks everywhere": dict.fromkeys(Lead.model_fields, "a" + "\u0316\u0301" * 50_000),
    "NUL everywhere": dict.fromkeys(Lead.model_fields, "a\0b"),
    "lone surrogates everywhere": dict.fromkeys(Lead.model_fields, "a\ud800b"),
    "deep custom": {"custom": {"a": [[[[[[[[[[[[1]]]]]]]]]]]]}},
    "many unknown fields": {f"f{number}": number for number in range(50_000)},
    "many bad unknown fields": {f"f{number}": float("inf") for number in range(50_000)},
    "big custom": {f"f{number}": "x" * 5000 for number in range(90)},
    "many campaign parameters": {f"utm_{number}": "x" for number in range(5000)},
    "odd names": {"": 1, " ": 2, "\0": 3, "\ud800": 4, "n" * 5000: 5, "utm_": 6, "utm_utm_": 7},
    "a script as website": {"website": "javascript:alert(1)"},
    "a header in the address": {"email": "a@acme.com\r\nBcc: b@acme.com"},
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_input_is_survived_bounded_and_storable(raw: Mapping[str, object]) -> None:
    lead = normalise({"phone": "+14155550100", **raw})

    written = as_written(lead)
    assert len(written) < 100_000
    assert b"\\u0000" not in written
    assert len(lead.changes) < 150


def test_a_script_is_no_website() -> None:
    assert "website" not in fields_of(website="javascript:alert(1)")


def test_too_long_is_left_out_not_cut() -> None:
    assert "city" not in fields_of(city="x" * 101)
    assert changes_of(city="x" * 101)["city"].why == "longer than 100 characters"


def test_what_no_database_can_hold_is_removed_and_recorded() -> None:
    assert fields_of(company="Ac\0me")["company"] == "Acme"
    assert changes_of(company="Ac\0me")["company"].after == "Acme"
