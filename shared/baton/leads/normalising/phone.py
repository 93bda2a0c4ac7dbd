"""Phone numbers in E.164 (`+14155550100`). An extension isn't part of it.

A number is taken if its length is possible in its country, not only if its range is assigned: ranges open
faster than releases of the metadata, and a rep can try a number that is there. What people type to get past a required
field (`0000000000`, `1234567890`) is refused: it would make one person of many.
"""

from phonenumbers import (
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    ValidationResult,
    format_number,
    is_possible_number_with_reason,
    parse,
)

from baton.leads.normalising.text import Unusable, read_text

LONGEST = 64
_HINT = "send it as +, country code and number, or send the country too"
_SEQUENCES = ("01234567890123456789", "98765432109876543210")


def read_phone(value: object, *, region: str | None) -> str | None:
    """The number in E.164, national numbers read as dialled in `region` (ISO 3166-1 alpha-2); None if blank.

    Raises:
        Unusable: not a number, or one that can't be told without a country.
    """
    text = read_text(value, limit=LONGEST)
    if text is None:
        return None
    # `00` is how most of the world dials `+`; with a country its own prefix is known better.
    if region is None and text.startswith("00"):
        text = "+" + text[2:]
    number = _parsed(text, region)
    if number.italian_leading_zero:
        # Zeros too many after the country code go one reading at a time; the identity must not depend on how often.
        number = _settled(number)
    return _checked(number)


def _parsed(text: str, region: str | None) -> PhoneNumber:
    try:
        return parse(text, region)
    except NumberParseException as error:
        if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            raise Unusable("the country of this number isn't known", hint=_HINT) from error
        raise Unusable("not a phone number", hint=_HINT) from error


def _settled(number: PhoneNumber) -> PhoneNumber:
    for _ in range(4):
        again = _parsed(_e164(number), None)
        if _e164(again) == _e164(number):
            break
        number = again
    return number


def _checked(number: PhoneNumber) -> str:
    if is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        raise Unusable("not a possible phone number in its country", hint=_HINT)
    digits = str(number.national_number)
    if len(set(digits)) == 1 or any(digits in sequence for sequence in _SEQUENCES):
        raise Unusable("a placeholder, not a phone number", hint=_HINT)
    return _e164(number)


def _e164(number: PhoneNumber) -> str:
    return format_number(number, PhoneNumberFormat.E164)
