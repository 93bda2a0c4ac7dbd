"""A lead as people name it: by its id, its email address or, of one without an address, its phone number."""

from typing import Final
from uuid import UUID

from baton.kernel.ids import lead_id_for_email, lead_id_for_phone
from baton.leads.normalising import read_email, read_phone

WAYS: Final = "A `lead_id`, an email address or, of a lead without one, its phone in E.164 (`+14155550100`)"


def lead_id_named(text: str) -> str:
    """The id of the lead that is meant. What is neither address nor number is taken for an id, known or not.

    Raises:
        Unusable: an address or a number that can't be one.
    """
    known = as_lead_id(text)
    if known is not None:
        return known
    if "@" in text:
        address = read_email(text)
        return text if address is None else lead_id_for_email(address.address)
    number = phone_named(text)
    return text.strip().lower() if number is None else lead_id_for_phone(number)


def phone_named(text: str) -> str | None:
    """The number that is written, as it is kept; None where it is none.

    Raises:
        Unusable: a number that can't be one.
    """
    if not text.startswith((" ", "+", "00")):  # a plus that a query doesn't escape is read as a space
        return None
    return read_phone(text.replace(" ", "+", 1) if text[0] == " " else text, region=None)


def as_lead_id(text: str) -> str | None:
    """The id in its canonical form, None if it is none."""
    try:
        return str(UUID(text.strip()))
    except ValueError:
        return None
