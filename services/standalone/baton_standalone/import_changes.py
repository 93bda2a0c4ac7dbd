"""What became of the values in a file, counted: a million rows take no more memory than a few hundred."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_MOST_KINDS: Final = 100
"""Fields and reasons that are told apart; changes beyond them are only counted."""
_MOST_EXAMPLES: Final = 3
_LONGEST: Final = 40
"""Characters of a value in an example."""


@dataclass(slots=True)
class _Kind:
    rows: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ChangesSeen:
    """Changes by field and reason, each with its first rows; what was left out apart from what was only changed."""

    _kinds: dict[tuple[bool, str, str], _Kind] = field(default_factory=dict)
    _others: int = 0

    def add(self, line: int, changes: Iterable[Mapping[str, Any]]) -> None:
        """Those of one row, as ingest tells them."""
        for change in changes:
            before, after = change["before"], change["after"]
            if after is not None and str(before) == str(after):  # a number that came as text
                continue
            name = (after is not None, str(change["field"]), str(change["why"]))
            if name not in self._kinds and len(self._kinds) >= _MOST_KINDS:
                self._others += 1
                continue
            kind = self._kinds.setdefault(name, _Kind())
            kind.rows += 1
            if len(kind.examples) < _MOST_EXAMPLES:
                became = "" if after is None else f" -> {_short(after)}"
                kind.examples.append(f"line {line}: {_short(before)}{became}" if before is not None else f"line {line}")

    def told(self) -> Iterator[str]:
        """A line for each field and reason: first what was left out, then by how many rows. As sent: it may steer."""
        for (is_kept, name, why), kind in sorted(self._kinds.items(), key=lambda each: (each[0][0], -each[1].rows)):
            what = "changed" if is_kept else "left out"
            rows = "1 row" if kind.rows == 1 else f"{kind.rows:,} rows"
            yield f"{name} {what} in {rows}: {why} ({', '.join(kind.examples)}{', …' * (kind.rows > _MOST_EXAMPLES)})"
        if self._others:
            yield f"and {self._others:,} further changes of other fields, or for other reasons"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
