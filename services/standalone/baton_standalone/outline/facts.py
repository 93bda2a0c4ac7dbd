"""What an outline is made of. Values here are equal where two playbooks mean the same, however they are written."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from baton.kernel.durations import Duration
from baton.leads.conditions.compiling import CompiledCondition
from baton.leads.conditions.condition import Condition
from baton.leads.conditions.meaning import meaning
from baton.leads.conditions.prose import condition_words, value_words
from baton.leads.conditions.tree import Tree


@dataclass(frozen=True, slots=True)
class Part:
    """One of a list."""

    value: object
    said: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is said of an entry. Nothing secret stands in `said` or `parts`; `value` may hold it."""

    name: str
    """`points`; empty where the entry's own name says it."""
    value: object
    said: str
    clause: str = ""
    """Its place in the entry's sentence, with the mark before it; empty where the sentence passes it over."""
    parts: Mapping[Hashable, Part] | None = None
    """Of a list whose order means nothing: each by what it is known by."""
    verbs: tuple[str, str] = ("also", "no longer")
    """How it is said that a part is there now, and that it isn't any longer."""
    tree: Tree | None = None
    """Of a condition."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What has a name in its section: a rule, a rep, a pool, a promise."""

    name: str
    facts: tuple[Fact, ...]
    key: str = ""
    """What tells it from its neighbours, if not the name."""
    lines: tuple[str, ...] = ()
    """What doesn't fit into the sentence: a ladder's steps."""

    @property
    def sentence(self) -> str:
        """Without a full stop."""
        return "".join(fact.clause for fact in self.facts).strip(",;: ")

    @property
    def meaning(self) -> dict[str, object]:
        """Equal for entries that say the same, whatever they are called."""
        return {fact.name: fact.value for fact in self.facts}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the playbook. `key` is for programs."""

    key: str
    title: str
    entries: tuple[Entry, ...]
    note: str = ""
    is_ordered: bool = False
    """The first that matches wins: a place is a fact too."""
    verbs: tuple[str, str] = ("added", "removed")


def fact(name: str, value: object, said: str | None = None, clause: str = "{}") -> Fact:
    """`{}` in the clause is what is said."""
    told = value_words(value) if said is None else said
    return Fact(name, value, told, clause.replace("{}", told))


def hidden(name: str, value: object, said: str, clause: str = "") -> Fact:
    """A fact that may change without its words, because they leave out what is secret."""
    return Fact(name, (value,), said, clause.replace("{}", said))


def listed(
    name: str, parts: Mapping[Hashable, Part], clause: str = "{}", *, verbs: tuple[str, str] = ("also", "no longer")
) -> Fact:
    """A list whose order means nothing."""
    said = ", ".join(part.said for part in parts.values())
    value = {key: part.value for key, part in parts.items()}
    return Fact(name, value, said, clause.replace("{}", said), parts, verbs)


def words(name: str, texts: Iterable[str], clause: str = "{}") -> tuple[Fact, ...]:
    """A list of texts whose order means nothing; none of an empty one."""
    parts: dict[Hashable, Part] = {text: Part(text, text) for text in texts}
    return (listed(name, parts, clause),) if parts else ()


def only_when(when: Condition | None, clause: str = " when {}") -> tuple[Fact, ...]:
    """None where it holds always."""
    if not isinstance(when, CompiledCondition):
        return ()
    said = condition_words(when.tree)
    return (Fact("when", meaning(when.tree), said, clause.replace("{}", said), tree=when.tree),)


def length_value(duration: Duration) -> tuple[object, object]:
    """What a duration is compared by, in whatever units it was written."""
    return (duration.fixed, duration.working_days)
