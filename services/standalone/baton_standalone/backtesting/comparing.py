"""Which leads come out otherwise under another playbook, and in what. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from baton_standalone.backtesting.outcomes import Kept, Outcome, Outcomes


class Aspect(StrEnum):
    """In what a lead comes out otherwise."""

    OUTCOME = "outcome"
    POOL = "pool"
    REP = "rep"
    RULE = "rule"
    TIER = "tier"
    HELD = "held"
    MOVES = "moves"
    PROMISES = "promises"


_BY_PEOPLE: Final = frozenset({Aspect.MOVES, Aspect.PROMISES})
"""What depends on what people do once they have a lead."""
_BY_RULES: Final = frozenset({Aspect.OUTCOME, Aspect.POOL, Aspect.RULE, Aspect.TIER})
_READ: Final[Mapping[Aspect, Callable[[Outcome], object]]] = {
    Aspect.OUTCOME: lambda outcome: (outcome.decision.state, outcome.decision.to),
    Aspect.POOL: lambda outcome: outcome.decision.pool,
    Aspect.REP: lambda outcome: outcome.decision.rep,
    Aspect.RULE: lambda outcome: outcome.decision.rule,
    Aspect.TIER: lambda outcome: outcome.tier,
    Aspect.HELD: lambda outcome: outcome.held > 0,
    Aspect.MOVES: lambda outcome: outcome.moved,
    Aspect.PROMISES: lambda outcome: outcome.promises,
}


@dataclass(frozen=True, slots=True)
class Changed:
    """A lead that comes out otherwise."""

    lead_id: str
    before: Outcome
    after: Outcome
    aspects: frozenset[Aspect]

    @property
    def by_turn(self) -> bool:
        """Nothing but another rep of the same pool: the turns moved on by leads that changed."""
        return self.aspects == {Aspect.REP} and self.after.decision.pool is not None

    @property
    def by_rules(self) -> bool:
        """The rules say something else of it, not only what follows from the turns."""
        return not self.aspects.isdisjoint(_BY_RULES)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both outcomes of the same history, and the leads that are compared."""

    before: Outcomes
    after: Outcomes
    compared: frozenset[str]
    changed: tuple[Changed, ...]

    @property
    def only_once_given(self) -> frozenset[str]:
        """Leads that have a rep under one of the two only: what people would have done for them nobody knows."""
        before, after = self.before.leads, self.after.leads
        return frozenset(each for each in self.compared if _is_given_once(before[each], after[each]))

    @property
    def promises(self) -> Mapping[str, tuple[Kept, Kept]]:
        """What came of each policy, before and after, without the leads of which nobody can know."""
        known = self.compared - self.only_once_given
        before, after = (
            [(name, kept) for each in known for name, kept in side.leads[each].promises.items()]
            for side in (self.before, self.after)
        )
        names = sorted({name for name, _ in (*before, *after)})
        return {name: (_sum(before, name), _sum(after, name)) for name in names}

    def counted(self, read: Callable[[Outcome], str | None]) -> Mapping[str, tuple[int, int]]:
        """How many of the leads have what is read, before and after; those of whom nothing is read are left out."""
        before, after = (
            Counter(found for each in self.compared if (found := read(side.leads[each])) is not None)
            for side in (self.before, self.after)
        )
        return {name: (before[name], after[name]) for name in sorted({*before, *after})}


def _sum(promises: Sequence[tuple[str, Kept]], name: str) -> Kept:
    return sum((kept for each, kept in promises if each == name), Kept())


def compare(before: Outcomes, after: Outcomes) -> Comparison:
    """Compare the leads on which either playbook decided anything in the time that is looked at."""
    compared = frozenset((before.decided | after.decided) & before.leads.keys() & after.leads.keys())
    return Comparison(before, after, compared, tuple(_changes(before, after, compared)))


def _changes(before: Outcomes, after: Outcomes, compared: frozenset[str]) -> Iterator[Changed]:
    """In the order of their first decision, which both know."""
    for lead_id, was in before.leads.items():
        if lead_id in compared:
            now = after.leads[lead_id]
            aspects = frozenset(aspect for aspect, read in _READ.items() if read(was) != read(now))
            if _is_given_once(was, now):
                aspects -= _BY_PEOPLE
            if aspects:
                yield Changed(lead_id, was, now, aspects)


def _is_given_once(before: Outcome, after: Outcome) -> bool:
    return (before.rep is None) != (after.rep is None)


def count(changed: Iterable[Changed]) -> Mapping[str, int]:
    """How many leads come out otherwise in what."""
    counts = Counter(aspect for each in changed for aspect in each.aspects)
    return {aspect.value: counts[aspect] for aspect in Aspect if counts[aspect]}


def agreement(recorded: Outcomes, replayed: Outcomes, among: frozenset[str]) -> float | None:
    """The share of leads that the replay sends where they really went: to the same pool, or to nobody for the same.

    Which rep of a pool was next depends on what was before the history, so it isn't asked.
    """
    known = [each for each in among if each in recorded.leads]
    same = sum(
        (was.state, was.pool, was.to) == (now.state, now.pool, now.to)
        for each in known
        for was, now in [(recorded.leads[each].decision, replayed.leads[each].decision)]
    )
    return None if not known else same / len(known)
