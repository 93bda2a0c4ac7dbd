"""Marketo's webhook: whatever the admin's template says, as JSON or as a form; no signature, no id, no retry.

Source: Marketo Engage developer guide, "Webhooks". Marketo maps our answer to fields only on 2xx with a body.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from baton.leads.playbook.model import Source
from baton_ingest.sources.answers import answer_one, told
from baton_ingest.sources.form_body import URLENCODED, parse_urlencoded
from baton_ingest.sources.json_body import as_text, read_object, readable_instant
from baton_ingest.sources.mapping import mapped
from baton_ingest.sources.proof import prove_by_secret
from baton_ingest.sources.source_type import Answer, Outcome, RawCapture, Secrets, SourceRequest

_HINT: Final = "set the webhook's Request Token Encoding to JSON, and put no quotes around the tokens"
_NAMES: Final[Mapping[str, str]] = {
    "email address": "email", "first name": "first_name", "last name": "last_name", "company name": "company",
    "job title": "title", "phone number": "phone", "num employees": "employees", "number_of_employees": "employees",
    "postal code": "postal_code", "job_title": "title", "company_name": "company", "email_address": "email",
}  # fmt: skip
_ABOUT: Final = frozenset({"event", "event_id", "lead_id", "campaign_id", "program", "sent_at", "test"})


class Marketo:
    """The webhook of a Marketo trigger campaign."""

    methods = frozenset({"GET", "POST", "PUT", "PATCH"})
    retries = False

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        if not source.open:
            prove_by_secret(request, source, secrets)

    def handshake(self, request: SourceRequest, source: Source, secrets: Secrets) -> Answer | None:
        return None

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture]:
        sent = self._sent(request)
        said = {name: value for name, value in sent.items() if value not in ("", None)}  # empty tokens come as ""
        about = {name: said[name] for name in _ABOUT if name in said}
        known = {name: _NAMES[name.lower()] for name in said if name.lower() in _NAMES}
        theirs = [(name, value) for name, value in said.items() if name not in _ABOUT or name in source.fields]
        ours = mapped(theirs, source.fields, known)
        at = readable_instant(ours.about.get("at") or about.get("sent_at"))
        # A template may hold the time as the account shows it, without a zone: told, but not guessed at.
        noted = ("campaign_id", "program") if at is not None else ("campaign_id", "program", "sent_at")
        return [
            RawCapture(
                fields=ours.fields,
                identity=as_text(ours.about.get("id")) or _identity(about),
                vendor_id=as_text(about.get("lead_id")),
                kind=as_text(ours.about.get("kind")) or as_text(about.get("event")),
                activity_id=as_text(ours.about.get("activity_id")),
                at=at,
                data={**{name: about[name] for name in noted if name in about}, **ours.data},
                test=about.get("test") in (True, "true", "1"),
            )
        ]

    def answer(self, outcomes: Sequence[Outcome], request: SourceRequest, source: Source) -> Answer:
        outcome = outcomes[0]
        if outcome.refused is not None:
            return answer_one(outcome)
        return Answer(202, orjson.dumps({**told(outcome), "status": "accepted"}))

    def _sent(self, request: SourceRequest) -> Mapping[str, object]:
        if request.method == "GET":
            return {name: value for name, value in request.query.items() if name != "token"}
        if request.content_type == URLENCODED:
            return dict(parse_urlencoded(request))
        return read_object(request, hint=_HINT)


def _identity(about: Mapping[str, object]) -> str | None:
    """What the admin put in the template: an id, or person, campaign and time together, with what happened."""
    event_id = as_text(about.get("event_id"))
    if event_id is not None:
        return event_id
    parts = [as_text(about.get(name)) for name in ("lead_id", "campaign_id", "sent_at")]
    return "/".join(part for part in (*parts, as_text(about.get("event"))) if part) if all(parts) else None
