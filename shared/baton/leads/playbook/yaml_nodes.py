"""YAML with line numbers: nodes that know where they stand, resolved by the YAML 1.2 core schema and nothing else.

The parser's events are composed here instead of by the library's constructor, because every message needs its line,
`NO` and `on` must stay words, a duplicate key is a mistake, and an alias must not multiply a file beyond bounds.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from baton.leads.playbook.findings import Finding, Severity

DEEPEST = 40
MOST_NODES = 200_000
"""Far above the largest playbook; an alias counts as often as what it stands for."""

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_MOST_DIGITS = 18
# PostgreSQL has no text with U+0000 in it, and half of a pair is no character at all.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Plain = None | bool | int | float | str


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as written; `quoted` text is always text."""

    text: str
    file: str
    line: int
    quoted: bool = False

    @property
    def value(self) -> Plain:
        """By the core schema, but for two things: digits after a leading zero stay text (the postal code 02134),
        and there is no infinity and no NaN.
        """
        if self.quoted:
            return self.text
        if self.text in _NULLS:
            return None
        if self.text in _BOOLEANS:
            return _BOOLEANS[self.text]
        return _number(self.text)


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple["Node", ...]
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """Its entries in the order written, each key once."""

    entries: tuple[tuple[Scalar, "Node"], ...]
    file: str
    line: int

    def get(self, key: str) -> "Node | None":
        return next((node for each, node in self.entries if each.text == key), None)


Node = Scalar | Sequence | Mapping


def read_yaml(content: bytes, *, file: str) -> tuple[Node | None, list[Finding]]:
    """The root of the file's one document, and what is wrong with it. None if it is empty or can't be read."""
    composer = _Composer(file)
    try:
        return composer.document(content.decode("utf-8-sig")), composer.findings
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        composer.error(line, "", "not UTF-8", "save the file as UTF-8")
    except _TooMuchError as error:
        composer.error(error.line, "", str(error), "split the file, or put long lists into a CSV table")
    except YAMLError as error:
        composer.error(_line(error), "", f"not YAML: {_problem(error)}")
    return None, composer.findings


class _TooMuchError(ValueError):
    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(slots=True)
class _Composer:
    file: str
    findings: list[Finding] = field(default_factory=list)
    anchors: dict[str, tuple[Node, int]] = field(default_factory=dict)
    nodes: int = 0

    def document(self, text: str) -> Node | None:
        events = _events(text)
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents == 2:
                    self.error(_at(event), "", "a second document", "a playbook file is one document: remove the ---")
            elif isinstance(event, NodeEvent):
                node = self.node(event, events, path=())
                root = node if documents == 1 else root
        return None if isinstance(root, Scalar) and root.value is None else root

    def node(self, event: Event, events: Iterator[Event], path: tuple[str, ...]) -> Node:
        assert isinstance(event, NodeEvent), "the parser balances its events"
        self.count(1, _at(event))
        if len(path) > DEEPEST:
            raise _TooMuchError(f"nested deeper than {DEEPEST} levels", line=_at(event))
        if isinstance(event, AliasEvent):
            return self.alias(event, path)
        tag = getattr(event, "tag", None)
        if tag is not None:
            self.error(_at(event), ".".join(path), f"a tag ({tag}) has no meaning here", "remove it")
        before = self.nodes
        node = self.content(event, events, path)
        if event.anchor is not None:
            self.anchors[event.anchor] = (node, self.nodes - before + 1)
        return node

    def content(self, event: NodeEvent, events: Iterator[Event], path: tuple[str, ...]) -> Node:
        if isinstance(event, ScalarEvent):
            if unstorable := _UNSTORABLE.search(event.value):
                message = f"U+{ord(unstorable[0]):04X} can't be stored"
                self.error(_at(event), ".".join(path), message, "remove it")
            return Scalar(event.value, self.file, _at(event), quoted=event.style is not None)
        if isinstance(event, SequenceStartEvent):
            return self.sequence(event, events, path)
        return self.mapping(event, events, path)

    def sequence(self, start: Event, events: Iterator[Event], path: tuple[str, ...]) -> Sequence:
        items: list[Node] = []
        while not isinstance(event := next(events), SequenceEndEvent):
            items.append(self.node(event, events, (*path, str(len(items)))))
        return Sequence(tuple(items), self.file, _at(start))

    def mapping(self, start: Event, events: Iterator[Event], path: tuple[str, ...]) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := next(events), MappingEndEvent):
            key = self.node(event, events, path)
            name = key.text if isinstance(key, Scalar) else "?"
            value = self.node(next(events), events, (*path, name))
            if isinstance(key, Scalar) and self.is_new(key, entries, path):
                entries[name] = (key, value)
            elif not isinstance(key, Scalar):
                self.error(key.line, ".".join(path), "a key must be plain text", "put the text in quotes")
        return Mapping(tuple(entries.values()), self.file, _at(start))

    def is_new(self, key: Scalar, entries: dict[str, tuple[Scalar, Node]], path: tuple[str, ...]) -> bool:
        """Whether the key may stand here; the findings say why not."""
        here = ".".join((*path, key.text))
        if key.text in entries:
            first = entries[key.text][0].line
            self.error(key.line, here, f"written twice, first in line {first}", "keep one")
        elif not key.text.strip():
            self.error(key.line, ".".join(path), "a blank key", "give it a name")
        elif key.text == "<<" and not key.quoted:
            self.error(
                key.line, here, "YAML 1.2 has no merge key", "write the keys out, or use an alias for a whole value"
            )
        else:
            return True
        return False

    def alias(self, event: AliasEvent, path: tuple[str, ...]) -> Node:
        if event.anchor not in self.anchors:
            self.error(_at(event), ".".join(path), f"unknown alias *{event.anchor}", "an anchor comes before its alias")
            return Scalar("", self.file, _at(event))
        node, size = self.anchors[event.anchor]
        self.count(size, _at(event))
        return node

    def count(self, nodes: int, line: int) -> None:
        self.nodes += nodes
        if self.nodes > MOST_NODES:
            raise _TooMuchError(f"more than {MOST_NODES} values", line=line)

    def error(self, line: int, path: str, message: str, hint: str = "") -> None:
        self.findings.append(Finding(Severity.ERROR, self.file, line, path, message, hint))


def _events(text: str) -> Iterator[Event]:
    yaml = YAML(typ="safe", pure=True)
    yield from yaml.parse(text)


def _at(event: Event) -> int:
    return int(event.start_mark.line) + 1


def _line(error: YAMLError) -> int:
    mark = (error.problem_mark or error.context_mark) if isinstance(error, MarkedYAMLError) else None
    return 1 if mark is None else mark.line + 1


def _problem(error: YAMLError) -> str:
    parts = [error.context, error.problem] if isinstance(error, MarkedYAMLError) else [str(error)]
    return ", ".join(" ".join(part.split()) for part in parts if part) or "unreadable"


def _number(text: str) -> int | float | str:
    if len(text) <= _MOST_DIGITS and _INTEGER.fullmatch(text):
        return int(text)
    if len(text) <= 40 and _FLOAT.fullmatch(text) and isfinite(float(text)):
        return float(text)
    return text
