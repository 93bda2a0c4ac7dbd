"""A service's chain of migrations, and whether its schema is at the end of it already.

Alembic and SQLAlchemy take a third of a second to import, and there is nothing for them to do at most starts: they are
imported only where the answer is no.
"""

import asyncio
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

import asyncpg

from baton.flow.database import TRANSIENT, DatabaseUnavailable

_SECONDS: Final = 5.0
_REVISION: Final = re.compile(r'^(revision|down_revision) = "([^"]+)"$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Chain:
    """One service's migrations: the package with `SCHEMA`, whose `models.py` has `metadata`, beside `migrations/`."""

    package: str

    @property
    def schema(self) -> str:
        schema: str = self._module.SCHEMA
        return schema

    @property
    def folder(self) -> Path:
        return Path(str(self._module.__file__)).parent / "migrations"

    @property
    def head(self) -> str | None:
        """The last revision, None if no single one is. Read as text: to import a revision is to import Alembic."""
        found = [match.groups() for file in self._versions for match in _REVISION.finditer(file.read_text("utf-8"))]
        followed = {revision for name, revision in found if name == "down_revision"}
        heads = [revision for name, revision in found if name == "revision" and revision not in followed]
        return heads[0] if len(heads) == 1 else None

    @property
    def _module(self) -> ModuleType:
        return import_module(self.package)

    @property
    def _versions(self) -> list[Path]:
        return sorted((self.folder / "versions").glob("*.py"))


async def bring_to_head(url: str, chain: Chain) -> None:
    """Migrate the schema where it isn't up to date.

    Raises:
        DatabaseUnavailable: it is away; what was not committed is undone.
    """
    if await is_at_head(url, chain):
        return
    migrations = await asyncio.to_thread(import_module, "baton.service.migrations")
    await migrations.upgrade(url, chain)


async def is_at_head(url: str, chain: Chain) -> bool:
    """Whether all migrations are done, by one question. No lock: a migration and its number are committed together.

    Raises:
        DatabaseUnavailable: it is away.
    """
    try:
        connection = await asyncpg.connect(url, timeout=_SECONDS, command_timeout=_SECONDS)
        try:
            done = await connection.fetch(f'select version_num from "{chain.schema}".alembic_version')  # noqa: S608
        finally:
            await connection.close(timeout=_SECONDS)
    except TRANSIENT as error:
        raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error
    except asyncpg.PostgresError:  # no table yet, or what Alembic will name better
        return False
    return [row["version_num"] for row in done] == [chain.head]
