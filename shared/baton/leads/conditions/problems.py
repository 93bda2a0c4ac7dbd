"""What is wrong with a written condition: every mistake with its place inside the condition."""

from collections.abc import Sequence
from dataclasses import dataclass

from baton.leads.conditions.tree import Tree

Path = tuple[str | int, ...]
"""Keys and positions from the condition's root: `("all", 1, "lead.country")`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. The loader adds the file and the line."""

    path: Path
    message: str
    hint: str = ""
    stands: bool = False
    """The condition can be asked all the same, as it is written."""


class ConditionError(ValueError):
    """The mistakes of one condition, all at once; `tree` is the condition where it stands in spite of them."""

    def __init__(self, problems: Sequence[Problem], tree: Tree | None = None) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, each.path))}: {each.message}" for each in problems))
        self.problems = tuple(problems)
        self.tree = tree


class Problems:
    """Where the mistakes of one condition are gathered."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    @property
    def broken(self) -> int:
        """How many there are with which it can't be asked."""
        return sum(not problem.stands for problem in self.found)

    def add(self, path: Path, message: str, hint: str = "", *, stands: bool = False) -> None:
        self.found.append(Problem(path, message, hint, stands=stands))
