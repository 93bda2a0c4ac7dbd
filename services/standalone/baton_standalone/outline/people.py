"""Reps, and the pools that they share leads in."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from datetime import timedelta

from baton.kernel.durations import Duration, spell_duration, spell_length
from baton.leads.conditions.prose import field_words
from baton.leads.playbook.model import Caps, Member, Pool, Rep
from baton_standalone.outline.facts import Entry, Fact, Part, Section, fact, length_value, listed, words

_PERIODS = {
    "per_hour": "an hour", "per_day": "a day", "per_week": "a week", "per_month": "a month", "open": "open at a time",
}  # fmt: skip
_STANDARD_HOLD = Duration.of(timedelta(hours=24))

Names = Mapping[str, str]
"""What people call each rep, by id."""


def rep_names(people: Mapping[str, Rep]) -> Names:
    """By name, and by id too where two have the same."""
    often = Counter(rep.name for rep in people.values())
    return {rep.id: rep.name if often[rep.name] == 1 else f"{rep.name} ({rep.id})" for rep in people.values()}


def reps(people: Mapping[str, Rep], names: Names) -> Section:
    """Addresses and numbers are compared, and left out of the sentence: a page goes where they should not."""
    entries = (Entry(rep.name, tuple(_rep(rep, names)), key=rep.id) for rep in people.values())
    return Section("reps", "Reps", tuple(entries), verbs=("joined", "left"))


def pools(every: Mapping[str, Pool], names: Names) -> Section:
    """Caps of a pool hold for each member."""
    entries = (Entry(pool.name, tuple(_pool(pool, names))) for pool in every.values())
    return Section("pools", "Pools", tuple(entries), "A pool shares its leads among its members.")


def _rep(rep: Rep, names: Names) -> Iterator[Fact]:
    yield fact("name", rep.name, clause="")
    yield fact("active", rep.active, clause="" if rep.active else "not active")
    if rep.role:
        yield fact("role", rep.role, rep.role.replace("_", " "), ", {}")
    if rep.calendar:
        yield fact("calendar", rep.calendar, clause=", hours of {}")
    if rep.time_zone:
        yield fact("time zone", rep.time_zone, clause=", {}")
    if rep.manager:
        yield fact("manager", rep.manager, names[rep.manager], ", manager {}")
    yield from _caps(rep.caps)
    for name, texts in rep.attributes.items():
        yield from words(name, texts, f", {name} {{}}")
    yield fact("email", rep.email, clause="")
    if rep.booking_link:
        yield fact("booking link", rep.booking_link, clause="")
    for name, text in rep.ids.items():
        yield fact(name.replace("_", " "), text, clause="")


def _pool(pool: Pool, names: Names) -> Iterator[Fact]:
    yield fact("strategy", pool.strategy, pool.strategy.replace("_", " "))
    yield _members(pool, names)
    if pool.strategy == "priority":
        order = tuple(member.rep for member in pool.members)
        yield fact("order", order, ", then ".join(names[rep] for rep in order), "")
    if pool.calendar:
        yield fact("calendar", pool.calendar, clause="; hours of {}")
    yield from _caps(pool.caps, "; each {}")
    yield from _sharing(pool)
    yield from _waiting(pool)


def _members(pool: Pool, names: Names) -> Fact:
    parts: dict[Hashable, Part] = {
        member.rep: Part((member.weight, member.caps), names[member.rep] + _terms(member)) for member in pool.members
    }
    return listed("members", parts, ": {}" if parts else ": nobody", verbs=("joined by", "left by"))


def _terms(member: Member) -> str:
    weight = [f"weight {member.weight:g}"] if member.weight != 1 else []
    terms = ", ".join([*weight, *(each.clause for each in _caps(member.caps, "{}"))])
    return f" ({terms})" if terms else ""


def _sharing(pool: Pool) -> Iterator[Fact]:
    if pool.balance_by:
        yield fact("balanced by", pool.balance_by, clause="; balanced by {}")
    if pool.catch_up:
        yield fact("catches up", value=True, clause="; who comes back gets the turns that were missed")
    if pool.sticky is not None:
        yield fact("sticky", pool.sticky, spell_length(pool.sticky), "; for {} the last rep has the next lead too")
    for attribute, path in sorted(pool.match.items()):
        yield fact(f"matching {attribute}", path, field_words(path), f"; the rep's {attribute} must include the {{}}")


def _waiting(pool: Pool) -> Iterator[Fact]:
    if pool.overflow:
        yield fact("overflow", pool.overflow, clause="; then the pool {}")
    waits = pool.outside_hours == "hold"
    outside = "leads wait" if waits else "the next in turn has it"
    yield fact("outside hours", pool.outside_hours, outside, "; outside hours {}" if waits else "")
    hold = pool.hold or _STANDARD_HOLD
    yield fact("held at most", length_value(hold), spell_duration(hold), "; held at most {}" if pool.hold else "")


def _caps(caps: Caps, clause: str = ", {}") -> Iterator[Fact]:
    for name, period in _PERIODS.items():
        limit: int | None = getattr(caps, name)
        if limit is not None:
            said = f"at most {limit} {period}"
            yield fact(f"at most {period}", limit, str(limit), clause.replace("{}", said))
