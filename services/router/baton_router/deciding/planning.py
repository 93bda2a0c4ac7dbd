"""Which rule sends a lead where: the first that matches, its `else`, the next assigning one, at last the catch-all."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from baton.leads.conditions.condition import Comparison, Condition, Facts
from baton.leads.decisions import ConditionTrace, RuleTrace, SkipCode
from baton.leads.playbook.model import Pool, Rep, RoutingRule, Target
from baton.leads.playbook.targets import is_path
from baton_router.deciding.eligibility import Staff, field_of
from baton_router.deciding.matching import Match, match_account
from baton_router.deciding.values import Request

CATCH_ALL: Final = "catch_all"
_PART: Final = re.compile(r"\{(territory|segment)\}")


@dataclass(frozen=True, slots=True)
class ToRep:
    """One rep, whatever hours and caps say. `nominee` stands in for an absent one."""

    rep: Rep
    nominee: str | None = None


@dataclass(frozen=True, slots=True)
class ToPool:
    """Whoever of the pool is next.

    `members_only`: somebody meant this pool; a rep outside of it who has the company's other leads doesn't come first.
    """

    pool: Pool
    members_only: bool = False


@dataclass(frozen=True, slots=True)
class ToNurture:
    program: str


@dataclass(frozen=True, slots=True)
class ToReject:
    reason: str


Destination = ToRep | ToPool | ToNurture | ToReject


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a lead is to go, by which rule; `rules` are those that were looked at, up to the deciding one."""

    destination: Destination
    rule: str
    rules: Sequence[RuleTrace]
    match: Match
    facts: Facts
    booking: bool = False

    @property
    def territory(self) -> str | None:
        return self.facts.territory


def plan(request: Request, staff: Staff) -> Plan:
    """Match the account, name the territory, and follow the rules."""
    playbook = staff.playbook
    match = match_account(request.lead, request.accounts, tie_break=playbook.matching.tie_break)
    facts = _facts(request, staff, match)
    path = _Path(facts, staff, request.declined | request.missed)
    for rule in playbook.routing:
        destination = path.follow(rule)
        if destination is not None:
            return Plan(destination, rule.name, tuple(path.rules), match, facts, rule.booking)
    path.rules.append(RuleTrace(name=CATCH_ALL, matched=True, conditions=[]))
    return Plan(to_catch_all(staff), CATCH_ALL, tuple(path.rules), match, facts)


def plan_catch_all(request: Request, staff: Staff) -> Plan:
    """Straight to the catch-all, whatever the rules say."""
    match = match_account(request.lead, request.accounts, tie_break=staff.playbook.matching.tie_break)
    rules = (RuleTrace(name=CATCH_ALL, matched=True, conditions=[]),)
    return Plan(to_catch_all(staff), CATCH_ALL, rules, match, _facts(request, staff, match))


def plan_rep(request: Request, staff: Staff, rep: str, *, rule: str) -> Plan | None:
    """To a rep that a person or an SLA named; None if they can't have it."""
    match = match_account(request.lead, request.accounts, tie_break=staff.playbook.matching.tie_break)
    found = find_rep(rep, staff.playbook.reps)
    destination = None if found is None else to_rep(found, staff)
    if isinstance(destination, ToRep):
        return Plan(
            destination,
            rule,
            (RuleTrace(name=rule, matched=True, conditions=[]),),
            match,
            _facts(request, staff, match),
        )
    return None


def _facts(request: Request, staff: Staff, match: Match) -> Facts:
    without = Facts(
        lead=request.lead,
        now=staff.now,
        activities=() if request.activity is None else (request.activity,),
        score=request.score,
        account={} if match.account is None else match.account.facts(),
        segment=None if request.score is None else request.score.segment,
    )
    territory = next((t.name for t in staff.playbook.territories if t.when.matches(without)), None)
    return replace(without, territory=territory)


