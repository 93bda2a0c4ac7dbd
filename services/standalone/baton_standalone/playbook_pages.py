"""A playbook, and what changes between two, for reading: as text for people, as JSON for programs."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from baton.leads.playbook.files import merge
from baton.leads.playbook.model import Playbook
from baton.leads.playbook.yaml_nodes import Mapping, Node, Scalar
from baton_standalone.outline.agreed import without_secrets
from baton_standalone.outline.facts import Fact, Section
from baton_standalone.outline.playbook import outline
from baton_standalone.playbook_diff import Change, Kind
from baton_standalone.publishing import title
from baton_standalone.terminal import one_line

_MARKS: Final[dict[Kind, str]] = {"added": "+", "removed": "-", "changed": "~", "moved": "~", "renamed": "~"}


def as_json(playbook: Playbook) -> dict[str, Any]:
    """`{hash, version, files[], reps[], playbook {}}`, the last as written but for secrets, all YAML files merged."""
    reps = [{"id": rep.id, "name": rep.name, "role": rep.role, "active": rep.active} for rep in playbook.reps.values()]
    return {
        "hash": playbook.hash,
        "version": playbook.version,
        "files": sorted(playbook.files),
        "reps": reps,
        "playbook": _written(playbook),
    }


def as_text(playbook: Playbook) -> str:
    """Its parts as its page has them, after what tells it from others."""
    return "".join(f"{one_line(line)}\n" for line in _lines(playbook))


def changes_json(before: Playbook, after: Playbook, changes: Sequence[Change]) -> dict[str, Any]:
    """`{before {hash, version}, after {…}, changes[{section, name, change, said[], facts[{name, before, after}]}]}`."""
    told = [
        {
            "section": change.section,
            "name": change.name,
            "change": change.kind,
            "said": list(change.said),
            "facts": [{"name": each.name, "before": _value(each.before), "after": _value(each.after)}
                      for each in change.facts],
        }
        for change in changes
    ]  # fmt: skip
    one, other = ({"hash": each.hash, "version": each.version} for each in (before, after))
    return {"before": one, "after": other, "changes": told}


def changes_text(before: Playbook, after: Playbook, changes: Sequence[Change]) -> str:
    """Section by section, one change after the other; or that there is none."""
    return "".join(f"{one_line(line)}\n" for line in _change_lines(before, after, changes))


def _lines(playbook: Playbook) -> Iterator[str]:
    yield f'Playbook "{playbook.version}"'
    yield f"  hash {playbook.hash}"
    yield f"  files {', '.join(sorted(playbook.files))}"
    for section in outline(playbook):
        if section.entries:
            yield ""
            yield section.title + (f": {section.note}" if section.note else "")
            yield from _entries(section)


def _entries(section: Section) -> Iterator[str]:
    for number, entry in enumerate(section.entries, start=1):
        place = f"{number}. " if section.is_ordered else ""
        yield f"  {place}{entry.name}: {entry.sentence}".rstrip(": ")
        yield from (f"    {line}" for line in entry.lines)


def _change_lines(before: Playbook, after: Playbook, changes: Sequence[Change]) -> Iterator[str]:
    if before.hash == after.hash:
        yield f"No difference: both are {title(before)}"
        return
    if not changes:
        yield f"They differ in spelling only: {title(before)} and {title(after)}"
        return
    yield f"From {title(before)} to {title(after)}"
    for heading, group in groupby(changes, key=lambda each: each.title):
        yield ""
        yield heading
        for change in group:
            yield from _one_change(change)


def _one_change(change: Change) -> Iterator[str]:
    """In one line where it is one; what came or went has its first line beside its name."""
    mark, (first, *rest) = _MARKS[change.kind], change.said
    beside, below = (f": {first}", rest) if change.kind != "changed" or not rest else ("", change.said)
    if change.kind in {"moved", "renamed"}:
        beside = f" {first}"
    yield f"  {mark} {change.name}{beside}"
    yield from (f"      {line}" for line in below)


def _value(fact: Fact | None) -> float | bool | str | None:
    """A number where it is one; else in words, which leave out what is secret."""
    if fact is None:
        return None
    return fact.value if isinstance(fact.value, int | float) else fact.said


def _written(playbook: Playbook) -> dict[str, Any]:
    root = merge(playbook.files).root
    plainly = {} if root is None else _plain(root)
    assert isinstance(plainly, dict)
    return {section: without_secrets(section, written) for section, written in plainly.items()}


def _plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Mapping):
        return {key.text: _plain(child) for key, child in node.entries}
    return [_plain(child) for child in node.items]
