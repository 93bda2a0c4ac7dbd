"""Making a playbook the active one: what `baton playbook publish`, `baton up` and the simulator share."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from baton.flow.bus import Bus
from baton.flow.database import Database
from baton.kernel.clock import Clock
from baton.leads.envelope import UnreadableEvent, decode
from baton.leads.events import PlaybookActivated, PlaybookPublished
from baton.leads.playbook.content import unpack
from baton.leads.playbook.files import read_directory
from baton.leads.playbook.findings import Finding, PlaybookError, Severity
from baton.leads.playbook.loader import Loaded, load_files, load_published
from baton.leads.playbook.model import Playbook
from baton.leads.topics import Topic
from baton.service.playbooks import publish
from baton_router import SCHEMA as ROUTER
from baton_router import staff_repository


class Refused(Exception):
    """A publish that would leave leads without their owner."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A playbook in a directory, loaded."""

    files: Mapping[str, bytes]
    playbook: Playbook
    warnings: tuple[Finding, ...]
    mistakes: tuple[Finding, ...] = ()
    """With any it can't be published, only be active already."""


def read_candidate(directory: Path, *, published: bool = False) -> Candidate:
    """Load the playbook in a directory; `published`: as services read one that was accepted before.

    Raises:
        PlaybookError: it has mistakes, or can't be read.
    """
    try:
        files = read_directory(directory)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PlaybookError([Finding(Severity.ERROR, str(directory), 1, "", f"can't be read: {reason}")]) from None
    loaded: Loaded = load_published(files) if published else load_files(files)
    return Candidate(
        files=loaded.playbook.files,
        playbook=loaded.playbook,
        warnings=loaded.warnings,
        mistakes=loaded.mistakes,
    )


@dataclass(frozen=True, slots=True)
class Active:
    """The playbook that decides now, as it stands on the topic."""

    published: PlaybookPublished
    configured: str | None = None
    """What was published last from BATON_PLAYBOOK, by its hash."""

    @property
    def hash(self) -> str:
        return self.published.hash

    @property
    def title(self) -> str:
        return title(self.published)

    @property
    def files(self) -> Mapping[str, bytes]:
        return unpack(self.published.files)


@dataclass(frozen=True, slots=True)
class Kept:
    """All that the topic keeps: every playbook that was ever published, by hash, and the one that decides now."""

    published: Mapping[str, PlaybookPublished]
    active: Active | None

    def starting_with(self, start: str) -> list[PlaybookPublished]:
        """Those whose hash begins so."""
        return [each for key, each in self.published.items() if key.startswith(start.lower())]


async def read_kept(bus: Bus) -> Kept:
    """Read the topic to its end. Raises BusUnavailable."""
    published: dict[str, PlaybookPublished] = {}
    wanted: PlaybookActivated | None = None
    async for record in bus.read(Topic.PLAYBOOK, follow=False):
        try:
            data = decode(record.headers, record.value).data
        except UnreadableEvent:
            continue  # a later release's; the services say so
        if isinstance(data, PlaybookPublished):
            published[data.hash] = data
        elif isinstance(data, PlaybookActivated):
            wanted = data
    if wanted is None or wanted.hash not in published:
        return Kept(published, None)
    return Kept(published, Active(published[wanted.hash], wanted.configured))


async def read_active(bus: Bus) -> Active | None:
    """The active playbook, None before the first was published. Raises BusUnavailable."""
    return (await read_kept(bus)).active


def title(playbook: Playbook | PlaybookPublished) -> str:
    """How people are told of a playbook."""
    return f'"{playbook.version}" ({playbook.hash[:12]})'


async def publish_candidate(
    bus: Bus, candidate: Candidate, *, clock: Clock, database_url: str, is_configured: bool = False
) -> None:
    """Make it the active one; `is_configured`: it is what BATON_PLAYBOOK holds.

    Raises:
        Refused: it lacks a rep who has open leads.
        BusUnavailable: publish it again.
    """
    await _refuse_orphans(candidate.playbook.reps, database_url)
    active = await read_active(bus)
    before = None if active is None else active.configured
    configured = candidate.playbook.hash if is_configured else before
    await publish(bus, candidate.files, clock=clock, configured=configured)


async def _refuse_orphans(reps: Collection[str], database_url: str) -> None:
    left = {rep: leads for rep, leads in (await _open_leads(database_url)).items() if rep not in reps}
    if left:
        told = ", ".join(f"{rep} ({leads} open)" for rep, leads in sorted(left.items()))
        raise Refused(
            f"these reps have open leads, but the playbook lacks them: {told}"
            " (hand them over first: POST /router/v1/reps/{id}/handover)"
        )


async def _open_leads(database_url: str) -> Mapping[str, int]:
    """As the router says, whose tables these are."""
    router = Database(database_url, schema=ROUTER, size=1)
    await router.start()
    try:
        async with router.connection() as connection:
            return await staff_repository.reps_with_open(connection)
    except asyncpg.UndefinedTableError:
        return {}  # no router has ever run here
    finally:
        await router.stop()
