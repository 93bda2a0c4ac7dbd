"""What loading has to say: every mistake and every warning with its place and a hint."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error stops a check and a publish; a warning only says so, unless the check is strict."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark. `line` counts from 1; `path` is dotted, `teams.pools.sdr.members.0`, empty for the whole file."""

    severity: Severity
    file: str
    line: int
    path: str
    message: str
    hint: str = ""
    stands: bool = False
    """Of an error: what is written is read all the same, and a playbook that was published before goes on with it."""

    def render(self) -> str:
        """As people read it: `playbook.yaml:12: routing.3.pool: unknown pool "sdr" (did you mean "sdr-us"?)`."""
        where = f"{self.file}:{self.line}: " + (f"{self.path}: " if self.path else "")
        return where + self.message + (f" ({self.hint})" if self.hint else "")


class PlaybookError(ValueError):
    """A playbook that can't be loaded. `findings` has all that is wrong, errors and warnings, in reading order."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(finding.render() for finding in self.findings))
