"""The door for imports: many leads and activities at once, which may wait."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from baton.flow.bus import RecordTooLarge, refuse_too_large
from baton.flow.unit_of_work import Units, as_record
from baton.service.access import require
from baton.service.requests import read_body
from baton_ingest import imports, repository
from baton_ingest.api import MAX_BODY, Manner, capture_item
from baton_ingest.captures import NO_ADDRESS, Capture, Nameless
from baton_ingest.path import first_of_each, in_order, new_outcome
from baton_ingest.reception import Reception
from baton_ingest.sources.answers import answer_all, refuse
from baton_ingest.sources.canonical import items
from baton_ingest.sources.json_body import parse_json
from baton_ingest.sources.source_type import Answer, Outcome, RawCapture, Refused, Unusable, media_type

router: Final = APIRouter(tags=["imports"], dependencies=[Depends(require("ingest"))])
_SLICE: Final = 25
"""Items read before others get the event loop."""
DryRun = Annotated[bool, Query(description="Only tell what would become of each item")]


@router.post("/v1/imports", status_code=202, openapi_extra={"requestBody": {"content": {"application/json": {}}}})
async def import_items(request: Request, *, dry_run: DryRun = False) -> Response:
    """An array of leads and activities in our own JSON; an item with `kind` is an activity. Answered as other arrays.

    What is accepted leaves at the playbook's `bulk_rate`, in this order, behind everything live. What came before,
    live or imported, is a duplicate by its id or its `at`, whenever that was; without both, only what was imported in
    the same words.
    """
    body = await read_body(request, MAX_BODY)
    try:
        sent = items(parse_json(body, media_type(request.headers.get("content-type", ""))))
        answer = await _take_in(sent, request.app.state.reception, is_dry=dry_run)
    except Unusable as error:
        answer = refuse(str(error), hint=error.hint, status=error.status)
    return Response(answer.body, answer.status, dict(answer.headers), answer.content_type)


@router.get("/v1/imports")
async def read_imports(request: Request) -> Mapping[str, object]:
    """How many wait to leave, and at how many a second they do."""
    reception: Reception = request.app.state.reception
    async with reception.path.units.database.connection() as connection:
        return {"waiting": await imports.waiting(connection), "rate": reception.playbook().bulk_rate}


async def _take_in(sent: Sequence[object], reception: Reception, *, is_dry: bool) -> Answer:
    read: list[Capture | Nameless | Refused] = []
    for number, item in enumerate(sent, start=1):
        read.append(_read(item, reception))
        if number % _SLICE == 0:
            await asyncio.sleep(0)
    return answer_all(await _keep(read, reception.path.units, is_dry=is_dry))


def _read(item: object, reception: Reception) -> Capture | Nameless | Refused:
    def known_by(raw: RawCapture) -> RawCapture:
        """Without an id or a time of its own an item is known by its words, for ever: a file may come again."""
        if raw.identity is not None or raw.at is not None:
            return raw
        words = hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()
        return replace(raw, identity=f"import/{words}", activity_id=raw.activity_id or "")

    one = capture_item(item, Manner(reception, known_by, bare=isinstance(item, dict) and "kind" in item))
    if isinstance(one, Capture):
        try:
            refuse_too_large([as_record(event) for event in one.events])
        except RecordTooLarge as error:
            return Refused(str(error), "leave out what nobody needs")
    return one


async def _keep(read: Sequence[Capture | Nameless | Refused], units: Units, *, is_dry: bool) -> Sequence[Outcome]:
    """Durable once this returns. How each ended, in the same order."""
    async with units.begin() as unit:
        leads = await repository.leads_known(unit.connection, [one for one in read if isinstance(one, Nameless)])
        found = [one.known_among(leads) or NO_ADDRESS if isinstance(one, Nameless) else one for one in read]
        captures = [one for one in found if isinstance(one, Capture)]
        firsts = first_of_each(captures)
        known = await imports.known(unit.connection, firsts)
        new = [one for one in firsts if one.identity not in known]
        fresh = {one.identity for one in new} if is_dry else await imports.add(unit.connection, new, now=unit.now)
    ended = {
        one.identity: new_outcome(one)
        if one.identity in fresh
        else Outcome(lead_id=known.get(one.identity, one.lead_id), duplicate=True)
        for one in firsts
    }
    outcomes = iter(in_order(captures, ended))
    return [
        next(outcomes) if isinstance(one, Capture) else Outcome(lead_id=None, refused=one.why, hint=one.hint)
        for one in found
    ]
