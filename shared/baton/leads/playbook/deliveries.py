"""`deliver`: whom to tell. A destination is kept as written once its parts are in order.

Its addresses may hold a secret, so no mistake quotes them.
"""

from collections.abc import Mapping

from baton.leads.events import BY_TYPE
from baton.leads.playbook.reader import Reader
from baton.leads.playbook.urls import is_reference, is_url, read_secret

_DESTINATIONS = ("to", "webhook", "crm")
_KEYS = (*_DESTINATIONS, "via", "secret", "events", "token", "base_url", "fields", "name")


def read_deliver(section: Reader | None) -> tuple[Mapping[str, object], ...]:
    """Destinations in the order written."""
    return tuple(_destination(entry) for entry in (section.items("a list of destinations") if section else ()))


def _destination(entry: Reader) -> Mapping[str, object]:
    if not entry.keys(_KEYS):
        return {}
    given = [key for key in _DESTINATIONS if entry.get(key)]
    if len(given) != 1:
        entry.error("a destination is exactly one thing", f"one of {', '.join(_DESTINATIONS)}", stands=True)
    if given == ["to"]:
        _check_via(entry)
    _check_parts(entry)
    return {key: value.plain() for key, value in entry.entries()}


def _check_via(entry: Reader) -> None:
    via = entry.get("via")
    if via is None:
        entry.error('"via" is missing: there is no way to reach them', "write via: env:CHAT_URL", stands=True)
        return
    text = via.text("env:NAME or file:PATH")
    if text is not None and not is_reference(text) and not is_url(text, schemes=None):
        via.error('"via" is no way to reach anybody', "write env:NAME, where the address is found", stands=True)


def _check_parts(entry: Reader) -> None:
    for key in ("webhook", "base_url"):
        address = entry.get(key)
        text = address.text("a URL") if address else None
        if address and text and not is_reference(text) and not is_url(text):
            hint = "write it whole, like https://example.com/hook, or env:NAME"
            address.error(f'"{key}" is no URL', hint, stands=True)
    for key in ("secret", "token"):
        read_secret(entry.get(key))
    events = entry.get("events")
    for event in events.items() if events else ():
        event.one_of(tuple(BY_TYPE), "event")
