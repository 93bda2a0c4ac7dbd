"""`baton send`: one lead, in a vendor's own wire format, with its proof of origin."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from httpx import Response

    from baton.leads.playbook.model import Playbook, Source
    from baton.service.settings import Settings
    from baton_standalone.demo.senders import Sending

EXIT_REFUSED: Final = 1
EXIT_WRONG: Final = 2
_TIMEOUT_SECONDS: Final = 15.0
_OF_SOURCES: Final = frozenset({"unknown_source", "unproven"})
"""What ingest itself says in a 404 or 401."""
_ELSEWHERE: Final = (
    "ingest did not answer at {}: --url has to be the address of `baton up`, of the gateway in front of the four"
    " services, or of ingest itself"
)
_UNPROVEN: Final = "sent with {} (or the address is another one than it was signed for)\n"
_NO_KEY: Final = "BATON_API_KEY has to be an API key with the scope ingest"


class Type(StrEnum):
    """Who sends, by the type of the source."""

    FORM = "form"
    HUBSPOT_WORKFLOW = "hubspot-workflow"
    MARKETO = "marketo"
    SALESFORCE = "salesforce"
    API = "api"


def send(
    kind: Annotated[Type, typer.Argument(metavar="TYPE", help=f"{', '.join(Type)}.")],
    *,
    url: Annotated[
        str | None,
        typer.Option(help="Where Baton is, or ingest by itself; without it BATON_LISTEN.", show_default=False),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="The source's name; else the first of that type.", show_default=False)
    ] = None,
    email: Annotated[str | None, typer.Option(help="Whose lead; else somebody's.", show_default=False)] = None,
) -> None:
    """Send one sample lead, signed as that vendor signs it, and print what Baton answers.

    The source and its secret are those of BATON_PLAYBOOK, else of the reference playbook; a secret that isn't in the
    environment is the one that `baton demo` has made up here. The key for `api` is BATON_API_KEY, where one is needed.
    """
    import httpx

    from baton.leads.playbook.findings import PlaybookError
    from baton.service.settings import Settings, load_settings
    from baton_standalone.commands.playbook import configured_playbook, tell
    from baton_standalone.demo.secrets import recall, told_secret
    from baton_standalone.publishing import read_candidate

    settings = load_settings(Settings)
    recall(settings.data)
    try:
        playbook = read_candidate(configured_playbook(settings)).playbook
    except PlaybookError as error:
        tell(error.findings)
        raise typer.Exit(EXIT_WRONG) from None
    sending = _sending(settings, _source(playbook, kind, source), url=url, email=email)
    try:
        answer = _post(sending)
    except httpx.HTTPError as error:
        sys.stderr.write(f"no answer from {sending.base_url}: {error} (is Baton up there? --url says where it is)\n")
        raise typer.Exit(EXIT_REFUSED) from None
    sys.stdout.write(f"{answer.status_code} {answer.text}\n")
    if _is_elsewhere(answer):
        lacks_key = kind is Type.API and answer.status_code == 401
        sys.stderr.write(f"{_NO_KEY if lacks_key else _ELSEWHERE.format(sending.base_url)}\n")
    elif answer.status_code == 401 and (secret := told_secret(sending.source, folder=settings.data)):
        sys.stderr.write(_UNPROVEN.format(secret))
    if answer.is_error:
        raise typer.Exit(EXIT_REFUSED)


def _source(playbook: "Playbook", kind: Type, name: str | None) -> "Source":
    found = [each for each in playbook.sources.values() if each.type == kind and name in (None, each.name)]
    if not found:
        what = f"no source of type {kind}" if name is None else f"no source {name} of type {kind}"
        sys.stderr.write(f"the playbook {playbook.version} has {what}\n")
        raise typer.Exit(EXIT_WRONG)
    return found[0]


def _sending(settings: "Settings", source: "Source", *, url: str | None, email: str | None) -> "Sending":
    import random
    from dataclasses import replace

    from baton.kernel.clock import SystemClock
    from baton_standalone.demo.people import somebody
    from baton_standalone.demo.running import loopback_url
    from baton_standalone.demo.secrets import secret_of
    from baton_standalone.demo.senders import Sending

    person = somebody(random.Random())
    return Sending(
        person=person if email is None else replace(person, email=email),
        source=source,
        base_url=(url or loopback_url(settings)).rstrip("/"),
        at=SystemClock().now(),
        number=random.randrange(10**6),
        secret=secret_of(source),
        public_url=None if url is not None else settings.public_url,
    )


def _post(sending: "Sending") -> "Response":
    """What ingest answers, be it one of four behind one address or by itself, with no `/ingest` before its paths."""
    from dataclasses import replace

    among_others = _post_once(sending)
    if not _is_elsewhere(among_others):
        return among_others
    by_itself = _post_once(replace(sending, mount=""))
    return among_others if _is_elsewhere(by_itself) else by_itself


def _post_once(sending: "Sending") -> "Response":
    import os

    import httpx

    from baton_standalone.demo.senders import SENDERS

    outgoing = SENDERS[sending.source.type](sending)
    headers = dict(outgoing.headers)
    if sending.source.type == "api" and (key := os.environ.get("BATON_API_KEY")):
        headers["authorization"] = f"Bearer {key}"
    return httpx.post(outgoing.url, headers=headers, content=outgoing.body, timeout=_TIMEOUT_SECONDS, trust_env=False)


def _is_elsewhere(answer: "Response") -> bool:
    """Whether it is no answer of ingest's to a delivery: there is no such path, or a key is asked for before that."""
    if answer.status_code not in (401, 404):
        return False
    try:
        code = answer.json()["error"]["code"]
    except (ValueError, TypeError, LookupError):
        return True
    return code not in _OF_SOURCES
