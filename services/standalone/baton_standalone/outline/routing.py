"""The market, and who gets a lead."""

from collections.abc import Iterator

from baton.leads.conditions.prose import field_words
from baton.leads.playbook.model import Playbook, RoutingRule, Target, Territory
from baton.leads.playbook.targets import is_path
from baton_standalone.outline.facts import Entry, Fact, Section, fact, only_when
from baton_standalone.outline.people import Names

_HISTORY = "What a lead did is here the activity that brought it to a decision."


def territories(market: tuple[Territory, ...]) -> Section:
    entries = tuple(Entry(each.name, only_when(each.when)) for each in market)
    return Section("territories", "Territories", entries, "The first that matches is the lead's.", is_ordered=True)


def routing(playbook: Playbook, names: Names) -> Iterator[Section]:
    """The rules, and what is left."""
    entries = tuple(Entry(rule.name, tuple(_rule(rule, names))) for rule in playbook.routing)
    yield Section("routing", "Routing", entries, f"The first rule that matches decides. {_HISTORY}", is_ordered=True)
    rest = fact("", playbook.catch_all, _target(playbook.catch_all, names))
    yield Section("catch_all", "What is left", (Entry("Catch-all", (rest,)),), "Whatever nobody else can have.")


def _rule(rule: RoutingRule, names: Names) -> Iterator[Fact]:
    yield from only_when(rule.when, "when {}: ")
    yield fact("target", rule.target, _target(rule.target, names))
    if rule.otherwise is not None:
        yield fact("else", rule.otherwise, _target(rule.otherwise, names), ", else {}")
    if rule.booking:
        yield fact("booking link", value=True, clause=", with the rep's booking link")


def _target(target: Target, names: Names) -> str:
    """`to the pool sdr`, `to the rep named as the account's owner`, `to the program news`, `rejected: competitor`."""
    match target:
        case Target(pool=str(pool)):
            return f"to the pool {pool}"
        case Target(assign=str(path)) if is_path(path):
            return f"to the rep named as {field_words(path)}"
        case Target(assign=str(rep)):
            return f"to {names[rep]}"
        case Target(nurture=str(program)):
            return f"to the program {program}"
        case _:
            return f"rejected: {target.reject}"
