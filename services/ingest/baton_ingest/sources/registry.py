"""Which file reads which type of source. Adding a source is one import and one line here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from baton_ingest.sources.canonical import CanonicalJson
from baton_ingest.sources.form import Form
from baton_ingest.sources.hubspot_workflow import HubSpotWorkflow
from baton_ingest.sources.marketo import Marketo
from baton_ingest.sources.salesforce import SalesforceOutboundMessage
from baton_ingest.sources.source_type import SourceType

SOURCE_TYPES: Final[Mapping[str, SourceType]] = MappingProxyType(
    {
        "form": Form(),
        "json": CanonicalJson(),
        "salesforce-json": CanonicalJson(),
        "hubspot-workflow": HubSpotWorkflow(),
        "marketo": Marketo(),
        "salesforce": SalesforceOutboundMessage(),
    }
)
