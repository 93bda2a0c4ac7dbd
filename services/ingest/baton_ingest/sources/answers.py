"""Answers that several senders share."""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from baton_ingest.sources.source_type import Answer, Outcome

_CODES: Final = {
    401: "unproven", 403: "forbidden", 404: "unknown_source", 405: "method_not_allowed", 413: "too_large",
    415: "wrong_content_type", 429: "too_many", 501: "not_served", 503: "unavailable",
}  # fmt: skip


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


def refuse(why: str, *, hint: str | None = None, status: int = 422, headers: Mapping[str, str] | None = None) -> Answer:
    """An error in the form that all our errors have."""
    code = _CODES.get(status, "unusable")
    error = {"code": code, "message": why} | ({"hint": hint} if hint else {})
    return Answer(status, orjson.dumps({"error": error}), headers=headers or {})


def told(outcome: Outcome) -> dict[str, object]:
    """One result as JSON."""
    if outcome.refused is not None:
        error = {"code": "unusable", "message": outcome.refused}
        return {"error": error | ({"hint": outcome.hint} if outcome.hint else {})}
    body: dict[str, object] = {"lead_id": outcome.lead_id, "duplicate": outcome.duplicate}
    if outcome.waits:
        body["waiting"] = "no email address or phone number yet"
    if outcome.changes:
        body["changes"] = list(outcome.changes)
    if outcome.would is not None:
        body |= outcome.would
    return body
