"""`make bench-quarter`: how long the simulator takes for a quarter of a year, and how much memory.

The scenario is the same for the same options: leads day and night from all territories of the reference playbook, most
of them called within the hour, others never, a verdict for some.
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import orjson

from baton.kernel.instants import format_instant

_BEGIN: Final = datetime(2026, 1, 5, tzinfo=UTC)
_PLACES: Final = (("US", "CA"), ("US", "NY"), ("US", "TX"), ("DE", None), ("GB", None), ("FR", None), ("SG", None))
_TITLES: Final = ("VP Sales", "Sales Manager", "Head of Marketing", "Software Engineer", "CEO", "Student")
_ACTIVITIES: Final = ("demo_request", "demo_request", "pricing_page_view", "webinar", "form_fill", "page_view")
_VERDICTS: Final = ("sql", "not_qualified", "nurture")


@dataclass(frozen=True, slots=True)
class Quarter:
    """How many leads come in how many days; `called` is the share that somebody calls."""

    leads: int
    days: int
    called: float
    seed: int = 1


def scenario(quarter: Quarter) -> list[bytes]:
    """Its lines, in order of time."""
    dice = random.Random(quarter.seed)
    written = [line for number in range(quarter.leads) for line in _life(number, quarter, dice)]
    end = _BEGIN + timedelta(days=quarter.days)
    lines = sorted((line for line in written if line[0] <= end), key=lambda line: line[0])
    told = [{"at": format_instant(at), "request": request, "body": body} for at, request, body in lines]
    return [*map(orjson.dumps, told), orjson.dumps({"at": format_instant(end), "run_until": True})]


def _life(number: int, quarter: Quarter, dice: random.Random) -> Iterator[tuple[datetime, str, dict[str, object]]]:
    """What is sent of one lead: its capture, and perhaps a call and a verdict."""
    at = _BEGIN + timedelta(seconds=dice.randrange(quarter.days * 86_400))
    lead = _lead(number, dice)
    yield at, "POST /ingest/v1/leads", lead
    if dice.random() >= quarter.called:
        return
    at += timedelta(seconds=dice.randrange(60, 3600))
    yield at, f"POST /router/v1/leads/{lead['email']}/touches", {"kind": "call"}
    if dice.random() < 0.5:
        at += timedelta(seconds=dice.randrange(3600, 5 * 86_400))
        body: dict[str, object] = {"verdict": dice.choice(_VERDICTS), "reason": "we talked"}
        yield at, f"POST /router/v1/leads/{lead['email']}/disposition", body


def _lead(number: int, dice: random.Random) -> dict[str, object]:
    country, state = dice.choice(_PLACES)
    return {
        "email": f"ada@company{number}.com", "first_name": "Ada", "last_name": f"Lovelace {number}",
        "title": dice.choice(_TITLES), "company": f"Company {number}", "employees": dice.choice((20, 300, 5000)),
        "country": country, "state": state, "industry": "software", "activity": dice.choice(_ACTIVITIES),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Played:
    """What playing a scenario took: `megabytes` is the simulator's own peak, without its PostgreSQL."""

    seconds: float
    megabytes: float
    events: int
    responses: int


def play(lines: list[bytes]) -> Played:
    """Play it as people do, in a process of its own. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory(prefix="baton-quarter-") as folder:
        path, printed = Path(folder, "scenario.jsonl"), Path(folder, "printed.jsonl")
        path.write_bytes(b"\n".join(lines))
        began = time.monotonic()
        with printed.open("wb") as output:
            subprocess.run([sys.executable, "-m", "baton_standalone", "simulate", path], stdout=output, check=True)
        seconds = time.monotonic() - began
        events, responses = _count(printed)
    return Played(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, events, responses)


def _count(printed: Path) -> tuple[int, int]:
    events = responses = 0
    with printed.open("rb") as lines:
        for line in lines:
            is_response = "response" in orjson.loads(line)
            responses, events = responses + is_response, events + (not is_response)
    return events, responses


def main() -> None:
    """Generate, play, tell."""
    parser = argparse.ArgumentParser(prog="make bench-quarter", description=__doc__)
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--called", type=float, default=0.8, help="the share of leads that somebody calls")
    parser.add_argument("--write", type=Path, help="write the scenario there, and don't play it")
    options = parser.parse_args()
    lines = scenario(Quarter(options.leads, options.days, options.called))
    if options.write:
        options.write.write_bytes(b"\n".join(lines))
        return
    took = play(lines)
    sys.stdout.write(
        f"{options.leads} leads over {options.days} days: {took.seconds:.1f} s,"
        f" {took.seconds / options.leads * 1000:.2f} ms a lead, {took.megabytes:.0f} MB;"
        f" {took.responses} requests, {took.events} events\n"
    )


if __name__ == "__main__":
    main()
