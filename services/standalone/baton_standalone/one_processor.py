"""Processes that only ever wait for each other, on one processor."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def one_processor(*others: int, place: int | None = None) -> Iterator[None]:
    """Keep this process, and the others with all that they start from now on, on one of the processors.

    Who counts several of the kind gives each its `place`, so that they get different ones; else it is chance.

    Where they take turns a second processor gives nothing, and to be woken on one that sleeps, or where somebody else
    is at work, costs time: asking a database every 200 µs took a quarter of the CPU more on two. Nothing happens where
    a system knows no such thing, or forbids it.
    """
    if sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)
    one = {sorted(before)[(os.getpid() if place is None else place) % len(before)]}
    with suppress(OSError):
        for process in (0, *others):
            os.sched_setaffinity(process, one)
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, before)
