"""`teams.reps`: the people, from YAML or from `reps.csv` alike."""

from collections.abc import Mapping

from baton.kernel.calendar_parsing import is_time_zone, time_zones
from baton.kernel.suggestions import did_you_mean
from baton.leads.conditions.folding import fold
from baton.leads.playbook.model import Caps, Rep
from baton.leads.playbook.reader import Reader
from baton.leads.playbook.urls import read_url

_IDS = ("phone", "slack", "teams", "hubspot_id", "salesforce_id", "marketo_id")
_ATTRIBUTES = ("languages", "skills")
_KEYS = (
    *("id", "name", "email", "role", "time_zone", "calendar", "manager", "booking_link"),
    *(*_IDS, *_ATTRIBUTES, "active", "caps"),
)
_CAPS = ("per_hour", "per_day", "per_week", "per_month", "open")


def rep_ids(people: Reader | None) -> frozenset[str]:
    """Every id that is written, before anything is checked."""
    found = [entry.get("id") for entry in (people.items("a list of reps") if people else ())]
    return frozenset(str(each.plain()).strip() for each in found if each)


def read_reps(people: Reader | None, *, known: frozenset[str], calendars: Mapping[str, object]) -> dict[str, Rep]:
    """Reps by id."""
    found: dict[str, Rep] = {}
    for entry in people.items("a list of reps") if people else ():
        rep = _rep(entry, known=known, calendars=calendars)
        if rep is None:
            continue
        if rep.id in found:
            entry.error(f'two reps have the id "{rep.id}"', "an id belongs to one person")
        found[rep.id] = rep
    return found


def read_caps(written: Reader | None) -> Caps:
    """Limits; an absent one is none."""
    if written is None or not written.keys(_CAPS):
        return Caps()
    limits = {name: entry.whole() for name in _CAPS if (entry := written.get(name))}
    return Caps(**limits)


def _rep(entry: Reader, *, known: frozenset[str], calendars: Mapping[str, object]) -> Rep | None:
    if not entry.keys(_KEYS, required=("id", "name", "email")):
        return None
    texts = {key: _text(entry, key) for key in ("id", "name", "role", "email")}
    if not (texts["id"] and texts["name"] and texts["email"]):
        return None
    calendar, manager = entry.get("calendar"), entry.get("manager")
    active, link = entry.get("active"), entry.get("booking_link")
    return Rep(
        id=texts["id"],
        name=texts["name"],
        email=_email(entry, texts["email"]),
        role=None if texts["role"] is None else fold(texts["role"]),
        time_zone=_time_zone(entry.get("time_zone")),
        calendar=calendar.known(calendars, "calendar") if calendar else None,
        manager=manager.known(known, "rep") if manager else None,
        booking_link=read_url(link) if link else None,
        active=active.flag() is not False if active else True,
        caps=read_caps(entry.get("caps")),
        attributes={key: tuple(map(fold, each.words())) for key in _ATTRIBUTES if (each := entry.get(key))},
        ids={key: text for key in _IDS if (text := _text(entry, key)) is not None},
    )


def _text(entry: Reader, key: str) -> str | None:
    written = entry.get(key)
    return written.text() if written else None


def _email(entry: Reader, text: str) -> str:
    name, at, domain = text.partition("@")
    if not (name and at and "." in domain) or " " in text:
        entry.at(("email",)).error(f'"{text}" is no email address')
    return text


def _time_zone(written: Reader | None) -> str | None:
    name = written.text("a time zone") if written else None
    if written and name and not is_time_zone(name):
        near = did_you_mean(name, time_zones())
        written.error(f'unknown time zone "{name}"', near or "write it like America/New_York")
    return name
