"""What is done with people rather than with captures: merged, taken apart again, erased.

For administrators: who may send leads in, a website say, may not take away or rename what others sent.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict

from baton.flow.unit_of_work import UnitOfWork, Units
from baton.kernel.ids import derived_id
from baton.leads.envelope import Event
from baton.leads.events import LeadErased
from baton.service.access import require
from baton.service.errors import Refusal
from baton.service.idempotency import Act, Asked, Done, asked_of, once
from baton.service.naming import NamedLead
from baton_ingest import repository
from baton_ingest.captures import ORIGIN
from baton_ingest.merging import merge, unmerge
from baton_ingest.naming import Named, named_lead

router: Final = APIRouter(tags=["leads"])
_Asked = Annotated[Asked | None, Depends(asked_of(require("admin")))]


class Into(BaseModel):
    """The lead that stays: by id, email or phone."""

    model_config = ConfigDict(extra="forbid")
    into: str


@router.delete("/v1/leads/{lead}", status_code=202)
async def erase_lead(request: Request, lead: NamedLead, asked: _Asked) -> Mapping[str, object]:
    """Erase a person, under all ids that were merged: every service deletes what it holds, but for id and instant."""
    named = named_lead(lead)

    async def erase(unit: UnitOfWork) -> Done:
        everyone = {each: Named(each) for each in await repository.same_person(unit.connection, named.lead_id)}
        keys = {each: await _key(unit, one) for each, one in (everyone | {named.lead_id: named}).items()}
        for lead_id, key in sorted(keys.items()):
            await repository.erase(unit.connection, lead_id, at=unit.now)
            event_id = derived_id("lead.erased", lead_id, unit.now.isoformat())
            data = LeadErased(lead_id=lead_id)
            unit.emit(Event(id=event_id, source=ORIGIN, time=unit.now, key=key, data=data))
        return Done({"lead_id": named.lead_id})

    return await _once_alone(request, asked, erase)


@router.post("/v1/leads/{lead}/merge", status_code=202)
async def merge_lead(request: Request, lead: NamedLead, body: Into, asked: _Asked) -> Mapping[str, object]:
    """Know this lead as another from now on. Merging the same again changes nothing."""
    one, other = named_lead(lead), named_lead(body.into)
    if one.lead_id == other.lead_id:
        raise Refusal(422, "a lead can't be merged into itself")

    async def merge_them(unit: UnitOfWork) -> Done:
        merged = await merge(unit, one.lead_id, into=other.lead_id, key=await _key(unit, other))
        answer = {"lead_id": one.lead_id, "into": other.lead_id, "duplicate": not merged}
        return Done(answer, {one.lead_id, other.lead_id})

    return await _once_alone(request, asked, merge_them)


@router.delete("/v1/leads/{lead}/merge", status_code=202)
async def unmerge_lead(request: Request, lead: NamedLead, asked: _Asked) -> Mapping[str, object]:
    """Let a merged lead be itself again. 404 if it is."""
    named = named_lead(lead)

    async def take_apart(unit: UnitOfWork) -> Done:
        into = await repository.alias_of(unit.connection, named.lead_id)
        if into is None:
            raise Refusal(404, "this lead is not merged into another")
        await unmerge(unit, named.lead_id, from_=into, key=await _key(unit, Named(into)))
        return Done({"lead_id": named.lead_id, "from": into}, {named.lead_id, into})

    return await _once_alone(request, asked, take_apart)


async def _once_alone(request: Request, asked: Asked | None, act: Act) -> Mapping[str, object]:
    """Act in a unit in which nobody else merges or erases, and whose instant is later than that of whoever did before.

    A repeat under an idempotency key gets the first answer.
    """
    units: Units = request.app.state.reception.path.units

    async def alone(unit: UnitOfWork) -> Done:
        await repository.merge_alone(unit.connection)
        unit.now = units.now()
        return await act(unit)

    return await once(units, asked, alone)


async def _key(unit: UnitOfWork, named: Named) -> str:
    """The key under which the lead's events go."""
    if named.account is not None:
        return named.account
    return (await repository.accounts(unit.connection, {named.lead_id})).get(named.lead_id, named.lead_id)
