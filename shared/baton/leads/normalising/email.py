"""Email addresses in their normal form: trimmed, NFC, lower case, the domain as IDNA A-labels.

Nothing else is stripped: `+tag` and dots make another person. No DNS is asked. Special-use domains (`.test`,
`.invalid`, `.local`) are taken, for an address is an identity first; without a dot or as an IP address they are not.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from baton.leads.normalising.domains import is_disposable, is_free_mail, registrable_domain
from baton.leads.normalising.text import Unusable, plain_text, trimmed

LONGEST = 254
_HINT = "send an address like mary@example.com"
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
# What email-validator also accepts unseen (RFC 5322 dot-atom); it takes 36 µs to say so, this takes one.
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*\Z")
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The same of domains; `--` belongs to A-labels, and to what is none.
_PLAIN_DOMAIN = re.compile(rf"(?!.*--){_LABEL}(?:\.{_LABEL})+\Z")
_LONGEST_PLAIN_DOMAIN = 250
_RESERVED = frozenset({"arpa", "invalid", "local", "localhost", "onion"})
_HAS_TLD = re.compile(r"\.[a-z0-9-]*[a-z][a-z0-9-]*\Z")


@dataclass(frozen=True, slots=True)
class MailDomain:
    """The part after the @-sign as A-labels; `registrable` is None under a bare public suffix."""

    name: str
    registrable: str | None
    free_mail: bool
    disposable: bool


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An address in its normal form."""

    address: str
    domain: MailDomain


def read_email(value: object) -> EmailAddress | None:
    """The address in its normal form; None if blank.

    Raises:
        Unusable: not an address, or one with control characters, however harmless the rest.
    """
    text = trimmed(plain_text(value))
    if not text:
        return None
    if len(text) > LONGEST:
        raise Unusable(f"longer than {LONGEST} characters", hint=_HINT)
    if _CONTROL.search(text):
        raise Unusable("an address has no control characters", hint=_HINT)
    local, at, domain = _lower(text).rpartition("@")
    if not at:
        raise Unusable("an address has an @-sign", hint=_HINT)
    return _address(local, domain)


def _lower(text: str) -> str:
    if text.isascii():
        return text.lower()
    # Lower case may decompose (`İ`), so compose again.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def _address(local: str, domain: str) -> EmailAddress:
    try:
        mail_domain = _mail_domain(domain)
        checked = local if _PLAIN_LOCAL.match(local) else _checked(f"{local}@example.com").local_part
    except EmailNotValidError as error:
        raise Unusable(_sentence(error), hint=_HINT) from error
    address = f"{checked}@{mail_domain.name}"
    if len(address) > LONGEST:
        raise Unusable(f"longer than {LONGEST} characters", hint=_HINT)
    return EmailAddress(address, mail_domain)


@lru_cache(maxsize=8192)
def _mail_domain(domain: str) -> MailDomain:
    name = domain if is_plain(domain) else ascii_name(domain)
    if not _HAS_TLD.search(name):
        raise Unusable("the domain has no top-level domain", hint=_HINT)
    registrable = registrable_domain(name)
    return MailDomain(name, registrable, is_free_mail(name), is_disposable(name))


def is_plain(domain: str) -> bool:
    """Whether a domain in lower case is one for sure, and spelled as it goes over the wire."""
    return len(domain) <= _LONGEST_PLAIN_DOMAIN and _PLAIN_DOMAIN.match(domain) is not None


def ascii_name(domain: str) -> str:
    """Any domain in lower case as A-labels. Raises EmailNotValidError."""
    head, _, last = domain.rpartition(".")
    if last in _RESERVED and head:
        return f"{_checked(f'x@{head}.test').ascii_domain.removesuffix('.test')}.{last}"
    return _checked(f"x@{domain}").ascii_domain


@dataclass(frozen=True, slots=True)
class _Parts:
    local_part: str
    ascii_domain: str


def _checked(address: str) -> _Parts:
    valid = validate_email(address, check_deliverability=False, test_environment=True, globally_deliverable=False)
    return _Parts(valid.local_part, valid.ascii_domain or valid.domain)


def _sentence(error: EmailNotValidError) -> str:
    # The message quotes the characters it dislikes; it is kept printable and short.
    return str(error)[:LONGEST].encode("utf-8", "replace").decode().rstrip(".")
