"""Two leads turn out to be one person: `from` is known as `into`, until that is taken back."""

from baton.flow.unit_of_work import UnitOfWork
from baton.kernel.ids import derived_id
from baton.leads.envelope import Event
from baton.leads.events import LeadMerged, LeadUnmerged
from baton_ingest import repository
from baton_ingest.captures import ORIGIN


async def merge(unit: UnitOfWork, lead_id: str, *, into: str, key: str) -> bool:
    """Merge one lead into another. False if they are one person already, by whatever way.

    So no chain of aliases ends in itself, also where each is merged into the other at once. A lead that was merged
    elsewhere before takes that person along.
    """
    await repository.merge_alone(unit.connection)
    here, there = await repository.root(unit.connection, lead_id), await repository.root(unit.connection, into)
    if here == there:
        return False
    await repository.add_alias(unit.connection, here, into=there, at=unit.now)
    data = LeadMerged(from_=here, into=there)
    unit.emit(_event(unit, data, here, there, key=key))
    return True


async def unmerge(unit: UnitOfWork, lead_id: str, *, from_: str, key: str) -> None:
    """Let a lead that was merged into another be itself again."""
    await repository.drop_alias(unit.connection, lead_id)
    data = LeadUnmerged(from_=lead_id, into=from_)
    unit.emit(_event(unit, data, lead_id, from_, key=key))


def _event(unit: UnitOfWork, data: LeadMerged | LeadUnmerged, lead_id: str, into: str, *, key: str) -> Event:
    event_id = derived_id(data.type, lead_id, into, unit.now.isoformat())
    return Event(id=event_id, source=ORIGIN, time=unit.now, key=key, data=data)
