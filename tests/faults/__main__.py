"""`make faults`: kill every part under load, then find every accepted lead again, once."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.bench.systems import Baton, Ground
from tests.faults.scenario import Scenario


async def run(options: argparse.Namespace) -> bool:
    """Whether every accepted lead was found, once."""
    with tempfile.TemporaryDirectory(prefix="baton-faults-") as folder:
        async with Ground(Path(folder)) as ground, Baton(ground, prefix="faults.") as baton:
            scenario = Scenario(ground, baton, rate=options.rate, outage=options.outage, between=options.between)
            sent, count = await scenario.run(scenario.all_faults())
    print(f"sent {len(sent.at)}, accepted {len(sent.accepted)}, refused {sent.refused}, broken off {sent.broken}")
    print(f"found {len(count.found)}, lost {len(count.lost)}, dead-lettered {len(count.dead)}")
    print(f"answered twice {len(count.assigned_twice)}, open twice {len(count.open_twice)}, waiting {count.waiting}")
    return count.is_clean


def main() -> None:
    """Parse the options, run, exit with 1 if a lead was lost or doubled."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--rate", type=float, default=300.0)
    parser.add_argument("--outage", type=float, default=10.0)
    parser.add_argument("--between", type=float, default=6.0)
    sys.exit(0 if asyncio.run(run(parser.parse_args())) else 1)


if __name__ == "__main__":
    main()
