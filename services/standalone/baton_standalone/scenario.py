"""A scenario: requests at moments, read from JSON lines, with every mistake at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from baton.kernel.instants import parse_instant

_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"})
_ENDLESS: Final = "/stream"
_ABSENT: Final = object()


class ScenarioError(ValueError):
    """A scenario with mistakes; one line of text for each."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request. `written` is how the scenario says it."""

    at: datetime
    written: str
    method: str
    target: str
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Publish:
    """Another playbook becomes the active one; `directory` as the scenario says it."""

    at: datetime
    directory: str


@dataclass(frozen=True, slots=True)
class RunUntil:
    """Time passes."""

    at: datetime


Line = Request | Publish | RunUntil


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


def _read_instant(value: object) -> object:
    return parse_instant(value) if isinstance(value, str) else value


class _Written(BaseModel):
    """A line as it is written: exactly one of `request`, `publish` and `run_until`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    at: Annotated[datetime, BeforeValidator(_read_instant)]
    request: str | None = None
    body: Any = _ABSENT
    raw: str | None = None
    headers: dict[str, str] = {}
    publish: str | None = None
    run_until: bool | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> "_Written":
        said = [name for name in ("request", "publish", "run_until") if getattr(self, name) is not None]
        if len(said) != 1 or self.run_until is False:
            raise ValueError('a line has one of "request", "publish" and "run_until": true')
        if self.request is None and (self.body is not _ABSENT or self.raw is not None or self.headers):
            raise ValueError('"body", "raw" and "headers" belong to a "request"')
        if self.body is not _ABSENT and self.raw is not None:
            raise ValueError('"body" is JSON and "raw" is text: give one of them')
        return self


def _read_line(written: str, *, after: datetime | None) -> Line:
    line = _Written.model_validate(orjson.loads(written))
    if after is not None and line.at < after:
        raise ValueError("at: earlier than the line before; lines are in order of time")
    if line.publish is not None:
        return Publish(line.at, line.publish)
    if line.request is None:
        return RunUntil(line.at)
    method, target = _split(line.request)
    content, kind = _content(line)
    headers = {name.lower(): value for name, value in line.headers.items()}
    if kind is not None:
        headers = {"content-type": kind, **headers}
    return Request(line.at, line.request, method, target, content, headers)


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
