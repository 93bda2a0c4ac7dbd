"""`baton backtest`: what was recorded, replayed under another playbook."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from baton_standalone.backtesting.recording import Recorded, Span
    from baton_standalone.backtesting.telling import Report
    from baton_standalone.publishing import Candidate

EXIT_WRONG: Final = 2
_SECONDS_TO_START: Final = 10
_SECONDS_A_LEAD: Final = 0.05
"""Roughly, with both replays beside each other on two processors, and leads that move on a few times."""
_WORTH_TELLING: Final = 100
_WIDTH: Final = 160
"""Of what goes to a file or a program, where no terminal says."""


def backtest(
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="The playbook to try; without it BATON_PLAYBOOK, else the reference."),
    ] = None,
    *,
    against: Annotated[
        str | None,
        typer.Option(metavar="DIR|HASH", help="Compare with this one, published once or in a directory; else active."),
    ] = None,
    since: Annotated[
        str, typer.Option(metavar="AGO|DATE", help="From then on: `30d`, `2026-03-01` or an instant.")
    ] = "30d",
    until: Annotated[
        str | None, typer.Option(metavar="AGO|DATE", help="Up to then; without it up to now.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many leads; with more nothing is replayed.")] = 10_000,
    json: Annotated[
        bool, typer.Option("--json", help="JSON lines: each lead that comes out otherwise, then a summary.")
    ] = False,
    scenario: Annotated[
        Path | None,
        typer.Option(help="Keep what is replayed there, for `baton simulate`. It holds personal data.", dir_okay=False),
    ] = None,
) -> None:
    """Replay what was recorded under a playbook that is not active yet, and tell which leads come out otherwise.

    Everybody who came in or did something in that time is replayed, twice: under the present playbook, and under the
    one to be tried from `--since` on. What people did then they do again at the same time. Nothing is changed anywhere.
    """
    from baton.service.logs import configure_logs
    from baton.service.settings import Settings, load_settings
    from baton_standalone.commands.playbook import configured_playbook, load_or_exit, tell
    from baton_standalone.reaching import away_told, reachable_database

    settings = load_settings(Settings)
    configure_logs("error")
    span = _span_or_exit(since, until, limit)
    candidate = load_or_exit(directory or configured_playbook(settings))
    tell(candidate.warnings)
    with away_told(), reachable_database(settings, make=False) as url:
        present = _present_or_exit(against)
        _warn(present, candidate)
        report = _replay(present, candidate, span, url, keep=scenario)
    if report is not None:
        _print(report, json=json)


def _span_or_exit(since: str, until: str | None, limit: int) -> "Span":
    from baton.kernel.clock import SystemClock
    from baton_standalone.backtesting.recording import Span

    now = SystemClock().now()
    begin = _moment_or_exit("--since", since, now=now)
    end = now if until is None else min(_moment_or_exit("--until", until, now=now), now)
    if begin >= end:
        sys.stderr.write("--since: must be before --until, and before now\n")
        raise typer.Exit(EXIT_WRONG)
    return Span(begin, end, limit)


def _moment_or_exit(option: str, text: str, *, now: "datetime") -> "datetime":
    from baton_standalone.reading_options import instant_or_ago

    try:
        return instant_or_ago(text, now=now)
    except ValueError as error:
        sys.stderr.write(f"{option}: {error}\n")
        raise typer.Exit(EXIT_WRONG) from None


def _present_or_exit(against: str | None) -> "Candidate":
    """The playbook to compare with: the active one, one that was published once, or one in a directory."""
    from baton.leads.playbook.content import unpack
    from baton.leads.playbook.findings import PlaybookError
    from baton.leads.playbook.loader import load_files
    from baton_standalone.commands.chosen import Choice, is_directory
    from baton_standalone.commands.playbook import load_or_exit, tell
    from baton_standalone.publishing import Candidate

    if against is not None and is_directory(against):
        return load_or_exit(Path(against))
    choice = Choice()
    if against is not None:
        published = choice.published(against)
    elif choice.kept.active is not None:
        published = choice.kept.active.published
    else:
        sys.stderr.write("no playbook is active: name another one, or a directory, with --against\n")
        raise typer.Exit(EXIT_WRONG)
    try:
        loaded = load_files(unpack(published.files))
    except PlaybookError as error:
        sys.stderr.write("the playbook to compare with could not be published now; name another with --against:\n")
        tell(error.findings)
        raise typer.Exit(EXIT_WRONG) from None
    return Candidate(loaded.playbook.files, loaded.playbook, loaded.warnings)


def _warn(present: "Candidate", candidate: "Candidate") -> None:
    """Say what a replay can't show of the change."""
    if _are_same(present, candidate):
        sys.stderr.write("both playbooks are the same, so one replay is enough: nothing can come out otherwise\n")
    if present.playbook.sources != candidate.playbook.sources:
        sys.stderr.write("the sources differ: that is not tried, because a replay begins with what ingest told\n")


