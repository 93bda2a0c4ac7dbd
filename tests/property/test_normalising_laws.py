"""Laws of normalising: it is total, its result is storable and a fixed point, and equal people have equal ids."""

from email_validator import SPECIAL_USE_DOMAIN_NAMES
from hypothesis import given
from hypothesis import strategies as st

from baton.leads.normalising import company_key, normalise, parse_employees, read_email, read_phone
from baton.leads.normalising.email import ascii_name, is_plain
from baton.leads.normalising.text import Unusable, fold
from baton.leads.values import Lead
from tests.support.wire import as_written

TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
PLAUSIBLE = st.sampled_from(
    [
        "Mary@ACME.co.uk",
        "MÜLLER@bücher.example",
        "a@gmail.com",
        "(415) 555-0100",
        "+359006486118",
        "USA",
        "Korea",
        "Bayern",
        "California",
        "CEO",
        "Assistant to the CEO",
        "1,200",
        "200 – 500",
        "about 150",
        "www.acme.com",
        "https://bücher.example/x",
        "de-CH",
        "C-Level",
        "Inbound",
        " x ",
        "yes",
        "gmail.com",
        "utm_source",
    ]
)
NAMES = st.sampled_from([*Lead.model_fields, "utm_source", "UTM_Medium", "favourite", "Email", "activity"]) | TEXT
LEADS = st.dictionaries(NAMES, PLAUSIBLE | JSON, max_size=12)


@given(LEADS)
def test_any_json_object_is_normalised_into_what_an_event_can_carry(raw: dict[str, object]) -> None:
    lead = normalise(raw)

    assert as_written(lead)
    assert (lead.lead_id is None) == bool(lead.refusals)


@given(LEADS)
def test_normalising_the_normal_form_changes_nothing(raw: dict[str, object]) -> None:
    once = normalise(raw)

    twice = normalise(once.fields)

    assert twice.fields == once.fields
    assert (twice.lead_id, twice.account) == (once.lead_id, once.account)
    assert twice.changes == ()


@given(st.text(max_size=30), st.sampled_from(["acme.com", "BÜCHER.example", "ß.de", "x.test"]))
def test_the_normal_form_of_an_address_is_a_fixed_point(local: str, domain: str) -> None:
    try:
        once = read_email(f"{local}@{domain}")
    except Unusable:
        return

    assert once is not None
    assert read_email(once.address) == once


@given(st.text("0123456789", min_size=4, max_size=14), st.sampled_from(["US", "DE", "IT", "AR", "MX", "BR", None]))
def test_the_normal_form_of_a_number_is_a_fixed_point(digits: str, region: str | None) -> None:
    try:
        once = read_phone(digits if region else f"+{digits}", region=region)
    except Unusable:
        return

    assert once is not None
    assert read_phone(once, region=None) == once


@given(st.emails())
def test_case_and_outer_space_do_not_make_another_person(email: str) -> None:
    first, second = normalise({"email": email}), normalise({"email": f" {email.upper()} "})

    assert first.lead_id == second.lead_id


@given(st.text(max_size=40))
def test_folding_and_company_keys_are_fixed_points(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert company_key(company_key(text)) == company_key(text)


LABEL = (
    st.from_regex(r"[a-z0-9-]{1,5}", fullmatch=True)
    | st.sampled_from([*SPECIAL_USE_DOMAIN_NAMES, "com", "co", "uk", "xn--bcher-kva", "ab--c", "a" * 63, "b" * 64])
    | st.integers(min_value=1, max_value=66).map(lambda length: "c" * length)
)


@given(st.lists(LABEL, min_size=1, max_size=6).map(".".join) | st.text("ab1.-@_ \n", max_size=12))
def test_a_plain_domain_is_spelled_as_a_full_look_at_it_finds(domain: str) -> None:
    assert not is_plain(domain) or ascii_name(domain) == domain


@given(st.integers(-3, 12_000_000))
def test_a_head_count_is_the_same_as_a_number_and_as_text(count: int) -> None:
    read = [_employees(count), _employees(str(count))]

    assert read[0] == read[1]


def _employees(value: object) -> object:
    try:
        return parse_employees(value)
    except Unusable as error:
        return error.why
