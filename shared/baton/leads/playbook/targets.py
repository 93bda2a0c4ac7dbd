"""Where a rule may send a lead: pools, also by a template like `ae-{territory}`; reps, also by a path."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from baton.kernel.suggestions import did_you_mean
from baton.leads.conditions.fields import Scope, UnknownFieldError, find_field
from baton.leads.playbook.known import Known
from baton.leads.playbook.model import Target
from baton.leads.playbook.reader import Reader

TARGETS = ("pool", "assign", "nurture", "reject")
_PART = re.compile(r"\{([^{}]*)\}")
_PARTS = ("territory", "segment")


def template_parts(pool: str) -> tuple[str, ...]:
    """The parts of a pool's name that are filled in per lead: `ae-{territory}` has `territory`."""
    return tuple(_PART.findall(pool))


def is_path(assign: str) -> bool:
    """Whether the rep is read from a field, `account.owner`."""
    return assign.startswith(("lead.", "account."))


def expand(pool: str, values: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Every pool that a template may name, by the values of its parts; a plain name is itself."""
    parts = sorted(set(template_parts(pool)))
    for chosen in product(*(sorted(values.get(part, frozenset())) for part in parts)):
        filled = dict(zip(parts, chosen, strict=True))
        yield _PART.sub(lambda found, filled=filled: filled[found[1]], pool)  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class Targets:
    """Reads targets; `known` has the names that they may use."""

    known: Known

    @property
    def values(self) -> Mapping[str, frozenset[str]]:
        """The values of each template part."""
        vocabulary = self.known.vocabulary
        return {"territory": vocabulary.territories or frozenset(), "segment": vocabulary.segments or frozenset()}

    def of_rule(self, entry: Reader) -> Target | None:
        """The one target that stands among the keys of a rule."""
        return self._one(entry, TARGETS)

    def alone(self, entry: Reader, *, allowed: tuple[str, ...] = ("rep", *TARGETS)) -> Target | None:
        """A target by itself, an `else` or the `catch_all`; there `rep` is a word for `assign`."""
        return self._one(entry, allowed) if entry.keys(allowed) else None

    def _one(self, entry: Reader, allowed: tuple[str, ...]) -> Target | None:
        given = [(key, written) for key in allowed if (written := entry.get(key))]
        if len(given) != 1:
            named = " and ".join(key for key, _ in given)
            message = f"two targets: {named}" if given else "no target"
            entry.error(message, f"write exactly one of {', '.join(allowed)}")
            return None
        key, written = given[0]
        return self._target(key, written)

    def _target(self, key: str, written: Reader) -> Target | None:
        match key:
            case "pool":
                name = self._pool(written)
                return None if name is None else Target(pool=name)
            case "assign" | "rep":
                assign = self._assign(written, paths=key == "assign")
                return None if assign is None else Target(assign=assign)
            case "nurture":
                program = written.text("the name of a program")
                return None if program is None else Target(nurture=program)
            case _:
                reason = written.text("a reason")
                return None if reason is None else Target(reject=reason)

    def _pool(self, written: Reader) -> str | None:
        name = written.text("the name of a pool")
        if name is None:
            return None
        parts = template_parts(name)
        if not parts:
            return written.known(self.known.pools, "pool")
        unknown = [part for part in parts if part not in _PARTS]
        for part in unknown:
            hint = did_you_mean(part, _PARTS) or "known: {territory}, {segment}"
            written.error(f'unknown part "{{{part}}}" in "{name}"', hint)
        pools = self.known.pools
        if not unknown and pools is not None and not any(pool in pools for pool in expand(name, self.values)):
            # Not an error: such a lead goes on to the rule's `else`, and a pool may be added later.
            written.warn(f'no pool fits "{name}"', self._hint(name))
        return name

    def _hint(self, name: str) -> str:
        missing = [part for part in template_parts(name) if not self.values[part]]
        if missing:
            return f"there is no {missing[0]} to fill in"
        return f"one would be {next(expand(name, self.values))}"

    def _assign(self, written: Reader, *, paths: bool) -> str | None:
        name = written.text("a rep")
        if name is None:
            return None
        if not (paths and is_path(name)):
            return written.known(self.known.reps, "rep")
        try:
            find_field(name, scope=Scope.ROUTING)
        except UnknownFieldError as error:
            written.error(str(error), error.hint)
        return name
