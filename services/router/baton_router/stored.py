"""How files, assignments and holds are written in rows, and read from them."""

from collections.abc import Sequence

import asyncpg
import orjson
from pydantic import BaseModel

from baton.leads.decisions import Assignment, Hold, Touch
from baton.leads.values import Activity, Lead, Score
from baton_router.lead_file import Cause, EarlyTouch, Given, LeadFile, State, Waiting


def read_file(row: asyncpg.Record) -> LeadFile:
    """A file without what stands in other tables."""
    return LeadFile(
        lead_id=row["lead_id"],
        key=row["key"],
        version=row["version"],
        known_version=row["version"],
        state=State(row["state"]),
        changed_at=row["changed_at"],
        profile_version=row["profile_version"],
        captured_at=row["captured_at"],
        lead=None if row["lead"] is None else Lead.model_validate_json(row["lead"]),
        score=None if row["score"] is None else Score.model_validate_json(row["score"]),
        answer=row["answer"],
        declined=frozenset(row["declined"]),
        missed=frozenset(row["missed"]),
        paused_at=row["paused_at"],
        resume_at=row["resume_at"],
    )


def file_row(file: LeadFile) -> tuple[object, ...]:
    assignment = None if file.given is None else file.given.assignment
    return (
        file.lead_id,
        file.key,
        file.version,
        file.state.value,
        file.changed_at,
        None if assignment is None else assignment.rep,
        _pool(file),
        file.profile_version,
        None if file.lead is None else dump(file.lead),
        None if file.score is None else dump(file.score),
        file.answer,
        "\n".join(sorted(file.declined)),
        "\n".join(sorted(file.missed)),
        file.paused_at,
        file.resume_at,
        file.captured_at,
        file.known_version,
    )


def _pool(file: LeadFile) -> str | None:
    """The pool whose the lead is: of its assignment, else the one it waits for."""
    if file.given is not None:
        return file.given.assignment.pool
    return None if file.waiting is None else file.waiting.hold.pool


def read_given(row: asyncpg.Record) -> Given:
    turn_pool = row["turn_pool"]
    return Given(
        lead_id=row["lead_id"],
        assignment=Assignment.model_validate_json(row["data"]),
        turn=None if turn_pool is None else (turn_pool, row["turn_balance"]),
        accepted_at=row["accepted_at"],
        touched_at=row["touched_at"],
        closed_at=row["closed_at"],
        closed_as=row["closed_as"],
        account=row["account"],
        phone=row["phone"],
    )


def given_row(given: Given) -> tuple[object, ...]:
    pool, balance = given.turn or (None, None)
    assignment = given.assignment
    return (
        given.id,
        given.lead_id,
        given.rep,
        assignment.pool,
        assignment.at,
        given.closed_at is None,
        given.closed_at,
        given.closed_as,
        given.accepted_at,
        given.touched_at,
        pool,
        balance,
        given.account,
        given.phone,
        dump(assignment),
    )


def read_waiting(row: asyncpg.Record) -> Waiting:
    stored = orjson.loads(row["cause"])
    activity = stored["activity"]
    hold = Hold(reason=stored["reason"], since=row["since"], until=row["until"], pool=stored["pool"])
    cause = Cause(
        id=stored["id"],
        activity=None if activity is None else Activity.model_validate(activity),
        traceparent=stored["traceparent"],
        notes=tuple(stored.get("notes", ())),  # not there in what the release before stored
    )
    return Waiting(hold, row["look_at"], tuple(row["pools"]), cause, stored["why"])


def waiting_row(lead_id: str, waiting: Waiting) -> tuple[object, ...]:
    hold, cause = waiting.hold, waiting.cause
    stored = {
        "id": cause.id,
        "activity": None if cause.activity is None else cause.activity.model_dump(mode="json"),
        "traceparent": cause.traceparent,
        "notes": cause.notes,
        "reason": hold.reason,
        "pool": hold.pool,
        "why": waiting.why,
    }
    return lead_id, hold.since, hold.until, waiting.look_at, "\n".join(waiting.pools), orjson.dumps(stored)


def read_early(row: asyncpg.Record) -> EarlyTouch:
    return EarlyTouch(str(row["cause"]), Touch.model_validate_json(row["data"]), row["told_at"])


def dump(value: BaseModel) -> bytes:
    return value.model_dump_json(exclude_unset=True).encode()


def columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    """Rows as the arrays that `unnest` wants."""
    return [list(column) for column in zip(*rows, strict=True)]
