"""Calendly: a meeting booked or called off; who books one is a lead.

Source: Calendly developer portal, "Webhook signatures", "Webhook errors". Without a 2xx it comes again for 24 hours,
and is then switched off. A meeting that is moved is called off and booked anew, in either order: only
the booking is told.
"""

from collections.abc import Iterator, Mapping, Sequence

from baton.leads.events import Meeting
from baton.leads.playbook.model import Source
from baton_ingest.sources.json_body import as_dict, as_list, as_text, read_object, readable_instant
from baton_ingest.sources.labels import known
from baton_ingest.sources.mapping import mapped
from baton_ingest.sources.posted import Posted
from baton_ingest.sources.proof import any_same, hmac_sha256, is_fresh
from baton_ingest.sources.source_type import RawCapture, Secrets, SourceRequest, Unproven, Unusable


class Calendly(Posted):
    """The webhook subscription of an organisation or a user."""

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        """`t=` seconds and `v1=` the HMAC-SHA256 of time, point and body, as hex."""
        if source.open:
            return
        parts = [
            each.strip().partition("=") for each in request.headers.get("calendly-webhook-signature", "").split(",")
        ]
        sent_at = next((value for name, _, value in parts if name == "t"), "")
        given = [value for name, _, value in parts if name == "v1"][:10]
        if not is_fresh(sent_at, request.received_at, unit=1):
            raise Unproven
        signed = f"{sent_at}.".encode() + request.body
        expected = [hmac_sha256(secret, signed).hex() for secret in secrets]
        if sum(any_same(each, expected) for each in given) == 0:
            raise Unproven

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture]:
        body = read_object(request)
        event, payload = as_text(body.get("event")), as_dict(body.get("payload"))
        if event not in {"invitee.created", "invitee.canceled"}:
            return []
        cancelled = event == "invitee.canceled"
        if cancelled and payload.get("rescheduled") is True:
            return []
        uri = as_text(payload.get("uri"))
        if uri is None:
            raise Unusable("payload: it has no uri")
        pairs = list(_told(payload))
        ours = mapped(pairs, source.fields, known([name for name, _ in pairs]))
        return [
            RawCapture(
                fields=ours.fields,
                identity=f"{event} {uri}",
                kind=as_text(ours.about.get("kind")) or source.activity or "meeting_booked",
                at=readable_instant(body.get("created_at")),
                data=ours.data,
                meeting=_meeting(uri, payload),
                by=_booker(payload),
                cancelled=cancelled,
            )
        ]


def _told(payload: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name in ("email", "first_name", "last_name", "name"):
        if payload.get(name) not in ("", None) and not (name == "name" and payload.get("first_name")):
            yield name, payload[name]
    for each in map(as_dict, as_list(payload.get("questions_and_answers"))):
        question = as_text(each.get("question"))
        if question is not None and each.get("answer") not in ("", None):
            yield question, each["answer"]
    yield from (
        (name, value)
        for name, value in as_dict(payload.get("tracking")).items()
        if name.startswith("utm_") and value not in ("", None)
    )


def _booker(payload: Mapping[str, object]) -> str | None:
    """The user who booked it for the invitee, by their address where they are a host; None: the invitee did."""
    user = as_text(payload.get("invitee_scheduled_by"))
    hosts = map(as_dict, as_list(as_dict(payload.get("scheduled_event")).get("event_memberships")))
    address = next((each.get("user_email") for each in hosts if user is not None and each.get("user") == user), None)
    return as_text(address) or user


def _meeting(uri: str, payload: Mapping[str, object]) -> Meeting:
    """Raises Unusable for a meeting without a time."""
    scheduled = as_dict(payload.get("scheduled_event"))
    at = readable_instant(scheduled.get("start_time"))
    if at is None:
        raise Unusable("scheduled_event: it has no start_time")
    host = next(map(as_dict, as_list(scheduled.get("event_memberships"))), {})
    return Meeting(
        id=uri[:500],
        at=at,
        host=as_text(host.get("user_email")) or as_text(host.get("user")),
        link=as_text(as_dict(scheduled.get("location")).get("join_url")),
    )
