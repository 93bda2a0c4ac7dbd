"""Leads in their normal form: one spelling of address, phone, country and size, and a record of what was changed.

Everything here is a function of its arguments. Tables are read on first use; `load()` reads them beforehand.
"""

from baton.leads.normalising import domains, language, places
from baton.leads.normalising.company import company_key
from baton.leads.normalising.domains import is_disposable, is_free_mail, registrable_domain
from baton.leads.normalising.email import EmailAddress, MailDomain, read_email
from baton.leads.normalising.employees import EmployeeRange, parse_employees
from baton.leads.normalising.functions import function_of
from baton.leads.normalising.lead import Change, NormalisedLead, Refusal
from baton.leads.normalising.normalise import normalise
from baton.leads.normalising.phone import read_phone
from baton.leads.normalising.places import country_code
from baton.leads.normalising.text import Unusable
from baton.leads.normalising.titles import seniority_of

__all__ = [
    "Change",
    "EmailAddress",
    "EmployeeRange",
    "MailDomain",
    "NormalisedLead",
    "Refusal",
    "Unusable",
    "company_key",
    "country_code",
    "function_of",
    "is_disposable",
    "is_free_mail",
    "load",
    "normalise",
    "parse_employees",
    "read_email",
    "read_phone",
    "registrable_domain",
    "seniority_of",
]


def load() -> None:
    """Read all tables now (0.6 s, 60 MB), so that no lead and no event loop waits for them."""
    domains.load()
    places.load()
    language.load()
