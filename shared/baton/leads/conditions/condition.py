"""What a compiled condition is: asked with facts, it answers yes or no, and can say why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from baton.leads.values import Activity, Lead, Score


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a condition may ask for. What a service can't know is left out, and satisfies no comparison.

    `activities` is the whole history in scoring, newest last; in routing and SLA it is the one activity that caused
    the decision, or none. `account` has the fields of the directory's entry, `status`, `owner`, `csm` …
    """

    lead: Lead
    now: datetime
    activities: Sequence[Activity] = ()
    score: Score | None = None
    account: Mapping[str, object] = field(default_factory=dict)
    territory: str | None = None
    segment: str | None = None


class Comparison(NamedTuple):
    """One comparison that was made. `actual` is None where there is no value.

    A tuple, because a trace is made of dozens of them, and a frozen dataclass takes three times as long to make.
    """

    field: str
    operator: str
    expected: object
    actual: object
    matched: bool


class Condition(Protocol):
    """A condition of the playbook, compiled to closures."""

    @property
    def fields(self) -> frozenset[str]:
        """Every field path it asks for, `activity` for behaviour."""

    @property
    def activity_kinds(self) -> frozenset[str]:
        """Every activity kind it names."""

    @property
    def windows(self) -> frozenset[timedelta]:
        """Every `within` of its behaviour parts: the ages at which time alone may change its answer."""

    def matches(self, facts: Facts) -> bool:
        """The answer; the fast way."""

    def explain(self, facts: Facts) -> tuple[bool, tuple[Comparison, ...]]:
        """The same answer, with every comparison."""

    def evidence(self, facts: Facts) -> tuple[Activity, ...]:
        """The activities that its behaviour parts counted, newest first. Empty if it asks for none."""
