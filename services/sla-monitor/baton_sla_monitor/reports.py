"""What people ask of the clocks: which there are, and how well promises are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from baton.flow.database import Connection
from baton_sla_monitor.deciding.clock_state import ClockState
from baton_sla_monitor.repository import merges_of, read_clock

_OPEN: Final = "ended_at is null"
_ENDED: Final = "ended_at is not null"
_STATUS: Final[dict[str, tuple[str, ...]]] = {
    "running": (f"status = 'running' and {_OPEN}",),
    "met": (f"status = 'met' and {_ENDED}",),
    "breached": (f"status = 'breached' and {_OPEN}", f"status = 'breached' and {_ENDED}"),
    "cancelled": (f"status = 'cancelled' and {_ENDED}",),
    "overdue": (f"status = 'breached' and {_OPEN}",),
    "any": (_OPEN, _ENDED),
}
"""What each word of the API asks for: of the open clocks, of the ended ones, or of both. Each has its own index, so
that a clock stands in one at a time."""
_ATTAINMENT: Final = """
select policy, rep, pool, source,
       grouping(rep) = 0 as by_rep, grouping(pool) = 0 as by_pool, grouping(source) = 0 as by_source,
       count(*) filter (where counts and status = 'met' and not corrected) as met,
       count(*) filter (where counts and status = 'met' and corrected) as corrected,
       count(*) filter (where counts and status = 'breached') as breached,
       count(*) filter (where counts and status = 'breached' and ended_at is not null and reason is null) as met_late,
       count(*) filter (where counts and status = 'cancelled') as cancelled,
       count(*) filter (where status = 'running') as running,
       count(*) filter (where status = 'breached' and ended_at is null) as overdue
from (
    select *, coalesce(outcome_at >= $1 and outcome_at < $2, false) as counts from clocks
    where ended_at is null or (outcome_at >= $1 and outcome_at < $2)
) c
group by grouping sets ((policy), (policy, rep), (policy, pool), (policy, source))
order by policy, rep nulls first, pool nulls first, source nulls first
"""


@dataclass(frozen=True, slots=True)
class ClockFilter:
    """Which clocks are asked for; what is None doesn't matter. `status` is one of the words of the API."""

    status: str
    lead: str | None = None
    rep: str | None = None
    policy: str | None = None
    due_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: after this clock. Those without a due time come last."""

    due: datetime | None
    id: str


async def list_clocks(
    connection: Connection, wanted: ClockFilter, *, after: Place | None, limit: int
) -> list[ClockState]:
    """Clocks in the order in which they are due."""
    conditions, values = list[str](), list[object]()

    def also(condition: str, value: object) -> None:
        values.append(value)
        conditions.append(condition.format(f"${len(values)}"))

    if wanted.lead is not None:
        also("lead_id = any({}::text[])", sorted(await _same_person(connection, wanted.lead)))
    if wanted.rep is not None:
        also("rep = {}", wanted.rep)
    if wanted.policy is not None:
        also("policy = {}", wanted.policy)
    if wanted.due_before is not None:
        also("due_at < {}", wanted.due_before)
    if after is not None and after.due is not None:
        also("(due_at is null or due_at >= {0})", after.due)
        also(f"(due_at is null or due_at > ${len(values)} or id > {{}})", after.id)
    elif after is not None:
        also("due_at is null and id > {}", after.id)
    values.append(limit)
    # The conditions are ours, only the values are the caller's.
    in_order = f"order by due_at, id limit ${len(values)}"
    parts = [" and ".join((part, *conditions)) for part in _STATUS[wanted.status]]
    each = " union all ".join(f"(select * from clocks where {part} {in_order})" for part in parts)  # noqa: S608
    query = f"select * from ({each}) as found {in_order}"  # noqa: S608
    return [read_clock(row) for row in await connection.fetch(query, *values)]


async def attainment(connection: Connection, *, since: datetime, until: datetime) -> Sequence[asyncpg.Record]:
    """Counts by policy, and within it by rep, pool and source. What runs or is overdue counts as of now."""
    return await connection.fetch(_ATTAINMENT, since, until)


async def _same_person(connection: Connection, lead: str) -> set[str]:
    """The lead, and whoever it was merged with."""
    found: set[str] = set()
    wanted = {lead}
    while wanted - found:
        found = wanted
        wanted = found.union(*await merges_of(connection, found))
    return found
