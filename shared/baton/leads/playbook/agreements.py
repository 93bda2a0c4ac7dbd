"""What else a playbook says at its top: definitions, matching, commitments and the routing switches."""

import re
from collections.abc import Mapping
from typing import Literal

from baton.kernel.suggestions import did_you_mean
from baton.leads.conditions.fields import LEAD_FIELDS
from baton.leads.playbook.model import Matching
from baton.leads.playbook.reader import Reader

_TOGETHER: tuple[Literal["company", "person", "no"], ...] = ("company", "person", "no")
_REROUTE: tuple[Literal["tier", "segment"], ...] = ("tier", "segment")
_ABSENCE: tuple[Literal["keep", "reassign"], ...] = ("keep", "reassign")
_BULK_RATE = 200
_COMMITMENTS = ("mql_per_month", "mql_to_sql", "complete")
_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]+)?%")


def read_definitions(section: Reader | None) -> Mapping[str, str]:
    """Terms and what they mean."""
    entries = section.entries() if section else ()
    return {term: text for term, entry in entries if (text := entry.text()) is not None}


def read_matching(section: Reader | None) -> Matching:
    """The order in which ties between accounts are broken."""
    standard = Matching()
    if section is None or not section.keys(("tie_break",)):
        return standard
    order = section.get("tie_break")
    found = [each.one_of(standard.tie_break, "tie-break") for each in (order.items() if order else ())]
    return Matching(tuple(dict.fromkeys(each for each in found if each))) if order else standard


def read_keep_together(written: Reader | None) -> Literal["company", "person", "no"]:
    return (written.one_of(_TOGETHER, "keep_together") if written else None) or "company"


def read_on_absence(written: Reader | None) -> Literal["keep", "reassign"]:
    return (written.one_of(_ABSENCE, "on_absence") if written else None) or "keep"


def read_reroute_on(written: Reader | None) -> tuple[Literal["tier", "segment"], ...]:
    found = [each.one_of(_REROUTE, "reroute_on") for each in (written.items() if written else ())]
    return tuple(each for each in found if each is not None)


def read_bulk_rate(written: Reader | None) -> int:
    return (written.whole(least=1) if written else None) or _BULK_RATE


def read_commitments(section: Reader | None) -> Mapping[str, object]:
    """What marketing and sales promised each other, as written."""
    if section is None or not section.keys(_COMMITMENTS):
        return {}
    volume, ratio, complete = (section.get(key) for key in _COMMITMENTS)
    if volume:
        volume.whole(least=0)
    if ratio and not _PERCENT.fullmatch(ratio.text() or "0%"):
        ratio.error("not a percentage", "write 50%", stands=True)
    for entry in complete.items("a list of fields") if complete else ():
        name = entry.text()
        if name is not None and name not in {*LEAD_FIELDS, "name"} and not name.startswith(("custom.", "utm.")):
            entry.error(f'unknown field "{name}"', did_you_mean(name, {*LEAD_FIELDS, "name"}), stands=True)
    return {key: entry.plain() for key, entry in section.entries()}
