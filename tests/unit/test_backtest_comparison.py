"""What a simulation tells, read as what came of each lead; two of them compared."""

import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from baton.kernel.instants import format_instant
from baton_standalone.backtesting.comparing import Comparison, agreement, compare, count
from baton_standalone.backtesting.outcomes import Decision, Kept, Observer, Outcomes
from baton_standalone.backtesting.recording import Recorded, Span, known_by
from baton_standalone.backtesting.telling import Named, Report, as_json, print_report

SINCE = datetime(2026, 3, 25, 9, tzinfo=UTC)
ELSE = "Everyone else"
TRACE = {"rules": [{"name": "Not this", "matched": False}, {"name": ELSE, "matched": True}]}


def event(kind: str, *, minute: int = 0, lead: str = "ada", **data: Any) -> dict[str, Any]:
    at = format_instant(SINCE + timedelta(minutes=minute))
    return {"at": at, "topic": "any", "type": kind, "data": {"lead": {"lead_id": lead}, "lead_id": lead, **data}}


def assigned(rep: str, *, pool: str | None = "sales", rule: str = "Everyone", **more: Any) -> dict[str, Any]:
    return event("lead.assigned", assignment={"rep": rep, "pool": pool, "rule": rule}, **more)


def moved(rep: str, why: str, **more: Any) -> dict[str, Any]:
    previous = {"id": "a1", "rep": "mary", "why": why}
    assignment = {"rep": rep, "pool": "other", "rule": "Other", "previous": previous}
    return event("lead.reassigned", assignment=assignment, **more)


def nurtured(**more: Any) -> dict[str, Any]:
    return event("lead.nurtured", nurture={"program": "newsletter"}, trace=TRACE, **more)


def scored(tier: str, total: float, *, disqualified: bool = False, **more: Any) -> dict[str, Any]:
    return event("lead.scored", score={"tier": tier, "total": total, "disqualified": disqualified}, **more)


def clock(kind: str, *, id: str = "c1", policy: str = "first-contact", **more: Any) -> dict[str, Any]:  # noqa: A002
    return event(f"sla.{kind}", clocks=[{"id": id, "policy": policy}], **more)


def observed(*lines: Mapping[str, Any]) -> Outcomes:
    observer = Observer(SINCE)
    for line in lines:
        observer.take(line)
    return observer.outcomes()


def test_the_decision_of_a_lead_is_who_got_it_by_which_rule() -> None:
    outcome = observed(scored("mql", 62.5), assigned("mary")).leads["ada"]

    assert outcome.decision == Decision("assigned", rep="mary", pool="sales", rule="Everyone")
    assert (outcome.tier, outcome.score, outcome.rep) == ("mql", 62.5, "mary")


@pytest.mark.parametrize(
    ("line", "decision"),
    [
        (nurtured(), Decision("nurtured", rule=ELSE, to="newsletter")),
        (event("lead.rejected", reason="competitor", trace=TRACE), Decision("rejected", rule=ELSE, to="competitor")),
        (
            event("lead.held", hold={"pool": "sales", "reason": "nobody"}, trace=TRACE),
            Decision("held", pool="sales", rule=ELSE),
        ),
    ],
    ids=["nurtured", "rejected", "held"],
)  # fmt: skip
def test_the_decision_of_who_got_no_rep_says_why(line: dict[str, Any], decision: Decision) -> None:
    assert observed(line).leads["ada"].decision == decision


def test_who_is_disqualified_has_no_other_tier() -> None:
    assert observed(scored("sql", 90, disqualified=True), nurtured()).leads["ada"].tier == "disqualified"


@pytest.mark.parametrize(("why", "rep"), [("missed", "mary"), ("declined", "mary"), ("rerouted", "joe")])
def test_what_reps_leave_undone_moves_a_lead_but_is_no_decision_of_the_rules(why: str, rep: str) -> None:
    outcome = observed(assigned("mary"), moved("joe", why, minute=1)).leads["ada"]

    assert (outcome.decision.rep, outcome.rep, outcome.moved) == (rep, "joe", 1)


def test_what_was_before_counts_for_how_things_stand_only() -> None:
    outcomes = observed(
        assigned("mary", minute=-9), clock("breached", minute=-8), moved("joe", "missed", minute=-8),
        assigned("mary", lead="bob", minute=1),
    )  # fmt: skip

    assert outcomes.decided == {"bob"}
    assert (outcomes.leads["ada"].moved, outcomes.leads["ada"].promises) == (0, {})


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        ([clock("met")], Kept(1, 0)),
        ([clock("breached"), clock("met")], Kept(0, 1)),
        ([clock("breached"), clock("met", corrected=True)], Kept(1, 0)),
        ([clock("breached"), clock("met", id="c2")], Kept(1, 1)),
    ],
    ids=["kept", "late", "told late", "one of two"],
)
def test_a_promise_is_kept_or_missed_once(lines: Iterable[dict[str, Any]], kept: Kept) -> None:
    assert observed(assigned("mary"), *lines).leads["ada"].promises == {"first-contact": kept}


