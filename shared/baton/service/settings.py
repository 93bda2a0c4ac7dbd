"""Settings from the environment: `BATON_*`. A mistake is one clear line and exit code 2."""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from baton.kernel.durations import parse_duration
from baton.kernel.suggestions import nearest

EXIT_WRONG_SETTING: Final = 2

_START: Final = "BATON_"
_OF_TESTS: Final = "TEST_"
_READ_ELSEWHERE: Final = frozenset({
    "SCORING_URL", "ROUTER_URL", "API_KEY", "STREAMS",  # a single service's; all may have one environment
    "DATABASE_PASSWORD", "PLAYBOOK_DIR",  # docker-compose.yml's
})  # fmt: skip
"""What is no setting of every service, and yet somebody's."""
_LEVELS: Final = ("debug", "info", "warning", "error")
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{0,100}")
"""What Kafka allows in the name of a topic or a group, with room for the name itself."""
_HOST: Final = r"(\[[0-9A-Fa-f:.]+\]|[^\[\]@:/,?#]*)(:\d{1,5})?"
_BROKER: Final = r"(\[[0-9A-Fa-f:.]+\]|[^\[\]@:/,\s]+)(:\d{1,5})?"
_BUS: Final = re.compile(rf"memory:(//)?|postgres:(//)?|kafka(\+ssl)?://{_BROKER}(,{_BROKER})*/?")
_DATABASE: Final = re.compile(rf"postgres(ql)?://([^@/?#]*@)?{_HOST}(,{_HOST})*([/?].*)?")
_CREDENTIALS: Final = re.compile(r"//.*@")


def _read_duration(value: object) -> object:
    """`3s` as a timedelta."""
    if not isinstance(value, str):
        return value
    fixed = parse_duration(value).fixed
    if not fixed:
        raise ValueError("must be a length of time above zero, as 30s, 5m, 1h30m, 14d")
    return fixed


DurationText = Annotated[timedelta, BeforeValidator(_read_duration)]


def _read_web_address(value: str) -> str:
    if not _is_http(value):
        raise ValueError("must be http://host or https://host, with no query")
    return value


WebAddress = Annotated[str, AfterValidator(_read_web_address)]


class Settings(BaseSettings):
    """What every service reads. Its `repr` shows no secret; URLs may hold passwords, so they are left out of it too."""

    model_config = SettingsConfigDict(env_prefix=_START, extra="ignore", env_ignore_empty=True)

    database_url: str | None = Field(
        None, repr=False, description="PostgreSQL, as `postgresql://…`; empty: embedded (baton up)"
    )
    bus_url: str = Field(
        "postgres:", repr=False, description="`kafka://host:port,…`, `kafka+ssl://…`, `postgres:` or `memory:`"
    )
    playbook: Path | None = Field(
        None, description="The directory of the playbook that `baton up` publishes when it has changed"
    )
    data: Path = Field(Path("data"), description="Where the embedded database lives")
    listen: str = Field("127.0.0.1:8000", description="Address and port to listen on")
    public_url: WebAddress | None = Field(None, description="What senders and people see: signatures and links")
    keys: Path | None = Field(
        None, description="The file with the API keys; empty: only this machine's own user may call"
    )
    partitions: int = Field(12, ge=1, le=1024, description="Partitions of each lead topic when it is created")
    replication: int | None = Field(None, ge=1, le=9, description="Copies of each topic; empty: the broker's default")
    retention: DurationText = Field(timedelta(days=14), description="How long lead topics keep their records")
    migrate: bool = Field(default=True, description="Whether migrations run at start; else `baton migrate`")
    topic_prefix: str = Field("", description="Before every topic and group, for brokers that are shared")
    kafka_session_timeout: DurationText = Field(timedelta(seconds=2), description="How soon a dead member is noticed")
    kafka_sasl_mechanism: str | None = Field(None, description="`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`")
    kafka_sasl_username: str | None = Field(None, description="User at the broker")
    kafka_sasl_password: SecretStr | None = Field(None, description="Password at the broker")
    database_connections: int = Field(8, ge=2, le=100, description="Connections of one service at most")
    log_level: str = Field("info", description="`debug`, `info`, `warning` or `error`")
    max_age_unhandled: DurationText = Field(
        timedelta(seconds=30), description="`/readyz` fails when the record in hand is older"
    )

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: str | None) -> str | None:
        if value is not None and not _DATABASE.fullmatch(value):
            raise ValueError(
                "must be postgresql://user:password@host:port/database, with @ / ? # in a password as %40 %2F …"
            )
        return value

    @field_validator("bus_url")
    @classmethod
    def _is_bus(cls, value: str) -> str:
        if not _BUS.fullmatch(value):
            raise ValueError(
                "must be kafka://host:port,host:port, kafka+ssl://…, or postgres: or memory:, which take no address"
            )
        return value

    @field_validator("topic_prefix")
    @classmethod
    def _fits_a_topic(cls, value: str) -> str:
        if not _PREFIX.fullmatch(value):
            raise ValueError("may hold up to 100 letters, digits, dots, underscores and dashes")
        return value

    @field_validator("kafka_sasl_mechanism")
    @classmethod
    def _known_mechanism(cls, value: str | None) -> str | None:
        if value is not None and value.upper() not in _MECHANISMS:
            raise ValueError(f"must be {', '.join(_MECHANISMS[:-1])} or {_MECHANISMS[-1]}")
        return value and value.upper()

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in _LEVELS:
            raise ValueError("must be debug, info, warning or error")
        return value.lower()

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ValueError("must be address:port, as 127.0.0.1:8000 or [::1]:8000")
        return value

    @property
    def host(self) -> str:
        """The address to listen on, an IPv6 one without its brackets."""
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
        for mistake in error.errors(include_url=False, include_context=False):
            sys.stderr.write(_line(mistake) + "\n")
        sys.exit(EXIT_WRONG_SETTING)


