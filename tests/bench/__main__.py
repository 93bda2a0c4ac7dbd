"""`make bench`: webhook to assigned, Baton's four processes next to the bare pipeline, in turns, in one run.

Figures of one machine don't travel; the ratios do.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.ending import run_until_told
from tests.bench.measure import Result, measure
from tests.bench.report import print_report, summarise, tell, write_json
from tests.bench.systems import Bare, Baton, Embedded, Ground, System

_WARM_UP_RATE: Final = 200.0


async def run(options: argparse.Namespace) -> list[Result]:
    """All systems in turns: each is started, warmed up, measured and ended, so that they never share the machine."""
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        async with Ground(Path(folder)) as ground:
            for number in range(options.rounds):
                for system in _systems(ground, number, embedded=options.embedded):
                    results += await _round(system, ground, options)
    return results


def _systems(ground: Ground, number: int, *, embedded: bool) -> Sequence[System]:
    baton: Sequence[System] = (Bare(ground), Baton(ground, prefix=f"bench{number}."))
    return (*baton, Embedded(ground)) if embedded else baton


async def _round(system: System, ground: Ground, options: argparse.Namespace) -> list[Result]:
    results: list[Result] = []
    async with system:
        await measure(system, ground, rate=_WARM_UP_RATE, seconds=options.warm_up)
        for rate in (*options.rates, None):
            results.append(await measure(system, ground, rate=rate, seconds=options.seconds))
            tell(results[-1])
    return results


def main() -> None:
    """Parse the options, measure, report."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rates", type=float, nargs="*", default=[100.0, 300.0, 500.0], help="leads a second")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measurement")
    parser.add_argument("--warm-up", type=float, default=10.0, help="seconds of load before, not counted")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each system; figures are medians over them")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--embedded", action="store_true", help="also all of Baton in one process, without Kafka")
    parser.add_argument("--json", type=Path, help="write all of it there")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.warm_up, options.rounds = 5.0, 5.0, 1
    results = run_until_told(run(options))
    summary = summarise(results)
    print_report(results, summary)
    if options.json:
        write_json(options.json, results, summary)


if __name__ == "__main__":
    main()
