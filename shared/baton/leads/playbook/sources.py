"""`sources`: the configured ways in, each with its proof of origin."""

import re
from collections.abc import Callable, Mapping

from baton.kernel.suggestions import did_you_mean
from baton.leads.conditions.fields import LEAD_FIELDS
from baton.leads.conditions.parsing import as_activity_kind, is_activity_kind
from baton.leads.normalising.channels import CHANNELS
from baton.leads.playbook.model import Source
from baton.leads.playbook.reader import Reader
from baton.leads.playbook.source_types import PUBLIC, SOURCE_TYPES, SourceType
from baton.leads.playbook.urls import read_secret, read_url

COMMON_KEYS = (
    *("type", "secret", "header", "channel", "activity", "fields", "defaults", "open", "rate", "max_body"),
    *("origins", "redirect", "rate_per_ip", "public_url"),
)
_NAME = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
_ORGANIZATION = re.compile(r"00D[A-Za-z0-9]{12}([A-Za-z0-9]{3})?")
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")
_ORIGIN = re.compile(rf"https?://({_HOST.pattern}|\[[0-9a-f:]+\])(:\d+)?")
_OURS = frozenset({*LEAD_FIELDS, "name", "at", "id", "activity", "custom", "utm"})
_GROUPS = ("custom.", "utm.", "consent.", "activity.", "data.")
_API = "api"


def read_sources(section: Reader | None) -> dict[str, Source]:
    """Sources by name; `api` is always among them."""
    found = {name: _source(name, entry) for name, entry in (section.entries() if section else ())}
    sources = {name: source for name, source in found.items() if source is not None}
    return {_API: Source(name=_API, type=_API), **sources}


def _source(name: str, entry: Reader) -> Source | None:
    if not _NAME.fullmatch(name):
        entry.error(f'"{name}" can\'t stand in a URL', "write lower case letters, digits and hyphens", stands=True)
    written = entry.get("type")
    kind = written.one_of(tuple(SOURCE_TYPES), "type of source") if written else None
    shape = SOURCE_TYPES.get(kind or "", PUBLIC)
    every_own = tuple(dict.fromkeys(key for each in SOURCE_TYPES.values() for key in each.own))
    if not entry.keys((*COMMON_KEYS, *(shape.own if kind else every_own)), required=("type",)) or kind is None:
        return None
    if name == _API and kind != _API:
        entry.error('"api" is the source of canonical JSON', "choose another name")
    source = _read(name, kind, entry, shape)
    _check_proof(entry, kind, shape, is_open=source.open)
    if (poll := entry.get("poll")) is not None:
        poll.warn("nothing is polled by this release", _pushed(source, shape))
    if written and shape.instead is not None:
        hint = f"what it sends is answered 501; {shape.instead}"
        written.warn(f"sources of type {kind} are not served by this release", hint)
    return source


def _pushed(source: Source, shape: SourceType) -> str:
    """What takes the leads of a source that is to be polled."""
    is_proven = source.secret is not None or not shape.proofs
    return "leads come only as the vendor sends them here" + ("" if is_proven else "; let it, and add secret: env:NAME")


def _read(name: str, kind: str, entry: Reader, shape: SourceType) -> Source:
    header, channel, activity, redirect = (entry.get(key) for key in ("header", "channel", "activity", "redirect"))
    rate, max_body, per_ip = (entry.get(key) for key in ("rate", "max_body", "rate_per_ip"))
    is_open, origins, public_url = (entry.get(key) for key in ("open", "origins", "public_url"))
    return Source(
        name=name,
        type=kind,
        secret=read_secret(entry.get("secret")),
        header=header.text("the name of a header") if header else None,
        token=read_secret(entry.get("token")),
        channel=channel.one_of(CHANNELS, "channel") if channel else None,
        activity=_activity(activity) if activity else None,
        fields=_fields(entry.get("fields")),
        defaults=_defaults(entry.get("defaults")),
        open=bool(is_open.flag()) if is_open else False,
        rate=rate.whole(least=1) if rate else None,
        max_body=(max_body.whole(least=1) if max_body else None) or 8 * 1024 * 1024,
        origins=_origins(origins) if origins else (),
        redirect=_redirect(redirect) if redirect else None,
        rate_per_ip=per_ip.whole(least=1) if per_ip else None,
        public_url=read_url(public_url) if public_url else None,
        options=_options(entry, shape),
    )


