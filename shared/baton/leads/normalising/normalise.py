"""From what a sender sent to a lead in its normal form. Pure and total: it never raises, whatever the values."""

from collections.abc import Iterator, Mapping
from functools import partial

from baton.kernel.ids import LeadId, lead_id_for_email, lead_id_for_phone
from baton.leads.normalising import company, titles
from baton.leads.normalising.channels import read_channel
from baton.leads.normalising.draft import Draft
from baton.leads.normalising.email import EmailAddress, read_email
from baton.leads.normalising.employees import parse_employees
from baton.leads.normalising.extras import Kept, read_consent, read_custom, read_utm
from baton.leads.normalising.functions import function_of, read_function
from baton.leads.normalising.language import read_language
from baton.leads.normalising.lead import NormalisedLead, Refusal
from baton.leads.normalising.phone import read_phone
from baton.leads.normalising.places import country_code, read_country, read_state
from baton.leads.normalising.text import Unusable, named_kind, read_text, shown
from baton.leads.normalising.titles import read_seniority, seniority_of
from baton.leads.normalising.website import read_domain, read_website, website_domain

# The longest that a text may be, in characters. A longer one is left out, not cut.
_AS_SENT = {"first_name": 200, "last_name": 200, "company": company.LONGEST}
_TEXTS = {
    "title": titles.LONGEST, "postal_code": 32, "city": 100, "industry": 200, "source": 100, "sourced_by": 254,
    "partner_manager": 254,
}  # fmt: skip
_FIELDS = frozenset({
    "email", "domain", "free_mail", "seniority", "function", "phone", "country", "state", "employees", "website",
    "language", "channel", "utm", "consent", "account", "custom", *_AS_SENT, *_TEXTS,
})  # fmt: skip
_READERS = (
    *(
        (field, partial(read_text, limit=most, composed=False), "only what can be stored")
        for field, most in _AS_SENT.items()
    ),
    *((field, partial(read_text, limit=most), "text in NFC") for field, most in _TEXTS.items()),
)
# These belong to the capture, or follow from the lead; whoever calls has read them.
_NOT_OURS = frozenset({"activity", "at", "lead_id", "test"})
_MOST_NOTES = 20


def normalise(raw: Mapping[str, object], *, default_country: str | None = None) -> NormalisedLead:
    """The lead in its normal form, from any JSON object.

    `default_country` (alpha-2) helps to read national phone numbers and the states of leads that name no country; it
    never becomes the lead's country. Normalising the `fields` of the result gives the same again, without changes.
    """
    draft = Draft(raw)
    address = _read_identity(draft, default_country)
    account = None if address is None or address.domain.free_mail else address.domain.registrable
    _read_person(draft)
    _read_company(draft, address)
    _read_capture(draft)
    _read_open_parts(draft, account)
    lead_id = _lead_id(draft)
    refusals = () if lead_id else _refusals(draft)
    return NormalisedLead(lead_id, draft.fields, account, tuple(draft.changes), refusals)


def _read_identity(draft: Draft, default_country: str | None) -> EmailAddress | None:
    address: EmailAddress | None = None

    def email(value: object) -> str | None:
        nonlocal address
        address = read_email(value)
        return None if address is None else address.address

    draft.read("country", read_country, form="ISO 3166-1 alpha-2")
    country = draft.fields.get("country")
    region = country if isinstance(country, str) else country_code(default_country or "")
    draft.read("email", email, form="the normal form of an address")
    draft.read("phone", lambda value: read_phone(value, region=region), form="E.164")
    draft.read("state", lambda value: read_state(value, country=region), form="ISO 3166-2 without the country")
    return address


def _lead_id(draft: Draft) -> LeadId | None:
    email, phone = draft.fields.get("email"), draft.fields.get("phone")
    if isinstance(email, str):
        return lead_id_for_email(email)
    return lead_id_for_phone(phone) if isinstance(phone, str) else None


def _refusals(draft: Draft) -> tuple[Refusal, ...]:
    given = tuple(draft.refused[field] for field in ("email", "phone") if field in draft.refused)
    return given or (Refusal("email", None, "neither an email nor a phone", "send at least one of the two"),)


def _read_person(draft: Draft) -> None:
    for field, reader, form in _READERS:
        draft.read(field, reader, form=form)
    draft.read("seniority", read_seniority, form="Baton's word for it")
    draft.read("function", read_function, form="Baton's word for it")
    if "title" in draft.fields:
        title = draft.fields["title"]
        _follow(draft, "seniority", seniority_of(title) if isinstance(title, str) else None, cleared=title is None)
        _follow(draft, "function", function_of(title) if isinstance(title, str) else None, cleared=title is None)


