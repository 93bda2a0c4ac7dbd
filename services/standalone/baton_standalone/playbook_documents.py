"""A playbook as a page to read: HTML that needs nothing else, or Markdown. The same playbook gives the same bytes."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from baton.leads.playbook.model import Playbook
from baton_router.pages.rendering import STATIC
from baton_standalone.outline.facts import Section
from baton_standalone.outline.playbook import outline
from baton_standalone.terminal import one_line

_TEMPLATES: Final = Path(__file__).resolve().parent / "templates"
_MARKED: Final = re.compile(r"([\\`*_\[\]<>~&$])")


@dataclass(frozen=True, slots=True)
class _Shown:
    """An entry with its place on the page."""

    anchor: str
    name: str
    sentence: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Card:
    """A section with its place on the page."""

    anchor: str
    title: str
    note: str
    is_ordered: bool
    entries: tuple[_Shown, ...]


def as_html(playbook: Playbook) -> str:
    """A page for browsers, phones and printers. Everything in it is escaped, and nothing is fetched."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    style = (STATIC / "pages.css").read_text(encoding="utf-8")
    return environment.get_template("playbook.html").render(
        title=one_line(f"Playbook {playbook.version}".strip()),
        hash=playbook.hash,
        files=sorted(playbook.files),
        cards=tuple(_cards(playbook)),
        style=style,
    )


def as_markdown(playbook: Playbook) -> str:
    """A page for wikis and reviews."""
    return "\n".join(_markdown(playbook)) + "\n"


DOCUMENTS: Final[Mapping[str, Callable[[Playbook], str]]] = {
    ".html": as_html, ".htm": as_html, ".md": as_markdown, ".markdown": as_markdown,
}  # fmt: skip
"""By how the file's name ends."""


def _markdown(playbook: Playbook) -> Iterator[str]:
    yield f"# {_marked(f'Playbook {playbook.version}'.strip())}"
    yield f"\nHash `{playbook.hash}`; files: {_marked(', '.join(sorted(playbook.files)))}."
    for card in _cards(playbook):
        yield f"\n## {_marked(card.title)}\n"
        if card.note:
            yield f"{_marked(card.note)}\n"
        for number, entry in enumerate(card.entries, start=1):
            mark = f"{number}." if card.is_ordered else "-"
            yield f"{mark} **{_marked(entry.name)}**" + (f": {_marked(entry.sentence)}" if entry.sentence else "")
            yield from (f"{' ' * len(mark)} - {_marked(line)}" for line in entry.lines)


def _marked(text: str) -> str:
    """Text in one line, of which nothing is taken for a mark."""
    return _MARKED.sub(r"\\\1", one_line(text))


def _cards(playbook: Playbook) -> Iterator[_Card]:
    """What has something in it."""
    taken: set[str] = set()
    for section in outline(playbook):
        if section.entries:
            yield _card(section, taken)


def _card(section: Section, taken: set[str]) -> _Card:
    anchor = _anchor(section.key, taken)
    entries = tuple(
        _Shown(
            anchor=_anchor(f"{section.key} {entry.key or entry.name}", taken),
            name=one_line(entry.name),
            sentence=one_line(entry.sentence),
            lines=tuple(map(one_line, entry.lines)),
        )
        for entry in section.entries
    )
    return _Card(anchor, one_line(section.title), section.note, section.is_ordered, entries)


def _anchor(text: str, taken: set[str]) -> str:
    """`routing-known-account`, with a number where there is one already."""
    slug = re.sub(r"[\W_]+", "-", text.casefold()).strip("-")
    found, number = slug, 1
    while found in taken:
        number += 1
        found = f"{slug}-{number}"
    taken.add(found)
    return found
