"""What was measured, for people and as JSON: medians over the rounds, and the ratios to the bare pipeline."""

import json
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.bench.machine import QUIET
from tests.bench.measure import Result

FIGURES: Final = ("per_second", "p50", "p95", "p99")
GOALS: Final = "at least 0.6 of the bare throughput; p99 at most twice the bare one at 300/s"
_BARE: Final = "bare"

Summary = Mapping[str, Mapping[str, Mapping[str, float]]]
"""By rate, then by system (`baton/bare` are ratios), the figures."""


def tell(result: Result) -> None:
    """One line a measurement, as it comes."""
    losses = f"  refused {result.refused}, missing {result.missing}" if result.refused or result.missing else ""
    busy = f"  others took {result.others:.0%} of the machine" if result.others > QUIET else ""
    print(
        f"{_rate(result.rate):>10} {result.system:>9}  {result.per_second:7.0f}/s   p50 {result.p50:7.1f}"
        f"  p95 {result.p95:7.1f}  p99 {result.p99:7.1f} ms   CPU {sum(result.cpu.values()):5.2f} ms a lead"
        f"{losses}{busy}",
        flush=True,
    )


def summarise(results: Sequence[Result]) -> Summary:
    """The median of each figure over the rounds, by rate and system, and each system's ratio to the bare one."""
    summary: dict[str, dict[str, Mapping[str, float]]] = {}
    for rate in dict.fromkeys(result.rate for result in results):
        of_rate = [result for result in results if result.rate == rate]
        medians = {name: _medians(of_rate, name) for name in dict.fromkeys(result.system for result in of_rate)}
        bare = medians.get(_BARE, {})
        ratios = {
            f"{name}/{_BARE}": {figure: round(figures[figure] / bare[figure], 2) for figure in FIGURES if bare[figure]}
            for name, figures in medians.items()
            if bare and name != _BARE
        }
        summary[_rate(rate)] = {**medians, **ratios}
    return summary


def print_report(results: Sequence[Result], summary: Summary) -> None:
    """The table, then where CPU and time went in the last round of each system."""
    print(f"\n{'medians':>10} {'':>11}  per second    p50 ms    p95 ms    p99 ms")
    for rate, systems in summary.items():
        for name, figures in systems.items():
            digits = 2 if "/" in name else 1
            row = "".join(f"{figures[figure]:10.{digits}f}" for figure in FIGURES if figure in figures)
            print(f"{rate:>10} {name:>14} {row}")
    print(f"\nwanted: {GOALS}")
    worst = max((result.others for result in results), default=0.0)
    if worst > QUIET:
        print(f"others took up to {worst:.0%} of the machine: measure again when it is quiet")
    print("\nCPU milliseconds a lead, by process")
    for result in _last_of_each(results):
        parts = ", ".join(f"{name} {milliseconds:.2f}" for name, milliseconds in result.cpu.items())
        print(f"{_rate(result.rate):>10} {result.system:>9}  {parts}")
    print("\nstages: from the instant an event was told to the commit of what its consumer made of it")
    for result in _last_of_each(results):
        for name, stage in result.stages.items():
            print(
                f"{_rate(result.rate):>10} {result.system:>9}  {name:45} mean {stage['mean']:7.1f} ms,"
                f" 99 % below {stage['p99_below']:g} ms"
            )


def write_json(path: Path, results: Sequence[Result], summary: Summary) -> None:
    """All of it, for comparing one run with another."""
    told = {"cores": os.cpu_count(), "results": [asdict(result) for result in results], "summary": summary}
    path.write_text(json.dumps(told, indent=2) + "\n")


def _medians(results: Sequence[Result], system: str) -> Mapping[str, float]:
    of = [result for result in results if result.system == system]
    return {figure: round(statistics.median(getattr(result, figure) for result in of), 1) for figure in FIGURES}


def _last_of_each(results: Sequence[Result]) -> Sequence[Result]:
    return list({(result.rate, result.system): result for result in results}.values())


def _rate(rate: float | None) -> str:
    return "saturated" if rate is None else f"{rate:g}/s"