def _follow(draft: Draft, field: str, value: object, *, cleared: bool) -> None:
    """What follows from another field fills what wasn't sent, and goes when the other is cleared."""
    if field not in draft.fields and (value is not None or cleared):
        draft.fields[field] = value


def _read_company(draft: Draft, address: EmailAddress | None) -> None:
    draft.read("website", read_website, form="text in NFC")
    draft.read("employees", _read_employees, form="a number or a range")
    if address is None:
        draft.read("free_mail", _read_flag, form="true or false")
    else:
        draft.keep("free_mail", address.domain.free_mail, form="follows from the address")
    if address is not None and not address.domain.free_mail:
        domain = address.domain.registrable or address.domain.name
        draft.keep("domain", domain, form="the registrable domain of the address")
    else:
        draft.read("domain", read_domain, form="a registrable domain")
        _follow_domain(draft, address)


def _follow_domain(draft: Draft, address: EmailAddress | None) -> None:
    """Without a company's address, its website names the domain; without that, a free address its own."""
    website = draft.fields.get("website")
    domain = website_domain(website) if isinstance(website, str) else None
    if domain is None and address is not None:
        domain = address.domain.registrable or address.domain.name
    cleared = "email" in draft.fields and address is None
    _follow(draft, "domain", domain, cleared=cleared)
    _follow(draft, "free_mail", None, cleared=cleared)


def _read_employees(value: object) -> int | str | None:
    size = parse_employees(value)
    return None if size is None else size.value


def _read_flag(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    word = (read_text(value, limit=10) or "").casefold()
    if word in {"", "true", "false"}:
        return word == "true" if word else None
    raise Unusable("neither true nor false")


def _read_capture(draft: Draft) -> None:
    draft.read("language", read_language, form="ISO 639-1")
    draft.read("channel", read_channel, form="lower case")
    draft.read("consent", read_consent, form="true, false or a record")


def _read_open_parts(draft: Draft, account: str | None) -> None:
    _read_account(draft, account)
    utm, custom = _part(draft, "utm"), _part(draft, "custom")
    unknown = [(key, value) for key, value in draft.raw.items() if key not in _FIELDS and key not in _NOT_OURS]
    campaign = [(key, value) for key, value in unknown if key[:4].lower() == "utm_"]
    if utm or campaign:
        _keep_part(draft, "utm", read_utm([*utm.items(), *campaign]))
    if custom or len(unknown) > len(campaign) or _stray_account(draft):
        _keep_part(draft, "custom", read_custom(_custom_entries(draft, custom, unknown)))
        if draft.raw.get("custom", "") is None and draft.fields["custom"]:
            draft.leave_out("custom", None, "null beside other custom fields clears none of them: name those to clear")


def _read_account(draft: Draft, account: str | None) -> None:
    if account is not None:
        draft.fields["account"] = account
    elif "account" in draft.raw and draft.raw["account"] is None:
        draft.fields["account"] = None
    if _stray_account(draft):
        why = "an account follows from the address; kept as custom.account"
        draft.note("account", draft.raw["account"], account, why)


def _stray_account(draft: Draft) -> bool:
    """Whether a sender's own word for the account was sent, which decides nothing but isn't lost."""
    return draft.raw.get("account") not in (None, "", draft.fields.get("account"))


def _part(draft: Draft, field: str) -> Mapping[str, object]:
    """The object that was sent under this name, if it was one."""
    sent = draft.raw.get(field)
    if isinstance(sent, Mapping):
        return sent
    if sent is not None and sent != "":
        draft.leave_out(field, sent, f"{named_kind(sent)} where an object is expected")
    elif field in draft.raw and sent is None:
        draft.fields[field] = None
    return {}


def _custom_entries(
    draft: Draft, custom: Mapping[str, object], unknown: list[tuple[str, object]]
) -> Iterator[tuple[str, object]]:
    yield from custom.items()
    yield from ((key, value) for key, value in unknown if key[:4].lower() != "utm_" and value != "")
    if _stray_account(draft):
        yield "account", draft.raw["account"]


def _keep_part(draft: Draft, field: str, part: Kept) -> None:
    if part.values:
        draft.fields[field] = part.values
    for key, before in part.changed:
        draft.note(f"{field}.{key}", before, shown(part.values[key]), "only what can be stored")
    for key, before, why in part.left_out[:_MOST_NOTES]:
        draft.leave_out(f"{field}.{key}" if key else field, before, why)
    if len(part.left_out) > _MOST_NOTES:
        draft.leave_out(field, None, f"{len(part.left_out) - _MOST_NOTES} more were left out")
