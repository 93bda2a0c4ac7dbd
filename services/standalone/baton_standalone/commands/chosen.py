"""The playbook that a command is asked about: a directory's, a published one's by its hash, or the active one."""

import asyncio
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from baton_standalone.commands.playbook import EXIT_MISTAKES, load_or_exit, tell

if TYPE_CHECKING:
    from baton.leads.events import PlaybookPublished
    from baton.leads.playbook.model import Playbook
    from baton_standalone.publishing import Kept

_HASH: Final = re.compile(r"[0-9A-Fa-f]{1,64}")
_LISTED: Final = 8


@dataclass(slots=True)
class Choice:
    """Finds playbooks by what people call them; the topic is read once, and only where it must be."""

    _kept: "Kept | None" = field(default=None, init=False)

    def named(self, name: str | None) -> "Playbook":
        """None is the active one. Exits with a line where there is none."""
        if name is None:
            return self._active()
        if is_directory(name):
            return load_or_exit(Path(name)).playbook
        return _loaded(self.published(name), f"the playbook {name}")

    def published(self, start: str) -> "PlaybookPublished":
        """The only one whose hash begins so; exits with code 2 where there are more, or none."""
        return _one(self.kept.starting_with(start), start)

    @property
    def kept(self) -> "Kept":
        if self._kept is None:
            self._kept = _read_or_exit()
        return self._kept

    def _active(self) -> "Playbook":
        if self.kept.active is None:
            sys.stderr.write("no playbook is active: publish one with `baton playbook publish`\n")
            raise typer.Exit(1)
        return _loaded(self.kept.active.published, "the active playbook")


def is_directory(name: str) -> bool:
    """Whether a name is a directory's, be it there or not, and not the start of a hash."""
    return Path(name).is_dir() or not _HASH.fullmatch(name)


def _read_or_exit() -> "Kept":
    from baton.service.settings import Settings, load_settings
    from baton_standalone.publishing import Kept, read_kept
    from baton_standalone.reaching import away_told, open_bus, reachable_database, refuse_memory
    from baton_standalone.topics import require_topics

    async def read(url: str) -> Kept:
        async with open_bus(settings, url) as bus:
            await require_topics(bus, settings)
            return await read_kept(bus)

    settings = load_settings(Settings)
    refuse_memory(settings)
    with away_told(), reachable_database(settings, make=False) as url:
        return asyncio.run(read(url))


def _one(found: "list[PlaybookPublished]", start: str) -> "PlaybookPublished":
    from baton_standalone.publishing import title

    if len(found) == 1:
        return found[0]
    if not found:
        sys.stderr.write(f'"{start}" is no directory, and no published playbook\'s hash begins so\n')
    else:
        more = [f"and {len(found) - _LISTED} more"] if len(found) > _LISTED else []
        listed = ", ".join([*map(title, found[:_LISTED]), *more])
        sys.stderr.write(f'the hashes of several playbooks begin with "{start}": {listed}\n')
    raise typer.Exit(EXIT_MISTAKES)


def _loaded(published: "PlaybookPublished", what: str) -> "Playbook":
    """As services read it; mistakes with which it decides all the same are told on stderr."""
    from baton.leads.playbook.content import unpack
    from baton.leads.playbook.findings import PlaybookError
    from baton.leads.playbook.loader import load_published

    try:
        loaded = load_published(unpack(published.files))
    except PlaybookError as error:
        sys.stderr.write(f"this release can't read {what}:\n")
        tell(error.findings)
        raise typer.Exit(EXIT_MISTAKES) from None
    if loaded.mistakes:
        sys.stderr.write(f"{what} has mistakes, with which it could not be published now:\n")
        tell(loaded.mistakes)
    return loaded.playbook
