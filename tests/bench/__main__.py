"""`make bench`: webhook to assigned, Baton's four processes next to the bare pipeline, in turns, in one run.

Figures of one machine don't travel; the ratios do.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.bench.arrivals import Arrivals, bare_lead, baton_lead
from tests.bench.load import leads, send_as_fast_as_answered, send_at_rate
from tests.bench.systems import Bare, Baton, Ground

_DRAIN_SECONDS: Final = 120.0
System = Baton | Bare


@dataclass(frozen=True)
class Result:
    """One measurement. Latencies in milliseconds, webhook sent to assigned; CPU in milliseconds a lead."""

    system: str
    rate: float | None
    """Leads a second that were sent; None: as many as were answered."""
    leads: int
    per_second: float
    p50: float
    p95: float
    p99: float
    missing: int
    cpu: Mapping[str, float]


async def measure(system: System, ground: Ground, *, rate: float | None, seconds: float) -> Result:
    """Put a load on a running system and wait until everything accepted has arrived."""
    is_baton = isinstance(system, Baton)
    arrivals = Arrivals(ground.broker.servers, system.topic, baton_lead if is_baton else bare_lead)
    await arrivals.start()
    before = {**system.cpu, **ground.cpu}
    source = leads(uuid.uuid4().hex[:8])
    if rate is None:
        sent = await send_as_fast_as_answered(source, port=system.port, path=system.path, seconds=seconds)
    else:
        sent = await send_at_rate(source, port=system.port, path=system.path, rate=rate, seconds=seconds)
    missing = await arrivals.wait_for(sent.accepted, seconds=_DRAIN_SECONDS)
    after = {**system.cpu, **ground.cpu}
    await arrivals.stop()
    count = max(len(sent.accepted), 1)
    times = [(arrivals.at[lead] - at) * 1000 for lead, at in sent.accepted_at.items() if lead in arrivals.at]
    last = max((arrivals.at[lead] for lead in sent.accepted if lead in arrivals.at), default=0.0)
    return Result(
        system="baton" if is_baton else "bare",
        rate=rate,
        leads=len(sent.accepted),
        per_second=len(times) / max(last - min(sent.at.values()), 0.001),
        p50=quantile(times, 0.50),
        p95=quantile(times, 0.95),
        p99=quantile(times, 0.99),
        missing=len(missing),
        cpu={name: round((after[name] - before[name]) * 1000 / count, 3) for name in after},
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share lies."""
    ordered = sorted(values)
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 1) if ordered else float("nan")


async def run(options: argparse.Namespace) -> list[Result]:
    """Both systems in turns: each is started, warmed up, measured and ended, so that they never share the machine."""
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        async with Ground(Path(folder)) as ground:
            for number in range(options.rounds):
                for system in (Bare(ground), Baton(ground, prefix=f"bench{number}.")):
                    results += await _round(system, ground, options)
    return results


async def _round(system: System, ground: Ground, options: argparse.Namespace) -> list[Result]:
    results: list[Result] = []
    async with system:
        await measure(system, ground, rate=200, seconds=options.warm_up)
        for rate in (*options.rates, None):
            results.append(await measure(system, ground, rate=rate, seconds=options.seconds))
            tell(results[-1])
    return results


def tell(result: Result) -> None:
    """One line a measurement."""
    rate = "saturated" if result.rate is None else f"{result.rate:g}/s"
    latency = f"p50 {result.p50:7.1f}  p95 {result.p95:7.1f}  p99 {result.p99:7.1f} ms"
    cpu = f"CPU ms/lead {sum(result.cpu.values()):.2f} {result.cpu}"
    print(
        f"{result.system:>5} {rate:>10}: {result.per_second:7.0f}/s  {latency}  missing {result.missing}  {cpu}",
        flush=True,
    )


def report(results: Sequence[Result]) -> dict[str, object]:
    """Medians over the rounds, and Baton's ratio to the bare pipeline."""
    summary: dict[str, object] = {}
    for rate in dict.fromkeys(result.rate for result in results):
        of = {system: [r for r in results if r.system == system and r.rate == rate] for system in ("bare", "baton")}
        medians = {
            system: {
                name: statistics.median(getattr(r, name) for r in rs) for name in ("per_second", "p50", "p95", "p99")
            }
            for system, rs in of.items()
        }
        ratios = {name: round(medians["baton"][name] / medians["bare"][name], 2) for name in medians["bare"]}
        name = "saturated" if rate is None else f"{rate:g}/s"
        summary[name] = {**medians, "ratio": ratios}
        print(
            f"{name:>10}: throughput ratio {ratios['per_second']}, p50 ratio {ratios['p50']}, p99 ratio {ratios['p99']}"
        )
    return summary


def main() -> None:
    """Parse the options, measure, report."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rates", type=float, nargs="*", default=[100.0, 300.0])
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--warm-up", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--json", type=Path, help="write the results there")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.warm_up, options.rounds = 5.0, 5.0, 1
    results = asyncio.run(run(options))
    summary = report(results)
    if options.json:
        options.json.write_text(json.dumps({"results": [asdict(r) for r in results], "summary": summary}, indent=2))


if __name__ == "__main__":
    main()
