"""Answers that several senders share."""

from collections.abc import Sequence

import orjson

from baton_ingest.sources.source_type import Answer, Outcome


def answer_one(outcome: Outcome) -> Answer:
    """202 with the lead, 422 with the reason."""
    if outcome.refused is not None:
        return refuse(outcome.refused, hint=outcome.hint)
    return Answer(202, orjson.dumps(told(outcome)))


def answer_all(outcomes: Sequence[Outcome]) -> Answer:
    """202 with a result for each; 422 if none was good."""
    refused = sum(outcome.refused is not None for outcome in outcomes)
    body = {
        "accepted": len(outcomes) - refused,
        "refused": refused,
        "results": [told(outcome) for outcome in outcomes],
    }
    return Answer(422 if refused == len(outcomes) else 202, orjson.dumps(body))


def refuse(why: str, *, hint: str | None = None, status: int = 422) -> Answer:
    """An error in the form that all our errors have."""
    code = {401: "unproven", 404: "unknown_source", 413: "too_large", 415: "wrong_content_type"}.get(status, "unusable")
    error = {"code": code, "message": why} | ({"hint": hint} if hint else {})
    return Answer(status, orjson.dumps({"error": error}))


def told(outcome: Outcome) -> dict[str, object]:
    """One result as JSON."""
    if outcome.refused is not None:
        error = {"code": "unusable", "message": outcome.refused}
        return {"error": error | ({"hint": outcome.hint} if outcome.hint else {})}
    body: dict[str, object] = {"lead_id": outcome.lead_id, "duplicate": outcome.duplicate}
    if outcome.lead_id is None:
        body["waiting"] = "no email address or phone number yet"
    if outcome.changes:
        body["changes"] = list(outcome.changes)
    return body
