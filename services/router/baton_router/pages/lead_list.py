"""The list of leads as its page shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from baton.flow.database import Connection
from baton.kernel.instants import format_instant, parse_instant
from baton_router import repository, timeline_repository, views
from baton_router.pages.clocks import ShownClock, pressing, shown_clock
from baton_router.pages.wording import Names
from baton_router.views import LeadFilter

PAGE: Final = 50
_OPEN: Final = frozenset({"assigned", "accepted", "working", "held", "captured"})


@dataclass(frozen=True, slots=True)
class Row:
    """One lead in the list."""

    lead_id: str
    name: str
    about: str
    """Title, company, country: what there is of them."""
    state: str
    paused: bool
    rep: str | None
    why: str
    score: float | None
    tier: str
    changed_at: datetime
    clock: ShownClock | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of the list. `following` is where the next begins: instant and lead."""

    rows: list[Row]
    following: tuple[str, str] | None


async def listed(
    connection: Connection, wanted: LeadFilter, *, before: tuple[datetime, str] | None, now: datetime, names: Names
) -> Listed:
    """The leads that match, those that changed last first."""
    found = await views.list_leads(connection, wanted, before=before, limit=PAGE + 1)
    rows = [_row(item, names) for _, item in found[:PAGE]]
    clocks = await _clocks(connection, [row.lead_id for row in rows if row.state in _OPEN], now=now)
    last = found[PAGE - 1] if len(found) > PAGE else None
    following = None if last is None else (format_instant(last[0]), str(last[1]["lead_id"]))
    return Listed([replace(row, clock=clocks.get(row.lead_id)) for row in rows], following)


async def _clocks(connection: Connection, lead_ids: list[str], *, now: datetime) -> dict[str, ShownClock]:
    """The clock to look at of each of these leads."""
    families = await repository.family(connection, lead_ids)
    roots = {member: lead_id for lead_id, members in families.items() for member in members}
    found: dict[str, list[ShownClock]] = {}
    for lead_id, clock in await timeline_repository.clocks_of_many(connection, list(roots), now=now):
        found.setdefault(roots[lead_id], []).append(shown_clock(clock, now=now))
    pressed = {lead_id: pressing(clocks) for lead_id, clocks in found.items()}
    return {lead_id: clock for lead_id, clock in pressed.items() if clock is not None}


def _row(item: Mapping[str, Any], names: Names) -> Row:
    lead, score = item["lead"] or {}, item["score"]
    return Row(
        lead_id=item["lead_id"],
        name=person_name(lead) or item["lead_id"],
        about=", ".join(str(lead[each]) for each in ("title", "company", "country") if lead.get(each)),
        state=item["state"],
        paused=item["paused"],
        rep=names(item["rep"]) if item["rep"] else None,
        why=_why(item),
        score=None if score is None else float(score["total"]),
        tier="" if score is None else str(score["tier"]),
        changed_at=parse_instant(item["changed_at"]),
    )


def _why(item: Mapping[str, Any]) -> str:
    """By which rule somebody has the lead; who has one that is held, is to have it no longer."""
    if item["assignment"] is None:
        return ""
    return "until somebody else can" if item["state"] == "held" else str(item["assignment"]["rule"])


def person_name(lead: Mapping[str, Any]) -> str:
    """How people call a lead: by name, else by address, else by number."""
    name = " ".join(str(lead[each]) for each in ("first_name", "last_name") if lead.get(each))
    return name or str(lead.get("email") or lead.get("phone") or "")
