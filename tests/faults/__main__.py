"""`make faults`: kill every part under load, then find every accepted lead again, once, in time."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench.ending import run_until_told
from tests.bench.load import Sent
from tests.bench.machine import QUIET
from tests.bench.systems import Baton, Ground
from tests.faults.counting import Count
from tests.faults.embedded import EmbeddedFaults
from tests.faults.fairness import Shares, share_turns
from tests.faults.scenario import Outcome, Scenario


async def run_embedded(options: argparse.Namespace) -> bool:
    """Whether every accepted lead was found, once, with all of Baton in one process on its own database."""
    with tempfile.TemporaryDirectory(prefix="baton-up-") as folder:
        faults = EmbeddedFaults(Path(folder), rate=options.rate, between=options.between, tell=say)
        sent, count = await faults.run()
    tell_counts(sent, count)
    print("no lead lost, none twice" if count.is_clean else "LEADS LOST OR DOUBLED", flush=True)
    return count.is_clean


async def run(options: argparse.Namespace) -> bool:
    """Whether every accepted lead was found, once, all came back in time, and the turns were shared equally."""
    with tempfile.TemporaryDirectory(prefix="baton-faults-") as folder:
        async with Ground(Path(folder)) as ground:
            async with Baton(ground, prefix="faults.") as baton:
                scenario = Scenario(
                    ground, baton, rate=options.rate, outage=options.outage, between=options.between,
                    seconds=options.seconds, tell=say,
                )  # fmt: skip
                outcome = await scenario.run(scenario.all_faults())
            tell_outcome(outcome)
        if options.only_faults:
            return is_passed(outcome)
    with tempfile.TemporaryDirectory(prefix="baton-fairness-") as folder:
        async with Ground(Path(folder)) as ground:
            shares = await share_turns(ground)
            tell_shares(shares)
    return is_passed(outcome) and shares.is_fair


def is_passed(outcome: Outcome) -> bool:
    """Nothing lost or doubled, and nothing late."""
    return outcome.count.is_clean and not outcome.late


def say(line: str) -> None:
    print(f"  {line}", flush=True)


def tell_outcome(outcome: Outcome) -> None:
    """What was sent and found, and how long the lanes stood still."""
    tell_counts(outcome.sent, outcome.count)
    for recovery in outcome.recoveries:
        bound = "" if recovery.bound is None else f" (bound {recovery.bound:g} s)"
        late = "" if recovery.is_in_time else "  TOO LATE"
        print(f"  {recovery.name:22} lanes stood still for {recovery.seconds:5.2f} s{bound}{late}")
    if outcome.others > QUIET:
        print(f"others took {outcome.others:.0%} of the machine: the times say little")
    print("no lead lost, none twice" if outcome.count.is_clean else "LEADS LOST OR DOUBLED", end=", ")
    print("LATE" if outcome.late else "all back in time", flush=True)


def tell_counts(sent: Sent, count: Count) -> None:
    """What was sent, and where it was found."""
    unsent = len(sent.at) - len(sent.accepted) - sent.refused - sent.broken
    print(
        f"sent {len(sent.at)}: accepted {len(sent.accepted)}, refused {sent.refused}, broken off {sent.broken},",
        end=" ",
    )
    print(f"given up before sending {unsent}")
    print(f"found {len(count.found)} (dead-lettered {len(count.dead)}), lost {len(count.lost)}")
    print(f"in two places {len(count.in_two_places)}, told twice {len(count.told_twice)},", end=" ")
    print(f"without their clock {len(count.without_clock)}, rows left waiting {sum(count.waiting.values())}")


def tell_shares(shares: Shares) -> None:
    """Who got how many."""
    told = ", ".join(f"{rep} {number}" for rep, number in sorted(shares.by_rep.items()))
    verdict = "equal" if shares.is_fair else "FAILED"
    print(f"four routers, one killed midway, {shares.accepted} leads: {told}: {verdict}", flush=True)


def main() -> None:
    """Parse the options, run, exit with 1 if a lead was lost or doubled, a part came back late, or a rep got more."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--rate", type=float, default=300.0, help="leads a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="leads come for so long at least")
    parser.add_argument("--outage", type=float, default=10.0, help="seconds that broker and database stay away")
    parser.add_argument(
        "--between", type=float, default=6.0, help="seconds from when all moves again to the next fault"
    )
    parser.add_argument("--only-faults", action="store_true", help="leave out the four routers that share turns")
    parser.add_argument("--embedded", action="store_true", help="all of Baton in one process, without Kafka, instead")
    options = parser.parse_args()
    sys.exit(0 if run_until_told((run_embedded if options.embedded else run)(options)) else 1)


if __name__ == "__main__":
    main()
