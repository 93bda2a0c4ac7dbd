"""`baton demo`: all of Baton in one process, and leads that come in."""

import sys
from typing import Annotated, Final

import typer

from baton.service.collecting import put_off_collecting

_MOST_LEADS: Final = 1_000_000


def demo(
    *,
    leads: Annotated[int, typer.Option(min=1, max=_MOST_LEADS, help="How many leads come in.")] = 60,
    rate: Annotated[float, typer.Option(min=0.01, max=1000, help="Leads a second.")] = 3.0,
    seed: Annotated[int | None, typer.Option(help="The same number, the same people.", show_default=False)] = None,
) -> None:
    """Run all of Baton, as `baton up` does, and send it leads as HubSpot, Marketo, Salesforce and a web form would.

    The terminal shows who gets whom, why, and how fast; some of these leads hear from their reps. Then it stays up.
    Secrets that the senders need and the environment lacks are made up and kept beside the data.
    """
    put_off_collecting()
    import random

    from baton.leads.playbook.findings import PlaybookError
    from baton.service.logs import configure_logs
    from baton.service.settings import EXIT_WRONG_SETTING, Settings, load_settings
    from baton_standalone.commands.playbook import configured_playbook, tell
    from baton_standalone.demo.running import DemoOptions, play
    from baton_standalone.demo.secrets import provide
    from baton_standalone.publishing import read_candidate
    from baton_standalone.running import run_all
    from baton_standalone.starting import Chosen

    settings = load_settings(Settings)
    # What goes well is shown by the demo itself.
    configure_logs("warning" if settings.log_level == "info" else settings.log_level)
    try:
        candidate = read_candidate(configured_playbook(settings))
        provide(candidate.playbook, folder=settings.data)
    except PlaybookError as error:
        tell(error.findings)
        raise typer.Exit(EXIT_WRONG_SETTING) from None
    except OSError as error:
        sys.stderr.write(f"BATON_DATA={settings.data}: can't be written: {error.strerror}\n")
        raise typer.Exit(EXIT_WRONG_SETTING) from None
    options = DemoOptions(leads=leads, rate=rate, seed=random.randrange(2**32) if seed is None else seed)
    chosen = Chosen(candidate, configured=settings.playbook)
    run_all(settings, chosen, companion=lambda beginning: play(beginning, options))
