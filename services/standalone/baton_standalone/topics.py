"""Topics as people name them on the command line, and their making."""

from typing import Final

from baton.flow.bus import Bus
from baton.leads.topics import Topic
from baton.service.service import topic_specs
from baton.service.settings import Settings

_FAMILY: Final = "baton."


async def make_topics(bus: Bus, settings: Settings) -> None:
    """Create the topics that are missing, so that a command may come before the first service."""
    await bus.ensure_topics(topic_specs(settings))


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
