"""`teams.reps`: the people, from YAML or from `reps.csv` alike."""

from collections.abc import Mapping

from baton.kernel.calendar_parsing import is_time_zone, time_zones
from baton.leads.conditions.folding import fold
from baton.leads.playbook.model import Caps, Rep
from baton.leads.playbook.reader import Reader, nearest
from baton.leads.playbook.tables import REQUIRED
from baton.leads.playbook.targets import is_path
from baton.leads.playbook.urls import read_url
from baton.leads.playbook.yaml_nodes import Scalar

_IDS = ("phone", "slack", "teams", "hubspot_id", "salesforce_id", "marketo_id")
_ATTRIBUTES = ("languages", "skills")
_KEYS = (
    *("id", "name", "email", "role", "time_zone", "calendar", "manager", "booking_link"),
    *(*_IDS, *_ATTRIBUTES, "active", "caps"),
)
COLUMNS = tuple(key for key in _KEYS if key != "caps")
"""What `reps.csv` may hold; caps have several numbers, and are written in YAML."""
_CAPS = ("per_hour", "per_day", "per_week", "per_month", "open")


def rep_ids(people: Reader | None) -> frozenset[str] | None:
    """Every id that is written, before anything is checked; None if nobody can say."""
    if people is None:
        return None
    found = [entry.get("id") for entry in people.items("a list of reps")]
    return frozenset(each.node.text.strip() for each in found if each and isinstance(each.node, Scalar))


def read_reps(
    people: Reader | None, *, known: frozenset[str] | None, calendars: Mapping[str, object]
) -> dict[str, Rep]:
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


def _rep(entry: Reader, *, known: frozenset[str] | None, calendars: Mapping[str, object]) -> Rep | None:
    if not entry.keys(_KEYS, required=REQUIRED):
        return None
    texts = {key: _text(entry, key) or "" for key in ("id", "name", "role", "email")}
    calendar, manager = entry.get("calendar"), entry.get("manager")
    active, link = entry.get("active"), entry.get("booking_link")
    rep = Rep(
        id=texts["id"],
        name=texts["name"],
        email=texts["email"],
        role=fold(texts["role"]) or None,
        time_zone=_time_zone(entry.get("time_zone")),
        calendar=calendar.known(calendars, "calendar") if calendar else None,
        manager=manager.known(known, "rep") if manager else None,
        booking_link=read_url(link) if link else None,
        active=active.flag() is not False if active else True,
        caps=read_caps(entry.get("caps")),
        attributes={key: tuple(map(fold, each.words())) for key in _ATTRIBUTES if (each := entry.get(key))},
        ids={key: text for key in _IDS if (text := _text(entry, key)) is not None},
    )
    if rep.id == "catch_all" or is_path(rep.id):
        entry.at(("id",)).error(f'"{rep.id}" means somebody else in a rule', "choose another id", stands=True)
    _check_email(entry, rep.email)
    return rep if rep.id else None


def _text(entry: Reader, key: str) -> str | None:
    written = entry.get(key)
    return written.text() if written else None


def _check_email(entry: Reader, text: str) -> None:
    name, at, domain = text.partition("@")
    if text and (not (name and at and "." in domain) or " " in text):
        entry.at(("email",)).error(f'"{text}" is no email address', stands=True)


def _time_zone(written: Reader | None) -> str | None:
    name = written.text("a time zone") if written else None
    if written and name and not is_time_zone(name):
        near = nearest(name, time_zones())
        written.error(f'unknown time zone "{name}"', near or "write it like America/New_York")
    return name
