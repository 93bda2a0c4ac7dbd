"""Typed access to nodes: a value of the right type, or a finding and None. Nothing raises; mistakes are gathered."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import TypeVar

from baton.kernel.durations import Duration, parse_duration
from baton.kernel.suggestions import did_you_mean
from baton.leads.conditions.compiling import CompiledCondition, compile_condition, compile_tree
from baton.leads.conditions.fields import Scope
from baton.leads.conditions.folding import fold
from baton.leads.conditions.problems import ConditionError
from baton.leads.conditions.vocabulary import Vocabulary
from baton.leads.playbook.findings import Finding, Severity
from baton.leads.playbook.yaml_nodes import Mapping, Node, Plain, Scalar, Sequence

Word = TypeVar("Word", bound=str)


@dataclass(slots=True)
class Gathered:
    """The findings of one loading."""

    found: list[Finding] = field(default_factory=list)

    @property
    def broken(self) -> bool:
        """Whether there is something that nobody can go on with."""
        return any(finding.severity is Severity.ERROR and not finding.stands for finding in self.found)


@dataclass(frozen=True, slots=True)
class Reader:
    """A node with its path. Children are readers too."""

    node: Node
    path: tuple[str, ...]
    gathered: Gathered

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path[-1] if self.path else ""

    def error(self, message: str, hint: str = "", *, stands: bool = False) -> None:
        """`stands`: the value is read as it is all the same, and nothing that decides trips over it.

        A check that comes later than the first release must be such a one wherever that can be had: without it a
        playbook that is in force stops every service with the upgrade.
        """
        self._find(Severity.ERROR, message, hint, stands=stands)

    def warn(self, message: str, hint: str = "") -> None:
        self._find(Severity.WARNING, message, hint)

    def _find(self, severity: Severity, message: str, hint: str, *, stands: bool = False) -> None:
        found = Finding(severity, self.node.file, self.node.line, ".".join(self.path), message, hint, stands=stands)
        self.gathered.found.append(found)

    def get(self, key: str) -> "Reader | None":
        """The value of a key; None if it is absent or null."""
        node = _step(self.node, key) if isinstance(self.node, Mapping) else None
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return None
        return Reader(node, (*self.path, key), self.gathered)

    def entries(self) -> Iterator[tuple[str, "Reader"]]:
        """Keys and values of a mapping; a finding if it is none."""
        if not isinstance(self.node, Mapping):
            self.error(f"{_shown(self.node)} where a mapping belongs", "write key: value")
            return
        for key, node in self.node.entries:
            yield key.text, Reader(_on_line_of(key, node), (*self.path, key.text), self.gathered)

    def items(self, what: str = "a list") -> Iterator["Reader"]:
        """The items of a list; a finding if it is none."""
        if not isinstance(self.node, Sequence):
            self.error(f"{_shown(self.node)} where {what} belongs", "write [a, b]")
            return
        for position, node in enumerate(self.node.items):
            yield Reader(node, (*self.path, str(position)), self.gathered)

    def keys(self, known: Collection[str], *, required: Iterable[str] = ()) -> bool:
        """Check the keys of a mapping; False if it is none."""
        if not isinstance(self.node, Mapping):
            self.error(f"{_shown(self.node)} where a mapping belongs", f"known keys: {', '.join(known)}")
            return False
        for key, _ in self.node.entries:
            if key.text not in known:
                hint = nearest(key.text, known) or f"known: {', '.join(known)}"
                Reader(key, (*self.path, key.text), self.gathered).error(f'unknown key "{key.text}"', hint, stands=True)
        for key_name in required:
            if self.get(key_name) is None:
                self.error(f'"{key_name}" is missing')
        return True

    def plain(self) -> object:
        """The value as dicts, lists and scalars."""
        return _plain(self.node)

    @property
    def scalar(self) -> Plain:
        """The value of a scalar; None for anything else."""
        return self.node.value if isinstance(self.node, Scalar) else None

    def text(self, what: str = "text") -> str | None:
        """Text, or a number as it was written."""
        if isinstance(self.node, Scalar) and not isinstance(self.node.value, bool) and self.node.text.strip():
            return self.node.text.strip()
        self.error(f"{_shown(self.node)} where {what} belongs", _quote(self.node))
        return None

    def number(self, *, least: float | None = None, most: float | None = None) -> float | None:
        value = self.scalar
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.error(f"{_shown(self.node)} where a number belongs")
            return None
        if (least is not None and value < least) or (most is not None and value > most):
            self.error(f"{value:g} is out of bounds", _bounds(least, most))
            return None
        return float(value)

    def whole(self, *, least: int = 0) -> int | None:
        value = self.scalar
        if isinstance(value, bool) or not isinstance(value, int):
            self.error(f"{_shown(self.node)} where a whole number belongs")
            return None
        if value < least:
            self.error(f"{value} is out of bounds", _bounds(least, None))
            return None
        return value

    def flag(self) -> bool | None:
        value = self.scalar
        if not isinstance(value, bool):
            self.error(f"{_shown(self.node)} where true or false belongs")
            return None
        return value

    def one_of(self, known: Collection[Word], what: str) -> Word | None:
        """A word of a closed set."""
        word = self.text(what)
        found = next((each for each in known if each == word), None)
        if word is not None and found is None:
            self.error(f'unknown {what} "{word}"', nearest(word, known) or f"known: {', '.join(known)}")
        return found

    def words(self, what: str = "a list of texts") -> tuple[str, ...]:
        """A list of texts, or one."""
        if isinstance(self.node, Scalar):
            word = self.text(what)
            return () if word is None else (word,)
        return tuple(word for each in self.items(what) if (word := each.text()) is not None)

    def duration(self, *, business: bool = False) -> Duration | None:
        """A duration; in business time a day is ambiguous and refused."""
        word = self.text("a duration")
        if word is None:
            return None
        try:
            found = parse_duration(word)
        except ValueError as error:
            self.error(str(error))
            return None
        if business and found.has_days:
            self.error(f'"{word}": a day is ambiguous in business time', "write hours (9h) or working days (2wd)")
        return found

    def length(self) -> timedelta | None:
        """A duration in real time, without working days."""
        found = self.duration()
        if found is not None and found.fixed is None:
            self.error(f'"{found}" needs a calendar, and none counts here', "write hours or days: 48h, 14d")
            return None
        return None if found is None else found.fixed

    def known(self, names: Collection[str] | None, what: str) -> str | None:
        """The name of something that the playbook defines elsewhere; any will do where that can't be read (None)."""
        name = self.text(f"the name of a {what}")
        if name is None or names is None or name in names:
            return name
        self.error(f'unknown {what} "{name}"', nearest(name, names) or f"known: {_some(names)}")
        return None

    def check_told_apart(self) -> None:
        """Names that a condition can't tell apart, because it compares without case."""
        seen: dict[str, str] = {}
        for name, entry in self.entries():
            first = seen.setdefault(fold(name), name)
            if first != name:
                entry.error(f'"{name}" and "{first}" are one name to a condition', "choose another name", stands=True)

    def when(self, scope: Scope, vocabulary: Vocabulary) -> CompiledCondition | None:
        """The condition of an entry; None if it has none. One that was left blank isn't meant to hold always."""
        if isinstance(self.node, Mapping) and self.node.get("when") is not None and self.get("when") is None:
            hint = "leave out the when, or say what must hold"
            self.at(("when",)).error("an empty condition", hint, stands=True)
        written = self.get("when")
        return written.condition(scope, vocabulary) if written else None

    def condition(self, scope: Scope, vocabulary: Vocabulary) -> CompiledCondition | None:
        try:
            return compile_condition(self.plain(), scope=scope, vocabulary=vocabulary)
        except ConditionError as error:
            for problem in error.problems:
                self.at(problem.path).error(problem.message, problem.hint, stands=problem.stands)
            return None if error.tree is None else compile_tree(error.tree, scope=scope, vocabulary=vocabulary)

    def at_file(self, file: str, line: int = 1) -> "Reader":
        """A line of another file, by default its top for what is said of it as a whole."""
        return Reader(Scalar("", file, line), self.path, self.gathered)

    def at(self, path: Iterable[str | int]) -> "Reader":
        """The deepest node along a path that is there, under the whole path."""
        node, parts = self.node, [str(part) for part in path]
        for part in parts:
            below = _step(node, part)
            if below is None:
                break
            node = below
        return Reader(node, (*self.path, *parts), self.gathered)


