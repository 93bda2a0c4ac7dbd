"""A playbook for reading: as text for people, as JSON for programs."""

from collections.abc import Iterator
from typing import Any, Final

from baton.leads.playbook.files import merge
from baton.leads.playbook.model import Playbook, Pool, ScoreRule, SlaPolicy, Step, Target
from baton.leads.playbook.yaml_nodes import Mapping, Node, Scalar

_COMPARISONS: Final = {"gte": "≥", "gt": ">", "lte": "≤", "lt": "<", "ne": "≠", "eq": "=", "in_table": "in the table"}


def as_json(playbook: Playbook) -> dict[str, Any]:
    """`{hash, version, files[], reps[], playbook {}}`, the last as it was written, all YAML files merged."""
    reps = [{"id": rep.id, "name": rep.name, "role": rep.role, "active": rep.active} for rep in playbook.reps.values()]
    return {
        "hash": playbook.hash,
        "version": playbook.version,
        "files": sorted(playbook.files),
        "reps": reps,
        "playbook": _written(playbook),
    }


def as_text(playbook: Playbook) -> str:
    """Its parts in the order in which a lead meets them."""
    return "\n".join(_lines(playbook, _written(playbook))) + "\n"


def _lines(playbook: Playbook, written: dict[str, Any]) -> Iterator[str]:
    yield f'Playbook "{playbook.version}"'
    yield f"  hash {playbook.hash}"
    yield f"  files {', '.join(sorted(playbook.files))}"
    yield f"\nSources ({len(playbook.sources)})"
    yield from (f"  {name}: {source.type}{_of(source.channel)}" for name, source in playbook.sources.items())
    yield from _scoring(playbook, written.get("scoring") or {})
    yield f"\nTerritories ({len(playbook.territories)})"
    territories: dict[str, Any] = written.get("territories") or {}
    yield from (f"  {name}: {_say((content or {}).get('when'))}" for name, content in territories.items())
    yield f"\nReps: {len(playbook.reps)}; pools ({len(playbook.pools)})"
    yield from (f"  {_pool(pool)}" for pool in playbook.pools.values())
    yield "\nRouting (the first that matches)"
    for number, (rule, given) in enumerate(zip(playbook.routing, written["routing"], strict=True), start=1):
        otherwise = f", else {_target(rule.otherwise)}" if rule.otherwise else ""
        yield f"  {number}. {rule.name}: {_when(given)}{_target(rule.target)}{otherwise}"
    yield f"  What is left: {_target(playbook.catch_all)}"
    yield f"\nPromises ({len(playbook.sla)})"
    policies: dict[str, Any] = written.get("sla") or {}
    for policy in playbook.sla:
        yield f"  {_policy(policy)}{_only(policies.get(policy.name))}"
        yield from (f"    at {step.written}: {_do(step)}" for step in policy.steps)


def _scoring(playbook: Playbook, written: dict[str, Any]) -> Iterator[str]:
    tiers = ", ".join(f"{tier} from {points:g}" for tier, points in playbook.scoring.tiers.items())
    yield f"\nScoring: {tiers}"
    for group in ("fit", "engagement", "negative"):
        rules: tuple[ScoreRule, ...] = getattr(playbook.scoring, group).rules
        for rule, given in zip(rules, (written.get(group) or {}).get("rules") or [], strict=True):
            yield f"  {group}: {rule.name}: {_effect(given)}{_only(given)}"
    for name, content in (written.get("segments") or {}).items():
        yield f"  segment: {name}{_only(content)}"


def _effect(rule: dict[str, Any]) -> str:
    if rule.get("disqualify"):
        return "disqualified"
    if "multiply" in rule:
        return f"times {rule['multiply']}"
    if "points_from" in rule:
        return "{column} of the table {table}, by {key}".format_map(rule["points_from"])
    return f"{rule.get('points', 0):+} points"


def _pool(pool: Pool) -> str:
    members = ", ".join(m.rep if m.weight == 1 else f"{m.rep} ({m.weight:g})" for m in pool.members)
    overflow = f"; then {pool.overflow}" if pool.overflow else ""
    return f"{pool.name}: {pool.strategy.replace('_', ' ')} of {members}{overflow}"


def _policy(policy: SlaPolicy) -> str:
    promise = policy.to.replace("_", " ") if policy.touches is None else f"{policy.touches} touches"
    return f"{policy.name}: {promise} within {policy.target} of being {policy.start} (clock: {policy.clock})"


def _do(step: Step) -> str:
    actions = [each.replace("_", " ") if isinstance(each, str) else _say(each) for each in step.actions]
    return ", ".join(actions) or "warning"


def _target(target: Target) -> str:
    match target:
        case Target(pool=str(pool)):
            return f"pool {pool}"
        case Target(assign=str(who)):
            return who
        case Target(nurture=str(program)):
            return f"nurture ({program})"
        case _:
            return f"reject ({target.reject})"


def _when(rule: dict[str, Any]) -> str:
    return f"{_say(rule['when'])} → " if rule.get("when") is not None else ""


def _only(content: dict[str, Any] | None) -> str:
    return f", when {_say(content['when'])}" if content and content.get("when") is not None else ""


def _of(word: str | None) -> str:
    return f", {word}" if word else ""


def _say(value: Any) -> str:
    """A condition in a line: `lead.employees ≥ 50 and lead.country US or CA`."""
    if isinstance(value, list):
        return " or ".join(map(_say, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, dict):
        return str(value)
    return " and ".join(_say_part(key, part) for key, part in value.items())


def _say_part(key: str, part: Any) -> str:
    match key, part:
        case ("all", list()):
            return "(" + " and ".join(map(_say, part)) + ")"
        case ("any", list()):
            return "(" + " or ".join(map(_say, part)) + ")"
        case ("not", _):
            return f"not ({_say(part)})"
        case ("at_least", _):
            return f"at least {_say(part)} times"
        case (_, {"exists": bool(exists)}) if len(part) == 1:
            return f"{key} has {'a' if exists else 'no'} value"
        case (_, dict()):
            return f"{key} " + " and ".join(map(_say_comparison, part, part.values()))
        case _:
            return f"{key} {_say(part)}"


def _say_comparison(name: str, to: Any) -> str:
    return "between {} and {}".format(*to) if name == "between" else f"{_COMPARISONS.get(name, name)} {_say(to)}"


def _written(playbook: Playbook) -> dict[str, Any]:
    root = merge(playbook.files).root
    plain = {} if root is None else _plain(root)
    assert isinstance(plain, dict)
    return plain


def _plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Mapping):
        return {key.text: _plain(child) for key, child in node.entries}
    return [_plain(child) for child in node.items]
