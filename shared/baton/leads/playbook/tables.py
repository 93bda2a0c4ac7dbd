"""CSV files beside the playbook: tables for `in_table` and `points_from`, and the people of `reps.csv`."""

from collections.abc import Collection

from baton.kernel.suggestions import did_you_mean
from baton.leads.conditions.folding import fold
from baton.leads.playbook.csv_rows import Row, Sheet, read_sheet
from baton.leads.playbook.findings import Finding
from baton.leads.playbook.model import Table
from baton.leads.playbook.yaml_nodes import Mapping, Node, Scalar, Sequence

REQUIRED = ("id", "name", "email")
"""Of a person."""
_LISTS = frozenset({"languages", "skills"})
_BOOLEANS = {"yes": "true", "no": "false", "1": "true", "0": "false"}


def read_table(name: str, content: bytes, *, file: str) -> tuple[Table | None, list[Finding]]:
    """A table by its first line's names; None if there is nothing to look up in it."""
    sheet = read_sheet(content, file=file)
    if not sheet.columns:
        return None, sheet.findings
    rows = tuple(row.cells for row in sheet.rows)
    return Table(name, sheet.columns, rows, tuple(row.line for row in sheet.rows)), sheet.findings


def read_people(content: bytes, *, file: str, columns: Collection[str]) -> tuple[Sequence | None, list[Finding]]:
    """The rows of `reps.csv` as if they were written in YAML: blank is none, lists are split at `;`.

    A column that isn't among `columns`, or one that is missing, is told once. None if nobody can be read.
    """
    sheet = read_sheet(content, file=file)
    _check_known(sheet, columns)
    if not _has_required(sheet):
        return None, sheet.findings
    return Sequence(tuple(_person(row, file, columns) for row in sheet.rows), file, 1), sheet.findings


def split_cell(text: str) -> tuple[str, ...]:
    """The values of a cell that holds a list."""
    return tuple(part.strip() for part in text.split(";") if part.strip())


def flag_word(text: str) -> str:
    """What spreadsheets write for true and false, as YAML has it."""
    return _BOOLEANS.get(fold(text), fold(text))


def _check_known(sheet: Sheet, columns: Collection[str]) -> None:
    for column in sheet.columns:
        if column and fold(column) not in columns:
            hint = did_you_mean(column, columns) or f"known: {', '.join(columns)}"
            sheet.error(sheet.top, f'unknown column "{column}"', hint, stands=True)


def _has_required(sheet: Sheet) -> bool:
    named = {fold(column) for column in sheet.columns}
    missing = [column for column in REQUIRED if column not in named]
    if sheet.columns and missing:
        sheet.error(sheet.top, f"no column {' and '.join(missing)}", "the first line names the columns")
    return not missing


def _person(row: Row, file: str, columns: Collection[str]) -> Mapping:
    entries = [
        (Scalar(fold(column), file, row.line), _cell(fold(column), cell.strip(), row.line, file))
        for column, cell in row.cells.items()
        if cell.strip() and fold(column) in columns
    ]
    return Mapping(tuple(entries), file, row.line)


def _cell(column: str, text: str, line: int, file: str) -> Node:
    if column in _LISTS:
        return Sequence(tuple(Scalar(part, file, line, quoted=True) for part in split_cell(text)), file, line)
    if column == "active":
        return Scalar(flag_word(text), file, line)
    return Scalar(text, file, line, quoted=True)