def test_who_was_merged_into_somebody_is_no_lead_of_their_own() -> None:
    of_both: Mapping[str, Any] = {"from": "ada", "into": "bob"}
    merged, unmerged = event("lead.merged", **of_both), event("lead.unmerged", **of_both)
    both = (assigned("mary"), assigned("mary", lead="bob"))

    assert set(observed(*both, merged).leads) == {"bob"}
    assert set(observed(*both, merged, unmerged).leads) == {"ada", "bob"}


def test_acts_that_found_no_lead_are_counted_and_other_failures_are_named() -> None:
    def answer(status: int, request: str) -> dict[str, Any]:
        return {"at": format_instant(SINCE), "response": status, "request": request, "body": None}

    outcomes = observed(
        answer(200, "POST /router/v1/leads/ada/touches"),
        answer(409, "POST /router/v1/leads/ada/accept"),
        {"at": format_instant(SINCE), "left_out": "POST /router/v1/leads/ada/decline", "only_while": {"rep": "joe"}},
        answer(500, "POST /router/v1/leads/ada/accept"),
        answer(422, "PATCH /router/v1/reps/mary"),
    )

    assert outcomes.unplaced == 2
    assert outcomes.failed == ("POST /router/v1/leads/ada/accept (500)", "PATCH /router/v1/reps/mary (422)")


BEFORE = (
    scored("warm", 40), nurtured(),
    scored("mql", 60, lead="bob"), assigned("mary", lead="bob"), clock("breached", lead="bob"),
    assigned("joe", lead="eve"), clock("met", id="c2", lead="eve"),
)  # fmt: skip
AFTER = (
    scored("mql", 40), assigned("claire", pool="eu", rule="Europe"), clock("breached", id="c0"),
    scored("mql", 60, lead="bob"), assigned("joe", lead="bob"), clock("breached", lead="bob"),
    assigned("joe", lead="eve"), clock("met", id="c2", lead="eve"),
)  # fmt: skip


def test_the_same_twice_is_no_change() -> None:
    assert compare(observed(*BEFORE), observed(*BEFORE)).changed == ()


def test_a_lead_is_changed_in_what_differs() -> None:
    ada, bob = compare(observed(*BEFORE), observed(*AFTER)).changed

    assert (ada.lead_id, [*count([ada])], ada.by_turn) == ("ada", ["outcome", "pool", "rep", "rule", "tier"], False)
    assert (bob.lead_id, [*count([bob])], bob.by_turn) == ("bob", ["rep"], True)
    assert count([ada, bob]) == {"outcome": 1, "pool": 1, "rep": 2, "rule": 1, "tier": 1}


def test_leads_on_which_nothing_was_decided_in_that_time_are_not_compared() -> None:
    before, after = (observed(assigned(rep, minute=-1)) for rep in ("mary", "joe"))

    assert compare(before, after).compared == frozenset()


def test_promises_of_leads_that_somebody_has_only_once_are_left_out() -> None:
    comparison = compare(observed(*BEFORE), observed(*AFTER))

    assert comparison.only_once_given == {"ada"}
    assert comparison.promises == {"first-contact": (Kept(1, 1), Kept(1, 1))}


def test_a_replay_agrees_where_leads_go_to_the_same_pool_whoever_is_next_there() -> None:
    before, after = observed(*BEFORE), observed(*AFTER)

    assert agreement(before, after, frozenset({"ada", "bob"})) == 0.5
    assert agreement(before, after, frozenset()) is None


def report(comparison: Comparison, *, recorded: Outcomes, people: Mapping[str, str] | None = None) -> Report:
    span = Span(SINCE, SINCE + timedelta(days=1), 10)
    names = Named("now", "a" * 64, '"now" (aaa)'), Named("next", "b" * 64, '"next" (bbb)')
    return Report(*names, span, Recorded(3, 7, recorded, people=people or {}), comparison)


def page(told: Report) -> str:
    console = Console(file=io.StringIO(), width=160, highlight=False)
    print_report(told, console)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(" ".join(line.split()) for line in text.splitlines())


