"""What changes from one playbook to another, in the words of those who wrote them.

Two outlines are compared, not two texts: what is the same written differently is no change.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from baton.leads.conditions.prose import value_words
from baton.leads.playbook.model import Playbook
from baton_standalone.condition_changes import condition_changes
from baton_standalone.outline.facts import Entry, Fact, Section
from baton_standalone.outline.playbook import outline

Kind = Literal["added", "removed", "changed", "moved", "renamed"]
_Key = tuple[str, int]
"""What an entry is known by in its section, and the how manieth it is of those."""
_MOST_LISTED: Final = 40


@dataclass(frozen=True, slots=True)
class FactChange:
    """One fact of an entry. `before` and `after` in words, None where there is none; `said` is one line for each."""

    name: str
    before: Fact | None
    after: Fact | None

    @property
    def said(self) -> tuple[str, ...]:
        label = f"{self.name}: " if self.name else ""
        return tuple(label + told for told in _told(self.before, self.after))


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one entry."""

    section: str
    """Its key."""
    title: str
    name: str
    kind: Kind
    said: tuple[str, ...]
    """In lines."""
    facts: tuple[FactChange, ...] = ()


def compare(before: Playbook, after: Playbook) -> tuple[Change, ...]:
    """Section by section; none where they mean the same."""
    old, new = ({section.key: section for section in outline(each)} for each in (before, after))
    order = [*new, *(key for key in old if key not in new)]
    return tuple(change for key in order for change in _section(old.get(key), new.get(key)))


def _section(before: Section | None, after: Section | None) -> Iterator[Change]:
    here = after or before
    assert here is not None, "a key of either"
    old, new = _keyed(before), _keyed(after)
    gone = [key for key in old if key not in new]
    come = [key for key in new if key not in old]
    renamed = _renamed({key: old[key] for key in gone}, {key: new[key] for key in come})
    for key, successor in renamed.items():
        told = f"is now called {new[successor].name}"
        yield Change(here.key, here.title, old[key].name, "renamed", (told,))
    yield from (_alone(here, old[key], "removed") for key in gone if key not in renamed)
    yield from (_alone(here, new[key], "added") for key in come if key not in renamed.values())
    if (before and before.is_ordered) or (after and after.is_ordered):
        successors = {key: renamed.get(key, key) for key in old if key in new or key in renamed}
        yield from _moves(here, [successors[key] for key in old if key in successors], new)
    for key in old:
        if key in new and (facts := tuple(_facts(old[key], new[key]))):
            lines = tuple(line for each in facts for line in each.said)
            yield Change(here.key, here.title, new[key].name, "changed", lines, facts)


def _keyed(section: Section | None) -> dict[_Key, Entry]:
    """By key, and by number where several have one."""
    seen: Counter[str] = Counter()
    found: dict[_Key, Entry] = {}
    for entry in section.entries if section else ():
        key = entry.key or entry.name
        found[key, seen[key]] = entry
        seen[key] += 1
    return found


def _renamed(gone: dict[_Key, Entry], come: dict[_Key, Entry]) -> dict[_Key, _Key]:
    """Who says the same under another name, where just one does on either side."""
    found: dict[_Key, _Key] = {}
    for key, entry in gone.items():
        like = [other for other, each in come.items() if each.meaning == entry.meaning and each.name != entry.name]
        twins = sum(each.meaning == entry.meaning for each in gone.values())
        if len(like) == 1 == twins:
            found[key] = like[0]
    return found


def _alone(section: Section, entry: Entry, kind: Literal["added", "removed"]) -> Change:
    verb = section.verbs[kind == "removed"]
    told = f"{verb}: {entry.sentence}" if entry.sentence else verb
    return Change(section.key, section.title, entry.name, kind, (told, *entry.lines))


def _moves(section: Section, before: Sequence[_Key], new: dict[_Key, Entry]) -> Iterator[Change]:
    """As few as explain the new order, each by a neighbour that stayed and that it passed."""
    rank = {key: place for place, key in enumerate(before)}
    after = [key for key in new if key in rank]
    staying = _longest_rise([rank[key] for key in after])
    stays = [key for key in after if rank[key] in staying]
    place = {key: position for position, key in enumerate(after)}
    for key in after:
        if rank[key] in staying:
            continue
        overtaken = [each for each in stays if rank[each] < rank[key] and place[each] > place[key]]
        let_past = [each for each in stays if rank[each] > rank[key] and place[each] < place[key]]
        told = f"before {new[overtaken[0]].name}" if overtaken else f"after {new[let_past[-1]].name}"
        yield Change(section.key, section.title, new[key].name, "moved", (f"now comes {told}",))


def _longest_rise(numbers: Sequence[int]) -> frozenset[int]:
    """The members of a longest rising subsequence of different numbers."""
    ends: list[int] = []
    before: dict[int, int | None] = {}
    for number in numbers:
        at = bisect_left(ends, number)
        before[number] = ends[at - 1] if at else None
        ends[at : at + 1] = [number]
    found: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        found.add(last)
        last = before[last]
    return frozenset(found)


def _facts(before: Entry, after: Entry) -> Iterator[FactChange]:
    old, new = ({each.name: each for each in entry.facts} for entry in (before, after))
    for name in [*new, *(name for name in old if name not in new)]:
        was, now = old.get(name), new.get(name)
        if was is None or now is None or was.value != now.value:
            yield FactChange(name, was, now)


def _told(before: Fact | None, after: Fact | None) -> Iterator[str]:
    tree = before.tree if before else None, after.tree if after else None
    if any(tree):
        yield from condition_changes(*tree)
    elif before and after and before.parts is not None and after.parts is not None:
        yield from _parts(before, after)
    else:
        was, now = (each.said if each else "none" for each in (before, after))
        yield f"{was} → {now}" if was != now else "another one"


def _parts(before: Fact, after: Fact) -> Iterator[str]:
    """What came, what went, and what is another under the same name."""
    old, new = before.parts or {}, after.parts or {}
    if len(old) == 1 == len(new) and old.keys() != new.keys():
        yield f"{before.said} → {after.said}"
        return
    come = [part.said for key, part in new.items() if key not in old]
    gone = [part.said for key, part in old.items() if key not in new]
    for verb, told in zip(after.verbs, (come, gone), strict=True):
        if told:
            yield f"{verb} {value_words(told, most=_MOST_LISTED)}"
    for key in old:
        if key in new and old[key].value != new[key].value:
            was, now = old[key].said, new[key].said
            yield f"{was} → {now}" if was != now else f"another {now}"
