"""Which bus a setting means."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from baton.flow.bus import Bus
from baton.flow.kafka import KafkaBus
from baton.flow.memory import MemoryBus
from baton.flow.postgres_log import PostgresBus
from baton.flow.urls import bus_from_url
from baton.kernel.clock import ManualClock


@dataclass
class Settings:
    partitions: int = 12
    replication: int | None = None
    topic_prefix: str = ""
    kafka_session_timeout: timedelta = timedelta(seconds=3)
    kafka_sasl_mechanism: str | None = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None


def made(url: str) -> Bus:
    clock = ManualClock(datetime(2026, 3, 27, tzinfo=UTC))
    return bus_from_url(url, settings=Settings(), database_url="postgresql://localhost/baton", clock=clock)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("kafka://one:9092,two:9092", KafkaBus),
        ("kafka+ssl://one:9093", KafkaBus),
        ("postgres:", PostgresBus),
        ("memory:", MemoryBus),
    ],
)
def test_each_address_names_its_bus(url: str, kind: type[Bus]) -> None:
    assert isinstance(made(url), kind)


@pytest.mark.parametrize("url", ["", "kafka", "kafka:", "kafka://", "rabbit://host", "memory://somewhere"])
def test_what_names_no_bus_is_refused_with_what_does(url: str) -> None:
    with pytest.raises(ValueError, match="kafka://host:port"):
        made(url)


def test_the_log_is_in_the_services_database_and_nowhere_else() -> None:
    with pytest.raises(ValueError, match="BATON_DATABASE_URL") as refused:
        made("postgres://user:secret@elsewhere/db")

    assert "secret" not in str(refused.value)
