"""Which bus a URL means."""

from datetime import timedelta
from typing import Protocol

from pydantic import SecretStr

from baton.flow.bus import Bus
from baton.flow.kafka import KafkaBus
from baton.flow.kafka_settings import KafkaSettings
from baton.flow.memory import MemoryBus
from baton.flow.postgres_log import PostgresBus
from baton.kernel.clock import Clock


class BusSettings(Protocol):
    """What of a service's settings is about the bus."""

    partitions: int
    replication: int | None
    topic_prefix: str
    kafka_session_timeout: timedelta
    kafka_sasl_mechanism: str | None
    kafka_sasl_username: str | None
    kafka_sasl_password: SecretStr | None


def bus_from_url(url: str, *, settings: BusSettings, database_url: str, clock: Clock) -> Bus:
    """The bus that `BATON_BUS_URL` names: `kafka://`, `kafka+ssl://`, `postgres:` or `memory:`.

    Raises:
        ValueError: it names none of them, or an address where none belongs. The text never holds what may be a
            password.
    """
    scheme, _, rest = url.partition(":")
    servers = rest.removeprefix("//").rstrip("/")
    match scheme:
        case "postgres" if not servers:
            return PostgresBus(database_url, clock=clock)
        case "postgres" | "postgresql":
            # The log is appended to in the service's own transactions, so it is where the service's tables are.
            raise ValueError("postgres: takes no address, the log is in the database of BATON_DATABASE_URL")
        case "memory" if not servers:
            return MemoryBus(clock)
        case "kafka" | "kafka+ssl" if servers:
            return KafkaBus(_kafka_settings(servers, settings, tls=scheme == "kafka+ssl"))
        case _:
            raise ValueError(f"{scheme}: names no bus: kafka://host:port,…, kafka+ssl://…, postgres: or memory: do")


def _kafka_settings(servers: str, settings: BusSettings, *, tls: bool) -> KafkaSettings:
    password = settings.kafka_sasl_password
    return KafkaSettings(
        servers=servers,
        partitions=settings.partitions,
        replication=settings.replication,
        prefix=settings.topic_prefix,
        session_timeout=settings.kafka_session_timeout,
        tls=tls,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        sasl_username=settings.kafka_sasl_username,
        sasl_password=None if password is None else password.get_secret_value(),
    )
