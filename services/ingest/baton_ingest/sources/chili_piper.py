"""Chili Piper: a meeting booked or called off; who books one is a lead.

Source: Chili Piper help centre, "Webhooks" (by a mirror: of the types only `Created` was seen in a sample). Nothing is
signed, so the secret is in the URL; how it retries isn't documented.
"""

from collections.abc import Mapping, Sequence

from baton.leads.events import Meeting
from baton.leads.playbook.model import Source
from baton_ingest.sources.json_body import as_dict, as_text, read_object, readable_instant
from baton_ingest.sources.labels import known
from baton_ingest.sources.mapping import mapped
from baton_ingest.sources.posted import Posted
from baton_ingest.sources.proof import prove_by_secret
from baton_ingest.sources.source_type import RawCapture, Secrets, SourceRequest, Unusable


class ChiliPiper(Posted):
    """The webhook of a Chili Piper workspace."""

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        if not source.open:
            prove_by_secret(request, source, secrets)

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture]:
        body = read_object(request)
        kind, meeting = (as_text(body.get("type")) or "").lower(), _meeting(body)
        answers = as_dict(body.get("primaryGuestDataFields"))
        sent = {"email": body.get("primaryGuestEmail"), **answers}
        names = {"email": "email", **known(list(answers))}
        ours = mapped(((name, v) for name, v in sent.items() if v not in ("", None)), source.fields, names)
        return [
            RawCapture(
                fields=ours.fields,
                identity=f"{meeting.id} {kind} {meeting.at.isoformat()}",
                kind=as_text(ours.about.get("kind")) or source.activity or "meeting_booked",
                data={**({"title": body["meetingTitle"]} if as_text(body.get("meetingTitle")) else {}), **ours.data},
                meeting=meeting,
                by=_booker(body),
                cancelled=kind in {"canceled", "cancelled"},
            )
        ]


def _booker(body: Mapping[str, object]) -> str | None:
    """Who booked it, unless that was the guest."""
    booker, guest = as_text(body.get("bookerEmail")), as_text(body.get("primaryGuestEmail"))
    return None if booker is None or booker.casefold() == (guest or "").casefold() else booker


def _meeting(body: Mapping[str, object]) -> Meeting:
    """Raises Unusable."""
    meeting_id, at = as_text(body.get("meetingIdChili")), readable_instant(body.get("meetingStartTime"))
    if meeting_id is None or at is None:
        raise Unusable("it has no meetingIdChili, or no meetingStartTime")
    host = as_text(body.get("hostEmail")) or as_text(body.get("assigneeEmail"))
    return Meeting(id=meeting_id[:500], at=at, host=host, link=None)
