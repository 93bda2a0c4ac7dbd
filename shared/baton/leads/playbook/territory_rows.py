"""`territories.csv`: rows of a spreadsheet as if they were written in YAML.

A row says where a territory is: every cell that isn't blank must hold, one of several values (`CA;OR;WA`) is enough.
Several rows of one name are one territory that has whatever any of them has. The order is that in which names first
appear. Rows that differ in their last cell alone become one list, so that ten thousand postal codes are one look-up.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from baton.kernel.suggestions import did_you_mean
from baton.leads.conditions.fields import LEAD_FIELDS, Kind, Scope, UnknownFieldError, find_field
from baton.leads.conditions.folding import fold
from baton.leads.playbook.csv_rows import Row, Sheet, read_sheet
from baton.leads.playbook.findings import Finding
from baton.leads.playbook.tables import flag_word, split_cell
from baton.leads.playbook.yaml_nodes import Mapping, Node, Scalar, Sequence

_NAME = "name"
_TEXTS = frozenset({Kind.TEXT, Kind.COUNTRY, Kind.POSTAL})
_RANGE = re.compile(r"(\w+)\s*-\s*(\w+)")

Cells = tuple[tuple[str, tuple[Scalar, ...]], ...]
"""Field → values of the cells of a row that aren't blank, in the order of the columns."""


@dataclass(frozen=True, slots=True)
class _Column:
    """`path` is the field that its cells are about."""

    written: str
    path: str
    kind: Kind


def read_territory_rows(content: bytes, *, file: str) -> tuple[Mapping | None, list[Finding]]:
    """Territories by name, each with its `when`; None if no row can be read."""
    sheet = read_sheet(content, file=file)
    name = next((column for column in sheet.columns if fold(column) == _NAME), None)
    if name is None:
        if sheet.columns:
            sheet.error(sheet.top, 'no column "name"', "write name,country,state, and a row for each part")
        return None, sheet.findings
    columns = tuple(_columns(sheet))
    if not columns:
        return None, sheet.findings
    rows: dict[str, list[Cells]] = {}
    lines: dict[str, int] = {}
    for row in sheet.rows:
        territory, cells = row.cells[name].strip(), _cells(row, columns, file)
        if _is_in_order(sheet, row.line, territory, cells):
            lines.setdefault(territory, row.line)
            rows.setdefault(territory, []).append(cells)
    entries = tuple(_entry(each, _when(found), file, lines[each]) for each, found in rows.items())
    return Mapping(entries, file, sheet.top), sheet.findings


def _columns(sheet: Sheet) -> Iterator[_Column]:
    """`country` is short for `lead.country`."""
    for written in sheet.columns:
        if not written or fold(written) == _NAME:
            continue
        path = written if "." in written else f"lead.{fold(written)}"
        try:
            yield _Column(written, path, find_field(path, scope=Scope.TERRITORY).kind)
        except UnknownFieldError as error:
            hint = error.hint if "." in written else did_you_mean(written, (_NAME, *LEAD_FIELDS))
            sheet.error(
                sheet.top, f'unknown column "{written}"', hint or "name it like a field: country, lead.custom.x"
            )
    if {fold(column) for column in sheet.columns} == {_NAME}:
        sheet.error(sheet.top, "no column says where a territory is", "write name,country,state")


def _cells(row: Row, columns: tuple[_Column, ...], file: str) -> Cells:
    found = (
        (each.path, tuple(_scalar(each.kind, text, file, row.line) for text in values))
        for each in columns
        if (values := split_cell(row.cells[each.written]))
    )
    return tuple(found)


def _scalar(kind: Kind, text: str, file: str, line: int) -> Scalar:
    written = flag_word(text) if kind is Kind.BOOLEAN else text
    return Scalar(written, file, line, quoted=kind in _TEXTS)


def _is_in_order(sheet: Sheet, line: int, territory: str, cells: Cells) -> bool:
    if not territory:
        sheet.error(line, "a row without a name", "say which territory it belongs to")
    elif not cells:
        sheet.error(line, f'nothing says where "{territory}" is', "fill in at least one cell beside the name")
    return bool(territory and cells)


def _entry(territory: str, when: Node, file: str, line: int) -> tuple[Scalar, Node]:
    return Scalar(territory, file, line), Mapping(((Scalar("when", file, line), when),), file, line)


def _when(rows: list[Cells]) -> Node:
    parts = [_condition(cells) for cells in _joined(rows)]
    return parts[0] if len(parts) == 1 else _keyed("any", Sequence(tuple(parts), parts[0].file, parts[0].line))


def _joined(rows: list[Cells]) -> Iterator[Cells]:
    """Rows that are equal but for their last cell, in one."""
    groups: dict[tuple[object, ...], list[Cells]] = {}
    for cells in rows:
        same = tuple((path, frozenset(fold(each.text) for each in values)) for path, values in cells[:-1])
        groups.setdefault((same, cells[-1][0]), []).append(cells)
    for group in groups.values():
        first, (path, _) = group[0][:-1], group[0][-1]
        yield (*first, (path, tuple(value for cells in group for value in cells[-1][1])))


def _condition(cells: Cells) -> Mapping:
    """All of the cells must hold."""
    parts = [_one_of(path, values) for path, values in cells]
    return Mapping(tuple(entry for part in parts for entry in part.entries), parts[0].file, parts[0].line)


def _one_of(path: str, values: tuple[Scalar, ...]) -> Mapping:
    """One of the values, of which postal codes may be ranges."""
    ranges = [ends for value in values if (ends := _range(path, value))]
    plain = tuple(value for value in values if not _range(path, value))
    parts = (
        [_keyed(path, plain[0] if len(plain) == 1 else Sequence(plain, plain[0].file, plain[0].line))] if plain else []
    )
    parts += [_keyed(path, _keyed("between", ends)) for ends in ranges]
    return parts[0] if len(parts) == 1 else _keyed("any", Sequence(tuple(parts), parts[0].file, parts[0].line))


def _range(path: str, value: Scalar) -> Sequence | None:
    """`90000-96199`: two codes of one length. Others have a hyphen of their own, `94105-1234` or `00-950`."""
    found = _RANGE.fullmatch(value.text) if path == "lead.postal_code" else None
    if found is None or len(found[1]) != len(found[2]):
        return None
    ends = tuple(Scalar(end, value.file, value.line, quoted=True) for end in found.groups())
    return Sequence(ends, value.file, value.line)


def _keyed(key: str, node: Node) -> Mapping:
    return Mapping(((Scalar(key, node.file, node.line), node),), node.file, node.line)
