"""Misses: who misses too many promises gets no leads for a while."""

from baton.leads.decisions import Clock
from baton.leads.events import SlaBreached, SlaMet
from baton.leads.playbook.model import Bench
from baton_router import staff_repository as repository
from baton_router.desk import Desk


async def breached(desk: Desk, event: SlaBreached) -> None:
    """Count the misses, and bench whoever has reached the limit of the policy."""
    benches = {policy.name: policy.bench for policy in desk.playbook.sla}
    for clock in event.clocks:
        bench = benches.get(clock.policy)
        if clock.rep is not None and bench is not None:
            await _missed(desk, clock, rep=clock.rep, bench=bench, lead_id=event.lead_id)


async def corrected(desk: Desk, event: SlaMet) -> None:
    """It was met after all: such a miss counts no longer."""
    await repository.take_back_misses(desk.unit.connection, [clock.id for clock in event.clocks])


async def _missed(desk: Desk, clock: Clock, *, rep: str, bench: Bench, lead_id: str) -> None:
    connection, now = desk.unit.connection, desk.unit.now
    at = clock.due or clock.at
    await repository.add_miss(connection, clock_id=clock.id, rep=rep, policy=clock.policy, at=at, lead_id=lead_id)
    if not await repository.has_missed_too_often(connection, rep, policy=clock.policy, bench=bench, now=now):
        return
    desk.counters.states[rep] = await repository.bench(connection, rep, until=clock.at + bench.for_)
