"""One measurement: a load on a running system, from the first lead sent until the last one arrived."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.generator import Load, generate
from tests.bench.load import Sent
from tests.bench.machine import Watch
from tests.bench.stages import read_stages, stages_between
from tests.bench.systems import Ground, System, cpu_seconds

_DRAIN_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Result:
    """Latencies in milliseconds, from sending the webhook to reading the assignment; CPU in milliseconds a lead."""

    system: str
    rate: float | None
    """Leads a second that were sent; None: as many as were answered."""
    leads: int
    """Accepted."""
    refused: int
    """Answered otherwise, or not at all."""
    missing: int
    """Accepted, and not arrived two minutes later."""
    per_second: float
    p50: float
    p95: float
    p99: float
    others: float
    """The share of the machine that went to others meanwhile: with much of it, only ratios say something, if that."""
    cpu: Mapping[str, float]
    stages: Mapping[str, Mapping[str, float]]


async def measure(system: System, ground: Ground, *, rate: float | None, seconds: float) -> Result:
    """Put a load on a running system and wait until everything accepted has arrived."""
    arrivals = system.arrivals()
    await arrivals.start()
    try:
        stages = await read_stages(system.processes)
        watch, before = Watch(ground.postgres_cpu), _cpu(system, ground)
        load = Load(run=uuid.uuid4().hex[:8], port=system.port, path=system.path, seconds=seconds, rate=rate)
        sent = await generate(load)
        missing = await arrivals.wait_for(sent.accepted, seconds=_DRAIN_SECONDS)
        others, after = watch.others(), _cpu(system, ground)
        told = stages_between(stages, await read_stages(system.processes))
    finally:
        await arrivals.stop()
    times = [(arrivals.at[lead] - at) * 1000 for lead, at in sent.accepted_at.items() if lead in arrivals.at]
    return Result(
        system=system.name,
        rate=rate,
        leads=len(sent.accepted),
        refused=len(sent.at) - len(sent.accepted),
        missing=len(missing),
        per_second=round(len(times) / max(_lasted(sent, arrivals.at), 0.001), 1),
        p50=quantile(times, 0.50),
        p95=quantile(times, 0.95),
        p99=quantile(times, 0.99),
        others=round(others, 3),
        cpu={name: round((after[name] - before[name]) * 1000 / max(len(times), 1), 3) for name in after},
        stages=told,
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share lies."""
    ordered = sorted(values)
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 1) if ordered else float("nan")


def _lasted(sent: Sent, arrived: Mapping[str, float]) -> float:
    """Seconds from the first one sent to the last one arrived: what piled up counts."""
    last = max((arrived[lead] for lead in sent.accepted if lead in arrived), default=0.0)
    return last - min(sent.at.values(), default=0.0)


def _cpu(system: System, ground: Ground) -> dict[str, float]:
    return {**{name: cpu_seconds(process.pid) for name, process in system.processes.items()}, **ground.cpu}
