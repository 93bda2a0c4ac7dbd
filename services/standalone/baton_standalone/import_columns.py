"""Which column of a sheet is which field of ours: by `--map`, by its name, or by the label that a CRM's export has."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from baton.leads.conditions.fields import LEAD_FIELDS
from baton_ingest.sources import labels

LINE: Final = "refused_line"
WHY: Final = "refused_why"
"""Columns of a file of refused rows. In one that is imported they tell nothing."""
GROUPS: Final = frozenset({"custom", "utm", "consent", "activity", "data"})
"""What holds fields of its own: `custom.budget`."""
OURS: Final = frozenset({*LEAD_FIELDS, *GROUPS, "name", "at", "event_id", "kind", "id", "lead_id", "by"})
CUSTOM: Final = "custom"
"""What a column is that is kept out of our fields: it goes to `custom` under its own name."""
_OF_ACTIVITIES_ONLY: Final = frozenset({"lead_id", "id", "by", "test"})
"""What Baton would take from no lead's row, or not as what it says: kept in `custom`."""
_EXPORTED: Final = {
    # HubSpot, "Export your records": contacts.
    "Phone Number": "phone", "Mobile Phone Number": "phone", "Job Title": "title", "Company Name": "company",
    "Associated Company": "company", "Associated Company (Primary)": "company", "Number of Employees": "employees",
    "Country/Region": "country", "State/Region": "state", "Postal Code": "postal_code", "Website URL": "website",
    "Preferred Language": "language", "Work Email": "email",
    # Salesforce: reports on leads, and on contacts with their accounts; the API's names, as Data Loader writes them.
    "Company / Account": "company", "Account Name": "company", "Business Phone": "phone", "Mobile": "phone",
    "Mobile Phone": "phone", "Zip/Postal Code": "postal_code", "State/Province": "state",
    "State/Province (text only)": "state", "State Code": "state", "State/Province Code": "state",
    "Country (text only)": "country", "Country Code": "country", "No. of Employees": "employees",
    "Mailing Country": "country", "Mailing Country (text only)": "country", "Mailing State/Province": "state",
    "Mailing State/Province (text only)": "state", "Mailing Zip/Postal Code": "postal_code", "Mailing City": "city",
    # Marketo: "Export" of a list of people.
    "Email Address": "email", "Num Employees": "employees",
}  # fmt: skip
"""Labels of vendors' exports, those that are a word of ours left out. Of two that mean the same the first counts."""
_NOT_LETTERS: Final = re.compile(r"[\W_]+")


class WrongFile(Exception):
    """Why a file can't be imported, or not beyond a line."""


def planned(header: Sequence[str], names: Mapping[str, str]) -> Mapping[str, str]:
    """What each column is in our words, `names` (`{theirs: ours}`) first: '' is left out, `CUSTOM` is kept as it is.

    Raises:
        WrongFile: two columns are one field.
    """
    plan = {theirs: names.get(theirs, known(theirs)) for theirs in header}
    plan |= dict.fromkeys({"", LINE, WHY} & plan.keys(), "")
    if "kind" not in plan.values():
        plan |= {theirs: CUSTOM for theirs, ours in plan.items() if ours in _OF_ACTIVITIES_ONLY}
    free = [theirs for theirs in header if theirs not in names and plan[theirs] not in OURS]
    plan |= dict(_labelled(free, taken=set(plan.values())))
    if {"first_name", "last_name"} & set(plan.values()):  # a whole name tells nothing beside its parts
        plan |= {theirs: CUSTOM for theirs, ours in plan.items() if ours == "name" and theirs not in names}
    refuse_two_for_one(plan)
    return plan


def known(theirs: str) -> str:
    """`First Name` is `first_name`; what isn't ours keeps its own name."""
    ours = "_".join(theirs.lower().split())
    return ours if ours in OURS else theirs


def destination(theirs: str, ours: str) -> str:
    """Where a column goes, as a playbook names it; '' where it is left out."""
    if ours == CUSTOM:
        return f"custom.{theirs}"
    if ours == "activity":
        return "activity.kind"
    if ours[:4].lower() == "utm_":
        return f"utm.{ours[4:].lower()}"
    return ours if not ours or ours.partition(".")[0] in OURS else f"custom.{ours}"


def refuse_two_for_one(plan: Mapping[str, str]) -> None:
    """Raises WrongFile: which of two columns would count is for people to say."""
    holders: dict[str, str] = {}
    for theirs, ours in plan.items():
        if not (goes_to := destination(theirs, ours)):
            continue
        if (first := holders.setdefault(goes_to, theirs)) != theirs:
            out = "" if goes_to.startswith("custom.") else "custom"
            raise WrongFile(f"two columns are {goes_to}: {first} and {theirs}; --map '{theirs}={out}' keeps one out")


def _labelled(columns: Sequence[str], *, taken: set[str]) -> Iterator[tuple[str, str]]:
    """Those that have a label of an export, or of a form, for a field that no other column is."""
    by_label: dict[str, str] = {}
    for theirs in columns:
        by_label.setdefault(_letters(theirs), theirs)
    for label, ours in (*_EXPORTED.items(), *labels.OURS.items()):
        if ours not in taken and (column := by_label.get(_letters(label))) is not None:
            taken.add(ours)
            yield column, ours


def _letters(label: str) -> str:
    return _NOT_LETTERS.sub("", label).casefold()
