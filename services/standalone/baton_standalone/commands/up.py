"""`baton up`: all of Baton in one process."""

import sys

import typer

from baton.service.collecting import put_off_collecting


def up() -> None:
    """Run all of Baton in this process: the four services, a database if BATON_DATABASE_URL names none, and a bus.

    Publishes the playbook BATON_PLAYBOOK where none is active, or it has changed since it was published last; without
    BATON_PLAYBOOK the reference one, where none is active.
    """
    put_off_collecting()
    from baton.leads.playbook.findings import PlaybookError
    from baton.service.logs import configure_logs
    from baton.service.settings import EXIT_WRONG_SETTING, Settings, load_settings
    from baton_standalone.commands.playbook import configured_playbook, tell
    from baton_standalone.publishing import read_candidate
    from baton_standalone.running import run_all
    from baton_standalone.starting import Chosen

    settings = load_settings(Settings)
    configure_logs(settings.log_level)
    try:
        candidate = read_candidate(configured_playbook(settings), published=True)
        tell(candidate.warnings)
        run_all(settings, Chosen(candidate, configured=settings.playbook))
    except PlaybookError as error:
        sys.stderr.write(f"BATON_PLAYBOOK={settings.playbook} can't be used:\n")
        tell(error.findings)
        raise typer.Exit(EXIT_WRONG_SETTING) from None
