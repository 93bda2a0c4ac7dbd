"""The open parts of a lead: `custom`, `utm` and `consent`. Bounded in number, depth and size; no value is ever cut."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from baton.leads.normalising.text import Unusable, named_kind, read_text, storable, trimmed

MOST_CUSTOM = 100
MOST_UTM = 20
LONGEST_KEY = 100
LARGEST = 32 * 1024
"""Characters of all custom fields of a lead together."""

_DEEPEST = 8
_YES = frozenset({"true", "yes", "y", "1", "on", "granted", "opted_in", "opt-in"})
_NO = frozenset({"false", "no", "n", "0", "off", "denied", "opted_out", "opt-out"})


@dataclass(slots=True)
class Kept:
    """What of an open part was kept, whose values had to change for it, and what was left out: (key, value, why).

    A key "" stands for all that came after the last that there was room for.
    """

    values: dict[str, object] = field(default_factory=dict)
    changed: list[tuple[str, object]] = field(default_factory=list)
    left_out: list[tuple[str, object, str]] = field(default_factory=list)
    size: int = 0


def read_custom(entries: Iterable[tuple[object, object]]) -> Kept:
    """Custom fields in their order: the first of a key counts, values stay as sent as far as they can be stored."""
    kept = Kept()
    for key, value in entries:
        if len(kept.values) >= MOST_CUSTOM:
            kept.left_out.append(("", None, f"a lead has at most {MOST_CUSTOM} custom fields"))
            break
        _keep_custom(kept, key, value)
    return kept


def _keep_custom(kept: Kept, key: object, value: object) -> None:
    name = trimmed(storable(str(key)[: LONGEST_KEY + 1]))
    if not name or len(name) > LONGEST_KEY or name in kept.values:
        why = "there already" if name in kept.values else f"a name has 1 to {LONGEST_KEY} characters"
        kept.left_out.append((name, value, why))
        return
    try:
        cleaned, size = storable_json(value, room=LARGEST - kept.size - len(name))
    except Unusable as error:
        kept.left_out.append((name, value, error.why))
    else:
        kept.values[name] = cleaned
        kept.size += size + len(name)
        if cleaned != value:
            kept.changed.append((name, value))


def read_utm(entries: Iterable[tuple[object, object]]) -> Kept:
    """Campaign parameters by their bare names: `utm_source`, `UTM_Source` and `source` are one."""
    kept = Kept()
    for key, value in entries:
        if len(kept.values) >= MOST_UTM:
            kept.left_out.append(("", None, f"a lead has at most {MOST_UTM} campaign parameters"))
            break
        _keep_utm(kept, key, value)
    return kept


def _keep_utm(kept: Kept, key: object, value: object) -> None:
    name = utm_name(str(key))
    if not name or value is None or name in kept.values:
        return
    try:
        text = read_text(value, limit=500)
    except Unusable as error:
        kept.left_out.append((name, value, error.why))
    else:
        if text is not None:
            kept.values[name] = text


def utm_name(key: str) -> str:
    """`source` of `UTM_Source`."""
    name = trimmed(storable(key[:LONGEST_KEY])).lower()
    while name.startswith("utm_"):
        name = trimmed(name.removeprefix("utm_"))
    return name


def read_consent(value: object) -> dict[str, object] | bool | None:
    """What the person agreed to: yes, no, or the sender's record of it; a sentence is kept as `{text: …}`."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        cleaned, _ = storable_json(dict(value), room=LARGEST)
        return cleaned if isinstance(cleaned, dict) else None
    text = read_text(value, limit=4000)
    if text is None:
        return None
    word = text.casefold()
    return word in _YES if word in _YES | _NO else {"text": text}


def storable_json(value: object, *, room: int) -> tuple[object, int]:
    """A JSON value without what can't be stored, and its size in characters.

    Raises:
        Unusable: it needs more than `room`, is nested deeper than 8, or has a number that JSON or 64 bits can't hold.
    """
    budget = _Budget(room)
    return _storable(value, budget, depth=0), room - budget.left


@dataclass(slots=True)
class _Budget:
    left: int

    def spend(self, amount: int) -> None:
        self.left -= amount
        if self.left < 0:
            raise Unusable(f"custom fields hold {LARGEST:,} characters together")


def _storable(value: object, budget: _Budget, *, depth: int) -> object:
    if depth > _DEEPEST:
        raise Unusable(f"nested deeper than {_DEEPEST}")
    if isinstance(value, str):
        budget.spend(len(value) + 2)
        return storable(value)
    budget.spend(8)
    if isinstance(value, Mapping):
        return {_key(key, budget): _storable(item, budget, depth=depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item, budget, depth=depth + 1) for item in value]
    return _scalar(value)


def _key(key: object, budget: _Budget) -> str:
    text = str(key)
    budget.spend(len(text) + 2)
    return storable(text)


def _scalar(value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if -(2**63) <= value < 2**64:
            return value
        raise Unusable("a number of more than 64 bits")
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise Unusable("not a finite number")
    raise Unusable(f"{named_kind(value)} is not JSON")
