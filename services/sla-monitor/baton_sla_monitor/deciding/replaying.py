"""From the facts about a person to the courses of their clocks.

Everything is derived anew from all the facts, placed at their own instants. So the result can't depend on the order
in which topics delivered them, and a fact that comes before its object needs no rule of its own.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from baton.kernel.segments import Pause
from baton_sla_monitor.deciding.courses import Course, Reason, cut
from baton_sla_monitor.deciding.facts import Fact, FactKind, in_order
from baton_sla_monitor.deciding.terms import Terms

_IDLE_CAPTURES: Final = 50
"""They only matter if a verdict from before them is still on its way: more of them make no difference."""
_TOUCHES: Final = 500


@dataclass(frozen=True, slots=True)
class Replay:
    """What the facts say: the courses in the order in which they began, and who is known as whom now.

    `order` has the place of each fact by its id.
    """

    courses: tuple[Course, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    order: Mapping[str, int] = field(default_factory=dict)


def replay(facts: Iterable[Fact], terms: Mapping[str, Terms]) -> Replay:
    """The clocks of a person: of one lead, or of several that were merged at some time."""
    fold = _Fold(terms)
    ordered = in_order(facts)
    for fact in ordered:
        fold.take(fact)
    return Replay(tuple(fold.courses), fold.aliases, {fact.id: place for place, fact in enumerate(ordered)})


def bounded(facts: Iterable[Fact], courses: Iterable[Course]) -> list[Fact]:
    """The facts without the oldest of those that a machine may send for ever: captures that began nothing, touches."""
    began = {course.began for course in courses}
    kept: list[Fact] = []
    idle = touches = 0
    for fact in sorted(facts, key=lambda each: each.told, reverse=True):
        is_idle = fact.kind is FactKind.CAPTURED and fact.id not in began
        is_touch = fact.kind is FactKind.TOUCHED
        idle, touches = idle + is_idle, touches + is_touch
        if (is_idle and idle > _IDLE_CAPTURES) or (is_touch and touches > _TOUCHES):
            continue
        kept.append(fact)
    return kept[::-1]


@dataclass(slots=True)
class _Fold:
    terms: Mapping[str, Terms]
    courses: list[Course] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    open: dict[str, Fact] = field(default_factory=dict)
    """The open assignment, by the lead that it was made for."""
    early: list[Fact] = field(default_factory=list)
    """Verdicts on assignments that aren't open: told at the same instant, or of one that was replaced."""
    touches: list[Fact] = field(default_factory=list)
    pauses: list[tuple[str, Pause]] = field(default_factory=list)
    """Every pause so far, with its lead; the last one may still run."""

    def take(self, fact: Fact) -> None:
        """Apply the next fact."""
        _STEPS[fact.kind](self, fact)

    def captured(self, fact: Fact) -> None:
        if self._open_of(fact.lead) is not None:
            return
        running = {each.terms.policy.name for each in self._of(fact.lead) if each.is_running(fact.at)}
        for terms in self._terms(fact, "captured"):
            if terms.policy.name not in running:
                self._begin(fact, terms, assignment=None)

    def assigned(self, fact: Fact) -> None:
        self._end_wait(fact)
        before = self._open_of(fact.lead)
        if before is not None and before.assignment == fact.assignment:
            return
        for course in self._of(fact.lead):
            self._pass_on(course, fact)
        for lead in [each for each in self.open if self._person(each) == self._person(fact.lead)]:
            del self.open[lead]
        self.open[fact.lead] = fact
        for terms in self._terms(fact, "assigned"):
            if before is None or terms.policy.restart:
                self._begin(fact, terms, assignment=fact.assignment)
        for verdict in self.early:
            if verdict.assignment == fact.assignment:
                self.disposed(verdict)

    def held(self, fact: Fact) -> None:
        if not fact.outside_hours:
            self._end_wait(fact)
            return
        for course in self._of(fact.lead):
            if course.waits_for_assignment and course.ended is None:
                course.wait(fact)

    def nurtured(self, fact: Fact) -> None:
        self._close(fact, Reason.NURTURED)

    def rejected(self, fact: Fact) -> None:
        self._close(fact, Reason.REJECTED)

    def touched(self, fact: Fact) -> None:
        self.touches.append(fact)
        for course in self._of(fact.lead):
            course.hear(fact)

    def accepted(self, fact: Fact) -> None:
        for course in self._of(fact.lead):
            if course.terms.policy.to == "accepted" and _is_about(course, fact):
                course.reach(fact, fact.at)

    def disposed(self, fact: Fact) -> None:
        standing = self._open_of(fact.lead)
        if standing is None or standing.assignment != fact.assignment:
            self.early.append(fact)
            return
        for course in self._of(fact.lead):
            if course.terms.policy.to == "disposed" and course.terms.policy.touches is None:
                course.reach(fact, fact.at)
            course.cancel(fact, fact.at, Reason.DISPOSED)
        self._forget_state(fact)

    def paused(self, fact: Fact) -> None:
        self._end_pause(fact)
        if fact.until is None or fact.until > fact.at:
            self.pauses.append((fact.lead, Pause(fact.at, fact.until)))
            for course in self._of(fact.lead):
                course.pause(fact)

    def resumed(self, fact: Fact) -> None:
        self._end_pause(fact)

    def merged(self, fact: Fact) -> None:
        if fact.other is None or self._person(fact.lead) == self._person(fact.other):
            return
        self.aliases[self._person(fact.lead)] = self._person(fact.other)
        self._keep_older_assignment(fact)
        self._keep_older_clocks(fact)
        self._share_pauses(fact)

    def unmerged(self, fact: Fact) -> None:
        self.aliases.pop(fact.lead, None)

    def _begin(self, fact: Fact, terms: Terms, *, assignment: str | None) -> None:
        course = Course(
            lead=fact.lead, terms=terms, start=fact.at, began=fact.id, assignment=assignment,
            rep=fact.rep, pool=fact.pool, source=fact.source,
        )  # fmt: skip
        person = self._person(fact.lead)
        course.pauses = [pause for lead, pause in self.pauses if self._person(lead) == person]
        self.courses.append(course)
        for touch in self.touches:
            if self._person(touch.lead) == person:
                course.hear(touch)

    def _pass_on(self, course: Course, fact: Fact) -> None:
        """A new assignment meets what waited for it, ends what was the last rep's, and takes over the rest."""
        policy = course.terms.policy
        if course.waits_for_assignment:
            course.reach(fact, fact.at)
        elif policy.start == "assigned" and policy.restart:
            course.cancel(fact, fact.at, Reason.REASSIGNED)
        elif course.is_running(fact.at):  # what was met or missed stays with who met or missed it
            course.pass_to(fact)
        elif course.ended is None:
            course.holder = fact.rep

    def _close(self, fact: Fact, reason: Reason) -> None:
        self._end_wait(fact)
        for course in self._of(fact.lead):
            course.cancel(fact, fact.at, reason)
        self._forget_state(fact)

    def _forget_state(self, fact: Fact) -> None:
        """Nobody has the lead any more: no assignment, no pause outlives that."""
        self._end_pause(fact)
        person = self._person(fact.lead)
        self.open = {lead: each for lead, each in self.open.items() if self._person(lead) != person}

    def _keep_older_assignment(self, fact: Fact) -> None:
        person = self._person(fact.lead)
        standing = sorted(
            (each for lead, each in self.open.items() if self._person(lead) == person), key=lambda each: each.at
        )
        for younger in standing[1:]:
            del self.open[younger.lead]
            for course in self._of(fact.lead):
                if course.lead == younger.lead:
                    course.cancel(fact, fact.at, Reason.MERGED)
        if standing:
            for course in self._of(fact.lead):
                if course.terms.policy.start == "captured" and course.lead != standing[0].lead:
                    course.cancel(fact, fact.at, Reason.MERGED)

    def _keep_older_clocks(self, fact: Fact) -> None:
        """One running clock per policy and lead."""
        seen: set[str] = set()
        for course in sorted(self._of(fact.lead), key=lambda each: (each.start, each.lead)):
            if course.is_running(fact.at):
                if course.terms.policy.name in seen:
                    course.cancel(fact, fact.at, Reason.MERGED)
                seen.add(course.terms.policy.name)

    def _share_pauses(self, fact: Fact) -> None:
        """The person is paused if either lead was: so are all clocks, until that ends."""
        person = self._person(fact.lead)
        running = [
            pause
            for lead, pause in self.pauses
            if self._person(lead) == person and (pause.to is None or pause.to > fact.at)
        ]
        for course in self._of(fact.lead):
            for pause in running:
                if pause not in course.pauses:
                    course.share_pause(pause, fact)

    def _end_wait(self, fact: Fact) -> None:
        for course in self._of(fact.lead):
            course.end_wait(fact)

    def _end_pause(self, fact: Fact) -> None:
        person = self._person(fact.lead)
        self.pauses = [
            (lead, cut(pause, fact.at) if self._person(lead) == person else pause) for lead, pause in self.pauses
        ]
        for course in self._of(fact.lead):
            course.end_pause(fact)

    def _terms(self, fact: Fact, start: str) -> list[Terms]:
        agreed = (self.terms[each] for each in fact.terms)
        return [each for each in agreed if each.policy.start == start]

    def _open_of(self, lead: str) -> Fact | None:
        person = self._person(lead)
        return next((each for other, each in self.open.items() if self._person(other) == person), None)

    def _of(self, lead: str) -> list[Course]:
        person = self._person(lead)
        return [course for course in self.courses if self._person(course.lead) == person]

    def _person(self, lead: str) -> str:
        while lead in self.aliases:
            lead = self.aliases[lead]
        return lead


def _is_about(course: Course, fact: Fact) -> bool:
    """Whether what was done with an assignment concerns this clock; one that doesn't restart goes on through all."""
    return course.assignment in (None, fact.assignment) or not course.terms.policy.restart


_STEPS: Final[Mapping[FactKind, Callable[[_Fold, Fact], None]]] = {
    FactKind.CAPTURED: _Fold.captured,
    FactKind.ASSIGNED: _Fold.assigned,
    FactKind.HELD: _Fold.held,
    FactKind.NURTURED: _Fold.nurtured,
    FactKind.REJECTED: _Fold.rejected,
    FactKind.TOUCHED: _Fold.touched,
    FactKind.ACCEPTED: _Fold.accepted,
    FactKind.DISPOSED: _Fold.disposed,
    FactKind.PAUSED: _Fold.paused,
    FactKind.RESUMED: _Fold.resumed,
    FactKind.MERGED: _Fold.merged,
    FactKind.UNMERGED: _Fold.unmerged,
}
