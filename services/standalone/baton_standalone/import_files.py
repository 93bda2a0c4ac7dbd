"""Files of leads and activities: CSV with a header, or JSON lines; read row by row, however many there are."""

import codecs
import csv
import textwrap
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

import orjson

from baton_standalone.import_columns import CUSTOM, GROUPS, LINE, WHY, WrongFile, destination, known, planned

_OF_ACTIVITIES: Final = frozenset({"lead_id", "email", "phone", "country", "kind", "id", "at", "source", "by", "data"})
_WHO: Final = frozenset({"email", "phone", "lead_id"})
_MOST_NAMES: Final = 1000
"""Characters of columns' names in a message: the first row may be anything."""
_DELIMITERS: Final = ",;\t"
_Line = tuple[int, Sequence[str]]
_PIECE: Final = 1024 * 1024
_LONGEST_LINE: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: where it begins, what it says in our words, and as it stands there.

    `why`: it says nothing that could be sent.
    """

    line: int
    item: Mapping[str, Any]
    written: Mapping[str, Any]
    why: str | None = None


def check_encoding(path: Path) -> None:
    """Before anything is sent: a file is UTF-8, with or without a byte order mark. Raises WrongFile, OSError."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    with path.open("rb") as file:
        if (start := file.read(2)) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise WrongFile("it is UTF-16: save it as UTF-8 (in Excel: CSV UTF-8)")
        piece = start
        while piece:
            try:
                text = decoder.decode(piece)
            except UnicodeDecodeError as error:
                line += piece[: error.start].count(b"\n")
                raise WrongFile(f"line {line} is not UTF-8: save it as UTF-8 (in Excel: CSV UTF-8)") from None
            line += text.count("\n")
            piece = file.read(_PIECE)


def check_sheet(path: Path, *, names: Mapping[str, str]) -> Mapping[str, str]:
    """Before anything is sent: where each column of a sheet goes, '' if it is left out; of JSON lines nothing.

    All of it is read (a second for 250,000 rows): a quote that isn't closed shows where the file ends.

    Raises:
        WrongFile: as `read_rows`.
    """
    if is_json(path):
        return {}
    with _opened(path) as file:
        lines = _cells(file)
        _, plan = _planned(lines, names)
        deque(lines, maxlen=0)
    return {theirs: destination(theirs, ours) for theirs, ours in plan.items()}


def read_rows(path: Path, *, names: Mapping[str, str]) -> Iterator[Row]:
    """The rows of a file, its kind by its name; `names` are `{theirs: ours}`, and '' leaves a column out.

    Raises:
        WrongFile: the rows before are good.
    """
    with _opened(path) as file:
        yield from _json_rows(file, names) if is_json(path) else _csv_rows(file, names)


def is_json(path: Path) -> bool:
    """Whether it is a file of JSON lines, by its name."""
    return path.suffix.lower() in (".jsonl", ".ndjson")


def _opened(path: Path) -> TextIO:
    return path.open(encoding="utf-8-sig", newline="")


def _json_rows(file: TextIO, names: Mapping[str, str]) -> Iterator[Row]:
    number = 0
    while text := file.readline(_LONGEST_LINE):
        number += 1
        if len(text) == _LONGEST_LINE:
            raise WrongFile(f"line {number} is longer than {_LONGEST_LINE:,} characters")
        if not text.strip():
            continue
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            yield Row(number, {}, {"text": text.rstrip("\r\n")}, f"not JSON: {error}")
            continue
        if isinstance(value, dict):
            own = {name: each for name, each in value.items() if name not in (LINE, WHY)}
            yield Row(number, _in_our_words(own.items(), names), own)
        else:
            yield Row(number, {}, {"text": text.rstrip("\r\n")}, "not a JSON object")


