"""The facts about a lead as one packed row: short, because every lead is read and written several times."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson

from baton.kernel.instants import format_instant, parse_instant
from baton_sla_monitor.deciding.facts import Fact, FactKind


def pack_facts(facts: Iterable[Fact]) -> bytes:
    """Facts of one lead as JSON; what is None is left out."""
    return orjson.dumps([_packed(fact) for fact in facts])


def unpack_facts(lead: str, packed: bytes) -> list[Fact]:
    """What `pack_facts` wrote."""
    return [_unpacked(lead, read) for read in orjson.loads(packed)]


def _packed(fact: Fact) -> dict[str, object]:
    packed: dict[str, object] = {
        "id": fact.id,
        "kind": fact.kind.value,
        "told": format_instant(fact.told),
        "at": None if fact.at == fact.told else format_instant(fact.at),
        "seq": fact.sequence,
        "assignment": fact.assignment,
        "rep": fact.rep,
        "pool": fact.pool,
        "source": fact.source,
        "terms": fact.terms or None,
        "channel": fact.channel,
        "until": None if fact.until is None else format_instant(fact.until),
        "outside_hours": fact.outside_hours or None,
        "other": fact.other,
    }
    return {name: value for name, value in packed.items() if value is not None}


def _unpacked(lead: str, read: dict[str, Any]) -> Fact:
    told = parse_instant(read["told"])
    return Fact(
        id=read["id"],
        kind=FactKind(read["kind"]),
        lead=lead,
        told=told,
        at=_instant(read.get("at")) or told,
        sequence=read.get("seq"),
        assignment=read.get("assignment"),
        rep=read.get("rep"),
        pool=read.get("pool"),
        source=read.get("source"),
        terms=tuple(read.get("terms", ())),
        channel=read.get("channel"),
        until=_instant(read.get("until")),
        outside_hours=read.get("outside_hours", False),
        other=read.get("other"),
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)
