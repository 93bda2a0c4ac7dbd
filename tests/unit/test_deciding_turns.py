"""Whose turn it is: strategies, weights, who comes back, what a trace tells of it."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest

from baton.leads.playbook.model import Member, Pool, Strategy
from baton_router.deciding.fairness import next_in_turn, whole_shares
from baton_router.deciding.ledger import Uncounted
from baton_router.deciding.strategies import STRATEGIES
from baton_router.deciding.values import LastRep, Neighbour
from tests.support.playbooks import WEDNESDAY, Router, candidate, codes, playbook, pool, rep, rules, score

TRIO = pool("sdr", "ann", "bob", "cid")
KEY = ("sdr", "")


def turns(router: Router) -> dict[str, float]:
    return {name: turn.count for name, turn in router.ledger.turns[KEY].items()}


def test_round_robin_goes_in_the_order_of_the_playbook() -> None:
    assert Router(playbook(TRIO)).reps(6) == ["ann", "bob", "cid"] * 2


def test_a_weight_of_two_gets_twice_as_many_spread_out() -> None:
    router = Router(playbook(pool("sdr", Member("ann", weight=2), "bob")))

    assert router.reps(6) == ["ann", "ann", "bob"] * 2


def test_weights_are_read_as_people_write_them() -> None:
    assert whole_shares((0.1, 0.2, 0.3)) == (1, 2, 3)
    assert whole_shares((2.0, 1e-6)) == (2_000_000, 1)


def test_a_rounding_error_decides_nothing_however_long_a_pool_lives() -> None:
    millions = {"ann": 3_000_000_000.0, "bob": 3_000_000_000.0}

    assert next_in_turn(millions, {"ann": 0.1, "bob": 0.1}) == "ann"
    assert next_in_turn(millions | {"ann": 3_000_000_001.0}, {"ann": 0.1, "bob": 0.1}) == "bob"


def test_priority_takes_the_first_eligible_in_the_order_written() -> None:
    router = Router(playbook(replace(TRIO, strategy="priority")))

    assert router.reps(2) == ["ann", "ann"]
    assert router.say("ann", paused=True).reps(2) == ["bob", "bob"]


def test_least_loaded_counts_open_leads_over_all_pools_per_weight() -> None:
    members = pool("sdr", Member("ann", weight=2), "bob", strategy="least_loaded")
    router = Router(playbook(members))
    for _ in range(3):
        router.ledger.took("ann", "another", turn=None)
    router.ledger.took("bob", None, turn=None)

    assert router.reps(3) == ["bob", "ann", "ann"]


def test_least_loaded_tells_the_open_leads_by_which_it_chose() -> None:
    router = Router(playbook(pool("sdr", "ann", "bob", strategy="least_loaded")))
    router.ledger.took("ann", "another", turn=None)

    decision = router.decide()

    assert candidate(decision, "bob").counters == {
        "turns": 0,
        "weight": 1,
        "open": 0,
        "turns_after": 1,
        "open_after": 1,
    }
    assert candidate(decision, "ann").counters == {"turns": 0, "weight": 1, "open": 1}


def test_a_pool_that_shares_by_load_waits_until_the_open_leads_are_counted() -> None:
    router = Router(playbook(pool("sdr", "ann", "bob", strategy="least_loaded")))
    router.ledger.uncounted = {"bob"}

    with pytest.raises(Uncounted):
        router.decide()

    assert (router.ledger.changed(), router.ledger.loads) == ({}, {})


def test_open_leads_of_an_overflow_that_is_not_reached_need_no_counting() -> None:
    first = replace(pool("sdr", "ann"), overflow="rest")
    router = Router(playbook(first, pool("rest", "bob", strategy="least_loaded")))
    router.ledger.uncounted = {"bob"}

    assert router.reps(1) == ["ann"]


def test_every_strategy_of_a_playbook_can_be_carried_out() -> None:
    assert set(STRATEGIES) == set(get_args(Strategy))


def test_least_loaded_takes_turns_where_loads_are_equal() -> None:
    router = Router(playbook(replace(TRIO, strategy="least_loaded")))

    given = router.reps(2)
    for name in given:
        router.ledger.gave_back(name, "sdr", turn=KEY, credit=False)

    assert [*given, *router.reps(1)] == ["ann", "bob", "cid"]


@pytest.mark.parametrize("strategy", ["round_robin", "least_loaded"])
def test_weights_count_in_these_strategies(strategy: str) -> None:
    members = (Member("ann", weight=3), Member("bob", weight=1))
    router = Router(playbook(Pool("sdr", members, strategy=strategy)))  # type: ignore[arg-type]

    assert Counter(router.reps(8)) == {"ann": 6, "bob": 2}


def test_with_balance_by_tier_each_has_the_same_share_of_every_tier() -> None:
    router = Router(playbook(replace(TRIO, balance_by="tier")))

    assert [router.assign(points=score(tier)).rep for tier in ("sql", "mql", "sql", "mql", "sql")] == [
        "ann", "ann", "bob", "bob", "cid",
    ]  # fmt: skip


def test_whoever_comes_back_is_set_level_neither_flooded_nor_owed() -> None:
    router = Router(playbook(TRIO)).say("cid", paused=True)
    router.reps(10)

    back = router.say("cid").reps(6)

    assert Counter(back) == {"ann": 2, "bob": 2, "cid": 2}
    assert turns(router) == {"ann": 7, "bob": 7, "cid": 7}


def test_who_comes_back_with_more_than_the_others_owes_nothing() -> None:
    router = Router(playbook(TRIO))
    router.say("ann", paused=True).say("bob", paused=True).reps(9)  # cid worked alone
    router.say("cid", paused=True).say("ann").say("bob").reps(2)

    assert Counter(router.say("cid").reps(6)) == {"ann": 2, "bob": 2, "cid": 2}


def test_level_is_the_mean_of_the_others_counts_per_weight() -> None:
    router = Router(playbook(pool("sdr", Member("ann", weight=2), "bob", Member("cid", weight=4))))
    router.say("cid", paused=True).reps(6)  # ann 4, bob 2: two a unit of weight
    router.say("cid").reps(1)

    assert sum(turns(router).values()) == 4 + 2 + 8 + 1


def test_who_joins_a_pool_is_set_level() -> None:
    before, after = pool("sdr", "ann", "bob"), TRIO
    router = Router(playbook(before))
    router.reps(100)

    router.playbook = playbook(after)

    assert Counter(router.reps(6)) == {"ann": 2, "bob": 2, "cid": 2}


def test_with_catch_up_the_old_counter_is_kept() -> None:
    router = Router(playbook(replace(TRIO, catch_up=True))).say("cid", paused=True)
    router.reps(4)

    assert router.say("cid").reps(3) == ["cid", "cid", "ann"]


def test_of_a_shift_that_comes_back_as_a_whole_nobody_is_flooded() -> None:
    day = pool("sdr", "ann", "bob", "cid")
    router = Router(playbook(day))
    router.say("bob", paused=True).say("cid", paused=True).reps(5)  # ann alone
    router.say("ann", paused=True).say("cid").reps(1)

    assert Counter(router.say("cid", paused=True).say("ann").say("bob").reps(4)) == {"ann": 2, "bob": 2}


def test_a_shift_that_comes_and_goes_keeps_its_turns() -> None:
    router = Router(playbook(TRIO))
    given: list[str] = []
    for _ in range(4):
        given += router.say("cid", paused=True).say("ann").say("bob").reps(1)
        router.say("ann", paused=True).say("bob", paused=True).say("cid").reps(1)

    assert given == ["ann", "bob", "ann", "bob"]


def test_a_lead_that_does_not_suit_a_rep_does_not_count_as_being_away() -> None:
    router = Router(playbook(TRIO))
    router.reps(3)

    router.reps(4, declined=frozenset({"cid"}))

    assert router.reps(2) == ["cid", "cid"]


def test_who_is_away_and_declined_is_away() -> None:
    router = Router(playbook(TRIO)).say("cid", paused=True)
    router.reps(4, declined=frozenset({"cid"}))

    assert Counter(router.say("cid").reps(3)) == {"ann": 1, "bob": 1, "cid": 1}


def test_credit_that_comes_back_makes_a_rep_next() -> None:
    router = Router(playbook(TRIO))
    router.reps(2)

    router.ledger.gave_back("ann", "sdr", turn=KEY, credit=True)

    assert router.reps(3) == ["ann", "cid", "ann"]


def test_even_with_much_credit_somebody_is_next() -> None:
    router = Router(playbook(TRIO))
    router.reps(3)
    for _ in range(5):
        router.ledger.gave_back("bob", "sdr", turn=KEY, credit=True)

    assert router.reps(1) == ["bob"]
    assert next_in_turn({"ann": -4, "bob": -4}, {"ann": 1, "bob": 1}) == "ann"


def test_the_ledger_tells_which_turns_have_to_be_written() -> None:
    router = Router(playbook(TRIO))
    router.reps(1)
    first = {rep_name: (turn.count, turn.present) for (_, rep_name), turn in router.ledger.changed().items()}
    router.ledger.forget_changes()
    router.reps(1)

    assert first == {"ann": (1, True), "bob": (0, True), "cid": (0, True)}
    assert [rep_name for _, rep_name in router.ledger.changed()] == ["bob"]


def test_the_trace_shows_turns_before_and_after_and_who_was_not_next() -> None:
    decision = Router(playbook(TRIO)).decide()

    assert codes(decision) == {"ann": None, "bob": "not_next", "cid": "not_next"}
    assert candidate(decision, "ann").counters == {"turns": 0, "turns_after": 1, "weight": 1}
    assert candidate(decision, "bob").counters == {"turns": 0, "weight": 1}
    assert candidate(decision, "bob").eligible


@pytest.mark.parametrize(("members", "entries"), [(20, 20), (21, 21), (22, 2), (200, 2)])
def test_above_twenty_left_out_for_the_same_reason_share_an_entry(members: int, entries: int) -> None:
    router = Router(playbook(pool("sdr", *(f"rep{number}" for number in range(members)))))

    decision = router.decide()

    assert len(decision.trace.candidates) == entries
    assert len(codes(decision)) == members


def test_many_who_are_away_share_an_entry_beside_those_who_may_have_it() -> None:
    names = [f"rep{number:02}" for number in range(30)]
    router = Router(playbook(pool("sdr", *names, "ann")))
    for name in names:
        router.say(name, paused=True)

    first, second = router.decide().trace.candidates

    assert (first.reps, first.code, first.eligible) == (names, "paused", False)
    assert (second.rep, second.code) == ("ann", None)


def test_a_new_lead_of_a_company_goes_to_the_rep_of_its_open_lead() -> None:
    router = Router(playbook(TRIO))

    decision = router.decide(neighbour=Neighbour("other", "cid"))

    assert codes(decision) == {"ann": "owner_elsewhere", "bob": "owner_elsewhere", "cid": None}
    assert rules(decision)["keep_together"].matched
    assert router.ledger.load("cid", "sdr").open == router.ledger.load("cid", None).open == 1
    assert router.reps(3) == ["ann", "bob", "cid"]


def test_the_rep_of_a_company_may_be_of_another_pool() -> None:
    router = Router(playbook(TRIO, pool("ae", "dan")))

    assert router.assign(neighbour=Neighbour("other", "dan")).rep == "dan"


@pytest.mark.parametrize("rep_name", ["cid", "gone"])
def test_if_that_rep_is_not_eligible_the_next_in_turn_has_it(rep_name: str) -> None:
    router = Router(playbook(TRIO)).say("cid", paused=True)

    decision = router.decide(neighbour=Neighbour("other", rep_name))

    assert codes(decision)["ann"] is None
    if rep_name == "cid":
        assert rules(decision)["keep_together"].unresolved == "cid: takes no leads at the moment"


@pytest.mark.parametrize(("days", "rep_name"), [(119, "cid"), (120, "cid"), (121, "ann")])
def test_a_sticky_pool_gives_a_lead_to_its_last_rep_for_so_long(days: int, rep_name: str) -> None:
    router = Router(playbook(replace(TRIO, sticky=timedelta(days=120))))

    found = router.assign(last_rep=LastRep("cid", WEDNESDAY - timedelta(days=days), "person"))

    assert found.rep == rep_name
    assert (found.rule == "sticky") is (rep_name == "cid")
    assert (found.turn is None) is (rep_name == "cid")


def test_a_pool_that_is_not_sticky_takes_turns() -> None:
    assert Router(playbook(TRIO)).assign(last_rep=LastRep("cid", WEDNESDAY, "company")).rep == "ann"


def test_a_reps_name_is_in_the_reason() -> None:
    book = playbook(TRIO, reps=[rep("ann", name="Ann Example")])

    assert Router(book).assign().reason == "Ann Example is next in turn in sdr"
