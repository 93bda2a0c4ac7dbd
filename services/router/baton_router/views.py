"""What is read of leads: one with its whole story, or many in a list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg
import orjson

from baton.flow.database import Connection
from baton.kernel.instants import format_instant
from baton.leads.values import Lead, Score
from baton.service.errors import Refusal
from baton_router import repository, timeline_repository
from baton_router.lead_file import LeadFile, State
from baton_router.timeline_repository import Entry, read_content

_MOST_STEPS: Final = 2000
"""Of one lead: who has more is a machine."""
_MOST_CAPTURES: Final = 50
"""Of one lead that nothing is decided on: the newest that was meant, and no test, is looked for among so many."""
_HEAD: Final = ("lead.scored", "lead.captured")

_CALLED: Final = "select lead_id from assignments where phone = $1 order by at desc limit 1"
_LIST: Final = """
select l.lead_id, l.state, l.rep, l.pool, l.changed_at, l.lead, l.score, l.paused_at is not null as paused,
       a.data as assignment
from leads l left join assignments a on a.lead_id = l.lead_id and a.open
where ($1::text is null or l.rep = $1) and ($2::text is null or l.pool = $2) and ($3::text is null or l.state = $3)
  and ($4::timestamptz is null or l.changed_at >= $4)
  and ($5::timestamptz is null or (l.changed_at, l.lead_id) < ($5, $6))
  and not exists (select from aliases x where x.lead_id = l.lead_id)
order by l.changed_at desc, l.lead_id desc limit $7
"""
# Found by the index alone. Whether it was a test is in the data, and is read here: SQL would stop at what is no JSON.
_LIST_CAPTURED: Final = """
with undecided as materialized (
    select t.lead_id, max(t.at) as at from timeline t
    where t.type = 'lead.captured' and ($1::timestamptz is null or t.at >= $1)
      and not exists (select from leads l where l.lead_id = t.lead_id and l.state <> 'captured')
      and not exists (select from aliases x where x.lead_id = t.lead_id)
    group by t.lead_id
), listed as materialized (
    select * from undecided where $2::timestamptz is null or (at, lead_id) < ($2, $3)
    order by at desc, lead_id desc limit $4
)
select u.lead_id, u.at, array(
    select t.data from timeline t where t.lead_id = u.lead_id and t.type = 'lead.captured'
    order by t.at desc, t.position desc limit $5
) as told
from listed u order by u.at desc, u.lead_id desc
"""
_LIST_ERASED: Final = """
select e.lead_id, 'erased' as state, null as rep, null as pool, e.at as changed_at, null::bytea as lead,
       null::bytea as score, false as paused, null::bytea as assignment
from erased e
where ($1::timestamptz is null or e.at >= $1) and ($2::timestamptz is null or (e.at, e.lead_id) < ($2, $3))
  and not exists (select from leads l where l.lead_id = e.lead_id)
