"""The metrics of sla-monitor."""

from functools import cache
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_LATENESS_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)

outcomes = Counter(
    "baton_sla_outcomes_total",
    "How clocks ended: met, breached (when the deadline passes), corrected, cancelled.",
    ("policy", "outcome"),
)
started = Counter("baton_sla_clocks_started_total", "Clocks that began.", ("policy",))
oldest_overdue = Gauge(
    "baton_sla_oldest_overdue_seconds", "For how long the oldest breached clock waits for what was promised; 0 if none."
)
firing_lateness = Histogram(
    "baton_sla_firing_lateness_seconds",
    "From the instant at which something was due to the one at which it was fired.",
    buckets=_LATENESS_SECONDS,
)


@cache
def started_of(policy: str) -> Counter:
    """Found once: a look by labels takes longer than to count."""
    return started.labels(policy=policy)


@cache
def outcomes_of(policy: str, outcome: str) -> Counter:
    """As `started_of`."""
    return outcomes.labels(policy=policy, outcome=outcome)
