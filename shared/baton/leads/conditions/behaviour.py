"""What a lead did: counting the activities that a behaviour asks for.

A window includes its end: an activity that is exactly `within` old still counts, and just after no more.
"""

from collections.abc import Iterator, Mapping

from baton.leads.conditions.condition import Comparison, Facts
from baton.leads.conditions.fields import Answer
from baton.leads.conditions.folding import fold, present
from baton.leads.conditions.tree import Behaviour
from baton.leads.values import Activity


def build_behaviour(tree: Behaviour) -> Answer:
    """The fast test; one matching activity is often all that is asked for."""
    kinds = frozenset(tree.kinds)
    if tree.at_least > 1 or tree.within is not None or tree.distinct is not None:
        return lambda facts: len(counted(tree, facts)) >= tree.at_least
    if not kinds:
        return lambda facts: bool(facts.activities)

    def did(facts: Facts) -> bool:
        for activity in facts.activities:  # noqa: SIM110 - `any` makes a generator at each question, at twice the price
            if activity.kind in kinds:
                return True
        return False

    return did


def counted(tree: Behaviour, facts: Facts) -> list[Activity]:
    """The activities that count, newest first; of equal `distinct` values the newest."""
    found = [activity for activity in reversed(facts.activities) if _counts(tree, activity, facts)]
    found.sort(key=lambda activity: activity.at, reverse=True)
    return found if tree.distinct is None else list(_distinct(found, tree.distinct))


def compare_behaviour(tree: Behaviour, facts: Facts) -> Comparison:
    """As the trace shows it: the kind that was seen, or how many were counted."""
    found = counted(tree, facts)
    if tree.at_least == 1 and tree.within is None and tree.distinct is None:
        kinds: object = "any" if not tree.kinds else tree.kinds[0] if len(tree.kinds) == 1 else list(tree.kinds)
        operator = "in" if isinstance(kinds, list) else "eq"
        seen = found[0].kind if found else facts.activities[0].kind if len(facts.activities) == 1 else None
        return Comparison("activity", operator, kinds, seen, matched=bool(found))
    return Comparison("activity", "at_least", _expected(tree), len(found), matched=len(found) >= tree.at_least)


def _counts(tree: Behaviour, activity: Activity, facts: Facts) -> bool:
    if tree.kinds and activity.kind not in tree.kinds:
        return False
    return tree.within is None or facts.now - activity.at <= tree.within


def _distinct(activities: list[Activity], path: str) -> Iterator[Activity]:
    seen: set[str] = set()
    for activity in activities:
        value = _value(activity, path)
        key = fold(str(value))
        if value is not None and key not in seen:
            seen.add(key)
            yield activity


def _value(activity: Activity, path: str) -> object:
    if path in {"kind", "source"}:
        return getattr(activity, path)
    value: object = activity.data
    for key in path.removeprefix("data.").split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return present(value)


def _expected(tree: Behaviour) -> dict[str, object]:
    wanted: dict[str, object] = {"activity": list(tree.kinds) or "any", "at_least": tree.at_least}
    if tree.within is not None:
        wanted["within"] = tree.written_within or str(tree.within)
    if tree.distinct is not None:
        wanted["distinct"] = tree.distinct
    if len(tree.kinds) == 1:
        wanted["activity"] = tree.kinds[0]
    return wanted