order by e.at desc, e.lead_id desc limit $4
"""


@dataclass(frozen=True, slots=True)
class LeadFilter:
    """Which leads are asked for; None is any."""

    rep: str | None = None
    pool: str | None = None
    state: State | None = None
    since: datetime | None = None
    """Changed at or after that instant."""


async def lead_called(connection: Connection, phone: str) -> str | None:
    """The lead that was given to somebody last under this number, None if none was."""
    lead_id: str | None = await connection.fetchval(_CALLED, phone)
    return lead_id


async def whole_story(connection: Connection, lead_id: str, *, now: datetime) -> dict[str, object]:
    """All that happened to a lead, in order; of one that was merged, what the lead is that it was merged into.

    404 where nobody knows it, 410 where it was erased.
    """
    files = await repository.load(connection, [lead_id], lock=False)
    file = files.get(lead_id)
    members = file.members if file is not None else frozenset({lead_id})
    steps = await timeline_repository.steps(connection, members, limit=_MOST_STEPS)
    if file is None:
        if lead_id in await repository.erased_at(connection, [lead_id]):
            raise Refusal(410, "this person was erased")
        if not steps:
            raise Refusal(404, "no such lead")
    clocks = await timeline_repository.clocks(connection, members, now=now)
    head = {**_captured(lead_id, steps)} if file is None or file.lead is None else summary(file)
    return {**head, "clocks": clocks, "steps": [_step(entry) for entry in steps]}


def summary(file: LeadFile) -> dict[str, object]:
    """A lead as a command answers it. `merged`: the ids of those that are known as this one.

    `hold.why`: why the rep of `assignment` is not to have it any longer, who has it until somebody else can.
    """
    waiting, given = file.waiting, file.given
    return {
        "lead_id": file.lead_id,
        "state": file.state,
        "lead": shown_lead(file.lead),
        "score": shown_score(file.score),
        "assignment": None if given is None else given.assignment.model_dump(mode="json"),
        "hold": None if waiting is None else waiting.hold.model_dump(mode="json") | {"why": waiting.why},
        "paused": file.paused_at is not None,
        "merged": sorted(file.members - {file.lead_id}),
    }


def shown_lead(lead: Lead | None) -> Mapping[str, object] | None:
    """A lead as it is answered: only what is known."""
    return None if lead is None else lead.model_dump(mode="json", exclude_unset=True)


def shown_score(score: Score | None) -> Mapping[str, object] | None:
    return None if score is None else score.model_dump(mode="json")


async def list_leads(
    connection: Connection, wanted: LeadFilter, *, before: tuple[datetime, str] | None, limit: int
) -> list[tuple[datetime, dict[str, object]]]:
    """Leads that match, those that changed last first, each with when it did.

    Two are told only to who asks for them: the erased, of whom nothing is known but the id and the instant, and leads
    on which nothing is decided yet.
    """
    at, lead_id = before or (None, None)
    if wanted.state in (State.ERASED, State.CAPTURED) and (wanted.rep is not None or wanted.pool is not None):
        return []
    if wanted.state is State.CAPTURED:
        return await _list_captured(connection, wanted.since, before=before, limit=limit)
    if wanted.state is State.ERASED:
        rows = await connection.fetch(_LIST_ERASED, wanted.since, at, lead_id, limit)
        return [(row["changed_at"], _listed(row)) for row in rows]
    rows = await connection.fetch(_LIST, wanted.rep, wanted.pool, wanted.state, wanted.since, at, lead_id, limit)
    return [(row["changed_at"], _listed(row)) for row in rows]


async def _list_captured(
    connection: Connection, since: datetime | None, *, before: tuple[datetime, str] | None, limit: int
) -> list[tuple[datetime, dict[str, object]]]:
    found: list[tuple[datetime, dict[str, object]]] = []
    while True:
        rows = await connection.fetch(_LIST_CAPTURED, since, *(before or (None, None)), limit, _MOST_CAPTURES)
        for row in rows:
            meant = [told for told in map(read_content, row["told"]) if told.get("test") is not True]
            if meant:
                lead = next((told["lead"] for told in meant if "lead" in told), None)
                found.append((row["at"], _undecided(row["lead_id"], at=row["at"], lead=lead)))
        if len(found) >= limit or len(rows) < limit:
            return found[:limit]
        before = rows[-1]["at"], rows[-1]["lead_id"]


def _undecided(lead_id: str, *, at: datetime, lead: object) -> dict[str, object]:
    nothing = dict.fromkeys(("rep", "pool", "score", "assignment"))
    told = {"state": State.CAPTURED, "paused": False, "changed_at": format_instant(at), "lead": lead}
    return {"lead_id": lead_id, **told, **nothing}


def _listed(row: asyncpg.Record) -> dict[str, object]:
    return {
        "lead_id": row["lead_id"],
        "state": row["state"],
        "rep": row["rep"],
        "pool": row["pool"],
        "paused": row["paused"],
        "changed_at": format_instant(row["changed_at"]),
        "lead": _json(row["lead"]),
        "score": _json(row["score"]),
        "assignment": _json(row["assignment"]),
    }


def _json(stored: bytes | None) -> object:
    return None if stored is None else orjson.loads(stored)


def _captured(lead_id: str, steps: Sequence[Entry]) -> Mapping[str, object]:
    """What is known of a lead before it was routed: what it was captured as."""
    told = next((entry.content for entry in reversed(steps) if entry.type in _HEAD), {})
    return {
        "lead_id": lead_id,
        "state": State.CAPTURED,
        "lead": told.get("lead"),
        "score": told.get("score"),
        "assignment": None,
        "hold": None,
        "paused": False,
        "merged": [],
    }


def _step(entry: Entry) -> dict[str, object]:
    return {"at": format_instant(entry.at), "type": entry.type, "data": entry.content}
