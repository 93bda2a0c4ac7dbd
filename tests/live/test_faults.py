"""Faults under load, in short: `make faults` is the long form, which also says how fast everything came back."""

import asyncio
from pathlib import Path

import pytest

from tests.bench.systems import Baton, Ground
from tests.faults.fairness import LEADS, REPS, Shares, share_turns
from tests.faults.scenario import Outcome, Scenario
from tests.support.available import unavailable
from tests.support.kafka import KafkaUnavailableError

pytestmark = pytest.mark.slow


def test_every_accepted_lead_is_found_once_whatever_was_killed_meanwhile(tmp_path: Path) -> None:
    try:
        outcome = asyncio.run(_kill_everything(tmp_path))
    except KafkaUnavailableError as error:
        unavailable("kafka", str(error))
    count = outcome.count

    assert len(outcome.sent.accepted) > 1000
    assert (count.lost, count.in_two_places, count.told_twice, count.without_clock) == (frozenset(),) * 4
    assert not any(count.waiting.values()), count.waiting


def test_four_routers_share_the_turns_exactly_with_one_of_them_killed_midway(tmp_path: Path) -> None:
    try:
        shares = asyncio.run(_share_turns(tmp_path))
    except KafkaUnavailableError as error:
        unavailable("kafka", str(error))

    assert shares.accepted == LEADS
    assert shares.by_rep == {f"r0{number}": LEADS // REPS for number in range(1, REPS + 1)}
    assert shares.count.is_clean, shares.count


async def _kill_everything(folder: Path) -> Outcome:
    async with Ground(folder) as ground, Baton(ground, prefix="faults.") as baton:
        scenario = Scenario(ground, baton, rate=100, outage=4, between=2)
        return await scenario.run(scenario.all_faults())


async def _share_turns(folder: Path) -> Shares:
    async with Ground(folder) as ground:
        return await share_turns(ground)
