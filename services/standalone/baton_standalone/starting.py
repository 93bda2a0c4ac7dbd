"""Which playbook decides once `baton up` has started.

What BATON_PLAYBOOK holds is published where it has changed since it was published last: a start undoes no publish by
command. What was published last from there stands beside the hash of the active playbook, on the topic.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path

from baton.flow.bus import Bus
from baton.kernel.clock import Clock
from baton.service.playbooks import note_configured
from baton_standalone.publishing import Active, Candidate, Refused, publish_candidate, read_active, title


@dataclass(frozen=True, slots=True)
class Chosen:
    """The playbook to begin with. `configured` is BATON_PLAYBOOK; without it this is the reference playbook."""

    candidate: Candidate
    configured: Path | None

    @property
    def hash(self) -> str:
        return self.candidate.playbook.hash

    @property
    def title(self) -> str:
        return title(self.candidate.playbook)

    def is_due(self, active: Active | None) -> bool:
        """Whether it has to be published. The reference playbook never takes the place of another."""
        if active is None:
            return True
        return self.configured is not None and self.hash not in {active.hash, active.configured}


async def begin(chosen: Chosen, bus: Bus, *, clock: Clock, database_url: str) -> str:
    """Publish what is due. Gives the line that says which playbook is active, and why.

    Raises:
        BusUnavailable: begin again.
    """
    active = await read_active(bus)
    if chosen.is_due(active):
        return await _publish(chosen, active, bus, clock=clock, database_url=database_url)
    assert active is not None
    if chosen.configured is None:
        return f"The playbook {active.title} is active; BATON_PLAYBOOK is not set"
    if chosen.hash != active.hash:
        command = f"baton playbook publish {shlex.quote(str(chosen.configured))}"
        return (
            f"The playbook {active.title} is active: it was published by command after {chosen.title},"
            f" which BATON_PLAYBOOK still holds; to make that the active one again: {command}"
        )
    if active.configured != chosen.hash:
        await note_configured(bus, active.hash, clock=clock)
    return f"The playbook {active.title} is active, as BATON_PLAYBOOK holds it"


async def _publish(chosen: Chosen, active: Active | None, bus: Bus, *, clock: Clock, database_url: str) -> str:
    is_configured = chosen.configured is not None
    try:
        await publish_candidate(
            bus, chosen.candidate, clock=clock, database_url=database_url, is_configured=is_configured
        )
    except Refused as refused:
        stays = "" if active is None else f"; {active.title} stays active"
        return f"BATON_PLAYBOOK has changed, but was not published{stays}: {refused}"
    if active is not None:
        return f"BATON_PLAYBOOK has changed: published {chosen.title} in place of {active.title}"
    if is_configured:
        return f"Published the playbook {chosen.title}"
    return f"BATON_PLAYBOOK is not set: published the reference playbook {chosen.title}"
