"""Webflow: a form submission, its fields under the labels of the page.

Source: Webflow Data API, "Working with webhooks" and "Webhook signatures". Nothing but HTTP 200 counts; after three
retries the hook is switched off. Hooks made in the dashboard are unsigned: make them by the API or an app.
"""

from collections.abc import Sequence
from dataclasses import replace

from baton.leads.playbook.model import Source
from baton_ingest.sources.json_body import as_dict, as_text, read_object, readable_instant
from baton_ingest.sources.labels import known
from baton_ingest.sources.mapping import mapped
from baton_ingest.sources.posted import Posted
from baton_ingest.sources.proof import any_same, hmac_sha256, is_fresh
from baton_ingest.sources.source_type import Answer, Outcome, RawCapture, Secrets, SourceRequest, Unproven, Unusable


class Webflow(Posted):
    """The `form_submission` webhook of a Webflow site."""

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        """HMAC-SHA256 of time, colon and body, as hex; the time in milliseconds."""
        sent_at, given = request.headers.get("x-webflow-timestamp", ""), request.headers.get("x-webflow-signature", "")
        if source.open:
            return
        signed = f"{sent_at}:".encode("utf-8", "surrogatepass") + request.body
        valid = any_same(given, (hmac_sha256(secret, signed).hex() for secret in secrets))
        if not (is_fresh(sent_at, request.received_at) and valid):
            raise Unproven

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture]:
        body = read_object(request)
        if as_text(body.get("triggerType")) != "form_submission":
            return []
        payload = as_dict(body.get("payload"))
        sent = as_dict(payload.get("data"))
        identity = as_text(payload.get("id"))
        if identity is None:
            raise Unusable("payload: it has no id")
        ours = mapped(((name, v) for name, v in sent.items() if v != ""), source.fields, known(list(sent)))
        return [
            RawCapture(
                fields=ours.fields,
                identity=identity,
                kind=as_text(ours.about.get("kind")) or source.activity or "form_fill",
                at=readable_instant(payload.get("submittedAt")),
                data={**{name: payload[name] for name in ("name", "formId") if name in payload}, **ours.data},
            )
        ]

    def answer(self, outcomes: Sequence[Outcome], request: SourceRequest, source: Source) -> Answer:
        return replace(super().answer(outcomes, request, source), status=200)
