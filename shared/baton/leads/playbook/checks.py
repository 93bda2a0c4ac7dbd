"""The warnings: what loads, but hardly means what it says."""

from collections.abc import Iterator, Sequence

from baton.leads.conditions.compiling import CompiledCondition
from baton.leads.conditions.condition import Condition
from baton.leads.conditions.implication import Earlier, implies
from baton.leads.playbook.capacity import check_capacity
from baton.leads.playbook.coverage import check_territories
from baton.leads.playbook.model import Playbook, RoutingRule, Target
from baton.leads.playbook.reader import Reader
from baton.leads.playbook.targets import expand, is_path, template_parts


def check(playbook: Playbook, root: Reader) -> None:
    """Add every warning to the findings, each at its place."""
    _check_rules(playbook, root)
    _check_targets(playbook, root)
    _check_segments(playbook, root)
    check_territories(playbook.territories, root)
    _check_unused(playbook, root)
    _check_members(playbook, root)
    check_capacity(playbook, root)


def _check_rules(playbook: Playbook, root: Reader) -> None:
    rules, earlier = playbook.routing, Earlier()
    for number, rule in enumerate(rules):
        tree = rule.when.tree if isinstance(rule.when, CompiledCondition) else None
        perhaps = earlier.perhaps_implied_by(tree)
        before = next((rules[each] for each in perhaps if _leaves_none(each, rules, rule)), None)
        earlier.add(tree)
        if before is not None:
            hint = f'"{before.name}" before it takes every lead that it could get'
            root.at(("routing", number)).warn(f'unreachable rule "{rule.name}"', hint)
    if rules and rules[-1].when is not None:
        place = root.at(("routing", len(rules) - 1))
        place.warn(f'the last rule "{rules[-1].name}" has a when', "what is left goes to catch_all; say so with a rule")


def _leaves_none(number: int, rules: Sequence[RoutingRule], later: RoutingRule) -> bool:
    """Whether no lead gets past the rule of that number to `later`.

    Who had a rule before without a place to go looks for the next *assigning* one: nurturing or rejecting stops nobody.
    """
    earlier = rules[number]
    passed_over = _assigns(later.target) and not _assigns(earlier.target) and not all(map(_resolves, rules[:number]))
    return not passed_over and _resolves(earlier) and _covers(earlier.when, later.when)


def _assigns(target: Target) -> bool:
    return target.pool is not None or target.assign is not None


def _resolves(rule: RoutingRule) -> bool:
    """Whether the rule has a place for every lead that it matches."""
    return any(map(_always_resolves, (rule.target, rule.otherwise)))


def _always_resolves(target: Target | None) -> bool:
    if target is None or target.assign is not None:
        return False
    return target.pool is None or not template_parts(target.pool)


def _covers(wide: Condition | None, narrow: Condition | None) -> bool:
    if wide is None:
        return True
    if not isinstance(wide, CompiledCondition) or not isinstance(narrow, CompiledCondition):
        return False
    return implies(narrow.tree, wide.tree)


def _check_targets(playbook: Playbook, root: Reader) -> None:
    for number, rule in enumerate(playbook.routing):
        open_end = rule.target if rule.otherwise is None else rule.otherwise
        doubt = _doubt(open_end)
        if doubt is not None:
            key = "else" if rule.otherwise else "pool" if open_end.pool else "assign"
            hint = "add else: {pool: …}; without one the next assigning rule that matches has it, else catch_all"
            root.at(("routing", number, key)).warn(doubt, hint)


def _doubt(target: Target) -> str | None:
    if target.pool is not None and template_parts(target.pool):
        return f'"{target.pool}" may name no pool, and there is no else'
    if target.assign is not None and is_path(target.assign):
        return f"{target.assign} may have no value, and there is no else"
    return None


def _check_segments(playbook: Playbook, root: Reader) -> None:
    segments = playbook.scoring.segments
    for number, segment in enumerate(segments):
        before = next((each for each in segments[:number] if _covers(each.when, segment.when)), None)
        if before is not None:
            place = root.at(("scoring", "segments", segment.name))
            place.warn(f'unreachable segment "{segment.name}"', f'"{before.name}" before it takes every lead of it')


def _check_unused(playbook: Playbook, root: Reader) -> None:
    for name in _unused_pools(playbook):
        root.at(("teams", "pools", name)).warn(
            f'no lead can reach the pool "{name}"', "name it in a rule, or remove it"
        )
    for name in playbook.calendars.keys() - _used_calendars(playbook) - {"always"}:
        root.at(("calendars", name)).warn(f'nobody uses the calendar "{name}"', "name it, or remove it")
    for name in playbook.tables.keys() - _used_tables(playbook):
        root.at_file(f"{name}.csv").warn(f'nothing uses the table "{name}"', f"write in_table: {name}, or remove it")


def _unused_pools(playbook: Playbook) -> Iterator[str]:
    values = {
        "territory": frozenset(territory.name for territory in playbook.territories),
        "segment": frozenset(segment.name for segment in playbook.scoring.segments),
    }
    targets = [target for rule in playbook.routing for target in (rule.target, rule.otherwise) if target]
    named = [target.pool for target in (*targets, playbook.catch_all) if target.pool is not None]
    reached = {pool for name in named for pool in expand(name, values) if pool in playbook.pools}
    waiting = list(reached)
    while waiting:
        overflow = playbook.pools[waiting.pop()].overflow
        if overflow is not None and overflow not in reached:
            reached.add(overflow)
            waiting.append(overflow)
    return (name for name in playbook.pools if name not in reached)


def _used_calendars(playbook: Playbook) -> set[str | None]:
    named = {rep.calendar for rep in playbook.reps.values()} | {pool.calendar for pool in playbook.pools.values()}
    return named | {policy.clock for policy in playbook.sla}


def _used_tables(playbook: Playbook) -> set[str]:
    scoring = playbook.scoring
    groups = [scoring.fit, scoring.engagement, scoring.negative]
    groups += [group for each in scoring.segments for group in (each.fit, each.engagement, each.negative)]
    rules = [rule for group in groups for rule in group.rules]
    whens: list[Condition | None] = [rule.when for rule in rules]
    whens += [each.when for each in scoring.segments]
    whens += [each.when for each in playbook.routing]
    whens += [each.when for each in playbook.sla]
    whens += [each.when for each in playbook.territories]
    used = {table for when in whens if isinstance(when, CompiledCondition) for table in when.tables}
    return used | {rule.points_from.table for rule in rules if rule.points_from}


def _check_members(playbook: Playbook, root: Reader) -> None:
    for name, pool in playbook.pools.items():
        if not any(playbook.reps[member.rep].active for member in pool.members):
            place = root.at(("teams", "pools", name))
            if not pool.members and playbook.catch_all.pool == name:
                message = f'the pool "{name}" of catch_all has no members'
                place.error(message, "catch_all must always have somebody", stands=True)
                continue
            place.warn(f'the pool "{name}" has no members in hours: nobody in it is active', "add a member")
