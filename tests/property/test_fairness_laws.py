"""Fairness: nobody is ever a lead or more away from their share."""

from collections import Counter
from fractions import Fraction
from math import ceil
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from baton.leads.playbook.model import Member
from baton.leads.values import TIERS, Tier
from baton_router.deciding.fairness import next_in_turn
from tests.support.playbooks import Router, playbook, pool, score

WEIGHTS = st.one_of(
    st.integers(1, 20).map(float),
    st.decimals("0.1", "9.9", places=1).map(float),
    st.sampled_from([0.001, 1 / 3, 1000.0]),
)
TEAMS = st.lists(WEIGHTS, min_size=1, max_size=20).map(lambda weights: {f"rep{n}": w for n, w in enumerate(weights)})


def as_members(team: dict[str, float]) -> list[Member]:
    return [Member(name, weight=weight) for name, weight in team.items()]


def furthest(given_to: Counter[str], leads: int, team: dict[str, float]) -> Fraction:
    """How far from their share the one is who is furthest, exactly."""
    exact = {name: Fraction(repr(weight)) for name, weight in team.items()}
    whole = sum(exact.values())
    return max(abs(given_to[name] - leads * weight / whole) for name, weight in exact.items())


@given(team=TEAMS, leads=st.integers(1, 200))
def test_every_rep_is_within_one_lead_of_their_share_at_every_prefix(team: dict[str, float], leads: int) -> None:
    counts = dict.fromkeys(team, 0.0)

    for number in range(1, leads + 1):
        counts[next_in_turn(counts, team)] += 1

        assert furthest(Counter({name: int(count) for name, count in counts.items()}), number, team) < 1


def test_that_holds_in_thousands_of_mixed_teams() -> None:
    dice = Random(20260325)
    for _ in range(3000):
        team = {f"rep{n}": dice.choice([1.0, 1.0, 2.0, 3.0, 7.0, 10.0, 0.5]) for n in range(dice.randint(2, 7))}
        counts = dict.fromkeys(team, 0.0)
        whole = sum(team.values())
        for number in range(1, 41):
            counts[next_in_turn(counts, team)] += 1
            assert all(abs(count - number * team[name] / whole) < 1 for name, count in counts.items()), team


@given(team=TEAMS, tiers=st.lists(st.sampled_from(TIERS), min_size=1, max_size=60))
def test_with_balance_by_that_holds_for_each_tier_and_in_total_within_their_number(
    team: dict[str, float], tiers: list[Tier]
) -> None:
    router = Router(playbook(pool("sdr", *as_members(team), balance_by="tier")))
    by_tier = {tier: Counter[str]() for tier in TIERS}

    for number, tier in enumerate(tiers, 1):
        by_tier[tier][router.assign(points=score(tier)).rep] += 1

        assert furthest(by_tier[tier], by_tier[tier].total(), team) < 1
        assert furthest(sum(by_tier.values(), Counter[str]()), number, team) < len(TIERS)


@settings(max_examples=200)
@given(team=TEAMS, dice=st.randoms(use_true_random=False), leads=st.integers(1, 60))
def test_after_leads_came_back_shares_are_whole_as_soon_as_everybody_has_caught_up_with_who_is_ahead(
    team: dict[str, float], dice: Random, leads: int
) -> None:
    counts = dict.fromkeys(team, 0.0)
    for _ in range(leads):
        counts[next_in_turn(counts, team)] += 1
        if dice.random() < 0.3:
            counts[dice.choice([name for name, count in counts.items() if count])] -= 1
    exact = {name: Fraction(repr(weight)) for name, weight in team.items()}
    whole, kept = sum(exact.values()), int(sum(counts.values()))
    catching_up = ceil(max(counts[name] * whole / weight for name, weight in exact.items())) - kept

    for number in range(kept + 1, kept + min(catching_up, 500) + 40):
        counts[next_in_turn(counts, team)] += 1

        if number >= kept + catching_up:
            assert furthest(Counter({name: int(count) for name, count in counts.items()}), number, team) < 1


@st.composite
def comings_and_goings(draw: st.DrawFn) -> tuple[dict[str, float], list[tuple[frozenset[str], int]]]:
    """A team, and who of it is there for how many leads."""
    team = draw(TEAMS.filter(lambda each: len(each) > 1))
    there = st.frozensets(st.sampled_from(sorted(team)), min_size=1)
    return team, draw(st.lists(st.tuples(there, st.integers(1, 12)), min_size=1, max_size=8))


@settings(max_examples=200)
@given(case=comings_and_goings(), leads=st.integers(1, 40))
def test_whoever_comes_and_goes_nobody_is_flooded_and_nobody_is_owed(
    case: tuple[dict[str, float], list[tuple[frozenset[str], int]]], leads: int
) -> None:
    team, history = case
    router = Router(playbook(pool("sdr", *as_members(team))))
    for there, count in history:
        for name in team:
            router.say(name, paused=name not in there)
        router.reps(count)
    for name in team:
        router.say(name)

    given_to = Counter[str]()
    for number in range(1, leads + 1):
        given_to[router.assign().rep] += 1

        assert furthest(given_to, number, team) < 2


@given(team=TEAMS, leads=st.integers(1, 60), cut=st.integers(0, 60))
def test_what_is_written_and_read_back_goes_on_the_same(team: dict[str, float], leads: int, cut: int) -> None:
    book = playbook(pool("sdr", *as_members(team)))
    through, first, second = Router(book), Router(book), Router(book)

    in_one = through.reps(leads)
    before = first.reps(min(cut, leads))
    for (key, name), turn in first.ledger.changed().items():
        second.ledger.turns.setdefault(key, {})[name] = turn

    assert [*before, *second.reps(leads - len(before))] == in_one
