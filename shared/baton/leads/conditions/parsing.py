"""From a condition as the playbook writes it to its tree; every mistake is found in one pass."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from baton.kernel.durations import parse_duration
from baton.kernel.suggestions import did_you_mean
from baton.leads.conditions.expectations import Expectations
from baton.leads.conditions.fields import ROOTS, Scope, UnknownFieldError, find_field
from baton.leads.conditions.problems import ConditionError, Path, Problems
from baton.leads.conditions.tree import AllOf, AnyOf, Behaviour, Not, Operator, Tree
from baton.leads.conditions.vocabulary import Vocabulary

_COMBINATIONS = ("all", "any", "not", "activity")
_BEHAVIOUR = ("at_least", "within", "distinct")
_KIND = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_DISTINCT = re.compile(r"kind|source|data\.[^.\s]+(\.[^.\s]+)*")


def parse_condition(written: object, *, scope: Scope, vocabulary: Vocabulary) -> Tree:
    """Read a condition: mappings, lists and scalars as YAML gives them. Raises ConditionError with every mistake."""
    parser = _Parser(scope, vocabulary)
    tree = parser.condition(written, ())
    if parser.problems.found or tree is None:
        raise ConditionError(parser.problems.found, None if parser.problems.broken else tree)
    return tree


def is_activity_kind(text: object) -> bool:
    """Whether it is written in lower_snake."""
    return isinstance(text, str) and _KIND.fullmatch(text) is not None


def as_activity_kind(text: object) -> str:
    """The nearest text in lower_snake, for a hint."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(text))
    return re.sub(r"[^a-z0-9]+", "_", snake.casefold()).strip("_") or "demo_request"


@dataclass(slots=True)
class _Parser:
    scope: Scope
    vocabulary: Vocabulary
    problems: Problems = field(default_factory=Problems)

    def condition(self, written: object, path: Path) -> Tree | None:
        if not isinstance(written, Mapping):
            self.problems.add(path, "a condition is a mapping", "write {field: value}")
            return None
        if not written:
            self.problems.add(path, "an empty condition", "leave out the when, or say what must hold")
            return None
        if "activity" not in written:
            for key in _BEHAVIOUR:
                if key in written:
                    self.problems.add((*path, key), f'"{key}" needs an activity', "write {activity: KIND, at_least: 3}")
        return _together([self.part(str(key), written, path) for key in written if key not in _BEHAVIOUR])

    def part(self, key: str, written: Mapping[object, object], path: Path) -> Tree | None:
        match key:
            case "all" | "any":
                return self.combination(key, written[key], (*path, key))
            case "not":
                inner = self.condition(written[key], (*path, key))
                return None if inner is None else Not(inner)
            case "activity":
                return self.behaviour(written, path)
            case _:
                return self.comparisons(key, written[key], (*path, key))

    def combination(self, key: str, value: object, path: Path) -> Tree | None:
        if not isinstance(value, list | tuple) or not value:
            self.problems.add(path, f'"{key}" holds a list of conditions', f"write {key}: [{{…}}, {{…}}]")
            return None
        parts = [self.condition(each, (*path, position)) for position, each in enumerate(value)]
        found = tuple(part for part in parts if part is not None)
        return AllOf(found) if key == "all" else AnyOf(found)

    def comparisons(self, name: str, value: object, path: Path) -> Tree | None:
        try:
            asked = find_field(name, scope=self.scope)
        except UnknownFieldError as error:
            self.problems.add(path, str(error), did_you_mean(name, _COMBINATIONS) or error.hint)
            return None
        expectations = Expectations(asked, vocabulary=self.vocabulary, problems=self.problems)
        if not isinstance(value, Mapping):
            operator = Operator.IN if isinstance(value, list | tuple) else Operator.EQ
            return expectations.compare(operator, value, path)
        if not value:
            self.problems.add(path, "an empty comparison", "write {field: {gte: 50}}")
        return _together(
            [self.operation(str(key), each, (*path, str(key)), expectations) for key, each in value.items()]
        )

    def operation(self, key: str, value: object, path: Path, expectations: Expectations) -> Tree | None:
        operators = [each.value for each in Operator]
        if key in operators:
            return expectations.compare(Operator(key), value, path)
        hint = did_you_mean(key, operators) or f"known: {', '.join(operators)}"
        self.problems.add(path, f'"{key}" is no comparison', hint)
        return None

    def behaviour(self, written: Mapping[object, object], path: Path) -> Tree | None:
        if "activity" not in ROOTS[self.scope]:
            here = (*path, "activity")
            self.problems.add(here, f'"activity" can\'t be asked for in {self.scope}', "ask for lead.*")
            return None
        within = written.get("within")
        return Behaviour(
            kinds=self.kinds(written["activity"], (*path, "activity")),
            at_least=self.at_least(written.get("at_least", 1), (*path, "at_least")),
            within=None if within is None else self.window(str(within), (*path, "within")),
            distinct=self.distinct(written.get("distinct"), (*path, "distinct")),
            written_within=None if within is None else str(within),
        )

    def kinds(self, value: object, path: Path) -> tuple[str, ...]:
        written = value if isinstance(value, list | tuple) else [value]
        if not written:
            self.problems.add(path, "no activity is named", "write {activity: demo_request}")
        for each in written:
            if not is_activity_kind(each):
                self.problems.add(
                    path, f'"{each}" is no kind of activity', f"write it as {as_activity_kind(each)}", stands=True
                )
        return () if "any" in written else tuple(dict.fromkeys(str(each) for each in written))

    def at_least(self, value: object, path: Path) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self.problems.add(path, "at_least is a number from 1", "write at_least: 3")
            return 1
        if value > 1:
            self._needs_history(path)
        return value

    def distinct(self, value: object, path: Path) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str) or not _DISTINCT.fullmatch(value):
            self.problems.add(path, f'"{value}" tells no activities apart', "write distinct: data.path")
        self._needs_history(path)
        return str(value)

    def window(self, text: str, path: Path) -> timedelta | None:
        try:
            found = parse_duration(text).fixed
        except ValueError as error:
            self.problems.add(path, str(error))
            return None
        if not found:
            self.problems.add(path, f'"{text}" is no window of time', "write within: 30d")
        return found

    def _needs_history(self, path: Path) -> None:
        if self.scope is not Scope.SCORING:
            message = f"{self.scope} sees only the activity that caused the decision"
            self.problems.add(path, message, "count it in a scoring rule, and ask for score.* here")


def _together(parts: list[Tree | None]) -> Tree | None:
    """All of them; one alone stands for itself, and parts of parts are not nested."""
    found: list[Tree] = []
    for part in parts:
        if part is not None:
            found.extend(part.parts if isinstance(part, AllOf) else (part,))
    if not found:
        return None
    return found[0] if len(found) == 1 else AllOf(tuple(found))
