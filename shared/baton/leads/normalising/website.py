"""Websites: kept as sent if they are one, and the domain of the company behind them."""

import re
from urllib.parse import urlsplit

import idna

from baton.leads.normalising.domains import is_free_mail, registrable_domain
from baton.leads.normalising.text import Unusable, read_text

LONGEST = 2000

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:(?!\d)", re.IGNORECASE)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)+(?!\d+\Z){_LABEL}")
_BREAKS = re.compile(r"[\s\0-\x1f\x7f<>\"\\]")
# A page there is about a company, but its domain is another's.
_SHARED = frozenset({
    "facebook.com", "fb.com", "github.com", "google.com", "instagram.com", "linkedin.com", "linktr.ee", "medium.com",
    "t.me", "tiktok.com", "twitter.com", "wikipedia.org", "x.com", "xing.com", "youtube.com",
})  # fmt: skip


def read_website(value: object) -> str | None:
    """The address as sent, with or without `https://`; None if blank.

    Raises:
        Unusable: not the address of a page on the web. It will be a link on somebody's screen: `javascript:` isn't one.
    """
    text = read_text(value, limit=LONGEST)
    if text is not None and _host(text) is None:
        raise Unusable("not the address of a website", hint="send it like https://example.com")
    return text


def website_domain(website: str) -> str | None:
    """The registrable domain of a website that `read_website` took; None if it is no company's own."""
    host = _host(website)
    domain = registrable_domain(host) if host else None
    return None if domain is None or domain in _SHARED or is_free_mail(domain) else domain


def read_domain(value: object) -> str | None:
    """The registrable domain in a domain, host name or web address; None if blank."""
    text = read_text(value, limit=LONGEST)
    if text is None:
        return None
    host = _host(text)
    domain = registrable_domain(host) if host else None
    if domain is None:
        raise Unusable("not a domain", hint="send it like example.com")
    return domain


def _host(text: str) -> str | None:
    scheme = _SCHEME.match(text)
    if _BREAKS.search(text) or (scheme and scheme[0].lower() not in {"http:", "https:"}):
        return None
    try:
        host = urlsplit(text if scheme else f"//{text.lstrip('/')}").hostname or ""
        ascii_host = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except ValueError:
        return None
    ascii_host = ascii_host.removesuffix(".")
    return ascii_host if len(ascii_host) <= 253 and _HOST.fullmatch(ascii_host) else None
