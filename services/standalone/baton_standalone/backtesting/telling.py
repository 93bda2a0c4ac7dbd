"""What a backtest tells: tables for people, JSON lines for programs. Of a lead its id, and by what people know it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from baton.kernel.instants import format_instant
from baton_standalone.backtesting.comparing import Aspect, Changed, Comparison, agreement, count
from baton_standalone.backtesting.outcomes import Kept, Outcome
from baton_standalone.backtesting.recording import Recorded, Span
from baton_standalone.terminal import plain

_MOST_LISTED: Final = 50
_ID_WIDTH: Final = 36
_DOUBTFUL: Final = 0.9
"""Where fewer leads than that go where they really went, the present playbook is not what decided then."""


@dataclass(frozen=True, slots=True)
class Named:
    """A playbook as it is told of."""

    version: str
    hash: str
    title: str


@dataclass(frozen=True, slots=True)
class Report:
    """All that there is to tell."""

    before: Named
    after: Named
    span: Span
    recorded: Recorded
    comparison: Comparison

    @property
    def counts(self) -> Mapping[str, Mapping[str, tuple[int, int]]]:
        """How many leads there are of each, before and after."""
        counted = self.comparison.counted
        return {
            "outcomes": counted(lambda each: each.decision.state),
            "tiers": counted(lambda each: each.tier),
            "pools": counted(lambda each: each.decision.pool),
            "reps": counted(lambda each: each.decision.rep),
        }

    @property
    def agreement(self) -> float | None:
        """How far the replay under the playbook of before is what really happened."""
        comparison = self.comparison
        return agreement(self.recorded.outcomes, comparison.before, comparison.compared)


def as_json(report: Report) -> Iterator[dict[str, Any]]:
    """A line for each lead that comes out otherwise, and `{"summary": …}` as the last."""
    for each in report.comparison.changed:
        yield {
            "lead_id": each.lead_id,
            "known_by": report.recorded.people.get(each.lead_id),
            "changes": sorted(each.aspects),
            "before": asdict(each.before),
            "after": asdict(each.after),
        }
    yield {"summary": _summary(report)}


def _summary(report: Report) -> dict[str, Any]:
    comparison = report.comparison
    return {
        "since": format_instant(report.span.since),
        "until": format_instant(report.span.until),
        "playbooks": _both(*({"version": each.version, "hash": each.hash} for each in (report.before, report.after))),
        "leads": len(comparison.compared),
        "replayed": report.recorded.leads,
        "changed": len(comparison.changed),
        "changed_by_turn": sum(each.by_turn for each in comparison.changed),
        "changes": count(comparison.changed),
        **{name: {key: _both(*pair) for key, pair in counts.items()} for name, counts in report.counts.items()},
        "promises": {name: _both(*map(_kept, pair)) for name, pair in comparison.promises.items()},
        "promises_unknown": len(comparison.only_once_given),
        "acts": report.recorded.acts,
        "acts_unplaced": _both(comparison.before.unplaced, comparison.after.unplaced),
        "as_recorded": report.agreement,
        "unreadable": report.recorded.unreadable,
    }


def _both(before: object, after: object) -> dict[str, object]:
    return {"before": before, "after": after}


def _kept(kept: Kept) -> dict[str, object]:
    return {"met": kept.met, "breached": kept.breached, "attainment": kept.attainment}


def print_report(report: Report, console: Console) -> None:
    """The summary, then the leads that come out otherwise, then what is to be known of all of it."""
    comparison = report.comparison
    changed = sorted((each for each in comparison.changed if not each.by_turn), key=lambda each: not each.by_rules)
    by_turn = len(comparison.changed) - len(changed)
    since, until = format_instant(report.span.since), format_instant(report.span.until)
    _say(console, f"{report.after.title} in place of {report.before.title}, {since} to {until}")
    _say(console, _headline(changed, of=len(comparison.compared)), style="bold")
    if by_turn:
        _say(console, f"Beside them {_leads(by_turn)} with another rep of the same pool, because turns moved on.")
    console.print()
    console.print(_counts(report))
    if changed:
        console.print()
        console.print(_changes(changed[:_MOST_LISTED], report.recorded.people))
        if len(changed) > _MOST_LISTED:
            _say(console, f"and {len(changed) - _MOST_LISTED} more: --json lists all of them")
    for note in _notes(report):
        console.print()
        _say(console, note, style="dim")


def _headline(changed: Sequence[Changed], *, of: int) -> str:
    if not changed:
        return f"none of {_leads(of)} comes out otherwise"
    what = ", ".join(f"{aspect} {number}" for aspect, number in count(changed).items())
    return f"{len(changed)} of {_leads(of)} come{'s' if len(changed) == 1 else ''} out otherwise ({what})"


def _leads(count: int) -> str:
    return f"{count} lead{'' if count == 1 else 's'}"


def _counts(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for title, justify in (("", "left"), ("before", "right"), ("after", "right"), ("", "right")):
        table.add_column(title, justify=justify)  # type: ignore[arg-type]
    for name, counts in report.counts.items():
        table.add_row(Text(name, style="bold"))
        for key, (before, after) in counts.items():
            difference = f"{after - before:+d}" if after != before else ""
            table.add_row(_cell(f"  {key}"), str(before), str(after), difference)
    if report.comparison.promises:
        table.add_row(Text("promises kept", style="bold"))
        for name, (was, now) in report.comparison.promises.items():
            table.add_row(_cell(f"  {name}"), _share(was), _share(now), "")
    return table


def _share(kept: Kept) -> str:
    share = kept.attainment
    return "none ended" if share is None else f"{share:.1%} of {kept.met + kept.breached}"


def _changes(changed: list[Changed], people: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("lead", min_width=_ID_WIDTH, overflow="fold")
    table.add_column("before")
    table.add_column("after")
    for each in changed:
        table.add_row(_lead(each, people), *(_cell(_told(side, each)) for side in (each.before, each.after)))
    return table


def _lead(changed: Changed, people: Mapping[str, str]) -> Text:
    """By what it is known, and its id in a line below: beside each other they would leave the rest no place."""
    known_by = people.get(changed.lead_id)
    return Text("\n").join([_cell(each) for each in (known_by, changed.lead_id) if each])


def _told(outcome: Outcome, changed: Changed) -> str:
    """Which rule sent it where; its score, and what came of its promises where that differs."""
    parts = [_decision(outcome)]
    if Aspect.TIER in changed.aspects:
        parts.append(f"{outcome.tier} {outcome.score:g}")
    if Aspect.PROMISES in changed.aspects and outcome.promises:
        kept = sum(outcome.promises.values(), Kept())
        parts.append(f"{kept.met} of {kept.met + kept.breached} promises kept")
    if Aspect.MOVES in changed.aspects and outcome.moved:
        parts.append(f"moved {outcome.moved} time{'' if outcome.moved == 1 else 's'}, last {outcome.rep}")
    if Aspect.HELD in changed.aspects:
        parts.append("was held" if outcome.held else "never held")
    return "; ".join(parts)


def _decision(outcome: Outcome) -> str:
    decision = outcome.decision
    who = decision.rep if decision.pool is None else f"{decision.rep} of {decision.pool}"
    match decision.state:
        case "assigned":
            where = who
        case "held":
            where = f"held for {decision.pool or 'somebody'}"
        case _:
            where = f"{decision.state} ({decision.to})"
    return f"{decision.rule or 'nothing left'} → {where}"


def _notes(report: Report) -> Iterator[str]:
    comparison, acts, unreadable = report.comparison, report.recorded.acts, report.recorded.unreadable
    if unreadable:
        events = "1 recorded event" if unreadable == 1 else f"{unreadable} recorded events"
        yield f"{events} of these leads can't be read, and {'is' if unreadable == 1 else 'are'} left out of this."
    left_out = report.recorded.leads - len(comparison.compared)
    if left_out > 0:
        yield (
            f"Of the {_leads(report.recorded.leads)} that were replayed {left_out} {'is' if left_out == 1 else 'are'}"
            " not compared: merged into another, or without a decision in that time."
        )
    lost = (comparison.before.unplaced, comparison.after.unplaced)
    if any(lost):
        yield (
            f"Of {acts} things that people did, {lost[0]} found no lead to do them on before and {lost[1]} after:"
            " nobody had it by then, or somebody whom it does not concern."
        )
    if comparison.only_once_given:
        yield (
            f"{_leads(len(comparison.only_once_given))} had a rep under one of the two only. What people would have"
            " done for them nobody knows, so the promises of these are left out above."
        )
    share = report.agreement
    if share is not None and share < _DOUBTFUL:
        yield (
            f"Only {share:.0%} of the leads go under {report.before.title} where they really went: another playbook"
            " decided then, or accounts and reps were others."
        )
    for request in sorted({*comparison.before.failed, *comparison.after.failed}):
        yield f"{request} did nothing: what it says is not part of this."


def _cell(text: str) -> Text:
    return Text(plain(text))


def _say(console: Console, text: str, *, style: str = "") -> None:
    console.print(Text(plain(text), style=style), soft_wrap=True)
