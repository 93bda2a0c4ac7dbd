"""Topics as people name them on the command line, and their making."""

import sys
from typing import Final

from baton.flow.bus import Bus
from baton.leads.topics import Topic
from baton.service.service import topic_specs
from baton.service.settings import EXIT_WRONG_SETTING, Settings

_FAMILY: Final = "baton."


async def make_topics(bus: Bus, settings: Settings) -> None:
    """Create the topics that are missing. Raises as `Bus.ensure_topics`."""
    await bus.ensure_topics(topic_specs(settings))


async def require_topics(bus: Bus, settings: Settings) -> None:
    """As `make_topics`, for a command that may come before the first service.

    Exits with code 2 and a line where there are other partitions than the settings say.
    """
    try:
        await make_topics(bus, settings)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(EXIT_WRONG_SETTING)


def topic_named(name: str) -> Topic:
    """A topic by its name, with or without `baton.` before it.

    Raises:
        ValueError: there is none of that name.
    """
    full = name if name.startswith(_FAMILY) else _FAMILY + name
    try:
        return Topic(full)
    except ValueError:
        known = ", ".join(topic.removeprefix(_FAMILY) for topic in Topic)
        raise ValueError(f"there is no topic {name}: {known}") from None
