"""A HubSpot form submission, in the shape in which it is posted to HubSpot or read from it.

Source: HubSpot, "Submit data to a form" (v3: `submittedAt`, `fields`, `context`) and "Get submissions for a form"
(`conversionId`, `submittedAt`, `values`, `pageUrl`). HubSpot itself calls nobody: a site posts here as it does there.
"""

from collections.abc import Iterator, Mapping, Sequence

from baton.leads.playbook.model import Source
from baton_ingest.sources.hubspot_workflow import PROPERTIES
from baton_ingest.sources.json_body import as_dict, as_list, as_text, milliseconds, read_object
from baton_ingest.sources.mapping import mapped
from baton_ingest.sources.posted import Posted
from baton_ingest.sources.proof import prove_by_secret
from baton_ingest.sources.source_type import RawCapture, Secrets, SourceRequest


class HubSpotForm(Posted):
    """A submission of a HubSpot form."""

    retries = False

    def prove(self, request: SourceRequest, source: Source, secrets: Secrets) -> None:
        if not source.open:
            prove_by_secret(request, source, secrets)

    def read(self, request: SourceRequest, source: Source) -> Sequence[RawCapture]:
        body = read_object(request)
        context = as_dict(body.get("context"))
        page = as_text(context.get("pageUri")) or as_text(body.get("pageUrl"))
        ours = mapped(_fields(body), source.fields, PROPERTIES)
        return [
            RawCapture(
                fields=ours.fields,
                identity=as_text(body.get("conversionId")),
                kind=as_text(ours.about.get("kind")) or source.activity or "form_fill",
                at=milliseconds(body.get("submittedAt")),
                data={**({"page": page[:2000]} if page else {}), **ours.data},
            )
        ]


def _fields(body: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for field in map(as_dict, [*as_list(body.get("fields")), *as_list(body.get("values"))]):
        name = as_text(field.get("name"))
        # `0-1/email`: some forms name the type of object before the property; `0-2` is the company
        if name is not None and field.get("value") not in ("", None):
            yield name.rpartition("/")[2], field["value"]
