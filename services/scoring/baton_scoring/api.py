"""The scoring API: score what you send, and read why a lead scored as it did."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from baton.kernel.ids import derived_id
from baton.leads.normalising import normalise
from baton.leads.playbook.model import Playbook
from baton.leads.values import Activity, Lead
from baton.service.access import require
from baton.service.errors import Refusal
from baton.service.fields import Instant
from baton.service.naming import NamedLead, named_lead
from baton.service.service import Service
from baton_scoring import repository
from baton_scoring.scoring import score_lead

router: Final = APIRouter(tags=["scoring"])
MAX_BATCH: Final = 1000
_SLICE: Final = 50
"""Leads scored before others get the event loop."""
_FUTURE: Final = timedelta(minutes=5)
_HISTORY: Final = 200
_NOBODY: Final = "00000000-0000-0000-0000-000000000000"


class ActivityIn(BaseModel):
    """Something the lead did."""

    id: str | None = None
    kind: str = Field(min_length=1, max_length=100)
    at: Instant
    data: dict[str, object] = Field(default_factory=dict)


class ScoreRequest(BaseModel):
    """A lead as `POST /v1/leads` of ingest takes it, and what it did; scored as of `at`, else now."""

    lead: dict[str, object]
    activities: list[ActivityIn] = Field(default_factory=list, max_length=repository.MAX_ACTIVITIES)
    at: Instant | None = None


class BatchRequest(BaseModel):
    """Several at once."""

    items: list[ScoreRequest] = Field(min_length=1, max_length=MAX_BATCH)


async def service_of(request: Request) -> Service:
    """The service that `app.py` wired."""
    service: Service = request.app.state.service
    return service


Scoring = Annotated[Service, Depends(service_of)]


@router.post("/v1/score", dependencies=[Depends(require("score"))])
async def score(body: ScoreRequest, service: Scoring) -> Mapping[str, object]:
    """The score, the tier and every reason; nothing is stored."""
    return answer_score(body, service.feed.current(), now=service.clock.now())


@router.post("/v1/score/batch", dependencies=[Depends(require("score"))])
async def score_batch(body: BatchRequest, service: Scoring) -> Mapping[str, object]:
    """The same for up to 1,000 leads, by one playbook and as of one instant."""
    playbook, now = service.feed.current(), service.clock.now()
    items: list[Mapping[str, object]] = []
    for number, item in enumerate(body.items):
        items.append(answer_score(item, playbook, now=now))
        if number % _SLICE == _SLICE - 1:
            await asyncio.sleep(0)
    return {"items": items}


@router.get("/v1/leads/{lead}", dependencies=[Depends(require("read"))])
async def read_lead(
    lead: NamedLead, service: Scoring, limit: Annotated[int, Query(ge=1, le=_HISTORY)] = 50
) -> Mapping[str, object]:
    """The profile of a lead, its score, and how that came about.

    A lead that was merged answers as the one it was merged into: `lead_id` is that one's, `merged` has its own.
    """
    lead_id = named_lead(lead)
    async with service.database.connection() as connection:
        known = await repository.load(connection, [lead_id])
        history = await repository.history(connection, known.aliases.root(lead_id), limit=limit)
    profile = known.person(lead_id)
    if profile is None or not profile.is_captured:
        raise Refusal(410, "this lead was erased") if lead_id in known.erased else Refusal(404, "no such lead")
    activities: Sequence[Activity] = sorted(profile.done, key=lambda a: a.at, reverse=True)
    return {
        "lead_id": profile.lead_id,
        "merged": known.aliases.known_as(profile.lead_id),
        "lead": profile.lead.model_dump(mode="json", exclude_unset=True),
        "score": None if profile.score is None else profile.score.model_dump(mode="json"),
        "activities": [activity.model_dump(mode="json") for activity in activities[:limit]],
        "history": [
            {"at": told.at, "cause": told.cause, "version": told.version, "score": told.score.model_dump(mode="json")}
            for told in history
        ],
    }


def answer_score(body: ScoreRequest, playbook: Playbook, *, now: datetime) -> Mapping[str, object]:
    """`{score, playbook, changes?}`."""
    at = body.at or now
    normalised = normalise(body.lead)
    lead = Lead.model_validate(
        {**normalised.fields, "lead_id": normalised.lead_id or _NOBODY, "account": normalised.account}
    )
    result = score_lead(
        lead,
        [_activity(one, now=now) for one in body.activities],
        scoring=playbook.scoring,
        model=playbook.hash,
        now=at,
    )
    answer: dict[str, object] = {"score": result.model_dump(mode="json"), "playbook": playbook.hash}
    if normalised.changes:
        answer["changes"] = [
            {"field": c.field, "before": c.before, "after": c.after, "why": c.why} for c in normalised.changes
        ]
    return answer


def _activity(sent: ActivityIn, *, now: datetime) -> Activity:
    at = now if sent.at > now + _FUTURE else sent.at
    identity = sent.id or derived_id("activity", sent.kind, sent.at.isoformat(), repr(sorted(sent.data.items())))
    return Activity(id=identity, kind=sent.kind, at=at, source="api", data=sent.data)
