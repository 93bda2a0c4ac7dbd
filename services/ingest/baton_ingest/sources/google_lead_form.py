"""Google's lead forms in ads: one lead a delivery, its proof in the body.

Source: Google Ads, "Lead form webhook implementation". How it retries is not documented; 200 is the advised answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from baton.leads.playbook.model import Source
from baton_ingest.sources.json_body import as_dict, as_list, as_text, read_object, readable_instant
from baton_ingest.sources.mapping import mapped
from baton_ingest.sources.posted import Posted
from baton_ingest.sources.proof import any_same
from baton_ingest.sources.source_type import Answer, Outcome, RawCapture, Secrets, SourceRequest, Unproven, Unusable

COLUMNS: Final[Mapping[str, str]] = {
    "WORK_EMAIL": "email", "EMAIL": "email", "FULL_NAME": "name", "FIRST_NAME": "first_name", "LAST_NAME": "last_name",
    "COMPANY_NAME": "company", "JOB_TITLE": "title", "WORK_PHONE": "phone", "PHONE_NUMBER": "phone",
    "COUNTRY": "country", "REGION": "state", "CITY": "city", "POSTAL_CODE": "postal_code",
}  # fmt: skip
"""Columns in our words. Of two that mean the same the first written here wins."""
_ABOUT: Final = ("form_id", "campaign_id", "adgroup_id", "creative_id", "asset_group_id", "lead_stage")


class GoogleLeadForm(Posted):
    """The webhook of a lead form asset."""

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        key = as_text(read_object(request).get("google_key")) or ""
        if not source.open and not any_same(key, secrets):
            raise Unproven

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture]:
        body = read_object(request)
        lead_id = as_text(body.get("lead_id"))
        if lead_id is None:
            raise Unusable("lead_id: it has none")
        ours = mapped(_columns(body), source.fields, COLUMNS)
        if (click := as_text(body.get("gcl_id"))) is not None:
            ours.fields.setdefault("gclid", click)
        return [
            RawCapture(
                fields=ours.fields,
                identity=lead_id,
                kind=as_text(ours.about.get("kind")) or source.activity or "form_fill",
                at=readable_instant(body.get("lead_submit_time")),
                data={**{name: str(body[name]) for name in _ABOUT if as_text(body.get(name))}, **ours.data},
                test=body.get("is_test") is True,
            )
        ]

    def answer(self, outcomes: Sequence[Outcome], request: SourceRequest, source: Source) -> Answer:
        answer = super().answer(outcomes, request, source)
        return replace(answer, status=200) if answer.status == 202 else answer


def _columns(body: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The columns that are known, in that order; then the form's own questions, by id."""
    sent = {}
    for column in map(as_dict, as_list(body.get("user_column_data"))):
        name = as_text(column.get("column_id")) or as_text(column.get("column_name"))
        if name is not None and column.get("string_value") not in ("", None):
            sent[name] = column["string_value"]
    yield from ((name, sent[name]) for name in COLUMNS if name in sent)
    yield from ((name, value) for name, value in sent.items() if name not in COLUMNS)
