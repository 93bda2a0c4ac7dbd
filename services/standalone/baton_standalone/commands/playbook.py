"""`baton playbook`: check, show, compare, render and publish what marketing and sales agreed."""

import asyncio
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from baton.leads.playbook.findings import Finding
    from baton.leads.playbook.model import Playbook
    from baton.service.settings import Settings
    from baton_standalone.publishing import Candidate

EXIT_MISTAKES: Final = 2

app: Final = typer.Typer(no_args_is_help=True, help="Check, show, compare, render and publish playbooks.")

Directory = Annotated[
    Path | None, typer.Argument(help="The playbook's directory; without it BATON_PLAYBOOK, else the reference one.")
]

Chosen = Annotated[
    str | None,
    typer.Argument(
        metavar="[DIR|HASH]",
        help="A playbook's directory, or the start of a published one's hash; without it the active playbook.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command()
def check(
    directory: Directory = None,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Take warnings for mistakes.")] = False,
) -> None:
    """Say all that is wrong with a playbook, each with file, line and path. Exit code 2 if anything is."""
    candidate = load_or_exit(_directory(directory))
    tell(candidate.warnings)
    if strict and candidate.warnings:
        raise typer.Exit(EXIT_MISTAKES)
    sys.stdout.write(f"{_title(candidate.playbook)}: fine{_and_warnings(len(candidate.warnings))}\n")


@app.command()
def show(playbook: Chosen = None, *, json: AsJson = False) -> None:
    """Show the active playbook, one that was published, or the one in a directory."""
    from baton_standalone.commands.chosen import Choice
    from baton_standalone.playbook_pages import as_json, as_text

    shown = Choice().named(playbook)
    if json:
        _write_json(as_json(shown))
    else:
        sys.stdout.write(as_text(shown))


@app.command()
def diff(
    first: Annotated[
        str | None,
        typer.Argument(metavar="A", help="A playbook's directory, or the start of a published one's hash."),
    ] = None,
    second: Annotated[
        str | None, typer.Argument(metavar="B", help="The same. Without it, what would change if A became active.")
    ] = None,
    *,
    json: AsJson = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with code 1 if anything changes.")] = False,
) -> None:
    """Say what changes from one playbook to another: what a publish would do. Exit code 2 if either can't be read.

    Without A and B: from the active playbook to that of BATON_PLAYBOOK, else the reference one.
    """
    from baton_standalone.commands.chosen import Choice
    from baton_standalone.playbook_diff import compare
    from baton_standalone.playbook_pages import changes_json, changes_text

    choice = Choice()
    with _trouble_told_apart():
        after = choice.named(second or first or str(_directory(None)))
        before = choice.named(first if second is not None else None)
    changes = compare(before, after)
    if json:
        _write_json(changes_json(before, after, changes))
    else:
        sys.stdout.write(changes_text(before, after, changes))
    if exit_code and changes:
        raise typer.Exit(1)


@app.command()
def render(
    playbook: Chosen = None,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file: FILE.html or FILE.md. Without it Markdown.")
    ] = None,
) -> None:
    """Write a playbook as a page that people read."""
    from baton_standalone.commands.chosen import Choice
    from baton_standalone.playbook_documents import DOCUMENTS, as_markdown

    write = as_markdown if output is None else DOCUMENTS.get(output.suffix.lower())
    if write is None:
        sys.stderr.write(f"--output: {output}: write a name that ends in {' or '.join(DOCUMENTS)}\n")
        raise typer.Exit(EXIT_MISTAKES)
    rendered = Choice().named(playbook)
    if output is None:
        sys.stdout.write(write(rendered))
        return
    try:
        output.write_bytes(write(rendered).encode())
    except OSError as error:
        sys.stderr.write(f"--output: {output}: {error.strerror or error}\n")
        raise typer.Exit(EXIT_MISTAKES) from None
    sys.stdout.write(f"{_title(rendered)}: written to {output}\n")


@app.command()
def publish(directory: Directory = None) -> None:
    """Make a playbook the active one. Services swap within a second."""
    from baton.service.settings import Settings, load_settings
    from baton_standalone.reaching import away_told, reachable_database, refuse_memory

    settings = load_settings(Settings)
    chosen = directory or configured_playbook(settings)
    candidate = load_or_exit(chosen)
    tell(candidate.warnings)
    refuse_memory(settings)
    is_configured = settings.playbook is not None and chosen.resolve() == settings.playbook.resolve()
    with away_told(), reachable_database(settings, make=False) as url:
        asyncio.run(_publish(candidate, settings, url, is_configured=is_configured))
    sys.stdout.write(f"{_title(candidate.playbook)}: active\n")


def load_or_exit(directory: Path) -> "Candidate":
    """Load a playbook; exits with code 2 and all its mistakes on stderr."""
    from baton.leads.playbook.findings import PlaybookError
    from baton_standalone.publishing import read_candidate

    try:
        return read_candidate(directory)
    except PlaybookError as error:
        tell(error.findings)
        raise typer.Exit(EXIT_MISTAKES) from None


def tell(findings: "Iterable[Finding]") -> None:
    """Write findings on stderr, as `file:line: path: message (hint)`; warnings say that they are."""
    from baton.leads.playbook.findings import Severity

    for finding in findings:
        kind = "warning: " if finding.severity is Severity.WARNING else ""
        sys.stderr.write(f"{kind}{finding.render()}\n")


def _directory(given: Path | None) -> Path:
    if given is not None:
        return given
    from baton.service.settings import Settings, load_settings

    return configured_playbook(load_settings(Settings))


def configured_playbook(settings: "Settings") -> Path:
    """The playbook of the settings, else the reference one; exits with code 2 if neither is there."""
    from baton_standalone.shipped import shipped_playbook

    if settings.playbook is not None:
        return settings.playbook
    try:
        return shipped_playbook()
    except FileNotFoundError as error:
        sys.stderr.write(f"BATON_PLAYBOOK: {error}\n")
        raise typer.Exit(EXIT_MISTAKES) from None


@contextmanager
def _trouble_told_apart() -> Iterator[None]:
    """Code 1 says of a comparison that there is a difference: whatever stops it ends with another one."""
    try:
        yield
    except (typer.Exit, SystemExit):
        raise typer.Exit(EXIT_MISTAKES) from None


def _write_json(told: Mapping[str, object]) -> None:
    import orjson

    sys.stdout.write(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() + "\n")


async def _publish(candidate: "Candidate", settings: "Settings", url: str, *, is_configured: bool) -> None:
    from baton.kernel.clock import SystemClock
    from baton_standalone.publishing import Refused, publish_candidate
    from baton_standalone.reaching import open_bus
    from baton_standalone.topics import require_topics

    async with open_bus(settings, url) as bus:
        await require_topics(bus, settings)
        try:
            await publish_candidate(bus, candidate, clock=SystemClock(), database_url=url, is_configured=is_configured)
        except Refused as refused:
            sys.stderr.write(f"not published: {refused}\n")
            raise typer.Exit(1) from None


def _title(playbook: "Playbook") -> str:
    from baton_standalone.publishing import title

    return f"playbook {title(playbook)}"


def _and_warnings(count: int) -> str:
    return f", with {count} warning{'s' if count > 1 else ''}" if count else ""
