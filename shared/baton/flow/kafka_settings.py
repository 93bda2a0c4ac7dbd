"""How a Kafka cluster is reached."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How a cluster is reached, and how topics are made on it. The password stays out of texts and logs."""

    servers: str
    partitions: int = 12
    replication: int | None = None
    prefix: str = ""
    session_timeout: timedelta = timedelta(seconds=2)
    tls: bool = False
    """With the authorities of the system, or those that the environment's SSL_CERT_FILE names."""
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = None

    def __repr__(self) -> str:
        return f"KafkaSettings({self.servers!r})"
