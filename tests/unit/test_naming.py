"""How a lead is named in paths, queries and commands."""

import pytest

from baton.kernel.ids import lead_id_for_email, lead_id_for_phone
from baton.leads.naming import lead_id_named
from baton.leads.normalising import Unusable

BY_PHONE = lead_id_for_phone("+14155550100")
BY_EMAIL = lead_id_for_email("ada@acme.com")


@pytest.mark.parametrize(
    ("text", "lead_id"),
    [
        ("+14155550100", BY_PHONE),
        ("+1 (415) 555-0100", BY_PHONE),
        ("0014155550100", BY_PHONE),
        (" 14155550100", BY_PHONE),
        (" Ada@ACME.com ", BY_EMAIL),
        (BY_EMAIL.upper(), BY_EMAIL),
        ("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"),
        ("nobody", "nobody"),
        ("4155550100", "4155550100"),
    ],
)
def test_a_lead_is_named_by_its_id_its_address_or_its_number(text: str, lead_id: str) -> None:
    assert lead_id_named(text) == lead_id


@pytest.mark.parametrize("text", ["+1", "+0000000000", "ada@", "+"])
def test_what_can_be_no_number_or_address_names_nobody(text: str) -> None:
    with pytest.raises(Unusable):
        lead_id_named(text)
