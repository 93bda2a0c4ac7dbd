"""Where the playbook's secrets are found: `env:NAME` or `file:PATH`, looked up when needed and never logged."""

import os
from collections.abc import Sequence
from pathlib import Path

from baton.leads.playbook.model import Secret


def resolve(secret: Secret | None) -> Sequence[str]:
    """The values there are. Empty if none of the references leads anywhere."""
    if secret is None:
        return ()
    return [value for reference in secret.references if (value := _value(reference))]


def _value(reference: str) -> str | None:
    kind, _, place = reference.partition(":")
    if kind == "env":
        return os.environ.get(place)
    try:
        return Path(place).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
