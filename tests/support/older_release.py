"""What a release published that had fewer checks than this one."""

from collections.abc import Mapping
from datetime import UTC, datetime

from baton.flow.bus import Bus, Record
from baton.kernel.ids import derived_id
from baton.leads.envelope import Event, encode
from baton.leads.events import PlaybookActivated, PlaybookPublished
from baton.leads.playbook.content import content_hash, pack
from baton.leads.topics import Topic

_NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def publish_unchecked(bus: Bus, files: Mapping[str, bytes]) -> str:
    """Make a playbook the active one, whatever is wrong with it. Gives its hash."""
    name = content_hash(files)
    published = PlaybookPublished(hash=name, version="", files=pack(files))
    await bus.publish([record(published, key=name), record(PlaybookActivated(hash=name, at=_NOW), key="active")])
    return name


def record(data: PlaybookPublished | PlaybookActivated, *, key: str) -> Record:
    """As it stands on the topic."""
    event = Event(id=derived_id(data.type, data.hash), source="/test", time=_NOW, key=key, data=data)
    headers, value = encode(event)
    return Record(topic=Topic.PLAYBOOK, key=key.encode(), value=value, headers=headers)
