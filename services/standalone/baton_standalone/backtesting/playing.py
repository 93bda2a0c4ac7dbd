"""The same history under two playbooks, in two processes beside each other."""

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Lock, Thread, main_thread
from typing import Final

import orjson

from baton.service.collecting import begin_collecting, put_off_collecting
from baton.service.logs import configure_logs
from baton_standalone.apps import import_simulator
from baton_standalone.backtesting.outcomes import Observer, Outcomes
from baton_standalone.scenario import Line, Replace, read_lines
from baton_standalone.throwaway import temporary_server

_PLAYING: Final = Lock()
"""Held while this process plays: it is not to end before what it plays on is cleared away."""


@dataclass(frozen=True, slots=True)
class Play:
    """One run of a scenario: under the playbook that was there, and from `since` on under the one to be tried.

    `place`: each run keeps to a processor of its own.
    """

    scenario: Path
    before: Mapping[str, bytes]
    tried: Mapping[str, bytes]
    since: datetime
    place: int


def play_all(plays: Sequence[Play]) -> list[Outcomes]:
    """What comes of each, in their order.

    Raises:
        EmbeddedPostgresError: a database to play on can't be had.
    """
    spawning = get_context("spawn")
    with ProcessPoolExecutor(len(plays), mp_context=spawning, initializer=_end_with_the_command) as processes:
        return list(processes.map(play, plays))


def _end_with_the_command() -> None:
    """Have this process stop once the command is killed, as if by Ctrl-C: it would play on, and then wait for ever."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a script starts behind itself ignores it
    Thread(target=_end_with, args=(parent_process(),), daemon=True).start()


def _end_with(command: BaseProcess) -> None:
    command.join()
    playing = main_thread().ident
    if _PLAYING.locked() and playing is not None:
        signal.pthread_kill(playing, signal.SIGINT)
    with _PLAYING:
        os._exit(1)


def play(one: Play) -> Outcomes:
    """Play it on a database of its own, which is gone afterwards: the one that serves leads is left in peace."""
    import uvloop

    put_off_collecting()
    configure_logs("error")
    with _PLAYING, temporary_server(import_simulator, place=one.place) as database:
        begin_collecting()
        return uvloop.run(play_on(database, one))


async def play_on(database: str, one: Play) -> Outcomes:
    """Play it on this database, which nobody has used yet."""
    from baton_standalone.simulator import Run, simulate

    observer = Observer(one.since)

    def take(line: bytes) -> None:
        observer.take(orjson.loads(line))

    with one.scenario.open(encoding="utf-8") as written:
        lines = changing(read_lines(written), one.tried, since=one.since)
        await simulate(Run(lines, one.before, database, folder=one.scenario.parent, write=take))
    return observer.outcomes()


def changing(lines: Iterator[Line], tried: Mapping[str, bytes], *, since: datetime) -> Iterator[Line]:
    """The lines, and where the time to be looked at begins the playbook to be tried."""
    for line in lines:
        if tried and line.at >= since:
            yield Replace(since, tried)
            tried = {}
        yield line