def warn_of_unknown(names: Iterable[str] = os.environ) -> None:
    """Write a line on stderr for each variable that looks like a setting of Baton, misspelt.

    Others may be anybody's: a playbook names variables for its secrets, and some platforms set their own.
    """
    for line in sorted(_unknown(names)):
        sys.stderr.write(line + "\n")


def _unknown(names: Iterable[str]) -> Iterator[str]:
    known = {each.upper() for each in Settings.model_fields} | _READ_ELSEWHERE
    for name in names:
        begin, rest = name[: len(_START)].upper(), name[len(_START) :].upper()
        if begin == _START and rest not in known and not rest.startswith(_OF_TESTS):
            near = nearest(rest, known)
            if near is not None:
                yield f'warning: {name} is no setting of Baton; did you mean "{_START}{near}"?'


def require_no_arguments(kind: type[Settings], arguments: Sequence[str]) -> None:
    """Exit where there are any, because a service would ignore them; `--help` tells the settings."""
    if not arguments:
        return
    if arguments[0] not in ("-h", "--help"):
        sys.stderr.write(f"{arguments[0]}: a service takes no arguments; --help tells its settings\n")
        sys.exit(EXIT_WRONG_SETTING)
    told = (f"  BATON_{name.upper()}: {each.description}\n" for name, each in kind.model_fields.items())
    sys.stdout.write(f"A service takes no arguments. Its settings are variables of the environment:\n\n{''.join(told)}")
    sys.exit(0)


def require_database(settings: Settings) -> str:
    """The database's URL; exits with code 2 where there is none."""
    if settings.database_url is None:
        sys.stderr.write(
            "BATON_DATABASE_URL: a single service needs a PostgreSQL, as postgresql://user:password@host/database;"
            " `baton up` brings its own\n"
        )
        sys.exit(EXIT_WRONG_SETTING)
    return settings.database_url


def _line(mistake: Mapping[str, Any]) -> str:
    """`BATON_PARTITIONS=many: should be a valid integer`: the variable, its value unless secret, what it may be."""
    name = "_".join(str(part) for part in mistake["loc"])
    wrong = mistake["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"BATON_{name.upper()}{_shown(name, mistake['input'])}: {wrong}"


def _shown(name: str, value: object) -> str:
    if not isinstance(value, str | int | float) or "password" in name or "secret" in name:
        return ""
    text = _CREDENTIALS.sub("//…@", str(value)).splitlines() or [""]
    return f"={text[0][:100]}"


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
    except ValueError:
        return False
