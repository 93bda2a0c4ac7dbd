"""A web form, posted by a browser: urlencoded, multipart or JSON. Public by nature, so nothing it says is proven."""

from collections.abc import Mapping, Sequence
from email.message import Message
from io import BytesIO
from typing import Final
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser

from baton.leads.playbook.model import Source
from baton_ingest.sources.answers import answer_one
from baton_ingest.sources.json_body import as_text, read_object
from baton_ingest.sources.proof import prove_by_secret
from baton_ingest.sources.source_type import Answer, Outcome, RawCapture, Secrets, SourceRequest, Unusable

MAX_FIELDS: Final = 500
_URLENCODED: Final = "application/x-www-form-urlencoded"
_MULTIPART: Final = "multipart/form-data"
_UTM: Final = "utm_"


class Form:
    """A form on somebody's web site."""

    retries = False

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        """Nothing to prove, unless the playbook gives the form a secret."""
        if secrets:
            prove_by_secret(request, source, secrets)

    def handshake(self, request: SourceRequest, source: Source, secrets: Secrets) -> Answer | None:
        """Tell the browser which pages may post here."""
        return Answer(204, b"") if request.method == "OPTIONS" else None

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture]:
        """The one lead in the form; none at all if a machine filled the field that people don't see."""
        sent = _fields(request)
        honeypot = source.options.get("honeypot")
        if isinstance(honeypot, str) and as_text(sent.pop(honeypot, None)):
            return []
        event_id = as_text(sent.pop("event_id", None))
        utm = {name: sent.pop(name) for name in list(sent) if name.startswith(_UTM)}
        fields = {source.fields.get(name, name): value for name, value in sent.items() if value not in ("", None)}
        if utm:
            fields["utm"] = utm
        return [RawCapture(fields=fields, identity=event_id, data=_page(request))]

    def answer(self, outcomes: Sequence[Outcome], request: SourceRequest, source: Source) -> Answer:
        """A redirect for a browser's own form, JSON for a script."""
        outcome = outcomes[0] if outcomes else Outcome(lead_id=None)
        wants_page = "text/html" in request.headers.get("accept", "")
        if outcome.refused is None and source.redirect is not None and wants_page:
            return Answer(303, b"", headers={"location": source.redirect})
        # A public form tells nobody whether an address is known here.
        return answer_one(Outcome(lead_id=outcome.lead_id, duplicate=outcome.duplicate, refused=outcome.refused,
                                  hint=outcome.hint, changes=outcome.changes))  # fmt: skip


def _page(request: SourceRequest) -> Mapping[str, object]:
    page = request.headers.get("referer")
    return {} if page is None else {"page": page[:2000]}


def _fields(request: SourceRequest) -> dict[str, object]:
    if request.content_type == _URLENCODED:
        return _bounded(parse_urlencoded(request))
    if request.content_type == _MULTIPART:
        return _bounded(_multipart(request))
    return read_object(request)


def parse_urlencoded(request: SourceRequest) -> list[tuple[str, str]]:
    """The pairs of an urlencoded body, in the charset that the sender says. Raises Unusable."""
    try:
        text = request.body.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, encoding=_charset(request), errors="strict",
                         max_num_fields=MAX_FIELDS)  # fmt: skip
    except (ValueError, LookupError) as error:
        raise Unusable(f"the form can't be read: {error}") from None


def _multipart(request: SourceRequest) -> list[tuple[str, str]]:
    """The text fields; files are left out. Raises Unusable."""
    pairs: list[tuple[str, str]] = []
    encoding = _charset(request)

    def take(field: Field) -> None:
        name, value = (field.field_name or b""), (field.value or b"")
        pairs.append((name.decode(encoding, "replace"), value.decode(encoding, "replace")))

    def leave(_: File) -> None:
        return

    try:
        parser = FormParser(_MULTIPART, take, leave, boundary=_parameter(request, "boundary").encode())
        parser.write(BytesIO(request.body).read())
        parser.finalize()
    except (FormParserError, LookupError) as error:
        raise Unusable(f"the form can't be read: {error}") from None
    return pairs


def _bounded(pairs: Sequence[tuple[str, str]]) -> dict[str, object]:
    """Pairs as fields; a name that comes several times (check boxes) has its values joined."""
    if len(pairs) > MAX_FIELDS:
        raise Unusable(f"{len(pairs)} fields in one form", hint=f"send at most {MAX_FIELDS}")
    fields: dict[str, object] = {}
    for name, value in pairs:
        fields[name] = f"{fields[name]};{value}" if name in fields else value
    return fields


def _charset(request: SourceRequest) -> str:
    return _parameter(request, "charset") or "utf-8"


def _parameter(request: SourceRequest, name: str) -> str:
    message = Message()
    message["content-type"] = request.headers.get("content-type", "")
    value = message.get_param(name, "")
    return value if isinstance(value, str) else ""
