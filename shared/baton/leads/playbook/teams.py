"""`teams.pools`: groups that share leads by one strategy."""

from collections.abc import Mapping
from typing import Literal, get_args

from baton.leads.conditions.fields import Scope, UnknownFieldError, find_field
from baton.leads.playbook.known import Known
from baton.leads.playbook.model import Member, Pool, Strategy
from baton.leads.playbook.people import read_caps
from baton.leads.playbook.reader import Reader

_KEYS = (
    *("strategy", "members", "calendar", "caps", "balance_by", "overflow", "outside_hours", "hold"),
    *("sticky", "catch_up", "match"),
)
_STRATEGIES: tuple[Strategy | Literal["weighted"], ...] = (*get_args(Strategy), "weighted")
_ATTRIBUTES = ("languages", "skills")
_OUTSIDE: tuple[Literal["assign", "hold"], ...] = ("assign", "hold")
_BALANCE: tuple[Literal["tier"], ...] = ("tier",)


def read_pools(section: Reader | None, known: Known) -> dict[str, Pool]:
    """Pools by name."""
    found = {name: _pool(name, entry, known) for name, entry in (section.entries() if section else ())}
    pools = {name: pool for name, pool in found.items() if pool is not None}
    if section:
        _check_overflow(section, pools)
    return pools


def _pool(name: str, entry: Reader, known: Known) -> Pool | None:
    if not entry.keys(_KEYS, required=("members",)):
        return None
    members, calendar, balance = (entry.get(key) for key in ("members", "calendar", "balance_by"))
    overflow, outside, hold = (entry.get(key) for key in ("overflow", "outside_hours", "hold"))
    sticky, catch_up, match = (entry.get(key) for key in ("sticky", "catch_up", "match"))
    hours = calendar.known(known.calendars, "calendar") if calendar else None
    return Pool(
        name=name,
        members=_members(members, known) if members else (),
        strategy=_strategy(entry.get("strategy")),
        calendar=hours,
        caps=read_caps(entry.get("caps")),
        balance_by=balance.one_of(_BALANCE, "balance_by") if balance else None,
        overflow=overflow.known(known.pools, "pool") if overflow else None,
        outside_hours=(outside.one_of(_OUTSIDE, "outside_hours") if outside else None) or "assign",
        hold=hold.duration(business=not known.never_closes(hours)) if hold else None,
        sticky=sticky.length() if sticky else None,
        catch_up=bool(catch_up.flag()) if catch_up else False,
        match=_match(match) if match else {},
    )


def _strategy(written: Reader | None) -> Strategy:
    word = written.one_of(_STRATEGIES, "strategy") if written else None
    return "round_robin" if word is None or word == "weighted" else word


def _members(written: Reader, known: Known) -> tuple[Member, ...]:
    found: dict[str, Member] = {}
    for entry in written.items("a list of members"):
        member = _member(entry, known)
        if member is None:
            continue
        if member.rep in found:
            entry.error(f'"{member.rep}" is a member twice', "give one entry a weight instead", stands=True)
        found[member.rep] = member
    return tuple(found.values())


def _member(entry: Reader, known: Known) -> Member | None:
    if entry.scalar is not None:
        rep = entry.known(known.reps, "rep")
        return None if rep is None else Member(rep)
    if not entry.keys(("rep", "weight", "caps"), required=("rep",)):
        return None
    named, weight = entry.get("rep"), entry.get("weight")
    rep = named.known(known.reps, "rep") if named else None
    if rep is None:
        return None
    return Member(rep, weight=_weight(weight) if weight else 1.0, caps=read_caps(entry.get("caps")))


def _weight(written: Reader) -> float:
    weight = written.number(least=0, most=1_000_000)
    if weight == 0:
        written.error("a weight of 0", "leave the member out, or pause the rep")
    return weight or 1.0


def _match(written: Reader) -> Mapping[str, str]:
    found: dict[str, str] = {}
    if not written.keys(_ATTRIBUTES):
        return found
    for attribute, entry in written.entries():
        path = entry.text("a field like lead.language")
        if path is not None:
            _check_path(entry, path)
            found[attribute] = path
    return found


def _check_path(entry: Reader, path: str) -> None:
    try:
        find_field(path, scope=Scope.ROUTING)
    except UnknownFieldError as error:
        entry.error(str(error), error.hint)


def _check_overflow(section: Reader, pools: Mapping[str, Pool]) -> None:
    """Each cycle is told once, at its first pool."""
    told: set[str] = set()
    for name in pools:
        chain = [name]
        while (following := pools[chain[-1]].overflow) in pools and following is not None and following not in chain:
            chain.append(following)
        if following == name and name not in told:
            told.update(chain)
            circle = " → ".join([*chain, name])
            section.at((name, "overflow")).error(f"overflow goes in a circle: {circle}", "end the chain somewhere")
