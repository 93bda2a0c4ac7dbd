"""Candidates in the trace: "why not Mary?" has an answer for every lead, and the trace stays small enough to read.

Above 20 left out for the same code share one entry, `{code, reps}`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from baton.leads.decisions import CandidateTrace, SkipCode
from baton_router.deciding.eligibility import Obstacle
from baton_router.deciding.strategies import Standing

MOST_TOLD_SINGLY: Final = 20


def left_out(
    obstacles: Mapping[str, Obstacle | None], *, pool: str, but: Collection[str] = ()
) -> Iterator[CandidateTrace]:
    """Those against whom something stands; `but` are those who may have it all the same."""
    by_code: dict[SkipCode, list[tuple[str, Obstacle]]] = {}
    for rep, found in obstacles.items():
        if found is not None and rep not in but:
            by_code.setdefault(found.code, []).append((rep, found))
    for code, group in by_code.items():
        if len(group) > MOST_TOLD_SINGLY:
            yield _together([rep for rep, _ in group], code, pool=pool)
            continue
        for rep, found in group:
            yield CandidateTrace(
                rep=rep, pool=pool, eligible=False, code=code, reason=found.reason, counters=dict(found.counters)
            )


def compared(standing: Standing, *, pool: str, chosen: str) -> Iterator[CandidateTrace]:
    """Those who may have it: the one who is next with the counters before and after, then the others."""
    yield CandidateTrace(
        rep=chosen, pool=pool, eligible=True, code=None, reason="chosen",
        counters=_counters(standing, chosen) | _counters_after(standing, chosen),
    )  # fmt: skip
    others = [rep for rep in standing.turns if rep != chosen]
    if len(others) > MOST_TOLD_SINGLY:
        yield _together(others, SkipCode.NOT_NEXT, pool=pool, eligible=True)
        return
    for rep in others:
        yield CandidateTrace(
            rep=rep, pool=pool, eligible=True, code=SkipCode.NOT_NEXT, reason="may have it, another is next",
            counters=_counters(standing, rep),
        )  # fmt: skip


def _counters(standing: Standing, rep: str) -> dict[str, float | str]:
    opened: dict[str, float | str] = {"open": standing.loads[rep]} if rep in standing.loads else {}
    return {"turns": round(standing.turns[rep], 2), "weight": standing.weights[rep], **opened}


def _counters_after(standing: Standing, rep: str) -> dict[str, float | str]:
    opened: dict[str, float | str] = {"open_after": standing.loads[rep] + 1} if rep in standing.loads else {}
    return {"turns_after": round(standing.turns[rep] + 1, 2), **opened}


def not_compared(others: Sequence[str], *, pool: str, why: str) -> Iterator[CandidateTrace]:
    """Those who weren't looked at, because the lead belongs to somebody."""
    if len(others) > MOST_TOLD_SINGLY:
        yield _together(others, SkipCode.OWNER_ELSEWHERE, pool=pool)
        return
    for rep in others:
        yield CandidateTrace(
            rep=rep, pool=pool, eligible=False, code=SkipCode.OWNER_ELSEWHERE, reason=why, counters={}
        )  # fmt: skip


def taken(rep: str, *, why: str, pool: str | None = None) -> CandidateTrace:
    """Who has the lead without having been compared to anybody. Only what is said explicitly goes on the wire."""
    return CandidateTrace(rep=rep, pool=pool, eligible=True, code=None, reason=why, counters={})


def _together(reps: Sequence[str], code: SkipCode, *, pool: str, eligible: bool = False) -> CandidateTrace:
    return CandidateTrace(reps=list(reps), pool=pool, eligible=eligible, code=code, reason=_SHARED[code])


_SHARED: Final[Mapping[SkipCode, str]] = {
    SkipCode.NOT_NEXT: "may have it, another is next",
    SkipCode.ABSENT: "absent",
    SkipCode.PAUSED: "take no leads at the moment",
    SkipCode.OUTSIDE_HOURS: "outside working hours",
    SkipCode.CAP_HOUR: "at their cap for an hour",
    SkipCode.CAP_DAY: "at their cap for today",
    SkipCode.CAP_WEEK: "at their cap for this week",
    SkipCode.CAP_MONTH: "at their cap for this month",
    SkipCode.CAP_OPEN: "at their cap of open leads",
    SkipCode.DECLINED: "declined this lead, or was relieved of it",
    SkipCode.MISSED: "had this lead and missed its promise",
    SkipCode.BENCHED: "benched after missed promises",
    SkipCode.INACTIVE: "no longer work leads",
    SkipCode.SKILL: "lack what the pool's `match` asks for",
    SkipCode.OWNER_ELSEWHERE: "somebody else has this company's or person's leads",
}
"""What many have in common; alone each is told with their own numbers."""
