"""The ways in and out, and what else was agreed. Of a secret only its place is told, of an address that may hold one
only the host.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from baton.kernel.durations import spell_length
from baton.leads.conditions.folding import fold
from baton.leads.conditions.prose import value_words
from baton.leads.playbook.model import Playbook, Secret, Source, Table
from baton.leads.playbook.urls import is_reference
from baton_standalone.outline.facts import Entry, Fact, Part, Section, fact, hidden, listed, words

_DESTINATIONS = ("to", "webhook", "crm")
_ADDRESSES = ("via", "webhook", "base_url")
_NEVER_SECRET = frozenset({"to", "crm", "name", "events", "fields"})
_STANDARD_BODY = Source("", "").max_body
_TOGETHER = {
    "company": "a new lead of a company goes to who has an open one of it",
    "person": "a new lead of a person goes to who has an open one of theirs",
    "no": "a new lead goes through the rules, whoever has others of its company",
}
_ABSENCE = {
    "keep": "untouched leads stay with who goes away without a nominee",
    "reassign": "untouched leads of who goes away without a nominee go to others",
}


def definitions(terms: Mapping[str, str]) -> Section:
    return Section("definitions", "Terms", tuple(Entry(term, (fact("", text),)) for term, text in terms.items()))


def sources(ways: Mapping[str, Source]) -> Section:
    return Section("sources", "Sources", tuple(Entry(each.name, tuple(_source(each))) for each in ways.values()))


def commitments(promised: Mapping[str, object]) -> Section:
    """What marketing and sales promised each other."""
    entries = (Entry(name.replace("_", " "), _commitment(value), key=name) for name, value in promised.items())
    return Section("commitments", "Commitments", tuple(entries))


def deliveries(told: Sequence[Mapping[str, object]]) -> Section:
    entries = (Entry(_destination(each), tuple(_delivery(each))) for each in told)
    return Section("deliver", "Deliveries", tuple(entries))


def without_secrets(section: str, written: Any) -> Any:
    """A section as it was written, but for what its sentences don't tell either."""
    match section, written:
        case "deliver", list():
            return [{name: _without_secret(name, value) for name, value in each.items()} for each in written]
        case "sources", dict():
            return {name: {key: _safe(value) for key, value in way.items()} for name, way in written.items()}
        case _:
            return written


def general(playbook: Playbook) -> Section:
    """What holds for all leads."""
    entries = (
        Entry("Version", (fact("", playbook.version, playbook.version or "none"),), key="version"),
        Entry("Together", (fact("", playbook.keep_together, _TOGETHER[playbook.keep_together]),), key="keep_together"),
        Entry("Absence", (fact("", playbook.on_absence, _ABSENCE[playbook.on_absence]),), key="on_absence"),
        Entry("Routed again", (_reroute(playbook),), key="reroute_on"),
        Entry("Which of several accounts", (_tie_break(playbook),), key="matching"),
        Entry("Imported leads", (fact("", playbook.bulk_rate, _bulk(playbook.bulk_rate)),), key="bulk_rate"),
    )
    return Section("general", "In general", entries)


def tables(files: Mapping[str, Table]) -> Section:
    """Of the rows only how many there are: some tables have thousands."""
    return Section("tables", "Tables", tuple(Entry(each.name, tuple(_table(each))) for each in files.values()))


def _bulk(rate: int) -> str:
    return f"at most {rate} leave in a second, behind everything live"


def _source(source: Source) -> Iterator[Fact]:
    yield fact("type", source.type)
    if source.channel:
        yield fact("channel", source.channel, clause=", {}")
    if source.activity:
        yield fact("activity", source.activity, source.activity.replace("_", " "), ", as {}")
    for name, secret in (("secret", source.secret), ("token", source.token)):
        if secret is not None:
            yield from _secret(name, secret, f", {name} {{}}")
    if source.header:
        yield fact("header", source.header, clause=", in the header {}")
    if source.open:
        yield fact("open", value=True, clause=", open to everybody")
    yield from _pairs("fields", source.fields, "; {}", "{} is {}")
    yield from _pairs("defaults", source.defaults, "; {}", "{} is {} unless told")
    yield from _bounds(source)
    for name, value in source.options.items():
        yield from _option(name.replace("_", " "), value)