def test_people_read_how_many_change_who_gets_how_many_and_why() -> None:
    text = page(report(compare(observed(*BEFORE), observed(*AFTER)), recorded=observed(*BEFORE)))

    assert '"next" (bbb) in place of "now" (aaa), 2026-03-25T09:00:00Z to 2026-03-26T09:00:00Z' in text
    assert "1 of 3 leads comes out otherwise (outcome 1, pool 1, rep 1, rule 1, tier 1)" in text
    assert "Beside them 1 lead with another rep of the same pool, because turns moved on." in text
    for row in ("eu 0 1 +1", "sales 2 2", "joe 1 2 +1", "mary 1 0 -1", "nurtured 1 0 -1", "first-contact 50.0% of 2"):
        assert row in text
    assert "ada Everyone else → nurtured (newsletter); warm 40 Europe → claire of eu; mql 40" in text
    assert "1 lead had a rep under one of the two only." in text
    assert "bob" not in text


def test_people_read_what_a_replay_could_not_do() -> None:
    lost = {"at": format_instant(SINCE), "left_out": "POST /router/v1/leads/ada/decline", "only_while": {}}
    failed = {"at": format_instant(SINCE), "response": 422, "request": "PUT /router/v1/accounts", "body": None}

    text = page(report(compare(observed(*BEFORE), observed(*AFTER, lost, failed)), recorded=observed(*AFTER)))

    assert "Of 7 things that people did, 0 found no lead to do them on before and 1 after" in text
    assert 'Only 67% of the leads go under "now" (aaa) where they really went' in text
    assert "PUT /router/v1/accounts (422) did nothing" in text


def test_people_read_of_how_many_leads_that_were_replayed_nothing_is_compared() -> None:
    told = report(compare(observed(*BEFORE[:-2]), observed(*AFTER[:-2])), recorded=observed(*BEFORE))

    assert "1 of 2 leads comes out otherwise" in page(told)
    assert "Of the 3 leads that were replayed 1 is not compared: merged into another, or without" in page(told)
    assert list(as_json(told))[-1]["summary"]["replayed"] == 3


def test_people_read_that_nothing_changes() -> None:
    assert "none of 3 leads comes out otherwise" in page(
        report(compare(observed(*BEFORE), observed(*BEFORE)), recorded=observed(*BEFORE))
    )


def test_what_a_rule_is_called_can_not_steer_the_terminal() -> None:
    bad = observed(assigned("mary", rule="\x1b[2J[red]all[/red]"))

    assert "·[2J[red]all[/red] → mary of sales" in page(report(compare(observed(nurtured()), bad), recorded=bad))


def test_people_read_by_what_a_lead_is_known_above_its_id_and_it_can_not_steer_the_terminal() -> None:
    comparison = compare(observed(*BEFORE), observed(*AFTER))

    told = report(comparison, recorded=observed(*BEFORE), people={"ada": "ada\x1b[2J\n[red]@example.com"})

    assert "ada·[2J·[red]@example.com Everyone else → nurtured (newsletter); warm 40" in page(told)
    assert "\nada\n" in page(told)


@pytest.mark.parametrize(
    ("lead", "name"),
    [
        ({"email": "ada@example.com", "phone": "+14155550100", "first_name": "Ada"}, "ada@example.com"),
        ({"email": None, "phone": "+14155550100", "last_name": "Byron"}, "+14155550100"),
        ({"first_name": "Ada", "last_name": "Byron"}, "Ada Byron"),
        ({"company": "Acme"}, ""),
        (None, ""),
    ],
)
def test_a_lead_is_known_by_its_address_else_its_number_else_its_name(lead: object, name: str) -> None:
    assert known_by(lead) == name


def test_programs_read_each_changed_lead_and_a_summary_last() -> None:
    comparison = compare(observed(*BEFORE), observed(*AFTER))

    ada, bob, last = as_json(report(comparison, recorded=observed(*BEFORE), people={"ada": "ada@example.com"}))

    assert (ada["known_by"], bob["known_by"]) == ("ada@example.com", None)
    assert (ada["lead_id"], bob["lead_id"], bob["changes"]) == ("ada", "bob", ["rep"])
    assert ada["after"]["decision"]["rule"] == "Europe"
    summary = last["summary"]
    assert [summary[each] for each in ("leads", "changed", "changed_by_turn", "promises_unknown", "acts")] == [
        3,
        2,
        1,
        1,
        7,
    ]
    assert summary["reps"]["claire"] == {"before": 0, "after": 1}
    assert summary["playbooks"]["after"] == {"version": "next", "hash": "b" * 64}
