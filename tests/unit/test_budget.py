"""Whose fault dead letters are: one sender's stop nobody, most people's stop the consumer."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from baton.flow.budget import Budget, Origin, origin_of
from baton.flow.bus import Received
from baton.flow.deliveries import ConsumerPaused, Delivery
from baton.kernel.ids import derived_id
from baton.leads.envelope import Event, encode, read_head
from baton.leads.events import EventData, LeadAccepted, LeadActivity
from baton.leads.topics import Topic
from baton.leads.values import Activity

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def delivery(lead: str, source: str | None) -> Delivery:
    data: EventData = LeadAccepted(lead_id=lead, assignment_id="a")
    if source is not None:
        data = LeadActivity(lead_id=lead, account=None, activity=Activity(id="1", kind="call", at=NOW, source=source))
    headers, value = encode(Event(id=derived_id(lead), source="/t", time=NOW, key=lead, data=data))
    record = Received(
        topic=Topic.ACTIVITY, partition=0, offset=0, key=lead.encode(), value=value, headers=headers, at=NOW
    )
    return Delivery(head=read_head(headers), record=record)


@dataclass
class Consumer:
    """What a consumer tells its budget. `fail` and `handle` take how many leads, each another one."""

    budget: Budget = field(default_factory=Budget)
    now: datetime = NOW
    leads: int = 0

    def handle(self, source: str | None, count: int = 1) -> None:
        for lead in self._leads(count):
            self.budget.note([delivery(lead, source)], now=self.now)

    def fail(self, source: str | None, count: int = 1) -> int | None:
        """How many became dead letters before it paused; None if it didn't."""
        for number, lead in enumerate(self._leads(count)):
            try:
                self.budget.spend(Origin(source, lead), now=self.now)
            except ConsumerPaused:
                return number
        return None

    def _leads(self, count: int) -> Iterable[str]:
        self.leads += count
        return [f"lead {number}" for number in range(self.leads - count, self.leads)]


@pytest.fixture
def consumer() -> Consumer:
    return Consumer()


def test_one_sources_dead_letters_pause_nobody_while_others_are_handled(consumer: Consumer) -> None:
    consumer.fail("broken")
    consumer.handle("form")

    assert consumer.fail("broken", 5000) is None


def test_one_source_alone_is_its_own_fault_if_another_was_handled_within_the_day(consumer: Consumer) -> None:
    consumer.handle("form")
    consumer.now += timedelta(hours=20)

    assert consumer.fail("broken", 5000) is None


@pytest.mark.parametrize("quiet", [timedelta(days=2), None])
def test_where_nobody_else_was_heard_of_one_source_speaks_for_all(consumer: Consumer, quiet: timedelta | None) -> None:
    if quiet is not None:
        consumer.handle("form")
        consumer.now += quiet

    assert consumer.fail("api", 60) == 50


def test_a_fault_that_fails_most_sources_pauses_before_it_moves_everything(consumer: Consumer) -> None:
    for source in ("form", "hubspot", "api"):
        consumer.handle(source)
    consumer.now += timedelta(minutes=5)

    moved = [consumer.fail(source, 20) for source in ("form", "hubspot", "api")]

    assert moved == [None, None, 10]


def test_a_fault_that_spares_some_leads_of_each_source_pauses_all_the_same(consumer: Consumer) -> None:
    paused = False
    for _ in range(40):
        for source in ("form", "hubspot"):
            consumer.handle(source)
            paused = paused or consumer.fail(source, 3) is not None

    assert paused


def test_a_source_of_which_most_leads_are_handled_does_not_fail(consumer: Consumer) -> None:
    consumer.fail("api")
    consumer.handle("api", 500)

    assert consumer.fail("api", 400) is None


def test_one_bad_lead_is_one_however_much_it_does(consumer: Consumer) -> None:
    for _ in range(1000):
        consumer.budget.spend(Origin("api", "the same"), now=NOW)

    assert consumer.fail("api", 49) is None


def test_few_dead_letters_a_minute_are_let_pass(consumer: Consumer) -> None:
    for _ in range(10):
        assert consumer.fail("api", 50) is None
        consumer.now += timedelta(minutes=1)


def test_a_pause_is_half_a_minute_and_then_it_begins_anew(consumer: Consumer) -> None:
    consumer.fail("api", 50)
    with pytest.raises(ConsumerPaused) as paused:
        consumer.budget.spend(Origin("api", "one too many"), now=NOW)

    consumer.now = paused.value.until

    assert paused.value.until == NOW + timedelta(seconds=30)

    assert consumer.fail("api", 60) == 50


def test_events_that_name_no_source_are_asked_by_their_leads(consumer: Consumer) -> None:
    consumer.fail("form")
    consumer.handle("form", 200)

    assert consumer.fail(None, 60) == 50


def test_events_without_a_source_of_few_leads_pause_nobody(consumer: Consumer) -> None:
    consumer.fail(None)
    consumer.handle(None, 200)

    assert consumer.fail(None, 150) is None


@pytest.mark.parametrize(
    ("value", "source"),
    [
        (b'{"lead": {"source": "web"}, "activity": {"source": "hubspot"}}', "hubspot"),
        (b'{"lead": {"source": "web"}, "activity": null}', "web"),
        (b'{"lead_id": "a", "clocks": []}', None),
        (b'{"lead": [], "activity": {"source": 7}}', None),
        (b"[1]", None),
        (b"\xff no JSON", None),
    ],
)
def test_the_source_is_read_of_what_no_model_can_read(value: bytes, source: str | None) -> None:
    record = Received(topic=Topic.SCORED, partition=0, offset=0, key=b"k", value=value, headers=(), at=NOW)

    assert origin_of(record, lead="l") == Origin(source, "l")
    assert origin_of(record, lead=None).lead == b"k".hex()
