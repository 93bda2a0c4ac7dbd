"""`routing` and `catch_all`: first match wins, and what is left is never left alone."""

from baton.leads.conditions.fields import Scope
from baton.leads.playbook.known import Known
from baton.leads.playbook.model import RoutingRule, Target
from baton.leads.playbook.reader import Reader
from baton.leads.playbook.targets import TARGETS, Targets

_KEYS = ("name", "when", *TARGETS, "else", "booking")


def read_routing(section: Reader | None, known: Known) -> tuple[RoutingRule, ...]:
    """The rules in order."""
    entries = section.items("a list of rules") if section else ()
    found = [_rule(number, entry, known) for number, entry in enumerate(entries, 1)]
    rules = tuple(rule for rule in found if rule is not None)
    if section and not found:
        hint = "write at least one, or what is left goes to catch_all alone"
        section.error("routing without a rule", hint, stands=True)
    return rules


def read_catch_all(written: Reader | None, known: Known) -> Target:
    """Who has what no rule gives away."""
    target = Targets(known).alone(written, allowed=("rep", "pool")) if written else None
    if written and target and target.pool and "{" in target.pool:
        written.error("the catch-all must always be there", "name one pool or one rep")
    return target or Target()


def _rule(number: int, entry: Reader, known: Known) -> RoutingRule | None:
    if not entry.keys(_KEYS):
        return None
    targets = Targets(known)
    named, otherwise, booking = (entry.get(key) for key in ("name", "else", "booking"))
    condition = entry.when(Scope.ROUTING, known.vocabulary)
    target = targets.of_rule(entry)
    fallback = targets.alone(otherwise) if otherwise else None
    books = bool(booking.flag()) if booking else False
    name = (named.text() if named else None) or f"rule {number}"
    return None if target is None else RoutingRule(name, condition, target, otherwise=fallback, booking=books)
