"""Which file reads which type of source. Adding a source is one import and one line here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from baton_ingest.sources.calendly import Calendly
from baton_ingest.sources.canonical import CanonicalJson
from baton_ingest.sources.chili_piper import ChiliPiper
from baton_ingest.sources.cloudevents import CloudEvents
from baton_ingest.sources.form import Form
from baton_ingest.sources.google_lead_form import GoogleLeadForm
from baton_ingest.sources.gravity_forms import GravityForms
from baton_ingest.sources.hubspot_form import HubSpotForm
from baton_ingest.sources.hubspot_workflow import HubSpotWorkflow
from baton_ingest.sources.marketo import Marketo
from baton_ingest.sources.salesforce import SalesforceOutboundMessage
from baton_ingest.sources.segment import RudderStack, Segment
from baton_ingest.sources.source_type import SourceType
from baton_ingest.sources.standard_webhooks import StandardWebhooks
from baton_ingest.sources.typeform import Typeform
from baton_ingest.sources.web_to_lead import WebToLead
from baton_ingest.sources.webflow import Webflow

SOURCE_TYPES: Final[Mapping[str, SourceType]] = MappingProxyType(
    {
        "form": Form(),
        "pardot-form": Form(),
        "json": CanonicalJson(),
        "salesforce-json": CanonicalJson(),
        "hubspot-workflow": HubSpotWorkflow(),
        "marketo": Marketo(),
        "salesforce": SalesforceOutboundMessage(),
        "web-to-lead": WebToLead(),
        "hubspot-form": HubSpotForm(),
        "segment": Segment(),
        "rudderstack": RudderStack(),
        "typeform": Typeform(),
        "webflow": Webflow(),
        "calendly": Calendly(),
        "chili-piper": ChiliPiper(),
        "gravity-forms": GravityForms(),
        "google-lead-form": GoogleLeadForm(),
        "standard-webhooks": StandardWebhooks(),
        "cloudevents": CloudEvents(),
    }
)
