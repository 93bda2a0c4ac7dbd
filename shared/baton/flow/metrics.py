"""Every metric of the spine. Services add their own in a `metrics.py` beside their `app.py`."""

from functools import cache
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

# Every SLA target and every bound we speak of sits exactly on an edge: counts at an edge are exact, between are not.
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1800, 3600, 14400, 86400)

stage_seconds = Histogram(
    "baton_stage_seconds",
    "From the instant an event was told to the commit of what a consumer made of it.",
    ("consumer", "topic"),
    buckets=SECONDS,
)
handled = Counter("baton_records_handled_total", "Records that ended as done.", ("consumer", "topic"))
duplicates = Counter("baton_records_duplicate_total", "Records that had been handled before.", ("consumer",))
overtaken = Counter("baton_batches_overtaken_total", "Batches done again under locks.", ("consumer",))
retried = Counter("baton_records_retried_total", "Records put off to be tried again.", ("consumer",))
dead_lettered = Counter("baton_records_dead_lettered_total", "Records that became dead letters.", ("consumer",))
paused = Gauge("baton_consumer_paused", "1 while a consumer stands still for too many dead letters.", ("consumer",))
failures = Counter("baton_batch_failures_total", "Batches that have to come again.", ("consumer", "error"))
oldest_unhandled = Gauge(
    "baton_oldest_unhandled_timestamp_seconds", "When the bus took the record now in hand; 0 if none.", ("consumer",)
)
batch_records = Histogram(
    "baton_batch_records", "Records in one transaction.", ("consumer",), buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500)
)
playbook_mistakes = Gauge(
    "baton_playbook_mistakes", "Mistakes that this release finds in the active playbook, which decides all the same."
)
relayed = Counter("baton_outbox_published_total", "Events published from the outbox.", ("service",))
lag = Gauge("baton_consumer_lag_records", "Records not yet handled.", ("consumer", "topic"))


@cache
def batch_of(consumer: str) -> Histogram:
    """The sizes of its batches. Found once: a look by labels takes longer than to count."""
    return batch_records.labels(consumer=consumer)


@cache
def records_of(consumer: str, topic: str) -> tuple[Counter, Histogram]:
    """How many it has handled, and how soon each."""
    return handled.labels(consumer=consumer, topic=topic), stage_seconds.labels(consumer=consumer, topic=topic)
