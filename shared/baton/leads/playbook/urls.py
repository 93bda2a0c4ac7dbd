"""URLs and secrets as a playbook writes them: the one in plain text, the other never."""

import re
from urllib.parse import urlsplit

from baton.leads.playbook.model import Secret
from baton.leads.playbook.reader import Reader

_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:\S+")


def read_url(written: Reader) -> str | None:
    """An absolute URL for a browser or a program to call."""
    text = written.text("a URL")
    if text is not None and not is_url(text):
        written.error(f'"{text}" is no URL', "write it whole, like https://www.example.com/path")
    return text


def is_url(text: str, *, schemes: frozenset[str] | None = frozenset({"https", "http"})) -> bool:
    """Whether it has a scheme (any at all for None), a host and no blank in it."""
    try:
        parts = urlsplit(text)
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # brackets that hold no address, a port that is no number
        return False
    return has_host and (parts.scheme in schemes if schemes else bool(parts.scheme)) and not re.search(r"\s", text)


def is_reference(text: str) -> bool:
    """Whether it names the place of a secret: `env:NAME`, `file:PATH`."""
    return _REFERENCE.fullmatch(text) is not None


def read_secret(written: Reader | None) -> Secret | None:
    """Where a secret is found, or several of which any is valid."""
    if written is None:
        return None
    references = written.words("env:NAME or file:PATH")
    for reference in references:
        if not is_reference(reference):
            written.error("a secret doesn't belong in a playbook", "write env:NAME or file:PATH, where it is found")
    return Secret(references) if references else None
