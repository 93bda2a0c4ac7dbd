"""Settings from the environment: `BATON_*`. A mistake is one clear line and exit code 2."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from baton.kernel.durations import parse_duration

EXIT_WRONG_SETTING: Final = 2


def _read_duration(value: object) -> object:
    """`3s` as a timedelta."""
    if not isinstance(value, str):
        return value
    fixed = parse_duration(value).fixed
    if fixed is None:
        raise ValueError(f"{value} is working time; a setting takes `30s`, `5m`, `1h30m`")
    return fixed


DurationText = Annotated[timedelta, BeforeValidator(_read_duration)]


class Settings(BaseSettings):
    """What every service reads."""

    model_config = SettingsConfigDict(env_prefix="BATON_", extra="ignore", env_ignore_empty=True)

    database_url: str | None = Field(None, description="PostgreSQL, as `postgresql://…`; empty: embedded (baton up)")
    bus_url: str = Field("postgres:", description="`kafka://host:port,…`, `kafka+ssl://…`, `postgres:` or `memory:`")
    playbook: Path | None = Field(None, description="The directory of the playbook that `baton up` publishes")
    data: Path = Field(Path("data"), description="Where the embedded database lives")
    listen: str = Field("127.0.0.1:8000", description="Address and port to listen on")
    public_url: str | None = Field(None, description="What senders and people see: signatures and links")
    keys: Path | None = Field(None, description="The file with the API keys")
    partitions: int = Field(12, ge=1, le=1024, description="Partitions of each lead topic when it is created")
    replication: int | None = Field(None, ge=1, le=9, description="Copies of each topic; empty: the broker's default")
    retention: DurationText = Field(timedelta(days=14), description="How long lead topics keep their records")
    migrate: bool = Field(default=True, description="Whether migrations run at start; else `baton migrate`")
    topic_prefix: str = Field("", description="Before every topic and group, for brokers that are shared")
    kafka_session_timeout: DurationText = Field(timedelta(seconds=3), description="How soon a dead member is noticed")
    kafka_sasl_mechanism: str | None = Field(None, description="`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`")
    kafka_sasl_username: str | None = Field(None, description="User at the broker")
    kafka_sasl_password: SecretStr | None = Field(None, description="Password at the broker")
    database_connections: int = Field(8, ge=2, le=100, description="Connections of one service at most")
    log_level: str = Field("info", description="`debug`, `info`, `warning` or `error`")
    max_age_unhandled: DurationText = Field(
        timedelta(seconds=30), description="`/readyz` fails when the record in hand is older"
    )

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in ("debug", "info", "warning", "error"):
            raise ValueError("must be debug, info, warning or error")
        return value.lower()

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("must be address:port, as 127.0.0.1:8000")
        return value

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])


S = TypeVar("S", bound=Settings)


def load_settings(kind: type[S]) -> S:
    """The settings from the environment; exits with code 2 and a line for each mistake."""
    try:
        return kind()
    except ValidationError as error:
        for mistake in error.errors(include_url=False, include_input=False, include_context=False):
            name = "BATON_" + "_".join(str(part) for part in mistake["loc"]).upper()
            sys.stderr.write(f"{name}: {mistake['msg'].removeprefix('Value error, ')}\n")
        sys.exit(EXIT_WRONG_SETTING)


def require_database(settings: Settings) -> str:
    """The database's URL; exits with code 2 where there is none."""
    if settings.database_url is None:
        sys.stderr.write(
            "BATON_DATABASE_URL: a single service needs a PostgreSQL, as postgresql://user:password@host/database;"
            " `baton up` brings its own\n"
        )
        sys.exit(EXIT_WRONG_SETTING)
    return settings.database_url
