"""Any sender that follows Standard Webhooks: our own JSON under its signature.

Source: Standard Webhooks 1.0.0. The body is `{type, timestamp, data}` with the lead in `data`, or the lead itself.
"""

from collections.abc import Sequence
from dataclasses import replace

from baton.leads.playbook.model import Source
from baton_ingest.sources.canonical import read_lead
from baton_ingest.sources.json_body import as_dict, as_text, read_object, readable_instant
from baton_ingest.sources.posted import Posted
from baton_ingest.sources.proof import prove_standard_webhook
from baton_ingest.sources.source_type import RawCapture, Refused, Secrets, SourceRequest


class StandardWebhooks(Posted):
    """A webhook with `webhook-id`, `webhook-timestamp` and `webhook-signature`."""

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        if not source.open:
            prove_standard_webhook(request, secrets)

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture | Refused]:
        """The id of the message is the identity."""
        body = read_object(request)
        wrapped = isinstance(body.get("data"), dict) and "type" in body
        raw = read_lead(as_dict(body["data"]) if wrapped else body, renamed=source.fields)
        message_id = as_text(request.headers.get("webhook-id"))
        if isinstance(raw, Refused):
            return [raw]
        at = raw.at or (readable_instant(body.get("timestamp")) if wrapped else None)
        activity_id = raw.activity_id or raw.identity
        return [replace(raw, identity=message_id or raw.identity, activity_id=activity_id, at=at)]
