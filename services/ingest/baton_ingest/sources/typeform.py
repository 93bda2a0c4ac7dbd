"""Typeform: one response a delivery; only questions that were answered are in it.

Source: Typeform developer platform, "Webhooks" (securing, retries, example payload). Any 2xx within 30 s counts; a 404
or 410 would switch the webhook off at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from baton.leads.playbook.model import Source
from baton_ingest.sources.json_body import as_dict, as_list, as_text, read_object, readable_instant
from baton_ingest.sources.labels import known
from baton_ingest.sources.mapping import mapped
from baton_ingest.sources.posted import Posted
from baton_ingest.sources.proof import any_same, base64_text, hmac_sha256
from baton_ingest.sources.source_type import RawCapture, Secrets, SourceRequest, Unproven, Unusable

_OF_TYPE: Final = {"email": "email", "phone_number": "phone"}


class Typeform(Posted):
    """The webhook of a Typeform form."""

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        """`Typeform-Signature: sha256=` and the HMAC-SHA256 of the body, in base64."""
        given = request.headers.get("typeform-signature", "")
        expected = (f"sha256={base64_text(hmac_sha256(secret, request.body))}" for secret in secrets)
        if not source.open and not any_same(given, expected):
            raise Unproven

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture]:
        body = read_object(request)
        if as_text(body.get("event_type")) != "form_response":  # an unfinished one comes again, finished
            return []
        response = as_dict(body.get("form_response"))
        form, token = as_text(response.get("form_id")), as_text(response.get("token"))
        if form is None or token is None:
            raise Unusable("form_response: it has no form_id or no token")
        pairs = list(_answers(response))
        ours = mapped(pairs, source.fields, known([name for name, _ in pairs]))
        identity = f"{form}/{token}"
        return [
            RawCapture(
                fields=ours.fields,
                identity=identity,
                kind=as_text(ours.about.get("kind")) or source.activity or "form_fill",
                at=readable_instant(response.get("submitted_at")),
                data={"form": form, **ours.data},
            )
        ]


def _answers(response: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Hidden fields and answers, by the name that the form's maker gave (`ref`), else by what was asked."""
    yield from as_dict(response.get("hidden")).items()
    titles = {
        as_text(each.get("id")): as_text(each.get("title"))
        for each in map(as_dict, as_list(as_dict(response.get("definition")).get("fields")))
    }
    for answer in map(as_dict, as_list(response.get("answers"))):
        question, kind = as_dict(answer.get("field")), as_text(answer.get("type")) or ""
        name = as_text(question.get("ref")) or titles.get(as_text(question.get("id"))) or as_text(question.get("id"))
        value = _value(answer, kind)
        if name is not None:
            yield name, value
            title = titles.get(as_text(question.get("id")))
            if title is not None and title != name and known([title]):
                yield title, value
        if kind in _OF_TYPE:
            yield _OF_TYPE[kind], value


def _value(answer: Mapping[str, object], kind: str) -> object:
    value = answer.get(kind)
    if kind == "choice":
        return as_dict(value).get("label") or as_dict(value).get("other")
    if kind == "choices":
        labels = [*as_list(as_dict(value).get("labels")), as_dict(value).get("other")]
        return "; ".join(text for label in labels if (text := as_text(label)))
    return value