def nearest(word: str, known: Iterable[str]) -> str:
    """The "did you mean" of a word. A slip in a table comes again in a thousand rows: it is looked up once."""
    return _nearest(word, tuple(known))


@lru_cache(maxsize=1024)
def _nearest(word: str, known: tuple[str, ...]) -> str:
    return did_you_mean(word, known)


def _step(node: Node, part: str) -> Node | None:
    if isinstance(node, Mapping):
        return next((_on_line_of(key, value) for key, value in node.entries if key.text == part), None)
    if isinstance(node, Sequence) and part.isdecimal() and int(part) < len(node.items):
        return node.items[int(part)]
    return None


def _on_line_of(key: Scalar, node: Node) -> Node:
    """A block below its key is reported on the line of the key: there people look."""
    if isinstance(node, Scalar) or node.file != key.file or node.line < key.line:
        return node
    return type(node)(node.entries if isinstance(node, Mapping) else node.items, node.file, key.line)  # type: ignore[arg-type]


def _plain(node: Node) -> object:
    match node:
        case Scalar():
            return node.value
        case Sequence(items):
            return [_plain(item) for item in items]
        case Mapping(entries):
            return {key.text: _plain(value) for key, value in entries}


def _shown(node: Node) -> str:
    match node:
        case Scalar(text, quoted=False) if node.value is None:
            return text or "nothing"
        case Scalar(text) if "://" in text:  # it may hold a secret
            return "an address"
        case Scalar(text):
            return f'"{text}"' if isinstance(node.value, str) else text
        case Sequence():
            return "a list"
        case Mapping():
            return "a mapping"


def _quote(node: Node) -> str:
    return f'write "{node.text}" in quotes' if isinstance(node, Scalar) and node.text else ""


def _bounds(least: float | None, most: float | None) -> str:
    if most is None:
        return f"at least {least:g}"
    return f"at most {most:g}" if least is None else f"from {least:g} to {most:g}"


def _some(names: Collection[str]) -> str:
    first = sorted(names)[:8]
    return ", ".join(first) + (", …" if len(names) > len(first) else "") if first else "none"
