"""`baton dlq`: what was accepted and could not be processed."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from baton.flow.reasons import Reason
from baton_standalone.terminal import plain

if TYPE_CHECKING:
    from baton.flow.bus import Bus
    from baton.service.settings import Settings
    from baton_standalone.dead_letter_box import DeadLetterBox, Filter, Letter

EXIT_WRONG: Final = 2
_MOST: Final = 1_000_000

app: Final = typer.Typer(no_args_is_help=True, help="List, show and replay dead letters.")
Result = TypeVar("Result")

Consumer = Annotated[str | None, typer.Option("--consumer", help="Whose: `baton-router` …")]
Why = Annotated[Reason | None, typer.Option("--reason", help="Why they could not be processed.")]
Since = Annotated[str | None, typer.Option("--since", help="An instant, or how long ago: `2h`.")]
Lead = Annotated[str | None, typer.Option("--lead", help="A lead's id, email address or phone.")]


@app.command("list")
def list_(
    *,
    consumer: Consumer = None,
    reason: Why = None,
    since: Since = None,
    lead: Lead = None,
    replayed: Annotated[bool, typer.Option("--replayed", help="Also those that were replayed already.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1)] = 100,
    json: Annotated[bool, typer.Option("--json", help="As JSON lines.")] = False,
) -> None:
    """List dead letters, the oldest first. Without personal data: that is in `show` only."""
    wanted = _filter(consumer, reason, since, lead, replayed=replayed)
    letters, consumers = _run(lambda box: _find(box, wanted, limit=limit))
    for letter in letters:
        sys.stdout.write(_line(letter, json=json))
    if not letters:
        others = f" like that; there are some of {', '.join(consumers)}" if consumers else ""
        sys.stderr.write(f"no dead letters{others}\n")


async def _find(box: "DeadLetterBox", wanted: "Filter", *, limit: int) -> "tuple[list[Letter], list[str]]":
    """Where none are wanted, also whose there are others."""
    letters = await _wanted(box, wanted, limit=limit)
    return letters, [] if letters else await box.consumers()


async def _wanted(box: "DeadLetterBox", wanted: "Filter", *, limit: int = _MOST) -> "list[Letter]":
    """What is wanted. Raises ValueError where nobody is called as the consumer that was asked for."""
    from baton.kernel.suggestions import did_you_mean
    from baton_standalone.apps import PARTS

    letters = await box.find(wanted, limit=limit)
    if not letters and wanted.consumer is not None:
        ours = {name for part in PARTS for name in part.consumers}
        known = sorted({*ours, *await box.consumers(replayed=True)})
        if wanted.consumer not in known:
            hint = did_you_mean(wanted.consumer, known) or f"there are {', '.join(known)}"
            raise ValueError(f'--consumer: there is no "{plain(wanted.consumer)}": {hint}')
    return letters


@app.command()
def show(letter: Annotated[str, typer.Argument(metavar="ID", help="As `list` gives it: `router:12`.")]) -> None:
    """Show one with its original record. That may hold personal data."""
    import orjson

    from baton_standalone.dead_letter_box import Filter

    async def read(box: "DeadLetterBox") -> dict[str, object] | None:
        found = await box.find(Filter(ids=[letter], replayed=True), limit=1)
        return await box.content(found[0]) if found else None

    content = _run(read)
    if content is None:
        sys.stderr.write(f"there is no dead letter {letter}\n")
        raise typer.Exit(1)
    sys.stdout.write(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode() + "\n")


@app.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="As `list` gives them.")] = None,
    *,
    consumer: Consumer = None,
    reason: Why = None,
    since: Since = None,
    lead: Lead = None,
    every: Annotated[bool, typer.Option("--all", help="All that there are.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which.")] = False,
    rate: Annotated[float | None, typer.Option("--rate", min=0.1, help="So many a second at most.")] = None,
) -> None:
    """Give dead letters back to the consumers that failed, and to no others."""
    if not (ids or consumer or reason or since or lead or every):
        sys.stderr.write("which ones? Give ids, a filter, or --all\n")
        raise typer.Exit(EXIT_WRONG)
    wanted = _filter(consumer, reason, since, lead, ids=ids or [])
    if dry_run:
        letters = _run(lambda box: _wanted(box, wanted))
        taken: list[str] = []
    else:
        letters, taken = _run_on_bus(lambda box, bus: _replay(box, bus, wanted, rate=rate))
    for letter in letters:
        sys.stdout.write(_line(letter, json=False))
    left = len(letters) - len(taken)
    if dry_run:
        sys.stderr.write(f"{len(letters)} would be replayed\n")
    else:
        sys.stderr.write(f"{len(taken)} replayed" + (f", {left} can't be: no events at all" if left else "") + "\n")
    missing = sorted(set(ids or []) - {letter.id for letter in letters})
    if missing:
        sys.stderr.write(f"not there, or replayed already: {', '.join(missing)}\n")
        raise typer.Exit(1)


async def _replay(
    box: "DeadLetterBox", bus: "Bus", wanted: "Filter", *, rate: float | None
) -> "tuple[list[Letter], list[str]]":
    from baton.kernel.clock import SystemClock

    letters = await _wanted(box, wanted)
    return letters, await box.replay(letters, bus=bus, clock=SystemClock(), rate=rate)


def _run(act: "Callable[[DeadLetterBox], Awaitable[Result]]") -> Result:
    from baton.service.settings import Settings, load_settings

    return _with_box(load_settings(Settings), lambda box, _: act(box))


def _run_on_bus(act: "Callable[[DeadLetterBox, Bus], Awaitable[Result]]") -> Result:
    """What goes to a lane of the bus: with other partitions than the services have, nobody would look there."""
    from baton.service.settings import Settings, load_settings
    from baton_standalone.reaching import open_bus
    from baton_standalone.topics import require_topics

    async def run(box: "DeadLetterBox", url: str) -> Result:
        async with open_bus(settings, url) as bus:
            await require_topics(bus, settings)
            return await act(box, bus)

    settings = load_settings(Settings)
    return _with_box(settings, run)


def _with_box(settings: "Settings", act: "Callable[[DeadLetterBox, str], Awaitable[Result]]") -> Result:
    """`act` with the box and the URL of the database; what is away or wrong is told in a line."""
    from baton_standalone.apps import PARTS
    from baton_standalone.dead_letter_box import open_box
    from baton_standalone.reaching import away_told, reachable_database

    async def run(url: str) -> Result:
        async with open_box(url, [part.chain.schema for part in PARTS]) as box:
            return await act(box, url)

    try:
        with away_told(), reachable_database(settings, make=False) as url:
            return asyncio.run(run(url))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(EXIT_WRONG) from None


def _filter(
    consumer: str | None,
    reason: Reason | None,
    since: str | None,
    lead: str | None,
    *,
    ids: list[str] | None = None,
    replayed: bool = False,
) -> "Filter":
    from baton.kernel.clock import SystemClock
    from baton.leads.naming import lead_id_named
    from baton_standalone.dead_letter_box import Filter
    from baton_standalone.reading_options import instant_or_ago

    try:
        return Filter(
            consumer=consumer,
            reason=reason,
            since=None if since is None else instant_or_ago(since, now=SystemClock().now()),
            lead_id=None if lead is None else lead_id_named(lead),
            ids=ids or [],
            replayed=replayed,
        )
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(EXIT_WRONG) from None


def _line(letter: "Letter", *, json: bool) -> str:
    import orjson

    from baton.kernel.instants import format_instant

    if json:
        return orjson.dumps(letter.as_dict()).decode() + "\n"
    return f"{letter.id}  {format_instant(letter.at)}  {letter.consumer}  {letter.reason}  {letter.error}\n"
