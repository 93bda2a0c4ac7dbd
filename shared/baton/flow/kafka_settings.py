"""How a Kafka cluster is reached."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiokafka.helpers import create_ssl_context


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How a cluster is reached, and how topics are made on it. The password stays out of texts and logs."""

    servers: str
    partitions: int = 12
    replication: int | None = None
    prefix: str = ""
    session_timeout: timedelta = timedelta(seconds=3)
    tls: bool = False
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = None

    @property
    def connection(self) -> dict[str, Any]:
        """What every aiokafka client is given."""
        options: dict[str, Any] = {"bootstrap_servers": self.servers, "client_id": "baton", "request_timeout_ms": 5000}
        protocol = "SASL" if self.sasl_mechanism else ""
        options["security_protocol"] = "_".join(filter(None, (protocol, "SSL" if self.tls else "PLAINTEXT")))
        if self.tls:
            options["ssl_context"] = create_ssl_context()
        if self.sasl_mechanism:
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self.sasl_password
        return options

    def __repr__(self) -> str:
        return f"KafkaSettings({self.servers!r})"