def _are_same(present: "Candidate", candidate: "Candidate") -> bool:
    return present.playbook.hash == candidate.playbook.hash


def _replay(
    present: "Candidate", candidate: "Candidate", span: "Span", url: str, *, keep: Path | None
) -> "Report | None":
    """Read, play, compare; None where there is nothing to replay."""
    from baton_standalone.backtesting.comparing import compare
    from baton_standalone.backtesting.playing import Play, play_all
    from baton_standalone.backtesting.telling import Named, Report
    from baton_standalone.embedded import EmbeddedPostgresError
    from baton_standalone.publishing import title
    from baton_standalone.throwaway import temporary_folder

    with temporary_folder("baton-backtest-") as folder:
        path = keep or folder / "scenario.jsonl"
        recorded = _record_or_exit(url, span, present, path)
        if recorded is None:
            return None
        both = (present, candidate)
        tried = [present.files] if _are_same(*both) else [each.files for each in both]
        plays = [Play(path.absolute(), present.files, files, span.since, place) for place, files in enumerate(tried)]
        try:
            played = play_all(plays)
        except EmbeddedPostgresError as error:
            sys.stderr.write(f"{error}\n")
            raise typer.Exit(1) from None
    names = [Named(each.playbook.version, each.playbook.hash, title(each.playbook)) for each in both]
    return Report(names[0], names[1], span, recorded, compare(played[0], played[-1]))


def _record_or_exit(url: str, span: "Span", present: "Candidate", path: Path) -> "Recorded | None":
    from baton.kernel.instants import format_instant
    from baton_standalone.backtesting.recording import TooMuch, record

    try:
        with path.open("wb") as file:
            path.chmod(0o600)
            recorded = asyncio.run(record(url, span, present.playbook, to=file))
    except OSError as error:
        sys.stderr.write(f"--scenario: {path}: {error.strerror}\n")
        raise typer.Exit(EXIT_WRONG) from None
    except TooMuch:
        sys.stderr.write(
            f"more than {span.limit} leads did something from {format_instant(span.since)} on: take a shorter time"
            f" (--since, --until), or a higher --limit; {span.limit} take about {_about(span.limit)}\n"
        )
        raise typer.Exit(EXIT_WRONG) from None
    if recorded.leads == 0:
        sys.stderr.write(f"nothing is recorded from {format_instant(span.since)} to {format_instant(span.until)}\n")
        return None
    if recorded.leads >= _WORTH_TELLING:
        sys.stderr.write(f"replaying {recorded.leads} leads: about {_about(recorded.leads)}\n")
    return recorded


def _about(leads: int) -> str:
    seconds = _SECONDS_TO_START + leads * _SECONDS_A_LEAD
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _print(report: "Report", *, json: bool) -> None:
    import orjson
    from rich.console import Console

    from baton_standalone.backtesting.telling import as_json, print_report

    if json:
        for line in as_json(report):
            sys.stdout.write(orjson.dumps(line).decode() + "\n")
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    print_report(report, console)
