"""What people write beside the fields of their forms, in our words."""

import re
from typing import Final

OURS: Final = {
    "email": "email", "e mail": "email", "email address": "email", "work email": "email", "business email": "email",
    "your email": "email", "company email": "email",
    "name": "name", "full name": "name", "your name": "name",
    "first name": "first_name", "last name": "last_name", "surname": "last_name",
    "company": "company", "company name": "company", "organization": "company", "organisation": "company",
    "title": "title", "job title": "title", "role": "title", "position": "title",
    "phone": "phone", "phone number": "phone", "telephone": "phone", "mobile": "phone",
    "country": "country", "state": "state", "city": "city", "zip": "postal_code", "postal code": "postal_code",
    "employees": "employees", "company size": "employees", "number of employees": "employees", "team size": "employees",
    "industry": "industry", "website": "website", "language": "language",
}  # fmt: skip
"""Labels in lower case, with a space for all else that is no letter, and their fields."""
_NOT_LETTERS: Final = re.compile(r"[\W_]+")


def ours(label: str) -> str | None:
    """The field that a label means: `Work E-mail` and `work_email` are `email`. None for their own questions."""
    return OURS.get(_NOT_LETTERS.sub(" ", label[:100]).strip().lower())


def known(labels: list[str]) -> dict[str, str]:
    """Those of the labels that mean a field of ours."""
    return {label: field for label in labels if (field := ours(label)) is not None}
