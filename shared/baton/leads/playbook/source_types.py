"""What each type of source proves its origin with, and the keys that only it has."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceType:
    """`proofs`: sets of keys, of which one must be there whole; none at all for what is public by nature."""

    proofs: tuple[frozenset[str], ...]
    own: tuple[str, ...] = ()
    hint: str = "add secret: env:NAME"
    instead: str | None = None
    """Of a type that this release doesn't serve yet: what takes its leads meanwhile."""


def _type(
    *proofs: str, own: tuple[str, ...] = (), hint: str = "add secret: env:NAME", instead: str | None = None
) -> SourceType:
    return SourceType(tuple(frozenset(proof.split("+")) for proof in proofs), own, hint, instead)


_POLLED = ("token", "base_url", "poll")
_BY_OTHERS = "let your CRM or an integration tool fetch these leads and send them, to a source of type json"
PUBLIC = SourceType(())

SOURCE_TYPES: Mapping[str, SourceType] = {
    "api": PUBLIC,  # the API key is its proof, and needs no entry
    "form": SourceType((), ("honeypot", "token")),
    "json": _type("secret", "token", own=("honeypot", "token")),
    "hubspot": _type(
        "secret",
        own=("signature_version", "token", "base_url"),
        instead="let a HubSpot workflow send the contacts, to a source of type hubspot-workflow",
    ),
    "hubspot-workflow": _type("secret", own=("signature_version",)),
    "hubspot-form": _type("secret", "poll+token", own=_POLLED, hint="add secret: env:NAME, or poll with a token"),
    "marketo": _type(
        "secret",
        "poll+client_id+client_secret",
        own=("client_id", "client_secret", "base_url", "poll"),
        hint="add secret: env:NAME, or poll with client_id and client_secret",
    ),
    "salesforce": _type("organization", own=("organization", "token"), hint="add organization: 00D…"),
    "salesforce-json": _type("secret", own=("organization",)),
    "web-to-lead": SourceType((), ("organization", "redirects")),
    "salesforce-cdc": _type(
        "token",
        "client_id+client_secret",
        own=("client_id", "client_secret", "token", "base_url", "organization"),
        hint="add the subscriber's login: client_id and client_secret, or a token",
        instead="let Salesforce send Outbound Messages (type salesforce), or a Flow its own JSON (salesforce-json)",
    ),
    "pardot-form": SourceType((), _POLLED),
    "segment": _type("secret", "header_secret+header", own=("header_secret",)),
    "rudderstack": _type("secret"),
    "typeform": _type("secret"),
    "webflow": _type("secret"),
    "calendly": _type("secret"),
    "standard-webhooks": _type("secret"),
    "gravity-forms": _type("secret"),
    "google-lead-form": _type("secret"),
    "meta-lead-ads": _type("secret", own=("verify_token", "token", "base_url"), instead=_BY_OTHERS),
    "linkedin-lead-sync": _type("secret", own=("verify_token", "token", "base_url"), instead=_BY_OTHERS),
    "chili-piper": _type("secret", "token", own=("token",)),
    "cloudevents": _type("secret"),
}
