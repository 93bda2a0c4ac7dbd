"""Gravity Forms' webhook add-on: an entry of a WordPress form, its fields under their numbers.

Source: Gravity Forms, "Triggering webhooks on form submissions". Fields have numbers (`1.3` is a first name, `1.6` a
last name), so the playbook's `fields` has to say what they mean. WordPress sees no error in an answer.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from baton.leads.playbook.model import Source
from baton_ingest.sources.form import form_fields
from baton_ingest.sources.json_body import as_text
from baton_ingest.sources.labels import known
from baton_ingest.sources.mapping import mapped
from baton_ingest.sources.posted import Posted
from baton_ingest.sources.proof import prove_by_secret
from baton_ingest.sources.source_type import RawCapture, Secrets, SourceRequest

_PARTS_OF_NAMES: Final = {"3": "first_name", "6": "last_name"}
"""The inputs of a field of type Name."""
_OF_ENTRY: Final = frozenset({
    "id", "form_id", "post_id", "date_created", "date_updated", "is_starred", "is_read", "ip", "source_url",
    "user_agent", "currency", "payment_status", "payment_date", "payment_amount", "payment_method", "transaction_id",
    "is_fulfilled", "created_by", "transaction_type", "status", "source_id",
})  # fmt: skip
_NAME_INPUT: Final = re.compile(r"\d+\.([36])")


class GravityForms(Posted):
    """The webhook of a Gravity Forms feed."""

    retries = False

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        if not source.open:
            prove_by_secret(request, source, secrets)

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture]:
        entry = form_fields(request)
        sent = [
            (name, value)
            for name, value in entry.items()
            if value not in ("", None) and (name not in _OF_ENTRY or name in source.fields)
        ]
        names = known([name for name, _ in sent]) | _names(entry)
        ours = mapped(sent, source.fields, names)
        return [
            RawCapture(
                fields=ours.fields,
                identity=_identity(entry),
                kind=as_text(ours.about.get("kind")) or source.activity or "form_fill",
                at=_created(entry.get("date_created")),
                data={**_page(entry), **ours.data},
            )
        ]


def _names(entry: Mapping[str, object]) -> dict[str, str]:
    return {name: _PARTS_OF_NAMES[match[1]] for name in entry if (match := _NAME_INPUT.fullmatch(name))}


def _identity(entry: Mapping[str, object]) -> str | None:
    parts = [as_text(entry.get(name)) for name in ("form_id", "id")]
    try:
        site = urlsplit(as_text(entry.get("source_url")) or "").hostname or ""
    except ValueError:
        site = ""
    return "/".join([site, *(part for part in parts if part)]) if all(parts) else None


def _created(value: object) -> datetime | None:
    """`2026-01-15 09:59:20`, which is UTC without saying so."""
    try:
        created = datetime.fromisoformat(as_text(value) or "")
    except ValueError:
        return None
    return created.replace(tzinfo=UTC) if created.tzinfo is None else created.astimezone(UTC)


def _page(entry: Mapping[str, object]) -> Mapping[str, object]:
    page, form = as_text(entry.get("source_url")), as_text(entry.get("form_id"))
    return {name: value for name, value in (("page", page), ("form", form)) if value is not None}
