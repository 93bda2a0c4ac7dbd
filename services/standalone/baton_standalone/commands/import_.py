"""`baton import`: leads and activities from a file."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from baton_standalone.terminal import one_line

if TYPE_CHECKING:
    from baton_standalone.import_files import Row
    from baton_standalone.importing import Counts

EXIT_REFUSED: Final = 1
EXIT_WRONG: Final = 2
_MOST_TOLD: Final = 20
"""Reasons on the terminal; `--refused` has all."""


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="FILE.jsonl: JSON lines; else CSV with a header.")],
    *,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="THEIRS=OURS", help="A column; with custom it keeps its name, without OURS it goes."
        ),
    ] = None,
    source: Annotated[str | None, typer.Option(help="The source of rows that name none.", show_default=False)] = None,
    refused: Annotated[
        Path | None, typer.Option("--refused", metavar="FILE", help="Where refused rows go, to be mended.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of the rows.")] = False,
    url: Annotated[
        str | None, typer.Option(help="Where Baton is; without it BATON_LISTEN.", show_default=False)
    ] = None,
    ingest: Annotated[str | None, typer.Option(help="Where ingest is, if by itself.", show_default=False)] = None,
) -> None:
    """Import leads and activities. What is accepted leaves at the playbook's bulk_rate, behind everything live.

    A row with `kind` is an activity. Columns that are named or labelled like a field are that field, others go to
    `custom`; it is said which before anything is sent. The same file again brings nothing twice. Where there are keys,
    BATON_API_KEY needs the scope ingest.
    """
    from baton_standalone.import_columns import WrongFile
    from baton_standalone.import_files import check_encoding, check_sheet, is_json, read_rows
    from baton_standalone.importing import CantImport, Counts, Importer
    from baton_standalone.reaching import service_url

    mapped = _mapped(names or [])
    counts = Counts()
    if str(file) == "-" or file.is_fifo() or file.is_char_device():
        _end(f"{file}: write it to a file first: it is checked as a whole before anything is sent", EXIT_WRONG)
    if refused is not None and refused.resolve() == file.resolve():
        _end("--refused is the file that is imported: name another", EXIT_WRONG)
    try:
        check_encoding(file)
        _tell_columns(check_sheet(file, names=mapped))
        with _refusing(refused, is_json=is_json(file)) as refuse:
            where = f"{service_url('ingest', url=url, own=ingest)}/v1/imports"
            importer = Importer(where, os.environ.get("BATON_API_KEY") or None, dry_run, refuse)
            rows = (_sourced(row, source) for row in read_rows(file, names=mapped))
            for counts in importer.send(rows):
                _tell_progress(counts)
    except (WrongFile, CantImport) as error:
        _stop(f"{file}: {error}" if isinstance(error, WrongFile) else str(error), counts, is_dry=dry_run)
    except OSError as error:
        _end(f"{error.filename or file}: {error.strerror or error}", EXIT_WRONG)
    sys.stderr.write(_over_progress())
    _tell_changes(counts)
    sys.stdout.write(_told(counts, is_dry=dry_run) + "\n")
    if counts.refused:
        raise typer.Exit(EXIT_REFUSED)


def _mapped(written: list[str]) -> dict[str, str]:
    from baton.kernel.suggestions import did_you_mean
    from baton_standalone.import_columns import GROUPS, OURS, WrongFile, refuse_two_for_one

    names: dict[str, str] = {}
    for each in written:
        theirs, is_one, ours = each.rpartition("=")
        name, _, within = ours.strip().partition(".")
        if not (is_one and theirs):
            _end(f"--map {each}: write THEIRS=OURS, as 'Work email=email'", EXIT_WRONG)
        if name and name not in (GROUPS if within else OURS):
            hint = did_you_mean(name, OURS) or "what Baton has no field for is custom.NAME"
            _end(f"--map {each}: there is no {ours.strip()}; {hint}", EXIT_WRONG)
        if theirs.strip() in names:
            _end(f"--map {each}: {theirs.strip()} is mapped twice", EXIT_WRONG)
        names[theirs.strip()] = ours.strip()
    try:
        refuse_two_for_one(names)
    except WrongFile as error:
        _end(f"--map: {error}", EXIT_WRONG)
    return names


def _tell_columns(columns: Mapping[str, str]) -> None:
    """Once, so that a person sees what a name was taken for."""
    for theirs, goes_to in columns.items():
        sys.stderr.write(f"{one_line(theirs) or '(no name)'} -> {one_line(goes_to) or 'left out'}\n")
    if "kind" in columns.values():
        sys.stderr.write("A row with kind is an activity: what it tells besides goes to its data\n")


def _sourced(row: "Row", source: str | None) -> "Row":
    from dataclasses import replace

    return row if source is None else replace(row, item={"source": source, **row.item})


@contextmanager
def _refusing(path: Path | None, *, is_json: bool) -> Iterator[Callable[["Row", str], None]]:
    """Tells of refused rows, and writes them to the file, if one is wanted, in the form in which they came."""
    told = 0

    def tell(row: "Row", why: str) -> None:
        nonlocal told
        told += 1
        if told <= _MOST_TOLD:
            sys.stderr.write(f"{_over_progress()}line {row.line}: {one_line(why)}\n")
        elif told == _MOST_TOLD + 1:
            sys.stderr.write("and more" + ("" if path else ": --refused FILE has all of them") + "\n")

    if path is None:
        yield tell
        return
    private = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(private, "w", encoding="utf-8", newline="") as file:
        write = _writing(file, is_json=is_json)

        def keep(row: "Row", why: str) -> None:
            tell(row, why)
            write(row, why)

        yield keep


def _writing(file: Any, *, is_json: bool) -> Callable[["Row", str], None]:
    import csv

    import orjson

    from baton_standalone.import_columns import LINE, WHY

    sheet = csv.writer(file)
    is_begun = False

    def write(row: "Row", why: str) -> None:
        nonlocal is_begun
        content = {**row.written, LINE: row.line, WHY: why}
        if is_json:
            file.write(orjson.dumps(content).decode() + "\n")
            return
        if not is_begun:
            sheet.writerow(content)
        is_begun = True
        sheet.writerow(content.values())

    return write


def _tell_progress(counts: "Counts") -> None:
    """To a person who looks on; a log needs the end only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{_over_progress()}line {counts.line:,}: {_told(counts, is_dry=False)}")
        sys.stderr.flush()


def _tell_changes(counts: "Counts") -> None:
    for line in counts.changes.told():
        sys.stderr.write(f"{one_line(line)}\n")


def _over_progress() -> str:
    return "\r\033[K" if sys.stderr.isatty() else ""


def _told(counts: "Counts", *, is_dry: bool) -> str:
    accepted = "would be accepted" if is_dry else "accepted"
    return f"{counts.accepted:,} {accepted}, {counts.known:,} known already, {counts.refused:,} refused"


def _stop(why: str, counts: "Counts", *, is_dry: bool) -> NoReturn:
    """What was answered by then stands."""
    sys.stderr.write(f"{_over_progress()}{one_line(why)}\n")
    _tell_changes(counts)
    if counts.line:
        so_far = f"up to line {counts.line}: {_told(counts, is_dry=is_dry)}"
        sys.stderr.write(f"{so_far}; the same command again brings nothing twice\n")
    raise typer.Exit(EXIT_WRONG)


def _end(why: str, code: int) -> NoReturn:
    sys.stderr.write(f"{one_line(why)}\n")
    raise typer.Exit(code)
