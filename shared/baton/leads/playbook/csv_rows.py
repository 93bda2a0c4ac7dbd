"""CSV as spreadsheets save it, row by row: one that can't be read is told, and those after it are read all the same."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO

from baton.leads.conditions.folding import fold
from baton.leads.playbook.findings import Finding, Severity

MOST_ROWS = 200_000
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_PROBLEMS = {
    "unexpected end of data": ("a quote that opens here is never closed", "close it, or remove it"),
    "',' expected after '\"'": ("text goes on after its closing quote", 'write "" for a quote inside of quoted text'),
}


@dataclass(frozen=True, slots=True)
class Row:
    """`line` is the one on which it begins."""

    line: int
    cells: Mapping[str, str]
    """By column as written there; of a short row the missing ones are blank."""


@dataclass(slots=True)
class Sheet:
    """A header and the rows that hold something, and what is wrong with them."""

    file: str
    top: int = 1
    """The line of the header."""
    columns: tuple[str, ...] = ()
    rows: list[Row] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def error(self, line: int, message: str, hint: str = "", *, stands: bool = False) -> None:
        self.findings.append(Finding(Severity.ERROR, self.file, line, "", message, hint, stands=stands))


def read_sheet(content: bytes, *, file: str) -> Sheet:
    """Every row that can be read; a sheet without columns has nothing to look up in it."""
    sheet = Sheet(file)
    if content.startswith(_UTF_16):
        sheet.error(1, "not UTF-8", "save the file as CSV UTF-8")
        return sheet
    lines = list(StringIO(_decoded(content, sheet), newline=""))
    rows = ((line, cells) for line, cells in _rows(lines, sheet) if any(cell.strip() for cell in cells))
    sheet.top, header = next(rows, (1, []))
    sheet.columns = tuple(cell.strip() for cell in header)
    _check_columns(sheet)
    for line, cells in rows:
        if len(sheet.rows) == MOST_ROWS:
            sheet.error(line, f"more than {MOST_ROWS} rows", "split the table")
            break
        sheet.rows.append(_row(line, cells, sheet))
    return sheet


def _decoded(content: bytes, sheet: Sheet) -> str:
    """Text with a mark for what is no UTF-8: the rest of the file may have mistakes of its own."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        sheet.error(line, "not UTF-8", "save the file as CSV UTF-8")
        return content.decode("utf-8-sig", errors="replace")


def _rows(lines: list[str], sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """The line on which each row begins, and its cells."""
    delimiter = _delimiter(next((line for line in lines if line.strip()), ""))
    begin = 0
    while begin < len(lines):
        reader = csv.reader((lines[at] for at in range(begin, len(lines))), strict=True, delimiter=delimiter)
        read = 0
        try:
            for cells in reader:
                yield begin + read + 1, cells
                read = reader.line_num
            return
        except csv.Error as error:
            begin += read + 1
            problem = str(error).replace(f"'{delimiter}'", "','")
            sheet.error(begin, *_PROBLEMS.get(problem, (f"not CSV: {error}", "")))
            yield begin, _guess(lines[begin - 1], delimiter)


def _guess(line: str, delimiter: str) -> list[str]:
    """What is in a row that can't be read, so that nobody takes its first cell for missing."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a cell beyond all bounds
        return []


def _delimiter(header: str) -> str:
    """A comma, unless the header has none: spreadsheets of half of Europe save with semicolons."""
    return ";" if ";" in header and "," not in header else ","


def _check_columns(sheet: Sheet) -> None:
    if not sheet.columns and not sheet.findings:
        sheet.error(sheet.top, "an empty table", "the first line names the columns")
    seen: set[str] = set()
    for position, column in enumerate(sheet.columns, 1):
        if not column:
            sheet.error(sheet.top, f"column {position} has no name", "name it in the first line")
        elif fold(column) in seen:
            sheet.error(sheet.top, f'two columns are named "{column}"', "keep one")
        seen.add(fold(column))


def _row(line: int, cells: list[str], sheet: Sheet) -> Row:
    columns = sheet.columns
    if len(cells) > len(columns):
        hint = "put text with commas in quotes"
        sheet.error(line, f"{len(cells)} cells under {len(columns)} columns", hint)
    if any("\0" in cell for cell in cells):
        sheet.error(line, "U+0000 can't be stored", "remove it")
    filled = cells + [""] * (len(columns) - len(cells))
    return Row(line, dict(zip(columns, filled, strict=False)))
