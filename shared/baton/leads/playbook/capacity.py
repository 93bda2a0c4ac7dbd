"""Whether the expected volume fits the people: only where every member of every pool has a limit can it not."""

from collections.abc import Callable

from baton.leads.playbook.model import Caps, Member, Playbook, Pool
from baton.leads.playbook.reader import Reader

Read = Callable[[Caps], int | None]


def check_capacity(playbook: Playbook, root: Reader) -> None:
    """Warn if all sources together bring more than all reps together may take."""
    hourly = sum(source.rate or 0 for source in playbook.sources.values())
    if not hourly:
        return
    _check(playbook, root, "hour", expected=hourly, read=lambda caps: caps.per_hour)
    _check(playbook, root, "day", expected=hourly * 24, read=lambda caps: caps.per_day)


def _check(playbook: Playbook, root: Reader, period: str, *, expected: int, read: Read) -> None:
    capacity = _capacity(playbook, read)
    if capacity is not None and expected > capacity:
        message = f"expected volume over capacity: {expected} leads per {period} for {capacity} places"
        root.at(("teams", "pools")).warn(message, "raise caps, add members, or correct the rates of the sources")


def _capacity(playbook: Playbook, read: Read) -> int | None:
    """What all reps together may take; None if anybody's share has no limit."""
    places: dict[str, int | None] = {}
    for pool in playbook.pools.values():
        for member in pool.members:
            limit = _limit(pool, member, read)
            known = places.get(member.rep, 0)
            places[member.rep] = None if limit is None or known is None else known + limit
    limits = [_least(read(playbook.reps[rep].caps), limit) for rep, limit in places.items()]
    found = [limit for limit in limits if limit is not None]
    return sum(found) if found and len(found) == len(limits) else None


def _limit(pool: Pool, member: Member, read: Read) -> int | None:
    return _least(read(pool.caps), read(member.caps))


def _least(first: int | None, second: int | None) -> int | None:
    return min((each for each in (first, second) if each is not None), default=None)
