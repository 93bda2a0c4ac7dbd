"""Where the time goes: how old an event was when each consumer had committed what it made of it."""

import asyncio
import urllib.request
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from tests.support.processes import ServiceProcess

_METRIC: Final = "baton_stage_seconds"
_ANSWER_SECONDS: Final = 5


@dataclass(slots=True)
class Stage:
    """A histogram as it stands: observations at or below each edge (seconds), and their sum."""

    seconds: float = 0.0
    edges: dict[float, float] = field(default_factory=dict)

    @property
    def count(self) -> float:
        return self.edges.get(float("inf"), 0.0)

    def since(self, before: "Stage") -> "Stage":
        """What was observed after `before`."""
        edges = {edge: count - before.edges.get(edge, 0.0) for edge, count in self.edges.items()}
        return Stage(self.seconds - before.seconds, edges)

    def told(self) -> Mapping[str, float]:
        """Mean and the edge that 99 % lie below, in milliseconds."""
        most = self.count * 0.99
        p99 = next((edge for edge, count in sorted(self.edges.items()) if count >= most), float("inf"))
        return {"count": self.count, "mean": round(self.seconds / self.count * 1000, 1), "p99_below": p99 * 1000}


async def read_stages(processes: Mapping[str, ServiceProcess]) -> dict[str, Stage]:
    """The stages of all processes, by consumer and topic. A process without metrics has none."""
    stages: dict[str, Stage] = defaultdict(Stage)
    for process in processes.values():
        for line in text_string_to_metric_families(await asyncio.to_thread(_metrics, process.url)):
            if line.name != _METRIC:
                continue
            for sample in line.samples:
                stage = stages[f"{sample.labels['consumer']} < {_short(sample.labels['topic'])}"]
                if sample.name.endswith("_sum"):
                    stage.seconds += sample.value
                elif sample.name.endswith("_bucket"):
                    edge = float(sample.labels["le"])
                    stage.edges[edge] = stage.edges.get(edge, 0.0) + sample.value
    return stages


def stages_between(before: Mapping[str, Stage], after: Mapping[str, Stage]) -> Mapping[str, Mapping[str, float]]:
    """What each stage that saw anything took in between."""
    new = {name: stage.since(before.get(name, Stage())) for name, stage in after.items()}
    return {name: stage.told() for name, stage in sorted(new.items()) if stage.count}


def _short(topic: str) -> str:
    return topic[topic.find("baton.") :].removeprefix("baton.")


def _metrics(url: str) -> str:
    try:
        with urllib.request.urlopen(f"{url}/metrics", timeout=_ANSWER_SECONDS) as answer:  # noqa: S310  loopback
            return str(answer.read().decode())
    except OSError:
        return ""
