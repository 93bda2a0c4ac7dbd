"""A long scenario of a whole house: every sender's own format, repeats, what people do, timers, another playbook.

The same for the same seed, whatever Python's hashes are.
"""

import json
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from baton.kernel.instants import format_instant
from baton.leads.playbook.loader import load_directory
from baton.leads.playbook.model import Source
from baton_standalone.demo.people import somebody
from baton_standalone.demo.senders import SENDERS, Sending

START: Final = datetime(2026, 3, 5, 14, tzinfo=UTC)
"""A Thursday; a weekend lies ahead, in which America changes its clocks."""
_STEP: Final = timedelta(minutes=7)
_BASE: Final = "http://localhost:8000"
_NOT_IN_A_SIMULATION: Final = frozenset({"authorization", "x-hubspot-signature", "x-hubspot-signature-version"})

Line = Mapping[str, Any]


def write_long_scenario(folder: Path, *, playbook: Path, lines: int, seed: int = 7) -> Path:
    """Write `lines` lines; the playbook in the folder `next` beside it is published in the middle."""
    path = folder / "long.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in long_scenario(playbook, lines=lines, seed=seed)))
    return path


def long_scenario(playbook: Path, *, lines: int, seed: int) -> Iterator[Line]:
    """The lines, in order of time."""
    chance = random.Random(seed)
    sources = [source for source in load_directory(playbook).playbook.sources.values() if source.type in SENDERS]
    known: list[tuple[str, Line]] = []
    for number in range(lines):
        at = START + number * _STEP
        if number == lines // 2:
            yield {"at": format_instant(at), "publish": "next"}
        elif number == lines - 1:
            yield {"at": format_instant(at + timedelta(days=2)), "run_until": True}
        elif not known or chance.random() < 0.5:
            email, line = _arrival(sources[number % len(sources)], chance, at=at, number=number)
            known.append((email, line))
            yield line
        else:
            email, line = chance.choice(known[-60:])
            yield {**_what_follows(email, line, chance, number=number), "at": format_instant(at)}


def _arrival(source: Source, chance: random.Random, *, at: datetime, number: int) -> tuple[str, Line]:
    person = somebody(chance)
    out = SENDERS[source.type](Sending(person=person, source=source, base_url=_BASE, at=at, number=number))
    headers = {name: value for name, value in out.headers.items() if name not in _NOT_IN_A_SIMULATION}
    request = f"POST {out.url.removeprefix(_BASE)}"
    return person.email, {
        "at": format_instant(at), "request": request, "raw": out.body.decode(), "headers": headers,
    }  # fmt: skip


def _what_follows(email: str, line: Line, chance: random.Random, *, number: int) -> Line:
    """A repeat of the delivery, something the lead did, or something a rep or manager did."""
    lead = f"POST /router/v1/leads/{email}"
    visit = {"email": email, "kind": chance.choice(["page_view", "pricing_page_view", "webinar"]), "id": f"v{number}"}
    touch = {"request": f"{lead}/touches", "body": {"kind": chance.choice(["call", "email"]), "note": "日本 ☎"}}
    verdict = {"request": f"{lead}/disposition", "body": {"verdict": "not_qualified", "reason": "a student"}}
    return chance.choice([
        line,
        *[touch] * 6,
        *[verdict] * 3,
        {"request": "POST /ingest/v1/activities", "body": visit},
        {"request": f"{lead}/accept", "body": {}},
        {"request": f"{lead}/decline", "body": {"reason": "not mine"}},
        {"request": f"{lead}/reassign", "body": {"reason": "somebody else"}},
        {"request": f"{lead}/pause", "body": {"reason": "on a journey"}},
        {"request": f"{lead}/resume", "body": {}},
        {"request": "PATCH /router/v1/reps/mary", "body": {"paused": chance.random() < 0.5}},
        {"request": "GET /sla/v1/summary"},
        {"request": f"GET /router/v1/leads/{email}"},
        {"run_until": True},
    ])  # fmt: skip
