"""What scoring does by the clock alone: a tier that fades."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from baton.flow.unit_of_work import Units
from baton.leads.playbook.model import Playbook
from baton_scoring import repository
from baton_scoring.handlers import Batch
from baton_scoring.scoring import Horizon

_AT_ONCE: Final = 200


@dataclass(slots=True)
class TierTimer:
    """Looks again at leads whose tier time may have changed. Copies of the service share the work."""

    units: Units
    playbook: Callable[[], Playbook]
    name: str = "scoring-tiers"
    due: str = repository.NEXT_LOOK

    async def step(self) -> int:
        """Look at those that are due. Gives how many."""
        async with self.units.begin() as unit:
            due = await repository.to_look_at(unit.connection, now=unit.now, limit=_AT_ONCE)
            if not due:
                return 0
            known = await repository.load(unit.connection, due)
            playbook = self.playbook()
            batch = Batch(playbook, Horizon(playbook.scoring), unit, known)
            for lead_id in due:
                person = known.person(lead_id)
                if person is not None:  # erased by who held it until now
                    batch.look_again(person)
            batch.save()
        return len(due)
