"""CSV files beside the playbook: tables for `in_table` and `points_from`, and the people of `reps.csv`."""

import csv
from collections.abc import Iterator

from baton.leads.conditions.folding import fold
from baton.leads.playbook.findings import Finding, Severity
from baton.leads.playbook.model import Table
from baton.leads.playbook.yaml_nodes import Mapping, Node, Scalar, Sequence

MOST_ROWS = 200_000
_LISTS = frozenset({"languages", "skills"})
_BOOLEANS = {"yes": "true", "no": "false", "1": "true", "0": "false"}

Row = tuple[int, list[str]]
"""The line on which a row ends, and its cells."""


def read_table(name: str, content: bytes, *, file: str) -> tuple[Table | None, list[Finding]]:
    """A table by its first line's names; None if there is nothing to look up in it."""
    rows, findings = _rows(content, file)
    if not rows:
        return None, findings
    columns = tuple(cell.strip() for cell in rows[0][1])
    findings += _column_findings(columns, file)
    findings += [_wrong_length(line, cells, columns, file) for line, cells in rows[1:] if len(cells) > len(columns)]
    filled = [cells + [""] * (len(columns) - len(cells)) for _, cells in rows[1:]]
    return Table(name, columns, tuple(dict(zip(columns, cells, strict=False)) for cells in filled)), findings


def read_people(content: bytes, *, file: str) -> tuple[Sequence, list[Finding]]:
    """The rows of `reps.csv` as if they were written in YAML: blank is none, lists are split at `;`."""
    rows, findings = _rows(content, file)
    columns = tuple(fold(cell) for cell in rows[0][1]) if rows else ()
    findings += _column_findings(columns, file)
    findings += [_wrong_length(line, cells, columns, file) for line, cells in rows[1:] if len(cells) > len(columns)]
    people = (_person(line, dict(zip(columns, cells, strict=False)), file) for line, cells in rows[1:])
    return Sequence(tuple(people), file, 1), findings


def _person(line: int, cells: dict[str, str], file: str) -> Mapping:
    entries = [
        (Scalar(column, file, line), _cell(column, cell.strip(), line, file))
        for column, cell in cells.items()
        if cell.strip()
    ]
    return Mapping(tuple(entries), file, line)


def _cell(column: str, text: str, line: int, file: str) -> Node:
    if column in _LISTS:
        parts = [part.strip() for part in text.split(";") if part.strip()]
        return Sequence(tuple(Scalar(part, file, line, quoted=True) for part in parts), file, line)
    if column == "active":
        word = fold(text)
        return Scalar(_BOOLEANS.get(word, word), file, line)
    return Scalar(text, file, line, quoted=True)


def _rows(content: bytes, file: str) -> tuple[list[Row], list[Finding]]:
    """The rows that hold something, the header first."""
    try:
        rows = list(_read(content.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return [], [_error(file, line, "not UTF-8", "save the file as CSV UTF-8")]
    except csv.Error as error:
        return [], [_error(file, 1, f"not CSV: {error}")]
    if len(rows) > MOST_ROWS:
        return [], [_error(file, MOST_ROWS, f"more than {MOST_ROWS} rows", "split the table")]
    return rows, [] if rows else [_error(file, 1, "an empty table", "the first line names the columns")]


def _read(text: str) -> Iterator[Row]:
    reader = csv.reader(text.splitlines(keepends=True), strict=True, delimiter=_delimiter(text))
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num, cells


def _delimiter(text: str) -> str:
    """A comma, unless the header has none: spreadsheets of half of Europe save with semicolons."""
    header = text.partition("\n")[0]
    return ";" if ";" in header and "," not in header else ","


def _column_findings(columns: tuple[str, ...], file: str) -> Iterator[Finding]:
    for position, column in enumerate(columns):
        if not column:
            yield _error(file, 1, f"column {position + 1} has no name", "name it in the first line")
        elif column in columns[:position]:
            yield _error(file, 1, f'two columns are named "{column}"', "keep one")


def _wrong_length(line: int, cells: list[str], columns: tuple[str, ...], file: str) -> Finding:
    return _error(file, line, f"{len(cells)} cells under {len(columns)} columns", "put text with commas in quotes")


def _error(file: str, line: int, message: str, hint: str = "") -> Finding:
    return Finding(Severity.ERROR, file, line, "", message, hint)
