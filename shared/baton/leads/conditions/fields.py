"""Which fields a condition may ask for, of which kind each is, and how its value is read from the facts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Protocol

from baton.kernel.suggestions import did_you_mean
from baton.leads.conditions.condition import Facts
from baton.leads.values import Lead

Getter = Callable[[Facts], object]


class Answer(Protocol):
    """A closure that only says whether the facts satisfy it."""

    def __call__(self, facts: Facts) -> bool: ...


class Scope(StrEnum):
    """Where a condition stands; what can be known there decides what it may ask for."""

    SCORING = "scoring"
    TERRITORY = "territories"
    ROUTING = "routing"
    SLA_ASSIGNED = "sla from assigned"
    SLA_CAPTURED = "sla from captured"


class Kind(StrEnum):
    """What a field holds, and so which comparisons make sense."""

    TEXT = "text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    COUNTRY = "a country"
    POSTAL = "a postal code"
    EMPLOYEES = "a head count"
    TIER = "a tier"
    INSTANT = "an instant"
    OPEN = "any value"


@dataclass(frozen=True, slots=True)
class Field:
    """A field by its path, `lead.country`."""

    path: str
    kind: Kind
    get: Getter


class UnknownFieldError(ValueError):
    """A path that names nothing, or nothing that can be known in this scope."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


_EVERYTHING = frozenset({"lead", "activity", "score", "account", "territory", "segment"})
ROOTS: Mapping[Scope, frozenset[str]] = {
    Scope.SCORING: frozenset({"lead", "activity"}),
    Scope.TERRITORY: frozenset({"lead", "account"}),
    Scope.ROUTING: _EVERYTHING,
    Scope.SLA_ASSIGNED: _EVERYTHING,
    Scope.SLA_CAPTURED: frozenset({"lead", "activity"}),
}
_LEAD_KINDS = {
    "country": Kind.COUNTRY,
    "postal_code": Kind.POSTAL,
    "employees": Kind.EMPLOYEES,
    "free_mail": Kind.BOOLEAN,
    "consent": Kind.OPEN,
}
_LEAD_MAPPINGS = ("custom", "utm", "consent")
LEAD_FIELDS: Mapping[str, Kind] = {
    name: _LEAD_KINDS.get(name, Kind.TEXT) for name in Lead.model_fields if name not in {"custom", "utm"}
}
SCORE_FIELDS: Mapping[str, Kind] = {
    **dict.fromkeys(("total", "fit", "engagement", "negative"), Kind.NUMBER),
    "tier": Kind.TIER,
    "segment": Kind.TEXT,
    "disqualified": Kind.BOOLEAN,
}
ACCOUNT_FIELDS: Mapping[str, Kind] = {
    **dict.fromkeys(("id", "name", "domains", "owner", "csm", "status", "parent", "open_opportunity"), Kind.OPEN),
    "country": Kind.COUNTRY,
    "last_activity": Kind.INSTANT,
}


def find_field(path: str, *, scope: Scope) -> Field:
    """The field of that path. Raises UnknownFieldError with a hint."""
    root, _, name = path.partition(".")
    if root not in ROOTS[scope]:
        raise _unknown_root(path, root, scope)
    if root in {"territory", "segment"}:
        if name:
            raise UnknownFieldError(f'"{path}" is unknown', hint=f"write {root}")
        return Field(path, Kind.TEXT, attrgetter(root))
    finders = {"lead": _lead_field, "score": _score_field, "account": _account_field}
    if root not in finders:
        raise UnknownFieldError(f'"{path}" is unknown', hint="write {activity: KIND}")
    return finders[root](path, name)


def _lead_field(path: str, name: str) -> Field:
    group, _, rest = name.partition(".")
    if group in _LEAD_MAPPINGS and rest:
        kind = Kind.TEXT if group == "utm" else Kind.OPEN
        return Field(path, kind, _inside(attrgetter(f"lead.{group}"), rest))
    if name not in LEAD_FIELDS:
        raise _unknown_name(path, "lead", [*LEAD_FIELDS, *(f"{each}.NAME" for each in _LEAD_MAPPINGS)])
    return Field(path, LEAD_FIELDS[name], attrgetter(path))


def _score_field(path: str, name: str) -> Field:
    if name not in SCORE_FIELDS:
        raise _unknown_name(path, "score", list(SCORE_FIELDS))
    read = attrgetter(name)
    return Field(path, SCORE_FIELDS[name], lambda facts: None if facts.score is None else read(facts.score))


def _account_field(path: str, name: str) -> Field:
    if name.startswith("custom.") and name != "custom.":
        return Field(path, Kind.OPEN, _inside(attrgetter("account"), name))
    if name not in ACCOUNT_FIELDS:
        raise _unknown_name(path, "account", [*ACCOUNT_FIELDS, "custom.NAME"])
    return Field(path, ACCOUNT_FIELDS[name], lambda facts: facts.account.get(name))


def _inside(outer: Getter, path: str) -> Getter:
    """Reads along the dots; a key that itself holds the dots is found first."""
    keys = path.split(".")

    def get(facts: Facts) -> object:
        value = outer(facts)
        if isinstance(value, Mapping) and path in value:
            return value[path]
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    return get


def _unknown_root(path: str, root: str, scope: Scope) -> UnknownFieldError:
    allowed = ", ".join(sorted(ROOTS[scope]))
    if root in _EVERYTHING:
        return UnknownFieldError(f'"{path}" can\'t be asked for in {scope}', hint=f"known here: {allowed}")
    near = _near_path(path, root, scope)
    return UnknownFieldError(f'"{path}" is unknown', hint=near or f"a field starts with one of {allowed}")


def _near_path(path: str, root: str, scope: Scope) -> str:
    if path in LEAD_FIELDS or path in {"custom", "utm"}:
        return f'did you mean "lead.{path}"?'
    return did_you_mean(root, ROOTS[scope])


def _unknown_name(path: str, root: str, names: list[str]) -> UnknownFieldError:
    near = did_you_mean(path, [f"{root}.{name}" for name in names])
    return UnknownFieldError(f'"{path}" is unknown', hint=near or f"known: {', '.join(names)}")
