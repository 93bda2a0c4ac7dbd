"""`baton migrate`: the schemas of all services."""

import asyncio
import sys
from typing import Annotated

import typer


def migrate(
    *,
    down: Annotated[
        bool, typer.Option("--down", help="Take all schemas back to nothing. Everything in them is lost.")
    ] = False,
) -> None:
    """Bring the schemas of all four services up to date (where BATON_MIGRATE is false, nobody else does)."""
    from baton.service.settings import Settings, load_settings
    from baton_standalone.reaching import away_told, reachable_database

    settings = load_settings(Settings)
    with away_told(), reachable_database(settings) as url:
        asyncio.run(_migrate(url, down=down))


async def _migrate(url: str, *, down: bool) -> None:
    from baton.service.migrations import downgrade, upgrade
    from baton_standalone.apps import PARTS

    for part in PARTS:
        await (downgrade if down else upgrade)(url, part.chain)
        sys.stdout.write(f"{part.chain.schema}: {'gone' if down else 'up to date'}\n")
