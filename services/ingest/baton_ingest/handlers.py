"""What ingest consumes: leads of which a CRM sent only the id."""

from collections.abc import Sequence

from baton.flow.deliveries import Delivery
from baton.flow.unit_of_work import UnitOfWork


class UnservedReference(Exception):
    """A record to be read from a CRM that this release can't read from."""


async def read_referenced(deliveries: Sequence[Delivery], unit: UnitOfWork) -> None:
    """Each becomes a dead letter, to be replayed by a release that reads from that CRM."""
    del unit
    for delivery in deliveries:
        raise UnservedReference(delivery.event.type)
