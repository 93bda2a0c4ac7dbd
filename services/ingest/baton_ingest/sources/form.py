"""A web form, posted by a browser: urlencoded, multipart or JSON. Public by nature, so nothing it says is proven."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from baton.kernel.ids import derived_id
from baton.leads.playbook.model import Source
from baton_ingest.sources.answers import answer_one
from baton_ingest.sources.form_body import MAX_FIELDS, MULTIPART, URLENCODED, parse_multipart, parse_urlencoded
from baton_ingest.sources.json_body import as_text, read_object, readable_instant
from baton_ingest.sources.mapping import mapped
from baton_ingest.sources.proof import prove_by_secret
from baton_ingest.sources.source_type import Answer, Outcome, RawCapture, Secrets, SourceRequest, Unusable

_ABOUT: Final = frozenset({"activity", "at", "event_id", "test"})


class Form:
    """A form on somebody's web site."""

    methods = frozenset({"POST", "OPTIONS"})
    retries = False

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        """Nothing to prove, unless the playbook gives the form a secret."""
        if secrets and not source.open:
            prove_by_secret(request, source, secrets)

    def handshake(self, request: SourceRequest, source: Source, secrets: Secrets) -> Answer | None:
        """Tell the browser which pages may post here."""
        return Answer(204, b"") if request.method == "OPTIONS" else None

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture]:
        """The one lead in the form; none at all if a machine filled the field that people don't see."""
        sent = form_fields(request)
        honeypot = source.options.get("honeypot")
        if isinstance(honeypot, str) and as_text(sent.pop(honeypot, None)):
            return []
        about = {name: sent.pop(name) for name in _ABOUT if name in sent and name not in source.fields}
        ours = mapped(((name, value) for name, value in sent.items() if value not in ("", None)), source.fields)
        about |= ours.about
        return [
            RawCapture(
                fields=ours.fields,
                identity=as_text(about.get("event_id")) or as_text(about.get("id")),
                kind=source.activity or as_text(about.get("kind")) or as_text(about.get("activity")),
                activity_id=as_text(about.get("activity_id")),
                at=readable_instant(about.get("at")),
                data={**_page(request), **ours.data},
                test=about.get("test") in (True, "true", "1"),
            )
        ]

    def answer(self, outcomes: Sequence[Outcome], request: SourceRequest, source: Source) -> Answer:
        """A redirect for a browser's own form, JSON for a script. A machine is told what a person would be."""
        outcome = outcomes[0] if outcomes else Outcome(lead_id=derived_id("honeypot", _digest(request)))
        wants_page = "text/html" in request.headers.get("accept", "")
        if outcome.refused is None and source.redirect is not None and wants_page:
            return Answer(303, b"", headers={"location": source.redirect})
        return answer_one(outcome)


def _digest(request: SourceRequest) -> str:
    return hashlib.sha256(request.body).hexdigest()


def form_fields(request: SourceRequest) -> dict[str, object]:
    """The fields of a form, however it was sent. Raises Unusable."""
    if request.content_type == URLENCODED:
        return dict(parse_urlencoded(request))
    if request.content_type == MULTIPART:
        return dict(parse_multipart(request))
    sent = read_object(request)
    if len(sent) > MAX_FIELDS:
        raise Unusable("too many fields in one form", hint=f"send at most {MAX_FIELDS}")
    return sent


def _page(request: SourceRequest) -> Mapping[str, object]:
    page = request.headers.get("referer")
    return {} if page is None else {"page": page[:2000]}
