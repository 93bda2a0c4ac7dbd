"""`baton playbook`: check, show and publish what marketing and sales agreed."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from baton.leads.playbook.findings import Finding
    from baton.leads.playbook.model import Playbook
    from baton.service.settings import Settings
    from baton_standalone.publishing import Candidate

EXIT_MISTAKES: Final = 2

app: Final = typer.Typer(no_args_is_help=True, help="Check, show and publish playbooks.")

Directory = Annotated[
    Path | None, typer.Argument(help="The playbook's directory; without it BATON_PLAYBOOK, else the reference one.")
]


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
def show(
    directory: Annotated[
        Path | None, typer.Argument(help="A playbook's directory; without it the active playbook.")
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show the active playbook, or the one in a directory."""
    import orjson

    from baton_standalone.playbook_pages import as_json, as_text

    playbook = load_or_exit(directory).playbook if directory is not None else _active_or_exit()
    if json:
        sys.stdout.write(orjson.dumps(as_json(playbook), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        sys.stdout.write(as_text(playbook))


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
    with away_told(), reachable_database(settings) as url:
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


def _active_or_exit() -> "Playbook":
    """The active playbook; mistakes with which it decides all the same are told on stderr."""
    from baton.leads.playbook.findings import PlaybookError
    from baton.leads.playbook.loader import load_published
    from baton.service.settings import Settings, load_settings
    from baton_standalone.publishing import Active, read_active
    from baton_standalone.reaching import away_told, open_bus, reachable_database, refuse_memory
    from baton_standalone.topics import require_topics

    async def read(url: str) -> Active | None:
        async with open_bus(settings, url) as bus:
            await require_topics(bus, settings)
            return await read_active(bus)

    settings = load_settings(Settings)
    refuse_memory(settings)
    with away_told(), reachable_database(settings, make=False) as url:
        active = asyncio.run(read(url))
    if active is None:
        sys.stderr.write("no playbook is active: publish one with `baton playbook publish`\n")
        raise typer.Exit(1)
    try:
        loaded = load_published(active.files)
    except PlaybookError as error:
        sys.stderr.write("this release can't read the active playbook:\n")
        tell(error.findings)
        raise typer.Exit(EXIT_MISTAKES) from None
    if loaded.mistakes:
        sys.stderr.write("the active playbook has mistakes, with which it could not be published now:\n")
        tell(loaded.mistakes)
    return loaded.playbook


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
