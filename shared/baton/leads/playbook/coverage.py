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
from baton.leads.conditions.implication import implies
from baton.leads.conditions.tree import AllOf, AnyOf, Behaviour, Compare, Not, Operator, Tree, leaves
from baton.leads.playbook.model import Territory
from baton.leads.playbook.reader import Reader

_COUNTRY, _STATE = "lead.country", "lead.state"
_SETS = frozenset({Operator.EQ, Operator.IN})
_TOLD = 8

Answer = bool | None
"""None is "it depends on something that the map doesn't show"."""


@dataclass(frozen=True, slots=True)
class Place:
    country: str
    state: str | None

    def __str__(self) -> str:
        return self.country if self.state is None else f"{self.country}-{self.state}"


def check_territories(territories: tuple[Territory, ...], root: Reader) -> None:
    """Warn of gaps, overlaps and territories that never match."""
    trees = {each.name: each.when.tree for each in territories if isinstance(each.when, CompiledCondition)}
    places = _map(trees.values())
    answers = {name: [_holds(tree, place) for place in places] for name, tree in trees.items()}
    gaps = [place for at, place in enumerate(places) if all(answer[at] is False for answer in answers.values())]
    if gaps:
        root.at(("territories",)).warn(
            f"gap: no territory has {_listed(gaps)}", "add them to one, or make one for the rest"
        )
    for position, (name, tree) in enumerate(trees.items()):
        place = root.at(("territories", name))
        for earlier, other in list(trees.items())[:position]:
            if implies(tree, other):
                place.warn(f'unreachable territory "{name}"', f'"{earlier}" before it takes every lead of it')
                break
            both = [each for at, each in enumerate(places) if answers[name][at] and answers[earlier][at]]
            if both:
                place.warn(f'overlap with "{earlier}": {_listed(both)}', f'"{earlier}" comes first and has them')


def _map(trees: Iterable[Tree]) -> list[Place]:
    """Every place that has to be told apart."""
    named: dict[str, set[str]] = {}
    for tree in trees:
        countries, states = (_values(tree, field) for field in (_COUNTRY, _STATE))
        for country in countries:
            named.setdefault(country, set()).update(states)
    return [place for country, states in sorted(named.items()) for place in _places(country, states)]


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
            if leaf.operator in _SETS | {Operator.NE, Operator.NOT_IN}:
                found.update(str(each).strip().upper() for each in expected)
    return found


def _holds(tree: Tree, place: Place) -> Answer:
    match tree:
        case Compare():
            return _compare(tree, place)
        case Behaviour():
            return None
        case Not(part):
            inner = _holds(part, place)
            return None if inner is None else not inner
        case AllOf(parts):
            answers = [_holds(part, place) for part in parts]
            return False if False in answers else None if None in answers else True
        case AnyOf(parts):
            answers = [_holds(part, place) for part in parts]
            return True if True in answers else None if None in answers else False


def _compare(compare: Compare, place: Place) -> Answer:
    if compare.field not in {_COUNTRY, _STATE}:
        return None
    value = place.country if compare.field == _COUNTRY else place.state
    if compare.operator is Operator.EXISTS:
        return None if value is None else bool(compare.expected)
    expected = compare.expected if isinstance(compare.expected, tuple) else (compare.expected,)
    wanted = {fold(str(each)) for each in expected}
    match compare.operator:
        case Operator.EQ | Operator.IN:
            return None if value is None else fold(value) in wanted
        case Operator.NE | Operator.NOT_IN:
            return None if value is None else fold(value) not in wanted
        case _:
            return None


def _listed(places: list[Place]) -> str:
    told = ", ".join(map(str, places[:_TOLD]))
    return told if len(places) <= _TOLD else f"{told} and {len(places) - _TOLD} more"
