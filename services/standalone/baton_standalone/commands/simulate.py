"""`baton simulate`: a scenario played on the real system with a hand-driven clock."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from baton.service.collecting import begin_collecting, put_off_collecting

if TYPE_CHECKING:
    from baton.service.settings import Settings
    from baton_standalone.publishing import Candidate
    from baton_standalone.scenario import Line

EXIT_MISTAKES: Final = 2


def simulate(
    scenario: Annotated[Path, typer.Argument(help="The scenario, JSON lines; `-` is standard input.")],
    *,
    playbook: Annotated[
        Path | None, typer.Option("--playbook", help="Its directory; without it BATON_PLAYBOOK, else the reference.")
    ] = None,
) -> None:
    """Play a scenario: print every event and every response as JSON lines, the same for the same scenario.

    A line is `{"at", "request": "POST /ingest/v1/leads", "body" or "raw", "headers"}`, `{"at", "run_until": true}`,
    `{"at", "publish": DIR}` or, for what ingest told once, `{"at", "event": "lead.captured", "id", "data"}`. A command
    on a lead with `"only_while": {"pool": NAME}` (or "rep") is left out while the lead is elsewhere.
    """
    put_off_collecting()
    from baton.service.logs import configure_logs
    from baton.service.settings import Settings, load_settings
    from baton_standalone.commands.playbook import configured_playbook, load_or_exit, tell

    settings = load_settings(Settings)
    configure_logs("error")
    lines = _lines_or_exit(scenario)
    candidate = load_or_exit(playbook or configured_playbook(settings))
    tell(candidate.warnings)
    _play(lines, candidate, settings, folder=Path() if str(scenario) == "-" else scenario.parent)


def _lines_or_exit(scenario: Path) -> "tuple[Line, ...]":
    from baton_standalone.scenario import ScenarioError, read_scenario

    try:
        text = (sys.stdin.buffer.read() if str(scenario) == "-" else scenario.read_bytes()).decode()
        return read_scenario(text, name=str(scenario))
    except OSError as error:
        sys.stderr.write(f"{scenario}: {error.strerror}\n")
    except UnicodeDecodeError as error:
        sys.stderr.write(f"{scenario}: not UTF-8: {error}\n")
    except ScenarioError as error:
        sys.stderr.writelines(f"{mistake}\n" for mistake in error.mistakes)
    raise typer.Exit(EXIT_MISTAKES)


def _play(lines: "tuple[Line, ...]", candidate: "Candidate", settings: "Settings", *, folder: Path) -> None:
    import uvloop

    from baton_standalone.apps import import_simulator
    from baton_standalone.embedded import EmbeddedPostgresError
    from baton_standalone.throwaway import temporary_database, temporary_server

    async def play(database: str) -> None:
        from baton_standalone.simulator import Run, simulate

        begin_collecting()
        await simulate(Run(lines, candidate.files, database, folder, sys.stdout.buffer.write, settings.public_url))

    async def play_on(server: str) -> None:
        async with temporary_database(server) as database:
            await play(database)

    try:
        if settings.database_url is not None:
            uvloop.run(play_on(settings.database_url))
        else:
            with temporary_server(import_simulator) as database:
                uvloop.run(play(database))
    except EmbeddedPostgresError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from None
    finally:
        sys.stdout.buffer.flush()
