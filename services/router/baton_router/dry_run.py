"""Who would get this lead now, and why: the real decision on the real counters, of which nothing stays."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from baton.flow.unit_of_work import UnitOfWork
from baton.kernel.ids import derived_id
from baton.kernel.instants import format_instant, parse_instant
from baton.leads.decisions import Assignment, RuleTrace, Trace
from baton.leads.normalising import normalise
from baton.leads.playbook.model import Playbook, Source
from baton.leads.values import Activity, Lead, Score
from baton.service.errors import Refusal
from baton_router.assignments import assignment_of
from baton_router.deciding.values import Assigned, Decision, Held, Nurtured, Rejected
from baton_router.desk import Desk
from baton_router.lead_file import Cause, LeadFile

_NOBODY: Final = derived_id("lead", "dry run")
_OURS: Final = ("score", "activity", "at", "event_id", "lead_id", "test", "lead")
_NO_SCORE: Final = "score.* is unknown: none was sent, and the lead has none stored"

_NO_ADDRESS: Final = "it has neither an email nor a phone: ingest would not take it like this; here it is nobody known"


async def dry_run(unit: UnitOfWork, playbook: Playbook, body: Mapping[str, object]) -> dict[str, object]:
    """The decision on a lead as `POST /ingest/v1/leads` takes it. Writes nothing, locks nothing.

    Raises:
        Refusal: 422, the lead, its activity or its score can't be read.
    """
    nested = body.get("lead")
    sent = {**body, **nested} if isinstance(nested, dict) else dict(body)
    lead = _read_lead(sent, playbook)
    desk = await Desk.open(unit, playbook, [lead.lead_id], lock=False)
    stored = desk.files.get(lead.lead_id)
    score = _read_score(sent.get("score")) or (None if stored is None else stored.score)
    if stored is not None and stored.given is not None and stored.waiting is None:
        return _answered_already(stored, stored.given.assignment, playbook)
    file = stored or LeadFile(lead.lead_id, lead.account or lead.lead_id, members=frozenset({lead.lead_id}))
    file.lead = _over(None if stored is None else stored.lead, lead)
    file.score = score
    cause = Cause("dry run", activity=_read_activity(sent, playbook, now=unit.now), is_capture=True)
    await desk.prepare([(file, cause)])
    request = desk.request(file, cause)
    notes = [] if score else [_NO_SCORE]
    if stored is None and lead.email is None and lead.phone is None:
        notes.append(_NO_ADDRESS)
    return _shown(await desk.decide(desk.plan(request), request), desk, notes=notes)


def _read_lead(sent: Mapping[str, object], playbook: Playbook) -> Lead:
    """The lead in its normal form. Without any address it is nobody in particular, and can be routed all the same."""
    source = _source(sent, playbook)
    fields = {name: value for name, value in sent.items() if name not in _OURS}
    found = normalise({**(source.defaults if source is not None else {}), **fields})
    if found.lead_id is None and (fields.get("email") or fields.get("phone")):
        refusal = found.refusals[0]
        raise Refusal(422, f"{refusal.field}: {refusal.why}", hint=refusal.hint)
    given = sent.get("lead_id")
    lead_id = found.lead_id or (given if isinstance(given, str) else _NOBODY)
    more: dict[str, object] = {"source": "api", **found.fields, "lead_id": lead_id, "account": found.account}
    if source is not None and source.channel is not None and more.get("channel") is None:
        more["channel"] = source.channel
    return Lead.model_validate(more)


def _source(sent: Mapping[str, object], playbook: Playbook) -> Source | None:
    name = sent.get("source")
    return playbook.sources.get(name if isinstance(name, str) else "api")


def _over(stored: Lead | None, sent: Lead) -> Lead:
    """What is known of the lead, and over that what was sent."""
    if stored is None:
        return sent
    changes = {name: getattr(sent, name) for name in sent.model_fields_set - {"lead_id"}}
    return stored.model_copy(update=changes)


def _read_score(sent: object) -> Score | None:
    """A score, of which only what matters to the rules has to be sent: `{"tier": "mql"}`."""
    if sent is None:
        return None
    if not isinstance(sent, dict):
        raise Refusal(422, "score: an object is expected, as {tier, segment, total, disqualified}")
    rest: dict[str, Any] = {"total": 0, "fit": 0, "engagement": 0, "negative": 0, "tier": "cold", "segment": None}
    try:
        return Score.model_validate({**rest, "disqualified": False, "model": "", "reasons": [], **sent})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Refusal(422, f"score.{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _read_activity(sent: Mapping[str, object], playbook: Playbook, *, now: datetime) -> Activity | None:
    source = _source(sent, playbook)
    told = sent.get("activity") or (None if source is None else source.activity)
    if told is None:
        return None
    given: Mapping[str, object] = told if isinstance(told, dict) else {"kind": told}
    kind, data = given.get("kind"), given.get("data")
    if not isinstance(kind, str):
        raise Refusal(422, "activity: a kind is expected, or {kind, at, id, data}")
    at = given.get("at") or sent.get("at") or format_instant(now)
    try:
        return Activity(
            id="dry run",
            kind=kind,
            at=parse_instant(str(at)),
            source="api" if source is None else source.name,
            data=data if isinstance(data, dict) else {},
        )
    except ValueError as error:
        raise Refusal(422, f"activity: {error}") from None


def _answered_already(file: LeadFile, assignment: Assignment, playbook: Playbook) -> dict[str, object]:
    """A lead with an open assignment stays with its owner."""
    trace = Trace(
        playbook=playbook.hash,
        rules=[RuleTrace(name="open assignment", matched=True, conditions=[])],
        candidates=[],
        notes=[f"{file.lead_id} has an open assignment: it stays with {assignment.rep}"],
    )
    return {
        "decision": "assign",
        "assignment": assignment.model_dump(mode="json"),
        "trace": trace.model_dump(mode="json"),
    }


def _shown(decision: Decision, desk: Desk, *, notes: list[str]) -> dict[str, object]:
    trace = decision.trace.model_copy(update={"notes": [*decision.trace.notes, *notes]})
    answer = {**_outcome(decision, desk), "trace": trace.model_dump(mode="json")}
    return answer | ({"note": "; ".join(notes)} if notes else {})


def _outcome(decision: Decision, desk: Desk) -> dict[str, object]:
    match decision.outcome:
        case Assigned() as assigned:
            given = assignment_of(assigned, Cause("dry run"), at=desk.unit.now, previous=None)
            return {"decision": "assign", "assignment": given.model_dump(mode="json")}
        case Held() as held:
            hold = {
                "reason": held.reason,
                "since": format_instant(desk.unit.now),
                "until": format_instant(held.until),
                "pool": held.pool,
            }
            return {"decision": "hold", "hold": hold}
        case Nurtured(program=program):
            return {"decision": "nurture", "nurture": {"program": program}}
        case Rejected(reason=reason):
            return {"decision": "reject", "reason": reason}
