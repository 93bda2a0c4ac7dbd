"""A scenario: requests at moments, read from JSON lines, with every mistake at once."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from baton.kernel.instants import parse_instant
from baton.leads.events import BY_TYPE, EventData
from baton.leads.topics import Topic

_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"})
_ENDLESS: Final = "/stream"
_ABSENT: Final = object()
_OF_LEAD: Final = re.compile("/router/v1/leads/([^/?#]+)/[^/?#]+")
_HOLDERS: Final = frozenset({"rep", "pool"})
_TOLD_BY_INGEST: Final = frozenset({Topic.CAPTURED, Topic.ACTIVITY})


class ScenarioError(ValueError):
    """A scenario with mistakes; one line of text for each."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request. `written` is how the scenario says it.

    `only_while`: it is left out unless the lead of its path is just then with that rep, or in that pool.
    """

    at: datetime
    written: str
    method: str
    target: str
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    only_while: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def lead(self) -> str | None:
        """The lead that a command is about, as its path names it."""
        found = _OF_LEAD.match(self.target)
        return None if found is None else found[1]


@dataclass(frozen=True, slots=True)
class Told:
    """An event that ingest told once, told again with the id that it had."""

    at: datetime
    id: str
    data: EventData


@dataclass(frozen=True, slots=True)
class Publish:
    """Another playbook becomes the active one; `directory` as the scenario says it."""

    at: datetime
    directory: str


@dataclass(frozen=True, slots=True)
class Replace:
    """Another playbook becomes the active one, whomever it lacks. No line says so: a backtest puts it between them."""

    at: datetime
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class RunUntil:
    """Time passes."""

    at: datetime


Line = Request | Told | Publish | Replace | RunUntil


def read_scenario(text: str, *, name: str) -> tuple[Line, ...]:
    """The lines of a scenario, in order of time. Blank lines are left out.

    Raises:
        ScenarioError: `name:line: what is wrong`, for every line that is.
    """
    lines: list[Line] = []
    mistakes: list[str] = []
    for number, written in enumerate(text.split("\n"), start=1):
        if not written.strip():
            continue
        try:
            lines.append(_read_line(written, after=lines[-1].at if lines else None))
        except ValueError as error:
            mistakes.append(f"{name}:{number}: {_first_mistake(error)}")
    if mistakes:
        raise ScenarioError(mistakes)
    return tuple(lines)


def read_lines(written: Iterable[str]) -> Iterator[Line]:
    """The same one by one, of a scenario that a program wrote. Raises ValueError at its first mistake."""
    return (_read_line(line, after=None) for line in written)


def _read_instant(value: object) -> object:
    return parse_instant(value) if isinstance(value, str) else value


class _Written(BaseModel):
    """A line as it is written: exactly one of `request`, `event`, `publish` and `run_until`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    at: Annotated[datetime, BeforeValidator(_read_instant)]
    request: str | None = None
    body: Any = _ABSENT
    raw: str | None = None
    headers: dict[str, str] = {}
    only_while: dict[str, str | None] = {}
    event: str | None = None
    id: Annotated[UUID | None, Field(strict=False)] = None
    data: dict[str, Any] | None = None
    publish: str | None = None
    run_until: bool | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> "_Written":
        said = [name for name in ("request", "event", "publish", "run_until") if getattr(self, name) is not None]
        if len(said) != 1 or self.run_until is False:
            raise ValueError('a line has one of "request", "event", "publish" and "run_until": true')
        of_request = self.body is not _ABSENT or self.raw is not None or self.headers or self.only_while
        if self.request is None and of_request:
            raise ValueError('"body", "raw", "headers" and "only_while" belong to a "request"')
        if len({each is None for each in (self.event, self.id, self.data)}) > 1:
            raise ValueError('"event", "id" and "data" belong together')
        if self.body is not _ABSENT and self.raw is not None:
            raise ValueError('"body" is JSON and "raw" is text: give one of them')
        return self


def _read_line(written: str, *, after: datetime | None) -> Line:
    line = _Written.model_validate(orjson.loads(written))
    if after is not None and line.at < after:
        raise ValueError("at: earlier than the line before; lines are in order of time")
    if line.publish is not None:
        return Publish(line.at, line.publish)
    if line.event is not None:
        return Told(line.at, str(line.id), _read_data(line.event, line.data))
    if line.request is None:
        return RunUntil(line.at)
    method, target = _split(line.request)
    content, kind = _content(line)
    headers = {name.lower(): value for name, value in line.headers.items()}
    if kind is not None:
        headers = {"content-type": kind, **headers}
    request = Request(line.at, line.request, method, target, content, headers, line.only_while)
    if line.only_while and (request.lead is None or not _HOLDERS.issuperset(line.only_while)):
        raise ValueError('only_while: must be a "rep" or a "pool", of what is done with a lead (…/leads/ID/decline)')
    return request


def _read_data(kind: str, data: Any) -> EventData:
    model = BY_TYPE.get(kind)
    if model is None or model.topic not in _TOLD_BY_INGEST:
        known = ", ".join(name for name, each in BY_TYPE.items() if each.topic in _TOLD_BY_INGEST)
        raise ValueError(f"event: what can be told again is what ingest tells: {known}")
    return model.model_validate(data)


def _split(request: str) -> tuple[str, str]:
    method, _, target = request.strip().partition(" ")
    target = target.strip()
    if method.upper() not in _METHODS or not target.startswith("/"):
        raise ValueError('request: must be like "POST /ingest/v1/leads"')
    if target.partition("?")[0].rstrip("/").endswith(_ENDLESS):
        raise ValueError("request: a live stream never ends; read the events that are printed instead")
    return method.upper(), target


def _content(line: _Written) -> tuple[bytes, str | None]:
    if line.raw is not None:
        return line.raw.encode(), _kind_of(line.raw)
    if line.body is _ABSENT:
        return b"", None
    return orjson.dumps(line.body), "application/json"


def _kind_of(raw: str) -> str:
    """What a sender of this text would call it; `headers` may say otherwise."""
    begin = raw.lstrip()[:1]
    if begin == "<":
        return "text/xml; charset=utf-8"
    if begin in ("{", "["):
        return "application/json"
    is_form = "=" in raw and not any(character.isspace() for character in raw.strip())
    return "application/x-www-form-urlencoded" if is_form else "text/plain; charset=utf-8"


def _first_mistake(error: ValueError) -> str:
    if isinstance(error, orjson.JSONDecodeError):
        return f"not JSON: {error}"
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "model_type":
            return "a line is a JSON object"
        if first["type"] == "extra_forbidden":
            return f"unknown key {place!r} (known: {', '.join(_Written.model_fields)})"
        message = first["msg"].removeprefix("Value error, ")
        return f"{place}: {message}" if place else message
    return str(error)
