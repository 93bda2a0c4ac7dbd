"""What the terminal shows of a demo: a line for each decision, who got whom, why, and how fast."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from rich.console import Console
from rich.text import Text

from baton.leads.events import EventData, LeadAssigned, LeadHeld, LeadNurtured, LeadReassigned, LeadRejected
from baton.leads.playbook.model import Rep
from baton.leads.values import Lead, Score
from baton_standalone.terminal import plain

_WIDTHS: Final = {"time": 8, "ms": 7, "lead": 0, "via": 16, "score": 8, "to": 19}
_LEAD_WIDTHS: Final = (18, 40)
_WHY_WIDTH: Final = 30
_NARROW: Final = 118
"""Below that many columns the terminal shows neither time nor sender, so that the reason has its place."""
_TIERS: Final = {"sql": "bold magenta", "mql": "bold cyan", "warm": "yellow", "cold": "dim"}


@dataclass(slots=True)
class Teller:
    """Writes lines. `took` is how long each first decision took."""

    console: Console
    reps: Mapping[str, Rep]
    took: list[timedelta] = field(default_factory=list)
    assigned: int = 0

    def head(self) -> None:
        """The titles of the columns."""
        self._line({"time": "time", "ms": "took", "lead": "lead", "via": "sent by", "score": "score", "to": "goes to"},
                   why="because", style="dim")  # fmt: skip

    def decision(self, data: EventData, *, at: datetime, via: str, took: timedelta | None) -> None:
        """What the router decided. `took`: since the webhook was sent, where this answers one."""
        if not isinstance(data, LeadAssigned | LeadHeld | LeadNurtured | LeadRejected):
            return
        if took is not None:
            self.took.append(took)
        self.assigned += isinstance(data, LeadAssigned) and not isinstance(data, LeadReassigned)
        to, why, style = self._outcome(data)
        ms = "" if took is None else f"{took.total_seconds() * 1000:.0f} ms"
        texts = {"time": f"{at.astimezone():%H:%M:%S}", "ms": ms, "lead": _who(data.lead), "via": via, "to": to}
        self._line(texts, why=why, style=style, score=data.score)

    def note(self, text: str, *, style: str = "dim") -> None:
        """Something else that happened."""
        margin = sum(width + 2 for name, width in self._widths().items() if name in ("time", "ms"))
        self.console.print(Text(" " * margin + plain(text), style=style))

    def summary(self, *, sent: int, repeats: int) -> None:
        """How it went."""
        took = sorted(each.total_seconds() * 1000 for each in self.took)
        speed = f", from webhook to decision in {statistics.median(took):.0f} ms (median)" if took else ""
        again = f"; {repeats} came twice, and were handled once" if repeats else ""
        self.console.print(Text(f"\n{sent} leads sent, {self.assigned} assigned to a rep{speed}{again}.", style="bold"))

    def _outcome(self, data: "LeadAssigned | LeadHeld | LeadNurtured | LeadRejected") -> tuple[str, str, str]:
        match data:
            case LeadAssigned(assignment=assignment):
                rep = self.reps.get(assignment.rep)
                moved = "moved: " if isinstance(data, LeadReassigned) else ""
                pool = "" if assignment.pool is None else f" ({assignment.pool})"
                return rep.name if rep else assignment.rep, f"{moved}{assignment.rule}{pool}", "bold green"
            case LeadHeld(hold=hold):
                return "held", hold.reason, "yellow"
            case LeadNurtured(nurture=nurture):
                return f"nurture: {nurture.program}", data.trace.rules[-1].name if data.trace.rules else "", "dim"
            case LeadRejected(reason=reason):
                return "rejected", reason, "red"

    def _widths(self) -> Mapping[str, int]:
        """The widths of the columns; that of the lead has what the others leave in this terminal."""
        hidden = ("time", "via") if self.console.width < _NARROW else ()
        widths = {name: width for name, width in _WIDTHS.items() if name not in hidden}
        left = self.console.width - sum(widths.values()) - 2 * len(widths) - _WHY_WIDTH
        return {**widths, "lead": max(_LEAD_WIDTHS[0], min(_LEAD_WIDTHS[1], left))}

    def _line(self, texts: Mapping[str, str], *, why: str, style: str, score: Score | None = None) -> None:
        line = Text()
        for name, width in self._widths().items():
            if name == "score" and score is not None:
                line.append(cell(f"{score.total:.0f} {score.tier}", width), style=_TIERS[score.tier])
            else:
                line.append(cell(texts.get(name, ""), width), style=style if name == "to" or not score else "")
            line.append("  ")
        line.append(plain(why), style="" if score is not None else style)
        self.console.print(line, no_wrap=True, overflow="ellipsis")


def cell(text: str, width: int) -> str:
    """Text of exactly that width, wide characters counted as two."""
    shown = Text(plain(text))
    shown.truncate(width, overflow="ellipsis", pad=True)
    return shown.plain


def _who(lead: Lead) -> str:
    name = " ".join(each for each in (lead.first_name, lead.last_name) if each) or lead.email or lead.lead_id
    return ", ".join(each for each in (name, lead.company, lead.country) if each)