def _check_proof(entry: Reader, kind: str, shape: SourceType, *, is_open: bool) -> None:
    if is_open or not shape.proofs:
        return
    if not any(all(entry.get(key) for key in proof) for proof in shape.proofs):
        entry.error(f"no proof of origin: anybody could send as this {kind} source", f"{shape.hint}; or open: true")


def _activity(written: Reader) -> str | None:
    kind = written.text("a kind of activity")
    if kind is not None and not is_activity_kind(kind):
        written.error(f'"{kind}" is no kind of activity', f"write it as {as_activity_kind(kind)}", stands=True)
    return kind


def _fields(written: Reader | None) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for theirs, entry in written.entries() if written else ():
        ours = entry.text("a field of the lead")
        if ours is not None:
            _check_ours(entry, ours)
            found[theirs] = ours
    return found


def _defaults(written: Reader | None) -> Mapping[str, object]:
    found: dict[str, object] = {}
    for ours, entry in written.entries() if written else ():
        _check_ours(entry, ours)
        found[ours] = entry.plain()
    return found


def _check_ours(entry: Reader, name: str) -> None:
    """A name that is no field goes to `custom`, like any unknown field; only what looks like a slip is refused."""
    if name in _OURS or name.startswith(_GROUPS):
        return
    near = did_you_mean(name.removeprefix("lead."), _OURS)
    if near:
        hint = f"{near[:-1]}, or write custom.{name} for a field of your own?"
        entry.error(f'unknown field "{name}"', hint, stands=True)


def _redirect(written: Reader) -> str | None:
    """A page of this site (`/thanks`), or of another."""
    text = written.text("a URL")
    return text if text is None or text.startswith("/") else read_url(written)


def _origins(written: Reader) -> tuple[str, ...]:
    """As browsers send them: another spelling would shut every page out."""
    found = tuple(origin.lower() for origin in written.words())
    for origin in found:
        if not _ORIGIN.fullmatch(origin):
            hint = "write scheme and host without a path, like https://www.example.com; without origins every page may"
            written.error(f'"{origin}" is no origin', hint, stands=True)
    return found


def _options(entry: Reader, shape: SourceType) -> Mapping[str, object]:
    found: dict[str, object] = {}
    for key in shape.own:
        written = entry.get(key)
        if written is not None and key != "token":
            found[key] = _OPTIONS.get(key, Reader.text)(written)
    return {key: value for key, value in found.items() if value is not None}


def _organization(written: Reader) -> str | None:
    text = written.text("an organization id")
    if text is not None and not _ORGANIZATION.fullmatch(text):
        written.error(
            f'"{text}" is no Salesforce organization id', "15 or 18 characters that begin with 00D", stands=True
        )
    return text


def _versions(written: Reader) -> tuple[str, ...]:
    found = written.words()
    for version in found:
        if version not in {"v1", "v2", "v3"}:
            written.error(f'unknown signature version "{version}"', "known: v1, v2, v3")
    return found


def _hosts(written: Reader) -> tuple[str, ...]:
    """As URLs have them: another spelling would never be met."""
    found = tuple(host.lower() for host in written.words())
    for host in found:
        if not _HOST.fullmatch(host):
            written.error(f'"{host}" is no host', "write it without scheme and path, like www.example.com", stands=True)
    return found


_OPTIONS: Mapping[str, Callable[[Reader], object]] = {
    "organization": _organization,
    "signature_version": _versions,
    "client_secret": read_secret,
    "verify_token": read_secret,
    "header_secret": read_secret,
    "base_url": read_url,
    "poll": Reader.length,
    "redirects": _hosts,
}
