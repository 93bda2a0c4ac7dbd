"""From what was recorded to a scenario: what came in is told again, what people did is done again. Pure.

Whatever follows from these by the playbook (scores, assignments, clocks) is left out: the replay decides it anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from baton.kernel.ids import derived_id
from baton.kernel.instants import format_instant, parse_instant
from baton.leads.playbook.model import Caps, Playbook
from baton_router.deciding.values import Absence, Account, RepState
from baton_router.directory import shown
from baton_router.timeline_repository import Entry

Line = Mapping[str, Any]

_TOLD_AGAIN: Final = frozenset({
    "lead.captured", "lead.activity", "meeting.booked", "meeting.cancelled", "lead.merged", "lead.unmerged",
})  # fmt: skip
_BY_PEOPLE: Final = frozenset({"reassigned", "handover"})
"""Why a lead changed hands, and the rule of the decision where a person named who is to have it."""


def directory_line(accounts: Sequence[Account], *, at: datetime) -> Line:
    """Entries of the account directory, as they are now: what they were is not recorded."""
    return _request(at, "PUT /router/v1/accounts", [shown(each) for each in accounts])


def rep_lines(states: Mapping[str, RepState], playbook: Playbook, *, at: datetime) -> Iterator[Line]:
    """Absences and caps as they were said last. Since when a rep is paused or inactive is not recorded."""
    for rep, state in sorted(states.items()):
        absences = [_absence(each, playbook) for each in state.absences if each.until is not None]
        said = {
            **({"absences": absences} if absences else {}),
            **({"caps": {name: getattr(state.caps, name) for name in Caps.__slots__}} if state.caps else {}),
        }
        if said and rep in playbook.reps:
            yield _request(at, f"PATCH /router/v1/reps/{rep}", said)


def _absence(absence: Absence, playbook: Playbook) -> Mapping[str, object]:
    assert absence.until is not None
    nominee = absence.nominee if absence.nominee in playbook.reps else None
    return {"from": format_instant(absence.since), "to": format_instant(absence.until), "nominee": nominee}


@dataclass(frozen=True, slots=True)
class _Holder:
    """Who had a lead by an assignment."""

    rep: str
    pool: str | None

    @property
    def like(self) -> Mapping[str, str | None]:
        """Who counts as the same for what was done because they had it: the pool, else the rep."""
        return {"rep": self.rep} if self.pool is None else {"pool": self.pool}


@dataclass(slots=True)
class Conversion:
    """Makes lines of the entries of all stories, given in order. `acts` of people are counted."""

    acts: int = 0
    _merges: set[str] = field(default_factory=set)
    _told_of: set[str] = field(default_factory=set)
    """Touches that follow from an activity that is told again, by their id."""
    _holders: dict[str, _Holder] = field(default_factory=dict)
    _moved: set[str] = field(default_factory=set)
    """Assignments that a person ended; of one that was held meanwhile two decisions tell."""
    _pauses: dict[str, datetime] = field(default_factory=dict)
    """Until when a lead is paused, where that was said."""

    def line(self, entry: Entry) -> Line | None:
        """The line that an entry becomes, if any."""
        data: Mapping[str, Any] = entry.content
        if entry.type in _TOLD_AGAIN:
            return self._told_again(entry, data)
        act = self._act(entry, data)
        self.acts += act is not None
        return act

    def _told_again(self, entry: Entry, data: Mapping[str, Any]) -> Line | None:
        if data.get("test") or entry.event_id in self._merges:
            return None
        if entry.type in ("lead.merged", "lead.unmerged"):  # an entry of both leads
            self._merges.add(entry.event_id)
        if data.get("by") is not None:
            self._told_of.add(derived_id("lead.touched", entry.event_id))
        return {"at": format_instant(entry.at), "event": entry.type, "id": entry.event_id, "data": data}

    def _act(self, entry: Entry, data: Mapping[str, Any]) -> Line | None:
        """What a person did. `by` is left out: whoever has the lead in the replay does it there."""
        match entry.type:
            case "lead.assigned" | "lead.reassigned" | "lead.held":
                return self._decided(entry, data)
            case "lead.accepted":
                return _command(entry, "accept", {})
            case "lead.declined":
                holder = self._holders.get(data["assignment_id"])
                return _command(entry, "decline", {"reason": data["reason"]}, holder=holder)
            case "lead.touched" if entry.event_id not in self._told_of:
                return _command(entry, "touches", {name: data["touch"][name] for name in ("kind", "at")})
            case "lead.disposed":
                verdict = data["disposition"]
                return _command(entry, "disposition", {name: verdict[name] for name in ("verdict", "reason")})
            case "lead.paused" | "lead.resumed":
                return self._paused(entry, data)
            case _:
                return None

    def _decided(self, entry: Entry, data: Mapping[str, Any]) -> Line | None:
        """Remember who has it; what a person decided, by naming somebody or asking for the next, is done again."""
        assignment = data.get("assignment")
        if assignment is not None:
            self._holders[assignment["id"]] = _Holder(assignment["rep"], assignment.get("pool"))
        previous = data.get("previous") if assignment is None else assignment.get("previous")
        to = assignment["rep"] if assignment is not None and assignment["rule"] in _BY_PEOPLE else None
        if previous is None:  # nobody had it, until somebody was named
            return None if to is None else _reassign(entry, to=to, like={"rep": None})
        if previous["why"] not in _BY_PEOPLE or previous["id"] in self._moved:
            return None
        self._moved.add(previous["id"])
        before = self._holders.get(previous["id"], _Holder(previous["rep"], None))
        return _reassign(entry, to=to, like=before.like)

    def _paused(self, entry: Entry, data: Mapping[str, Any]) -> Line | None:
        """A pause whose end was said ends by itself in the replay too."""
        if entry.type == "lead.paused":
            until = data.get("until")
            self._pauses.pop(entry.lead_id, None)
            if until is not None:
                self._pauses[entry.lead_id] = parse_instant(until)
            return _command(entry, "pause", {"reason": data["reason"], "until": until})
        until = self._pauses.pop(entry.lead_id, None)
        return None if until is not None and until <= entry.at else _command(entry, "resume", {})


def _reassign(entry: Entry, *, to: str | None, like: Mapping[str, str | None]) -> Line:
    body = {"reason": "as recorded", **({} if to is None else {"rep": to})}
    return {**_command(entry, "reassign", body), "only_while": like}


def _command(entry: Entry, what: str, body: Mapping[str, Any], *, holder: _Holder | None = None) -> Line:
    line = _request(entry.at, f"POST /router/v1/leads/{entry.lead_id}/{what}", body)
    return line if holder is None else {**line, "only_while": holder.like}


def _request(at: datetime, request: str, body: object) -> Line:
    return {"at": format_instant(at), "request": request, "body": body}
