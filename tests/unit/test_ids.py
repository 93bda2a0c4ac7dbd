from uuid import NAMESPACE_URL, UUID, uuid5

import pytest

from baton.kernel.ids import derived_id, lead_id_for_email, lead_id_for_phone


@pytest.mark.parametrize("email", ["mary@example.com", "müller@xn--bcher-kva.example", "a+b.c@x.test"])
def test_the_id_of_an_address_is_the_uuid_that_anybody_can_derive(email: str) -> None:
    assert lead_id_for_email(email) == str(uuid5(NAMESPACE_URL, f"mailto:{email}"))


def test_every_digest_gives_the_uuid_that_the_standard_library_makes_of_it() -> None:
    names = [f"mary{number}@example.com" for number in range(500)]

    derived = [lead_id_for_email(name) for name in names]

    assert derived == [str(uuid5(NAMESPACE_URL, f"mailto:{name}")) for name in names]


def test_the_id_of_a_number_is_the_uuid_that_anybody_can_derive() -> None:
    assert lead_id_for_phone("+14155550100") == str(uuid5(NAMESPACE_URL, "tel:+14155550100"))


def test_a_derived_id_is_a_uuid_of_version_5_in_canonical_text() -> None:
    derived = derived_id("lead.scored", "7")

    assert str(UUID(derived)) == derived
    assert UUID(derived).version == 5


def test_a_derived_id_never_changes_between_releases() -> None:
    assert derived_id("lead.scored", "7") == "6c23f29a-cf37-5849-9037-bf202d83c8f4"


@pytest.mark.parametrize(
    "other", [("ab", "c"), ("abc",), ("a", "bc", ""), ("", "a", "bc"), ("bc", "a"), ("1:a2:bc",), ("a2:bc",), ()]
)
def test_other_parts_give_another_id(other: tuple[str, ...]) -> None:
    assert derived_id(*other) != derived_id("a", "bc")


def test_there_is_an_id_for_text_that_utf8_can_not_hold() -> None:
    assert derived_id("\ud800") != derived_id("\ud801")