def _csv_rows(file: TextIO, names: Mapping[str, str]) -> Iterator[Row]:
    lines = _cells(file)
    header, plan = _planned(lines, names)
    for line, cells in lines:
        if any(map(str.strip, cells)):
            yield _csv_row(line, header, cells, plan)


def _planned(lines: Iterator[_Line], names: Mapping[str, str]) -> tuple[Sequence[str], Mapping[str, str]]:
    """The header, which is the first row, and what each of its columns is in our words."""
    _, cells = next(lines, (1, []))
    header = [name.strip() for name in cells]
    _check_header(header, names)
    plan = planned(header, names)
    if _WHO.isdisjoint(plan.values()):
        separators = "; commas, semicolons or tabs separate columns" if len(header) == 1 else ""
        named = textwrap.shorten(", ".join(filter(None, header)), _MOST_NAMES, placeholder=" …")
        raise WrongFile(
            "none of its columns is an email or a phone: say which is, as --map 'Contact=email'; "
            f"the first row names them: {named}{separators}"
        )
    return header, plan


def _cells(file: TextIO) -> Iterator[_Line]:
    """Each row of a sheet, with the line on which it begins."""
    first = file.readline()
    file.seek(0)
    rows = csv.reader(file, delimiter=max(_DELIMITERS, key=first.count), strict=True)
    line = 1
    try:
        for cells in rows:
            yield line, cells
            line = rows.line_num + 1
    except csv.Error as error:
        cell = f"a cell is longer than {csv.field_size_limit():,} characters, or " if "limit" in str(error) else ""
        quote = "a quote in this row isn't closed, or is closed before its cell ends"
        raise WrongFile(f"line {line}: {cell}{quote} ({error})") from None


def _csv_row(line: int, header: Sequence[str], cells: Sequence[str], names: Mapping[str, str]) -> Row:
    """A blank cell tells nothing: it clears no field."""
    padded = [*cells, *[""] * (len(header) - len(cells))]
    written = {name: cell for name, cell in zip(header, padded, strict=False) if name not in (LINE, WHY)}
    if len(cells) > len(header):
        return Row(line, {}, written, f"{len(cells)} cells, and the header has {len(header)}")
    item = _in_our_words(((name, cell) for name, cell in written.items() if cell.strip()), names)
    if "kind" in item:  # an activity: what else it tells belongs to it
        rest = {name: value for name, value in item.items() if name not in _OF_ACTIVITIES}
        item = {name: value for name, value in item.items() if name in _OF_ACTIVITIES}
        custom = rest.pop(CUSTOM, {})
        item["data"] = {**rest, **custom, **item.get("data", {})}
    return Row(line, item, written)


def _check_header(header: Sequence[str], names: Mapping[str, str]) -> None:
    if not any(header):
        raise WrongFile("it has no header: the first row names the columns")
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise WrongFile(f"more than one column is named {', '.join(twice)}")
    missing = sorted(set(names) - set(header))
    if missing:
        raise WrongFile(f"there is no column {', '.join(missing)}; there are {', '.join(filter(None, header))}")


def _in_our_words(pairs: Iterable[tuple[str, Any]], names: Mapping[str, str]) -> dict[str, Any]:
    """Of two that mean the same the first counts."""
    item: dict[str, Any] = {}
    for theirs, value in pairs:
        ours = names.get(theirs, known(theirs))
        if ours == "activity" and isinstance(value, str):
            ours = "activity.kind"
        *groups, name = ours.split(".") if ours.partition(".")[0] in GROUPS else [ours]
        if ours == CUSTOM and not isinstance(value, dict) and (value is not None or theirs != CUSTOM):
            groups, name = [CUSTOM], theirs
        into = item
        for group in groups:
            if not isinstance(into.get(group), dict):
                into[group] = {}
            into = into[group]
        if isinstance(value, dict) and isinstance(into.get(name), dict):  # `custom`, beside what is mapped into it
            into[name] = {**value, **into[name]}
        elif name:
            into.setdefault(name, value)
    return item
