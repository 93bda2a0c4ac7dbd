"""Rows of a file, sent to ingest in bounded requests; what isn't answered is sent again, and nothing comes twice."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import orjson

from baton_standalone.import_changes import ChangesSeen
from baton_standalone.import_files import Row

_MOST_ROWS: Final = 200
_MOST_BYTES: Final = 1024 * 1024
_TIMEOUT_SECONDS: Final = 30.0
_WAITS: Final = (1.0, 2.0, 4.0, 8.0)
"""Seconds between tries, while ingest is away or has too much to do."""
_COME_AGAIN: Final = frozenset({429, 502, 503, 504})
_NO_KEY: Final = "BATON_API_KEY has to be an API key with the scope ingest"


class CantImport(Exception):
    """Why nothing more is sent, for a person."""


@dataclass(slots=True)
class Counts:
    """How rows ended, and what became of the values in those that are accepted. `line` is the last that is known."""

    accepted: int = 0
    known: int = 0
    refused: int = 0
    line: int = 0
    changes: ChangesSeen = field(default_factory=ChangesSeen)


@dataclass(frozen=True, slots=True)
class Importer:
    """Sends to ingest at `url`. `refuse` is told each row that can't be used, and why."""

    url: str
    key: str | None
    is_dry: bool
    refuse: Callable[[Row, str], None]
    sleep: Callable[[float], None] = time.sleep

    def send(self, rows: Iterable[Row]) -> Iterator[Counts]:
        """Send them in their order. Gives how it stands after each request.

        Raises:
            CantImport: what is counted by then is accepted.
        """
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {self.key}"} if self.key else {})
        counts = Counts()
        with httpx.Client(headers=headers, timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
            for batch in _batches(rows):
                good = [row for row in batch if row.why is None]
                results = iter(self._post(client, [row.item for row in good]) if good else [])
                for row in batch:
                    self._count(counts, row, next(results) if row.why is None else {})
                yield counts

    def _count(self, counts: Counts, row: Row, result: Mapping[str, Any]) -> None:
        why = row.why or result.get("error", {}).get("message")
        if why is not None:
            counts.refused += 1
            self.refuse(row, why)
        elif result["duplicate"]:
            counts.known += 1
        else:
            counts.accepted += 1
            counts.changes.add(row.line, result.get("changes", ()))
        counts.line = row.line

    def _post(self, client: httpx.Client, items: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        body, why = orjson.dumps(items), ""
        for wait in (*_WAITS, None):
            try:
                answer = client.post(self.url, params={"dry_run": self.is_dry}, content=body)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                why = f"no answer from ingest at {self.url}: {str(error) or type(error).__name__}"
            else:
                if answer.status_code not in _COME_AGAIN:
                    return _results(answer, self.url)
                why = f"ingest answered {answer.status_code}: {_message(answer)}"
            if wait is not None:
                self.sleep(wait)
        raise CantImport(why)


def _batches(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows:
        length = len(orjson.dumps(row.item))
        if batch and (len(batch) == _MOST_ROWS or size + length > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += length
    if batch:
        yield batch


def _results(answer: httpx.Response, url: str) -> Sequence[Mapping[str, Any]]:
    if answer.status_code in (401, 403):
        raise CantImport(f"ingest answered {answer.status_code}: {_NO_KEY}")
    try:
        results: Sequence[Mapping[str, Any]] = answer.json()["results"]
    except (ValueError, TypeError, LookupError):
        if answer.status_code == 404:
            raise CantImport(f"ingest did not answer at {url}: say by --url or --ingest where it is") from None
        raise CantImport(f"ingest answered {answer.status_code}: {_message(answer)}") from None
    return results


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, TypeError, LookupError):
        return answer.reason_phrase
