"""A delivery: an event in the hands of a consumer, and the ways it may end other than well."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from baton.flow.bus import Received
from baton.leads.envelope import Event, Head, UnreadableEvent, read_data, read_head


@dataclass(slots=True)
class Delivery:
    """An event as it was received. `attempts` counts the earlier tries.

    Its data is read when first asked for: a consumer passes over most types of a topic by their head alone.
    """

    head: Head
    record: Received
    attempts: int = 0
    retry_id: int | None = None
    """Its row in the table of retries, if it comes from there."""
    _event: Event | None = None

    @property
    def event(self) -> Event:
        """The whole event. Raises UnreadableEvent where the data doesn't fit its type."""
        if self._event is None:
            self._event = read_data(self.head, self.record.value)
        return self._event

    @property
    def subject(self) -> str:
        """What is held back while this one waits: the lead, else the key."""
        return self.head.subject


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that is no event."""

    record: Received
    error: str


class RetryLater(Exception):
    """A handler can't handle this event yet. It waits `after`, and everything later of that lead behind it."""

    def __init__(self, reason: str, *, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class NotReady(Exception):
    """The consumer itself can't work now (no playbook yet): the batch comes again, nothing is counted."""


class ConsumerPaused(Exception):
    """Too many records went to the dead letters: rather stop until `until` than empty the topic into them."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"too many dead letters; paused until {until.isoformat()}")
        self.until = until


def read_delivery(record: Received) -> Delivery | Unreadable:
    """The event in a record, or why there is none."""
    try:
        head = read_head(record.headers)
    except UnreadableEvent as error:
        return Unreadable(record=record, error=str(error))
    if "\x00" in head.subject:
        # PostgreSQL takes no U+0000 in text: not even the inbox could note it, and the batch would come for ever.
        return Unreadable(record=record, error="the subject holds U+0000")
    return Delivery(head=head, record=record)
