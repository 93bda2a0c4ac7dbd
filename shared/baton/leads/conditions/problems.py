"""What is wrong with a written condition: every mistake with its place inside the condition."""

from collections.abc import Sequence
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Keys and positions from the condition's root: `("all", 1, "lead.country")`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. The loader adds the file and the line."""

    path: Path
    message: str
    hint: str = ""


class ConditionError(ValueError):
    """The mistakes of one condition, all at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, each.path))}: {each.message}" for each in problems))
        self.problems = tuple(problems)


class Problems:
    """Where the mistakes of one condition are gathered."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, path: Path, message: str, hint: str = "") -> None:
        self.found.append(Problem(path, message, hint))
