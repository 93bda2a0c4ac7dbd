"""What a comparison may expect of a field: the types, and the closed sets behind them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import pycountry

from baton.kernel.suggestions import did_you_mean
from baton.leads.conditions.fields import Field, Kind
from baton.leads.conditions.intervals import interval
from baton.leads.conditions.operators import moment
from baton.leads.conditions.patterns import PatternError, compile_pattern
from baton.leads.conditions.problems import Path, Problems
from baton.leads.conditions.tree import Compare, Operator, Plain
from baton.leads.conditions.vocabulary import Vocabulary
from baton.leads.conditions.words import wrong_word

_EQUALITY = frozenset({Operator.EQ, Operator.NE, Operator.IN, Operator.NOT_IN, Operator.EXISTS})
_ORDER = frozenset({Operator.GT, Operator.GTE, Operator.LT, Operator.LTE, Operator.BETWEEN})
_SHAPE = frozenset({Operator.MATCHES, Operator.STARTS_WITH, Operator.ENDS_WITH})
_TABLE = frozenset({Operator.IN_TABLE})
_ALLOWED: Mapping[Kind, frozenset[Operator]] = {
    Kind.TEXT: _EQUALITY | _SHAPE | _TABLE,
    Kind.NUMBER: _EQUALITY | _ORDER,
    Kind.BOOLEAN: _EQUALITY,
    Kind.COUNTRY: _EQUALITY | _TABLE,
    Kind.POSTAL: _EQUALITY | _ORDER | _SHAPE | _TABLE,
    Kind.EMPLOYEES: _EQUALITY | _ORDER,
    Kind.TIER: _EQUALITY,
    Kind.INSTANT: _EQUALITY | _ORDER,
    Kind.OPEN: frozenset(Operator),
}
_LISTS = frozenset({Operator.IN, Operator.NOT_IN})
_WORDS = _LISTS | {Operator.EQ, Operator.NE}
"""What compares with whole values, and so with the words of a closed set."""
_LISTS_OR_ONE = frozenset({Operator.STARTS_WITH, Operator.ENDS_WITH})
# What people write for these; ISO 3166-1 knows them by other letters.
_COUNTRY_ALIASES = {"uk": "GB", "el": "GR", "usa": "US", "england": "GB", "korea": "KR", "russia": "RU"}
_HINTS: Mapping[Kind, str] = {
    Kind.NUMBER: "write a number",
    Kind.BOOLEAN: "write true or false",
    Kind.EMPLOYEES: "write a number, or a range like 200-500 or 1000+",
    Kind.INSTANT: "write a date or an instant, like 2026-03-27",
}


@dataclass(frozen=True, slots=True)
class Expectations:
    """Checks what is written beside one field."""

    field: Field
    vocabulary: Vocabulary
    problems: Problems

    def compare(self, operator: Operator, value: object, path: Path) -> Compare | None:
        """The comparison, or None if it makes no sense; then the problems say why."""
        before = self.problems.broken
        if operator not in _ALLOWED[self.field.kind]:
            known = ", ".join(each for each in Operator if each in _ALLOWED[self.field.kind])
            message = f"{operator} doesn't compare {self.field.kind.value}: {self.field.path}"
            self.problems.add(path, message, f"for this field: {known}")
            return None
        expected = self._expected(operator, value, path)
        if self.problems.broken > before or expected is None:
            return None
        return Compare(self.field.path, operator, expected)

    def _expected(self, operator: Operator, value: object, path: Path) -> Plain | tuple[Plain, ...] | None:
        match operator:
            case Operator.EXISTS:
                return self._boolean(value, path)
            case Operator.IN_TABLE:
                return self._table(value, path)
            case Operator.MATCHES:
                return self._pattern(value, path)
            case Operator.BETWEEN:
                return self._between(value, path)
            case _:
                return self._list_or_one(operator, value, path)

    def _list_or_one(self, operator: Operator, value: object, path: Path) -> Plain | tuple[Plain, ...] | None:
        if operator in _LISTS or (operator in _LISTS_OR_ONE and isinstance(value, list | tuple)):
            return self._list(operator, value, path)
        return self._one(operator, value, path)

    def _boolean(self, value: object, path: Path) -> bool | None:
        if isinstance(value, bool):
            return value
        self.problems.add(path, f"exists is true or false, not {_shown(value)}", "write {exists: true}")
        return None

    def _table(self, value: object, path: Path) -> str | None:
        if isinstance(value, str) and value in self.vocabulary.tables:
            return value
        near = did_you_mean(str(value), self.vocabulary.tables)
        self.problems.add(path, f"unknown table {_shown(value)}", near or f"put {value}.csv beside playbook.yaml")
        return None

    def _pattern(self, value: object, path: Path) -> str | None:
        if not isinstance(value, str) or not value:
            self.problems.add(path, "matches holds a regular expression", "write it as text, in single quotes")
            return None
        try:
            compile_pattern(value)
        except PatternError as error:
            self.problems.add(path, str(error), "a list with in, starts_with or in_table says it as well")
        return value

    def _between(self, value: object, path: Path) -> tuple[Plain, ...] | None:
        if not isinstance(value, list | tuple) or len(value) != 2:
            self.problems.add(path, "between holds two ends", "write between: [50, 999]; both are included")
            return None
        ends = tuple(self._one(Operator.BETWEEN, each, (*path, at)) for at, each in enumerate(value))
        low, high = ends
        if low is None or high is None:
            return None
        if _above(low, high, self.field.kind):
            self.problems.add(path, f"between {low} and {high} lies nothing", f"write between: [{high}, {low}]")
        return (low, high)

    def _list(self, operator: Operator, value: object, path: Path) -> tuple[Plain, ...] | None:
        if not isinstance(value, list | tuple) or not value:
            self.problems.add(path, f"{operator} holds a list", f"write {self.field.path}: {{{operator}: [a, b]}}")
            return None
        found = [self._one(operator, each, (*path, at)) for at, each in enumerate(value)]
        return tuple(each for each in found if each is not None)

    def _one(self, operator: Operator, value: object, path: Path) -> Plain | None:
        if value is None:
            self.problems.add(path, "nothing can be compared with null", "write {exists: false} for a missing value")
            return None
        if not isinstance(value, str | int | float):
            self.problems.add(path, f"{operator} holds one value, not {_shown(value)}")
            return None
        if isinstance(value, str) and not value.strip():
            self.problems.add(path, "nothing can be compared with blank text", "write {exists: false}")
            return None
        found = self._typed(operator, value, path)
        if found is not None and operator in _WORDS:
            self._known(value.strip() if isinstance(value, str) else _shown(value), path)
        return found

    def _typed(self, operator: Operator, value: Plain, path: Path) -> Plain | None:
        match self.field.kind:
            case Kind.OPEN:
                return self._open(operator, value, path)
            case Kind.TEXT | Kind.POSTAL | Kind.COUNTRY | Kind.TIER:
                return self._text(value, path)
            case kind if not _fits(kind, operator, value):
                self.problems.add(path, f"{self.field.path} holds {kind.value}, not {_shown(value)}", _HINTS[kind])
                return None
            case _:
                return value

    def _open(self, operator: Operator, value: Plain, path: Path) -> Plain | None:
        if operator in _ORDER and (isinstance(value, str | bool)):
            self.problems.add(path, f"{operator} compares numbers, not {_shown(value)}", "write a number")
            return None
        return str(value) if operator in _LISTS_OR_ONE else value

    def _text(self, value: Plain, path: Path) -> str | None:
        if isinstance(value, bool | float):
            self.problems.add(path, f"{self.field.path} holds text, not {_shown(value)}", f'write "{value}" in quotes')
            return None
        return str(value)

    def _known(self, text: str, path: Path) -> None:
        """A whole value that must be one of a closed set."""
        if self.field.kind is Kind.COUNTRY and text.upper() not in countries():
            self.problems.add(path, f'"{text}" is no ISO 3166-1 country code', _country_hint(text), stands=True)
        elif (wrong := wrong_word(self.field.path, text, named=self._names())) is not None:
            self.problems.add(path, *wrong, stands=True)

    def _names(self) -> frozenset[str] | None:
        if self.field.path == "territory":
            return self.vocabulary.territories
        return self.vocabulary.segments if self.field.path in {"segment", "score.segment"} else None


def _fits(kind: Kind, operator: Operator, value: Plain) -> bool:
    if kind is Kind.BOOLEAN:
        return isinstance(value, bool)
    if kind is Kind.INSTANT:
        return moment(value) is not None
    if kind is Kind.EMPLOYEES and operator not in _ORDER:
        return interval(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _above(low: Plain, high: Plain, kind: Kind) -> bool:
    if kind is Kind.INSTANT:
        return (moment(low) or 0) > (moment(high) or 0)
    if isinstance(low, str) or isinstance(high, str):
        return str(low) > str(high)
    return low > high


@cache
def countries() -> frozenset[str]:
    """The ISO 3166-1 alpha-2 codes."""
    return frozenset(country.alpha_2 for country in pycountry.countries)


def _country_hint(text: str) -> str:
    found = pycountry.countries.get(alpha_3=text.upper()) or pycountry.countries.get(name=text)
    code = _COUNTRY_ALIASES.get(text.casefold()) or (found.alpha_2 if found else None)
    return f"write {code}" if code else "write two letters, like US, DE or GB"


def _shown(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case None:
            return "null"
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return str(value)
