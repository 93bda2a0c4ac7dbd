import pytest

from baton.leads.normalising import Unusable, read_phone


@pytest.mark.parametrize(
    ("sent", "region", "number"),
    [
        ("+1 (415) 555-0100", None, "+14155550100"),
        ("(415) 555-0100", "US", "+14155550100"),
        ("415.555.0100 x12", "US", "+14155550100"),
        (4155550100, "US", "+14155550100"),
        ("0049 30 901820", None, "+4930901820"),
        ("030 901820", "DE", "+4930901820"),
        ("+44 (0)20 7946 0958", None, "+442079460958"),
        ("tel:+1-415-555-0100", None, "+14155550100"),
        ("+1 555 123 4567", None, "+15551234567"),
        ("\uff0b\uff11 415 555 0100", None, "+14155550100"),
    ],
)
def test_a_number_has_one_normal_form(sent: object, region: str | None, number: str) -> None:
    assert read_phone(sent, region=region) == number


@pytest.mark.parametrize("region", [None, "AQ", "ZZ"])
def test_a_national_number_without_a_country_that_dials_it_is_refused(region: str | None) -> None:
    with pytest.raises(Unusable) as refused:
        read_phone("415 555 0100", region=region)

    assert "country" in refused.value.hint


@pytest.mark.parametrize(
    "sent",
    [
        "0000000000", "9999999999", "1234567890", "n/a", "call me", "555-0100", "+1 415", "+999 123 4567", "+",
        "+1" * 40, "1" * 300, ["+14155550100"], True, 1.5, 10**400,
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused(sent: object) -> None:
    with pytest.raises(Unusable):
        read_phone(sent, region="US")


def test_zeros_too_many_do_not_make_another_person_of_the_normal_form() -> None:
    number = read_phone("+359006486118", region=None)

    assert read_phone(number, region=None) == number
