"""From a tree to closures: one that only answers, one that also tells every comparison, one that tells what it saw."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never

from baton.leads.conditions.behaviour import build_behaviour, compare_behaviour, counted
from baton.leads.conditions.condition import Comparison, Facts
from baton.leads.conditions.fields import Answer, Getter, Kind, Scope, find_field
from baton.leads.conditions.folding import present
from baton.leads.conditions.operators import Columns, Range, build_ranges, build_test, postal_range
from baton.leads.conditions.parsing import parse_condition
from baton.leads.conditions.tree import AllOf, AnyOf, Behaviour, Compare, Not, Operator, Tree, leaves
from baton.leads.conditions.vocabulary import Vocabulary
from baton.leads.values import Activity

Explain = Callable[[Facts, list[Comparison]], bool]
Evidence = Callable[[Facts, list[Activity]], None]


@dataclass(frozen=True, slots=True)
class _Part:
    answer: Answer
    explain: Explain
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class CompiledCondition:
    """A condition that can be asked. Made by `compile_condition`; `tree` is for prose and analysis."""

    tree: Tree
    fields: frozenset[str]
    activity_kinds: frozenset[str]
    """`any` where every kind counts."""
    windows: frozenset[timedelta]
    tables: frozenset[str]
    matches: Answer
    _part: _Part

    def explain(self, facts: Facts) -> tuple[bool, tuple[Comparison, ...]]:
        """The same answer, with every comparison of the condition, also those that decided nothing."""
        comparisons: list[Comparison] = []
        matched = self._part.explain(facts, comparisons)
        return matched, tuple(comparisons)

    def evidence(self, facts: Facts) -> tuple[Activity, ...]:
        """The activities that made it true, newest first, each once."""
        if not self.activity_kinds:
            return ()
        seen: list[Activity] = []
        self._part.evidence(facts, seen)
        if len(seen) <= 1:
            return tuple(seen)
        unique = {(activity.source, activity.id): activity for activity in seen}
        return tuple(sorted(unique.values(), key=lambda activity: activity.at, reverse=True))


def compile_condition(written: object, *, scope: Scope, vocabulary: Vocabulary) -> CompiledCondition:
    """Read and compile a condition as the playbook writes it. Raises ConditionError with every mistake."""
    return compile_tree(
        parse_condition(written, scope=scope, vocabulary=vocabulary), scope=scope, vocabulary=vocabulary
    )


def compile_tree(tree: Tree, *, scope: Scope, vocabulary: Vocabulary) -> CompiledCondition:
    """Compile a tree that `parse_condition` gave."""
    part = _build(tree, scope=scope, columns=vocabulary.column)
    every = tuple(leaves(tree))
    behaviours = [leaf for leaf in every if isinstance(leaf, Behaviour)]
    compares = [leaf for leaf in every if isinstance(leaf, Compare)]
    return CompiledCondition(
        tree=tree,
        fields=frozenset(leaf.field if isinstance(leaf, Compare) else "activity" for leaf in every),
        activity_kinds=frozenset(kind for leaf in behaviours for kind in leaf.kinds or ("any",)),
        windows=frozenset(leaf.within for leaf in behaviours if leaf.within is not None),
        tables=frozenset(str(leaf.expected) for leaf in compares if leaf.operator is Operator.IN_TABLE),
        matches=part.answer,
        _part=part,
    )


def _build(tree: Tree, *, scope: Scope, columns: Columns) -> _Part:
    match tree:
        case Compare():
            return _compare(tree, scope=scope, columns=columns)
        case Behaviour():
            return _behaviour(tree)
        case AllOf(parts):
            return _all([_build(part, scope=scope, columns=columns) for part in parts])
        case AnyOf(parts):
            built = [_build(part, scope=scope, columns=columns) for part in parts]
            return replace(_any(built), answer=_some(_quick(parts, built, scope=scope)))
        case Not(part):
            return _not(_build(part, scope=scope, columns=columns))
        case _:
            assert_never(tree)


def _compare(tree: Compare, *, scope: Scope, columns: Columns) -> _Part:
    field = find_field(tree.field, scope=scope)
    get, test = field.get, build_test(tree, kind=field.kind, columns=columns)
    if tree.operator is Operator.EXISTS and tree.expected is False:
        wants_missing: Answer = lambda facts: present(get(facts)) is None  # noqa: E731 - beside its counterpart
        return _Part(wants_missing, _explained(tree, get, wants_missing), _no_evidence)
    answer: Answer = lambda facts: (value := get(facts)) is not None and test(value)  # noqa: E731 - same
    return _Part(answer, _explained(tree, get, answer), _no_evidence)


def _explained(tree: Compare, get: Getter, answer: Answer) -> Explain:
    expected = list(tree.expected) if isinstance(tree.expected, tuple) else tree.expected
    field, operator = tree.field, tree.operator.value

    def explain(facts: Facts, comparisons: list[Comparison]) -> bool:
        matched = answer(facts)
        comparisons.append(Comparison(field, operator, expected, present(get(facts)), matched))
        return matched

    return explain


def _behaviour(tree: Behaviour) -> _Part:
    answer = build_behaviour(tree)

    def explain(facts: Facts, comparisons: list[Comparison]) -> bool:
        comparison = compare_behaviour(tree, facts)
        comparisons.append(comparison)
        return comparison.matched

    def evidence(facts: Facts, seen: list[Activity]) -> None:
        if answer(facts):
            seen.extend(counted(tree, facts))

    return _Part(answer, explain, evidence)


def _all(parts: list[_Part]) -> _Part:
    answer = _every([part.answer for part in parts])

    def explain(facts: Facts, comparisons: list[Comparison]) -> bool:
        return all([part.explain(facts, comparisons) for part in parts])  # noqa: C419 - a list: nothing is left out

    def evidence(facts: Facts, seen: list[Activity]) -> None:
        if answer(facts):
            for part in parts:
                part.evidence(facts, seen)

    return _Part(answer, explain, evidence)


def _every(answers: list[Answer]) -> Answer:
    """Two and three parts are what playbooks are made of, and calling them by name is twice as fast as a loop."""
    match answers:
        case [one]:
            return one
        case [one, two]:
            return lambda facts: one(facts) and two(facts)
        case [one, two, three]:
            return lambda facts: one(facts) and two(facts) and three(facts)
        case _:
            return lambda facts: all(answer(facts) for answer in answers)


def _any(parts: list[_Part]) -> _Part:
    answer = _some([part.answer for part in parts])

    def explain(facts: Facts, comparisons: list[Comparison]) -> bool:
        return any([part.explain(facts, comparisons) for part in parts])  # noqa: C419 - a list: nothing is left out

    def evidence(facts: Facts, seen: list[Activity]) -> None:
        for part in parts:
            part.evidence(facts, seen)

    return _Part(answer, explain, evidence)


def _quick(parts: tuple[Tree, ...], built: list[_Part], *, scope: Scope) -> list[Answer]:
    """The answers of the parts, those of ranges of postal codes as one: a market may have thousands."""
    ranges: dict[str, list[Range]] = {}
    answers: list[Answer] = []
    for tree, part in zip(parts, built, strict=True):
        ends = postal_range(tree) if isinstance(tree, Compare) else None
        if isinstance(tree, Compare) and ends is not None and find_field(tree.field, scope=scope).kind is Kind.POSTAL:
            ranges.setdefault(tree.field, []).append(ends)
        else:
            answers.append(part.answer)
    return [*answers, *(_in_ranges(find_field(path, scope=scope).get, found) for path, found in ranges.items())]


def _in_ranges(get: Getter, ranges: list[Range]) -> Answer:
    test = build_ranges(ranges)
    return lambda facts: (value := get(facts)) is not None and test(value)


def _some(answers: list[Answer]) -> Answer:
    match answers:
        case [one]:
            return one
        case [one, two]:
            return lambda facts: one(facts) or two(facts)
        case [one, two, three]:
            return lambda facts: one(facts) or two(facts) or three(facts)
        case _:
            return lambda facts: any(answer(facts) for answer in answers)


def _not(part: _Part) -> _Part:
    """What is absent leaves no evidence."""
    return _Part(
        answer=lambda facts: not part.answer(facts),
        explain=lambda facts, comparisons: not part.explain(facts, comparisons),
        evidence=_no_evidence,
    )


def _no_evidence(facts: Facts, seen: list[Activity]) -> None:
    """A comparison of fields saw no activity."""