@dataclass(slots=True)
class _Path:
    """The way through the rules. Once one matched without a place to go, only assigning rules still count."""

    facts: Facts
    staff: Staff
    refused: frozenset[str]
    """Reps who gave the lead back, or let it lie: no rule names them for it again."""
    rules: list[RuleTrace] = field(default_factory=list)
    _only_assigning: bool = False

    def follow(self, rule: RoutingRule) -> Destination | None:
        """Where this rule sends the lead, if it does."""
        if self._only_assigning and not _assigns(rule.target):
            return None
        matched, conditions = _explained(rule.when, self.facts)
        if not matched:
            self.rules.append(RuleTrace(name=rule.name, matched=False, conditions=conditions))
            return None
        reasons: list[str] = []
        for target in self._targets(rule):
            found = self.resolve(target)
            if not isinstance(found, str):
                self._note(rule, conditions, reasons)
                return found
            reasons.append(found)
        self._note(rule, conditions, reasons)
        self._only_assigning = True
        return None

    def _targets(self, rule: RoutingRule) -> Iterator[Target]:
        for target in (rule.target, rule.otherwise):
            if target is not None and (_assigns(target) or not self._only_assigning):
                yield target

    def resolve(self, target: Target) -> Destination | str:
        """Where a target leads, or why it leads nowhere."""
        if target.nurture is not None:
            return ToNurture(target.nurture)
        if target.reject is not None:
            return ToReject(target.reject)
        if target.pool is not None:
            return self._pool(target.pool)
        return self._rep(target.assign or "")

    def _pool(self, template: str) -> Destination | str:
        values = {"territory": self.facts.territory, "segment": self.facts.segment}
        missing = [part for part in _PART.findall(template) if values[part] is None]
        if missing:
            return f"{template}: the lead has no {missing[0]}"
        name = _PART.sub(lambda part: str(values[part[1]]), template)
        pool = self.staff.playbook.pools.get(name)
        return f"there is no pool {name}" if pool is None else ToPool(pool)

    def _rep(self, assign: str) -> Destination | str:
        if not is_path(assign):
            return self._willing(self.staff.playbook.reps[assign])
        root, _, name = assign.partition(".")
        value = self.facts.account.get(name) if root == "account" else field_of(self.facts.lead, assign)
        if value is None:
            return f"{assign} has no value"
        rep = find_rep(str(value), self.staff.playbook.reps)
        return f"{assign} names nobody whom the playbook knows" if rep is None else self._willing(rep)

    def _willing(self, rep: Rep) -> ToRep | str:
        if rep.id in self.refused:
            return f"{rep.id} has declined this lead, was relieved of it or missed its promise"
        return to_rep(rep, self.staff)

    def _note(self, rule: RoutingRule, conditions: list[ConditionTrace], reasons: Sequence[str]) -> None:
        unresolved = "; ".join(reasons) or None
        self.rules.append(RuleTrace(name=rule.name, matched=True, conditions=conditions, unresolved=unresolved))


def to_rep(rep: Rep, staff: Staff) -> ToRep | str:
    """A rep by name ignores hours and caps, not absence: then a nominee stands in, or the rule's `else` has it."""
    obstacle = staff.absence(rep)
    if obstacle is None or obstacle.code is SkipCode.BENCHED:
        return ToRep(rep)
    absence = staff.state(rep.id).absence_at(staff.now)
    if obstacle.code is SkipCode.ABSENT and absence is not None and absence.nominee is not None:
        return ToRep(rep, absence.nominee)
    return f"{rep.id}: {obstacle.reason}"


def to_catch_all(staff: Staff) -> ToRep | ToPool:
    """Who has what nobody else can have: always eligible, though an absent rep's nominee stands in."""
    target = staff.playbook.catch_all
    if target.pool is not None:
        return ToPool(staff.playbook.pools[target.pool])
    rep = staff.playbook.reps[target.assign or ""]
    absence = staff.state(rep.id).absence_at(staff.now)
    return ToRep(rep, None if absence is None else absence.nominee)


def find_rep(text: str, reps: Mapping[str, Rep]) -> Rep | None:
    """One of a playbook's reps by id, email address or CRM id."""
    return reps.get(text.strip()) or _by_any_name(_Same(reps)).get(text.strip().casefold())


@dataclass(frozen=True, slots=True, eq=False)
class _Same:
    """Reps as a key: only the very same mapping is equal, for a playbook never changes."""

    reps: Mapping[str, Rep]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.reps is other.reps

    def __hash__(self) -> int:
        return id(self.reps)


@lru_cache(maxsize=4)  # CRMs name owners by their own ids, and looking through 300 reps took as long as a decision
def _by_any_name(same: _Same) -> Mapping[str, Rep]:
    found: dict[str, Rep] = {}
    for rep in same.reps.values():
        for name in (rep.id, rep.email, *rep.ids.values()):
            found.setdefault(name.casefold(), rep)
    return found


def pools_of(destination: Destination, staff: Staff) -> Iterator[Pool]:
    """The pool and its overflow chain."""
    pool = destination.pool if isinstance(destination, ToPool) else None
    seen: set[str] = set()
    while pool is not None and pool.name not in seen:
        seen.add(pool.name)
        yield pool
        pool = staff.playbook.pools.get(pool.overflow or "")


def _assigns(target: Target) -> bool:
    return target.pool is not None or target.assign is not None


def _explained(when: Condition | None, facts: Facts) -> tuple[bool, list[ConditionTrace]]:
    if when is None:
        return True, []
    matched, comparisons = when.explain(facts)
    return matched, [_traced(comparison) for comparison in comparisons]


def _traced(comparison: Comparison) -> ConditionTrace:
    return ConditionTrace(
        field=comparison.field,
        operator=comparison.operator,
        expected=comparison.expected,
        actual=comparison.actual,
        matched=comparison.matched,
    )
