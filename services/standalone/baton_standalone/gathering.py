"""All that the four services hold of a person, gathered over their own doors into one document.

Ingest comes first: it alone knows by which ids the person is known. A row is written as it comes, and none is kept.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import IO, Any, Final

import httpx
import orjson

from baton.kernel.instants import format_instant, parse_instant

_TIMEOUT_SECONDS: Final = 30.0
_NO_KEY: Final = "BATON_API_KEY has to be an API key with the scope admin"
_BROKE_OFF: Final = "{} broke off before it had told all: try again, and look at its log"
_ELSEWHERE: Final = (
    "{} did not answer at {}: say by --url where `baton up` or the gateway in front of the four services is, or by"
    " --ingest, --scoring, --router and --sla where each of them is"
)


class CantGather(Exception):
    """Why there is no document, for a person."""


@dataclass(slots=True)
class Gathered:
    """What was found: rows, those apart that only say when the person was erased."""

    rows: int = 0
    erased_at: str | None = None

    def count(self, table: str, row: Mapping[str, Any]) -> None:
        if table == "erased":
            self.erased_at = max(self.erased_at or "", format_instant(parse_instant(row["at"])))
        else:
            self.rows += 1


@dataclass(frozen=True, slots=True)
class Services:
    """Where they are, by their names, and the key for them."""

    urls: Mapping[str, str]
    key: str | None = None


def write_document(out: IO[bytes], lead_id: str, *, services: Services, now: str) -> Gathered:
    """Write `{exported_at, lead_ids, SERVICE: {TABLE: [row, …], …}, …}`; a table without a row isn't there.

    Raises:
        CantGather: a service didn't tell all; what was written is of no use.
    """
    gathered = Gathered()
    headers = {} if services.key is None else {"authorization": f"Bearer {services.key}"}
    lead_ids: Sequence[str] = [lead_id]
    out.write(b'{\n"exported_at": ' + orjson.dumps(now))
    with httpx.Client(headers=headers, timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
        for number, (name, url) in enumerate(services.urls.items()):
            with _told(client, name, f"{url}/v1/leads/{lead_id}/held", lead_ids) as lines:
                known_as = next(lines, {}).get("lead_ids", lead_ids)
                if number == 0:
                    lead_ids = known_as
                    out.write(b',\n"lead_ids": ' + orjson.dumps(lead_ids))
                out.write(b",\n" + orjson.dumps(name) + b": {")
                _write_tables(out, _rows(lines, gathered, name=name))
                out.write(b"\n}")
    out.write(b"\n}\n")
    return gathered


def _write_tables(out: IO[bytes], rows: Iterable[tuple[str, bytes]]) -> None:
    for number, (table, of_table) in enumerate(groupby(rows, key=lambda each: each[0])):
        out.write((b",\n" if number else b"\n") + orjson.dumps(table) + b": [")
        for place, (_, row) in enumerate(of_table):
            out.write((b",\n" if place else b"\n") + row)
        out.write(b"\n]")


def _rows(lines: Iterator[Mapping[str, Any]], gathered: Gathered, *, name: str) -> Iterator[tuple[str, bytes]]:
    """Each row with its table, as far as to the line that says that these were all."""
    for count, line in enumerate(lines):
        if "rows" in line:
            if line["rows"] == count:
                return
            break
        gathered.count(line["table"], line["row"])
        yield line["table"], orjson.dumps(line["row"])
    raise CantGather(_BROKE_OFF.format(name))


@contextmanager
def _told(client: httpx.Client, name: str, url: str, lead_ids: Sequence[str]) -> Iterator[Iterator[Mapping[str, Any]]]:
    """The lines that a service answers."""
    begun = False
    try:
        with client.stream("GET", url, params={"also": lead_ids}) as answer:
            if answer.is_error or not answer.headers.get("content-type", "").startswith("application/x-ndjson"):
                raise CantGather(_why(name, answer))
            begun = True
            yield map(orjson.loads, _lines(answer.iter_bytes()))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        if begun:
            raise CantGather(_BROKE_OFF.format(name)) from None
        where = url.partition("/v1/")[0]
        raise CantGather(f"no answer from {name} at {where}: {str(error) or type(error).__name__}") from None


def _why(name: str, answer: httpx.Response) -> str:
    if answer.status_code in (401, 403):
        return f"{name} answered {answer.status_code}: {_NO_KEY}"
    if answer.status_code not in (200, 404):
        return f"{name} answered {answer.status_code}: {_message(answer)}"
    return _ELSEWHERE.format(name, str(answer.url).partition("/v1/")[0])


def _message(answer: httpx.Response) -> str:
    answer.read()
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, TypeError, LookupError):
        return answer.reason_phrase


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Ended by a line feed alone: text in JSON may hold what else ends lines, like U+2028."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
