"""Territories on the map: places that none has (a gap) and places that two have (an overlap).

The map is made of the countries that territories name; where states are told apart, of every state of that country by
ISO 3166-2 and of every state written. Whatever else a territory asks for (an account, a size) may hold or not: a gap
is told only where no territory can match, an overlap only where two must.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import pycountry

from baton.leads.conditions.compiling import CompiledCondition
from baton.leads.conditions.folding import fold
from baton.leads.conditions.implication import Earlier, implies
from baton.leads.conditions.tree import AllOf, AnyOf, Behaviour, Compare, Not, Operator, Tree, leaves
from baton.leads.playbook.model import Territory
from baton.leads.playbook.reader import Reader

_COUNTRY, _STATE = "lead.country", "lead.state"
_SETS = frozenset({Operator.EQ, Operator.IN})
_OTHERS = frozenset({Operator.NE, Operator.NOT_IN})
_TOLD = 8


@dataclass(frozen=True, slots=True)
class Place:
    country: str
    state: str | None

    def __str__(self) -> str:
        return self.country if self.state is None else f"{self.country}-{self.state}"


@dataclass(frozen=True, slots=True)
class Answers:
    """On which places a condition must hold and on which it can't, one bit a place; on others it depends."""

    yes: int
    no: int

    @property
    def inverse(self) -> "Answers":
        return Answers(self.no, self.yes)


_DEPENDS = Answers(0, 0)


def check_territories(territories: tuple[Territory, ...], root: Reader) -> None:
    """Warn of gaps, overlaps and territories that never match."""
    trees = {each.name: each.when.tree for each in territories if isinstance(each.when, CompiledCondition)}
    places = _map(trees.values())
    ground = _Map(places)
    answers = {name: ground.answers(tree) for name, tree in trees.items()}
    gaps = ground.everywhere
    for each in answers.values():
        gaps &= each.no
    if gaps:
        message = f"gap: no territory has {_listed(ground.on(gaps))}"
        root.at(("territories",)).warn(message, "add them to one, or make one for the rest")
    _check_pairs(trees, answers, ground, root)


def _check_pairs(trees: dict[str, Tree], answers: dict[str, Answers], ground: "_Map", root: Reader) -> None:
    """Each territory with those before it."""
    names, before = list(trees), Earlier()
    for number, (name, tree) in enumerate(trees.items()):
        place = root.at(("territories", name))
        wider = next((names[at] for at in before.perhaps_implied_by(tree) if implies(tree, trees[names[at]])), None)
        before.add(tree)
        if wider is not None:
            place.warn(f'unreachable territory "{name}"', f'"{wider}" before it takes every lead of it')
            continue
        for earlier in names[:number] if answers[name].yes else ():
            if both := answers[name].yes & answers[earlier].yes:
                message = f'overlap with "{earlier}": {_listed(ground.on(both))}'
                place.warn(message, f'"{earlier}" comes first and has them')


def _map(trees: Iterable[Tree]) -> list[Place]:
    """Every place that has to be told apart."""
    named: dict[str, set[str]] = {}
    for part in (part for tree in trees for part in _alternatives(tree)):
        countries, states = (_values(part, field) for field in (_COUNTRY, _STATE))
        for country in countries:
            named.setdefault(country, set()).update(states)
    return [place for country, states in sorted(named.items()) for place in _places(country, states)]


def _alternatives(tree: Tree) -> Iterable[Tree]:
    """The states of one alternative aren't those of the countries of another."""
    return tree.parts if isinstance(tree, AnyOf) else (tree,)


def _places(country: str, states: set[str]) -> list[Place]:
    """States are told apart where some of that country are written; where ISO has none, those written."""
    known = _subdivisions(country)
    told_apart = known if known & states else set() if known else states
    return [Place(country, state) for state in sorted(told_apart)] or [Place(country, None)]


def _subdivisions(country: str) -> set[str]:
    """The states of a country by the part of their code after the hyphen; not what lies below them."""
    found = pycountry.subdivisions.get(country_code=country) or []  # type: ignore[no-untyped-call]
    return {each.code.partition("-")[2] for each in found if not each.parent_code}


def _values(tree: Tree, field: str) -> set[str]:
    found: set[str] = set()
    for leaf in leaves(tree):
        if isinstance(leaf, Compare) and leaf.field == field and isinstance(leaf.expected, str | tuple):
            expected = leaf.expected if isinstance(leaf.expected, tuple) else (leaf.expected,)
            if leaf.operator in _SETS | _OTHERS:
                found.update(str(each).strip().upper() for each in expected)
    return found


class _Map:
    """Places as bits, by country and by state."""

    def __init__(self, places: list[Place]) -> None:
        self.places = places
        self.everywhere = (1 << len(places)) - 1
        self.bits: dict[str, dict[str, int]] = {_COUNTRY: {}, _STATE: {}}
        for at, place in enumerate(places):
            for field, value in ((_COUNTRY, place.country), (_STATE, place.state)):
                if value is not None:
                    self.bits[field][fold(value)] = self.bits[field].get(fold(value), 0) | 1 << at

    def on(self, bits: int) -> list[Place]:
        return [place for at, place in enumerate(self.places) if bits >> at & 1]

    def answers(self, tree: Tree) -> Answers:
        match tree:
            case Compare():
                return self._compare(tree)
            case Behaviour():
                return _DEPENDS
            case Not(part):
                return self.answers(part).inverse
            case AllOf(parts):
                return self._all(map(self.answers, parts))
            case AnyOf(parts):
                return self._all(self.answers(part).inverse for part in parts).inverse

    def _all(self, parts: Iterable[Answers]) -> Answers:
        yes, no = self.everywhere, 0
        for part in parts:
            yes, no = yes & part.yes, no | part.no
        return Answers(yes, no)

    def _compare(self, compare: Compare) -> Answers:
        known = self.bits.get(compare.field)
        if known is None:
            return _DEPENDS
        told = 0
        for bit in known.values():
            told |= bit
        if compare.operator is Operator.EXISTS:
            return Answers(told, 0) if compare.expected else Answers(0, told)
        if compare.operator not in _SETS | _OTHERS:
            return _DEPENDS
        expected = compare.expected if isinstance(compare.expected, tuple) else (compare.expected,)
        among = 0
        for value in expected:
            among |= known.get(fold(str(value)), 0)
        inside = Answers(among, told & ~among)
        return inside if compare.operator in _SETS else inside.inverse


def _listed(places: list[Place]) -> str:
    told = ", ".join(map(str, places[:_TOLD]))
    return told if len(places) <= _TOLD else f"{told} and {len(places) - _TOLD} more"
