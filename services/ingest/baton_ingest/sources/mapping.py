"""From a sender's names to ours, as the playbook's `fields` says: `{theirs: ours}`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

_PARTS: Final = ("custom", "utm", "consent")
"""Parts of a lead that hold fields of their own: `custom.budget`."""
_ABOUT: Final = {"id": "id", "at": "at", "activity": "kind", "activity.kind": "kind", "activity.id": "activity_id",
                 "activity.at": "at"}  # fmt: skip
"""What the playbook maps to these tells of the capture, not of the person."""


@dataclass(slots=True)
class Mapped:
    """What was sent, in our words. `about`: `id`, `at`, `kind` and `activity_id`, where the playbook maps to them."""

    fields: dict[str, object] = field(default_factory=dict)
    data: dict[str, object] = field(default_factory=dict)
    about: dict[str, object] = field(default_factory=dict)


def mapped(
    values: Iterable[tuple[str, object]], names: Mapping[str, str], known: Mapping[str, str] | None = None
) -> Mapped:
    """Rename fields. The playbook's names win over the `known` ones; what neither names keeps its own.

    Of two that mean the same the first with a value counts.
    """
    result = Mapped()
    for theirs, value in values:
        mapped_to = names.get(theirs)
        if mapped_to is None:
            _keep(result.fields, (known or {}).get(theirs, theirs), value)
        else:
            _put(result, mapped_to, value)
    _split_name(result.fields)
    return result


def _put(result: Mapped, ours: str, value: object) -> None:
    group, _, name = ours.partition(".")
    if ours in _ABOUT:
        _keep(result.about, _ABOUT[ours], value)
    elif group == "data" and name:
        _keep(result.data, name, value)
    elif group == "activity" and name:
        _keep(result.data, name.removeprefix("data."), value)
    elif group in _PARTS and name:
        if result.fields.get(group) is None:  # absent, or `null`
            result.fields[group] = {}
        part = result.fields[group]
        if isinstance(part, dict):
            _keep(part, name, value)
    else:
        _keep(result.fields, ours, value)


def _keep(into: dict[str, object], name: str, value: object) -> None:
    if into.get(name) is None:
        into[name] = value
    elif isinstance(value, dict) and isinstance(into[name], dict):  # `custom` as sent, beside what is mapped into it
        into[name] = {**value, **_as_dict(into[name])}


def _as_dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _split_name(fields: dict[str, object]) -> None:
    """A name in one piece: the first word is the first name, the rest is the last."""
    name = fields.get("name")
    if not isinstance(name, str) or fields.get("first_name") or fields.get("last_name"):
        return
    del fields["name"]
    first, _, last = name.strip().partition(" ")
    fields.update({"first_name": first, "last_name": last.strip()} if last else {"first_name": first})
