"""What ingest counts."""

from collections import Counter as Counts
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from baton_ingest.captures import Capture

captured_total: Final = Counter("baton_captured_total", "Leads and activities accepted, by source.", ("source", "type"))
refused_total: Final = Counter("baton_refused_total", "Requests refused, by source and status.", ("source", "status"))
group_size: Final = Histogram(
    "baton_ingest_group_requests", "Requests that shared a transaction.", buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500)
)
past_the_database: Final = Counter(
    "baton_ingest_straight_to_bus_total", "Events that went straight to the bus because the database was away."
)
imports_waiting: Final = Gauge("baton_ingest_imports_waiting", "Imported leads and activities that wait to leave.")


_OTHER: Final = "other"
"""What senders of our own JSON call themselves, where the playbook knows no such source: anything at all."""


def captured(captures: "Sequence[Capture]", *, sources: Collection[str]) -> None:
    """Count what was accepted, by the `sources` of the playbook."""
    counts = Counts((one.told.source if one.told.source in sources else _OTHER, one.event.type) for one in captures)
    for (source, kind), count in counts.items():
        captured_total.labels(source=source, type=kind).inc(count)
