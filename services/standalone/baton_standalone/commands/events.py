"""`baton events`: what happens, as lines."""

import asyncio
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from baton.leads.topics import Topic
    from baton.service.settings import Settings

EXIT_WRONG: Final = 2


class Begin(StrEnum):
    """Where to begin."""

    EARLIEST = "earliest"
    LATEST = "latest"


def events(
    *,
    topic: Annotated[
        list[str] | None, typer.Option("--topic", help="`leads.assigned`, `sla.events` …; without it all of them.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they come, until interrupted.")] = False,
    begin: Annotated[
        Begin | None, typer.Option("--from", help="Without it: earliest; with --follow latest.", show_default=False)
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="A line is {at, topic, partition, offset, id, key, type, data}.")
    ] = False,
) -> None:
    """Print the events of the bus, beside everything: no consumer is moved."""
    from baton.service.logs import configure_logs
    from baton.service.settings import Settings, load_settings
    from baton_standalone.reaching import away_told, reachable_database, refuse_memory

    settings = load_settings(Settings)
    configure_logs("error")
    refuse_memory(settings)
    topics = _topics(topic)
    from_end = (begin or (Begin.LATEST if follow else Begin.EARLIEST)) is Begin.LATEST
    with away_told(), reachable_database(settings, make=False) as url:
        try:
            asyncio.run(_print(settings, url, topics, follow=follow, from_end=from_end, json=json))
        except (KeyboardInterrupt, BrokenPipeError):
            sys.stderr.close()  # whoever read along is gone; no complaint at exit


def _topics(names: list[str] | None) -> "list[Topic]":
    from baton.leads.topics import Topic
    from baton_standalone.topics import topic_named

    try:
        return [topic_named(name) for name in names] if names else list(Topic)
    except ValueError as error:
        sys.stderr.write(f"--topic: {error}\n")
        raise typer.Exit(EXIT_WRONG) from None


async def _print(
    settings: "Settings", url: str, topics: "list[Topic]", *, follow: bool, from_end: bool, json: bool
) -> None:
    from contextlib import aclosing

    from baton_standalone.event_lines import as_json_line, as_text_line, following, in_order
    from baton_standalone.reaching import open_bus
    from baton_standalone.topics import require_topics

    render = as_json_line if json else as_text_line
    async with open_bus(settings, url) as bus:
        await require_topics(bus, settings)
        records = following(bus, topics, from_end=from_end) if follow else in_order(bus, topics, from_end=from_end)
        async with aclosing(records):
            async for record in records:
                sys.stdout.buffer.write(render(record))
                if follow:
                    sys.stdout.buffer.flush()
    sys.stdout.buffer.flush()
