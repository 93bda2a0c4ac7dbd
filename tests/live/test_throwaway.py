"""The server that a simulation starts for itself."""

import os
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from baton_standalone.one_processor import one_processor
from baton_standalone.throwaway import temporary_server

pytestmark = pytest.mark.postgres


def test_something_is_done_while_it_starts_and_nothing_is_left_of_it() -> None:
    done: list[str] = []

    with temporary_server(lambda: done.append("meanwhile")) as url:
        [folder] = parse_qs(urlsplit(url).query)["host"]
        was_there = Path(folder).exists()

    assert (was_there, done) == (True, ["meanwhile"])
    assert not Path(folder).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can keep processes on one processor")
async def test_whoever_asks_it_and_what_answers_are_on_one_processor_meanwhile() -> None:
    before = os.sched_getaffinity(0)

    with temporary_server(lambda: None) as url:
        connection = await asyncpg.connect(url)
        ours, its = os.sched_getaffinity(0), os.sched_getaffinity(connection.get_server_pid())
        await connection.close()

    assert (len(ours), its) == (1, ours)
    assert os.sched_getaffinity(0) == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can keep processes on one processor")
def test_each_of_two_that_are_counted_has_a_processor_of_its_own() -> None:
    places = list[set[int]]()

    for place in (0, 1):
        with one_processor(place=place):
            places.append(os.sched_getaffinity(0))

    assert len(set.union(*places)) == min(2, len(os.sched_getaffinity(0)))
