"""How a command reaches database and bus: those of the settings, or the embedded ones of a running `baton up`."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from baton.flow.bus import Bus, BusUnavailable
from baton.flow.database import DatabaseUnavailable
from baton.flow.urls import bus_from_url
from baton.kernel.clock import SystemClock
from baton.service.logs import quieten_libraries
from baton.service.settings import EXIT_WRONG_SETTING, Settings, load_settings
from baton_standalone.embedded import EmbeddedPostgres, EmbeddedPostgresError

EXIT_AWAY: Final = 1


@contextmanager
def reachable_database(settings: Settings, *, make: bool = True) -> Iterator[str]:
    """The URL of the database: given, or the embedded one, adopted where it runs and else started meanwhile.

    Exits with code 1 and a line if it can't be had; with code 2 where there is no embedded one and none is to be made,
    because who reads would see an empty one and believe it, and who publishes would tell nobody.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    embedded = EmbeddedPostgres(settings.data)
    if not (make or embedded.exists):
        sys.stderr.write(f"BATON_DATA: there is no Baton's database in {settings.data} (or set BATON_DATABASE_URL)\n")
        sys.exit(EXIT_WRONG_SETTING)
    if embedded.pid is not None:
        yield embedded.url
        return
    try:
        url = embedded.start()
    except EmbeddedPostgresError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(EXIT_AWAY)
    try:
        yield url
    finally:
        embedded.stop()


def service_url(name: str, *, url: str | None, own: str | None) -> str:
    """Where a service is: its `own` address, else below that of all of Baton, which is BATON_LISTEN's if not given."""
    if own is not None:
        return own.rstrip("/")
    from baton_standalone.demo.running import loopback_url

    return f"{(url or loopback_url(load_settings(Settings))).rstrip('/')}/{name}"


@asynccontextmanager
async def open_bus(settings: Settings, database_url: str) -> AsyncIterator[Bus]:
    """The bus of the settings, started; where it is away we say so, and no library beside us."""
    quieten_libraries()
    bus = make_bus(settings, database_url)
    await bus.start()
    try:
        yield bus
    finally:
        await bus.stop()


def make_bus(settings: Settings, database_url: str) -> Bus:
    """The bus of the settings; exits with code 2 if they name none."""
    try:
        return bus_from_url(settings.bus_url, settings=settings, database_url=database_url, clock=SystemClock())
    except ValueError as error:
        sys.stderr.write(f"BATON_BUS_URL: {error}\n")
        sys.exit(EXIT_WRONG_SETTING)


def refuse_memory(settings: Settings) -> None:
    """Exit with code 2 where another process has nothing to see."""
    if settings.bus_url.startswith("memory:"):
        sys.stderr.write("BATON_BUS_URL: a bus in memory lives in one process only; use postgres: or kafka://…\n")
        sys.exit(EXIT_WRONG_SETTING)


@contextmanager
def away_told() -> Iterator[None]:
    """Turn what is away into one line and exit code 1."""
    try:
        yield
    except (BusUnavailable, DatabaseUnavailable) as error:
        what = "bus" if isinstance(error, BusUnavailable) else "database"
        sys.stderr.write(f"the {what} can't be reached: {str(error)[:300]}\n")
        sys.exit(EXIT_AWAY)
