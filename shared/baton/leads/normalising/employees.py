"""Head counts: a number, or a range whose ends are known. Whatever else is said about a size is not guessed at.

| sent | read as |
|---|---|
| `1200`, `1200.0`, `"1,200"`, `"1.200"`, `"1 200"`, `"1'200"` | 1200: separators between groups of three digits |
| `"1.2k"`, `"1K-5K"` | 1200, `1000-5000`: k is a thousand, with at most two decimals |
| `"200-500"`, `"200 - 500 employees"`, `"200 to 500"` | `200-500`, both ends included |
| `"1000+"`, `">= 1000"`, `"> 999"` | `1000+` |
| `"< 50"`, `"<= 49"` | `0-49` |
| `"about 150"`, `"~150"`, `"ca. 150"`, `"150?"`, `"Nov-50"`, `"12.5"`, `-3`, `true` | nothing: not a number |
"""

import re
import unicodedata
from dataclasses import dataclass

from baton.leads.normalising.text import Unusable, plain_text, read_text

MOST = 10_000_000
"""More people than the largest employer has, by a factor of three: above it is a typing mistake or a revenue."""

_HINT = "send a number (150) or a range (200-500, 1000+)"
_NUMBER = r"\d+|\d{1,3}(?:,\d{3})+|\d{1,3}(?:\.\d{3})+|\d{1,3}(?:'\d{3})+|\d{1,3}(?: \d{3})+|\d+(?:\.\d{1,2})?k"
_SHAPE = re.compile(
    rf"(?P<bound>[<>]=?)? ?(?P<low>{_NUMBER})(?:(?P<open> ?\+)| ?(?:-|to) ?(?P<high>{_NUMBER}))?"
    r"(?: (?:employees|people|staff|fte|mitarbeiter|mitarbeitende|employés|salariés|empleados|dipendenti))?"
)
_SAME = str.maketrans({"–": "-", "—": "-", "‒": "-", "−": "-", "’": "'", "≥": ">=", "≤": "<="})  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class EmployeeRange:
    """A head count between `low` and `high`, both included; `high` None: or more. A plain number has both the same."""

    low: int
    high: int | None

    @property
    def value(self) -> int | str:
        """As the lead carries it: `150`, `"200-500"`, `"1000+"`."""
        if self.high is None:
            return f"{self.low}+"
        return self.low if self.low == self.high else f"{self.low}-{self.high}"


def parse_employees(value: object) -> EmployeeRange | None:
    """The head count that was sent; None if blank.

    Raises:
        Unusable: not a number or a range by the table above, or out of bounds.
    """
    if type(value) is int and 0 <= value <= MOST:  # as most senders say it; not `True`, which is one too
        return EmployeeRange(value, value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= MOST:
        value = int(value)
    text = read_text(_countable(value), limit=64)
    if text is None:
        return None
    match = _SHAPE.fullmatch(_plain(text))
    if match is None:
        raise Unusable("not a number of people", hint=_HINT)
    return _bounded(_range(match))


def _countable(value: object) -> str:
    try:
        return plain_text(value)
    except Unusable as error:
        raise Unusable("not a number of people", hint=_HINT) from error


def _plain(text: str) -> str:
    digits = "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)
    return " ".join(digits.translate(_SAME).casefold().split())


def _range(match: re.Match[str]) -> EmployeeRange:
    low = _count(match["low"])
    match match["bound"], match["open"], match["high"]:
        case None, None, None:
            return EmployeeRange(low, low)
        case None, None, str() as high:
            return EmployeeRange(low, _count(high))
        case (None, _, None) | (">=", None, None):
            return EmployeeRange(low, None)
        case ">", None, None:
            return EmployeeRange(low + 1, None)
        case "<=", None, None:
            return EmployeeRange(0, low)
        case "<", None, None if low > 0:
            return EmployeeRange(0, low - 1)
        case _:
            raise Unusable("not a number of people", hint=_HINT)


def _count(text: str) -> int:
    if text.endswith("k"):
        whole, _, decimals = text[:-1].partition(".")
        return int(whole) * 1000 + int(decimals.ljust(3, "0"))
    return int(re.sub(r"[,.' ]", "", text))


def _bounded(size: EmployeeRange) -> EmployeeRange:
    if max(size.low, size.high or 0) > MOST:
        raise Unusable(f"more than {MOST:,} people", hint=_HINT)
    if size.high is not None and size.high < size.low:
        raise Unusable("the range ends below its start", hint=_HINT)
    return size
