"""Tiers, the rules that give points, and segments."""

from collections.abc import Iterator

from baton.kernel.durations import spell_length
from baton.leads.conditions.prose import field_words
from baton.leads.playbook.model import Decay, ScoreGroup, ScoreRule, Scoring, SegmentRule
from baton_standalone.outline.facts import Entry, Fact, Section, fact, only_when

_GROUPS = ("fit", "engagement", "negative")


def scoring(model: Scoring) -> Iterator[Section]:
    """Tiers, the three groups, the segments, and what segments have in place of a group's rules."""
    tiers = [
        Entry(tier, (fact("", points, f"{points:g} points", "from {} on"),)) for tier, points in model.tiers.items()
    ]
    cool_down = fact(
        "", model.cool_down, spell_length(model.cool_down), "a tier is told again after {} at the earliest"
    )
    note = "Fit, engagement and negative together are the score; it decides the tier."
    yield Section("scoring.tiers", "Tiers", (*tiers, Entry("cool-down", (cool_down,))), note)
    for name in _GROUPS:
        group: ScoreGroup = getattr(model, name)
        yield _group(f"scoring.{name}", name.capitalize(), group, *_whole(group))
    yield Section(
        "scoring.segments", "Segments", tuple(_segment(each, model) for each in model.segments), is_ordered=True
    )
    for segment in model.segments:
        for name in _GROUPS:
            own = getattr(segment, name)
            if _differ(own, getattr(model, name)):
                yield _group(f"scoring.segments.{segment.name}.{name}", f"{name.capitalize()} in {segment.name}", own)


def _group(key: str, title: str, rules: ScoreGroup, *whole: Fact) -> Section:
    """Rules have an order only where one multiplies what came before it."""
    entries = (*_rules(rules), *((Entry("as a whole", whole),) if whole else ()))
    return Section(key, title, entries, is_ordered=any(rule.multiply is not None for rule in rules.rules))


def _whole(group: ScoreGroup) -> Iterator[Fact]:
    if group.cap is not None:
        yield fact("cap", group.cap, f"{group.cap:g} points", ", at most {}")
    if group.decay is not None:
        yield _decay(group.decay)


def _rules(group: ScoreGroup) -> tuple[Entry, ...]:
    return tuple(Entry(rule.name, tuple(_rule(rule))) for rule in group.rules)


def _differ(own: ScoreGroup, general: ScoreGroup) -> bool:
    """Whether a segment has rules of its own."""
    ours, theirs = ([(rule.name, rule.meaning) for rule in _rules(each)] for each in (own, general))
    return ours != theirs


def _rule(rule: ScoreRule) -> Iterator[Fact]:
    yield from _gives(rule)
    if rule.per_activity:
        yield fact("each activity counts", value=True, clause=" for each activity")
    if rule.decay is not None:
        yield _decay(rule.decay)
    yield from only_when(rule.when)


def _gives(rule: ScoreRule) -> Iterator[Fact]:
    if rule.points is not None:
        yield fact("points", rule.points, f"{rule.points:+g}", "{} points")
    if rule.multiply is not None:
        yield fact("multiplies", rule.multiply, f"{rule.multiply:g}", "what the group has so far times {}")
    if rule.points_from is not None:
        table = rule.points_from
        value = (table.table, table.key, table.column)
        yield fact("points", value, f"{table.column} of the table {table.table}, by {field_words(table.key)}")
    if rule.disqualify:
        yield fact("disqualifies", value=True, clause=", disqualified")


def _decay(decay: Decay) -> Fact:
    return fact("fading", decay, _fading(decay), ", fading: {},")


def _fading(decay: Decay) -> str:
    if decay.half_life is not None:
        return f"halved every {spell_length(decay.half_life)}"
    if decay.linear is not None:
        return f"evenly to nothing within {spell_length(decay.linear)}"
    return ", ".join(
        f"{f'{share * 100:g}%' if share else 'nothing'} from {spell_length(age)} on" for age, share in decay.steps
    )


def _segment(segment: SegmentRule, general: Scoring) -> Entry:
    return Entry(segment.name, (*only_when(segment.when), *_own(segment, general)))


def _own(segment: SegmentRule, general: Scoring) -> Iterator[Fact]:
    """What holds in this segment in place of the general rules."""
    for tier, points in segment.tiers.items():
        if points != general.tiers[tier]:
            yield fact(f"{tier} from", points, clause=f"; {tier} from {{}} points on")
    for name in _GROUPS:
        own, general_group = getattr(segment, name), getattr(general, name)
        for each in _whole(own):
            if each.value not in [other.value for other in _whole(general_group) if other.name == each.name]:
                yield fact(f"{name} {each.name}", each.value, each.said, f"; {name} {each.name} {each.said}")
        if _differ(own, general_group):
            yield fact(f"rules for {name}", "its own", clause=f"; its own rules for {name}")
