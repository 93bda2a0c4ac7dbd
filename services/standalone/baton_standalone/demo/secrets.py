"""Secrets for the senders of the demo: random ones, kept beside the data, where the environment has none."""

import json
import os
import secrets
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from baton.leads.playbook.model import Playbook, Secret, Source
from baton_ingest.secrets import resolve
from baton_standalone.demo.senders import SENDERS

_FILE: Final = "demo-secrets.json"


def provide(playbook: Playbook, *, folder: Path) -> None:
    """Put into the environment what the demo's senders need and it lacks; the same again with the next start.

    Raises:
        OSError: the folder can't be written.
    """
    known = _kept(folder)
    missing = [name for name in _names(playbook.sources.values()) if name not in os.environ and name not in known]
    if missing:
        known |= {name: secrets.token_urlsafe(24) for name in missing}
        folder.mkdir(parents=True, exist_ok=True)
        # 0600 from the first byte on
        with os.fdopen(os.open(folder / _FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(known, file, indent=2)
    recall(folder)


def recall(folder: Path) -> None:
    """Put into the environment what a demo in this folder has chosen, where it has none of its own."""
    for name, value in _kept(folder).items():
        os.environ.setdefault(name, value)


def secret_of(source: Source) -> str:
    """What a sender to this source proves itself by; empty if there is nothing, or it isn't known here."""
    values = resolve(source.secret or source.token)
    return values[0] if values else ""


def told_secret(source: Source, *, folder: Path) -> str:
    """Which secret that is, and what to set where it is the wrong one; never the secret. Empty where none is needed."""
    secret = source.secret or source.token
    if secret is None:
        return ""
    found = next((each for each in secret.references if resolve(Secret((each,)))), None)
    kind, _, place = (found or secret.references[0]).partition(":")
    if kind != "env":
        return f"what {place} holds: it has to be what Baton was started with"
    if found is None:
        which = f"no secret, because {place} is not set"
    elif _kept(folder).get(place) == os.environ[place]:
        which = f"the {place} that `baton demo` made up ({folder / _FILE}), because none is set"
    else:
        which = f"the {place} of this command's environment"
    return f"{which}: set {place} to what Baton was started with"


def _kept(folder: Path) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads((folder / _FILE).read_text())
    except (OSError, ValueError):
        return {}
    return found


def _names(sources: Collection[Source]) -> Iterator[str]:
    """The variables that stand for proofs of origin. Another's token is what we would read from that vendor with."""
    for source in sources:
        secret = source.secret or (source.token if source.type in SENDERS else None)
        if secret is not None and not resolve(secret):
            yield from (each.removeprefix("env:") for each in secret.references[:1] if each.startswith("env:"))
