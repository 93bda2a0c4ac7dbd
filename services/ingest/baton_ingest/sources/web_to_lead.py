"""What a Salesforce Web-to-Lead form posts, sent here instead: public, and a redirect that must not be an open one.

Source: Salesforce, "Generate leads from your website" (the generated form). `retURL` is taken from the form only for
the hosts that the playbook allows.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from baton.leads.playbook.model import Source
from baton_ingest.sources.answers import answer_one
from baton_ingest.sources.form_body import URLENCODED, parse_urlencoded
from baton_ingest.sources.json_body import as_text
from baton_ingest.sources.mapping import mapped
from baton_ingest.sources.proof import same
from baton_ingest.sources.source_type import (
    POST,
    Answer,
    Outcome,
    RawCapture,
    Secrets,
    SourceRequest,
    Unproven,
    Unusable,
)

_NAMES: Final[Mapping[str, str]] = {
    "email": "email", "mobile": "phone", "zip": "postal_code", "URL": "website", "country_code": "country",
    "state_code": "state",
}  # fmt: skip
_ABOUT: Final = frozenset({"oid", "retURL", "debug", "debugEmail", "encoding", "submit", "g-recaptcha-response"})


class WebToLead:
    """A Web-to-Lead form on somebody's site."""

    methods = POST
    retries = False

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        """Public by nature; but a form of another organisation is a mistake."""
        expected = as_text(source.options.get("organization"))
        if expected is not None and not same(_sent(request).get("oid", "")[:15], expected[:15]):
            raise Unproven

    def handshake(self, request: SourceRequest, source: Source, secrets: Secrets) -> Answer | None:
        return None

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture]:
        sent = _sent(request)
        told = [(n, v) for n, v in sent.items() if v.strip() and (n not in _ABOUT or n in source.fields)]
        ours = mapped(told, source.fields, _NAMES)
        kind = source.activity or as_text(ours.about.get("kind")) or "form_fill"
        return [RawCapture(fields=ours.fields, kind=kind, data=ours.data)]

    def answer(self, outcomes: Sequence[Outcome], request: SourceRequest, source: Source) -> Answer:
        """To the page that the form names, if its host is allowed; else to the source's own."""
        if outcomes[0].refused is not None:
            return answer_one(outcomes[0])
        there = _sent(request).get("retURL", "")
        place = there if _may_go(there, source) else source.redirect
        return answer_one(outcomes[0]) if place is None else Answer(303, b"", headers={"location": place})


def _sent(request: SourceRequest) -> Mapping[str, str]:
    if request.content_type != URLENCODED:
        raise Unusable("a Web-to-Lead form is urlencoded", status=415, hint=f"send {URLENCODED}")
    return parse_urlencoded(request)


def _may_go(place: str, source: Source) -> bool:
    """Whether it is an http address of an allowed host, written so that browsers and we read it alike."""
    allowed = source.options.get("redirects")
    if not isinstance(allowed, tuple) or not place.isascii() or not place.isprintable() or {"\\", " "} & set(place):
        return False
    try:
        parts = urlsplit(place)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.username is None and parts.hostname in allowed