def _bounds(source: Source) -> Iterator[Fact]:
    if source.rate is not None:
        yield fact("expected an hour", source.rate, clause="; {} leads expected an hour")
    if source.rate_per_ip is not None:
        yield fact("rate per address", source.rate_per_ip, clause="")
    if source.max_body != _STANDARD_BODY:
        yield fact("largest body", source.max_body, f"{source.max_body} bytes", "")
    yield from words("origins", source.origins, "; from pages of {}")
    for name, url in (("redirect", source.redirect), ("public url", source.public_url)):
        if url is not None:
            yield hidden(name, url, _address(url, with_path=True), f"; {name} {{}}")


def _option(name: str, value: object) -> Iterator[Fact]:
    match value:
        case Secret():
            yield from _secret(name, value, f", {name} {{}}")
        case timedelta():
            yield fact(name, value, spell_length(value), f"; {name} every {{}}")
        case tuple():
            yield from words(name, map(str, value), f"; {name} {{}}")
        case _:
            yield hidden(name, str(value), str(_safe(value)), f"; {name} {{}}")


def _safe(value: object) -> object:
    """An address without what may be secret in it; anything else as it is."""
    return _address(value, with_path=True) if isinstance(value, str) and "://" in value else value


def _secret(name: str, secret: Secret, clause: str) -> tuple[Fact, ...]:
    """By where it is found."""
    return words(name, secret.references, clause)


def _pairs(name: str, pairs: Mapping[str, object], clause: str, said: str) -> Iterator[Fact]:
    parts: dict[Hashable, Part] = {
        key: Part(value, said.replace("{}", key, 1).replace("{}", value_words(value), 1))
        for key, value in pairs.items()
    }
    if parts:
        yield listed(name, parts, clause)


def _commitment(value: object) -> tuple[Fact, ...]:
    return words("", map(str, value)) if isinstance(value, list) else (fact("", value),)


def _destination(told: Mapping[str, object]) -> str:
    """Its name, else where it goes."""
    kind = next((key for key in _DESTINATIONS if key in told), "nowhere")
    return str(told.get("name") or f"{kind} {_place(kind, told.get(kind))}")


def _delivery(told: Mapping[str, object]) -> Iterator[Fact]:
    for name, value in sorted(told.items(), key=lambda item: item[0] not in _DESTINATIONS):
        match value:
            case _ if name == "name":
                continue
            case list() if name == "events":
                yield from words(name, map(str, value), f", {name} {{}}")
            case dict() if name == "fields":
                yield from _pairs(name, value, "; {}", "{} is {}")
            case _:
                yield hidden(name.replace("_", " "), value, _place(name, value), f", {name} {{}}")


def _place(name: str, value: object) -> str:
    return value_words(_without_secret(name, value))


def _without_secret(name: str, value: object) -> object:
    """What may be told of where something goes; whatever is neither known nor a reference may be secret."""
    texts = value if isinstance(value, list) else [value]
    if name in _NEVER_SECRET or all(isinstance(each, str) and is_reference(each) for each in texts):
        return value
    return _address(str(value)) if name in _ADDRESSES else "…"


def _address(url: str, *, with_path: bool = False) -> str:
    """Without what may be secret in it: a password, what comes after `?`, and for many the path, or all of it."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    except ValueError:  # no address at all
        return "…"
    if not parts.scheme:
        return parts.path if with_path else "…"
    if parts.scheme not in {"https", "http"}:
        return f"{parts.scheme}://…"  # chat services have tokens where the host belongs
    return f"{parts.scheme}://{host}{parts.path if with_path else '/…'}"


def _reroute(playbook: Playbook) -> Fact:
    found = frozenset(playbook.reroute_on)
    said = f"when the {' or the '.join(sorted(found))} changes" if found else "never"
    return fact("", found, f"an assigned lead goes through the rules again {said}" if found else said)


def _tie_break(playbook: Playbook) -> Fact:
    order = playbook.matching.tie_break
    return fact("", order, ", then ".join(each.replace("_", " ") for each in order), "by {}")


def _table(table: Table) -> Iterator[Fact]:
    rows: dict[Hashable, Part] = {}
    for row in table.rows:
        key = frozenset((fold(column), fold(cell)) for column, cell in row.items() if cell.strip())
        rows[key] = Part(None, ", ".join(cell.strip() for cell in row.values() if cell.strip()))
    yield fact("columns", frozenset(map(fold, table.columns)), ", ".join(table.columns))
    count = len(table.rows)
    yield listed("rows", rows, f"; {count} row{'s' if count != 1 else ''}")
