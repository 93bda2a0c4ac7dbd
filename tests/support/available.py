"""What a suite needs of the machine: skipped where it is missing, failed where `BATON_TEST_REQUIRE` names it."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Literal, NoReturn

import pytest

Requirement = Literal["postgres", "kafka", "browser"]

_VARIABLE: Final = "BATON_TEST_REQUIRE"
_MARKS: Final[Mapping[str, Requirement]] = {
    "postgres_url": "postgres",
    "postgres_server": "postgres",
    "kafka_bootstrap": "kafka",
    "kafka_broker": "kafka",
    "browser_page": "browser",
}
"""The fixtures that need something, and the mark of the tests that use them."""


def unavailable(what: Requirement, why: str) -> NoReturn:
    """End the test that needs it. `why` is one line that also says how to get it."""
    if what in required():
        pytest.fail(f"{what} is required ({_VARIABLE}), and not available: {why}", pytrace=False)
    pytest.skip(f"{what} is not available: {why}")


def required() -> frozenset[str]:
    """The names in `BATON_TEST_REQUIRE`, which has commas between them."""
    return frozenset(name.strip() for name in os.environ.get(_VARIABLE, "").split(",") if name.strip())


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    for item in items:
        for mark in {_MARKS[name] for name in getattr(item, "fixturenames", ()) if name in _MARKS}:
            item.add_marker(mark)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = Counter(_reason(report) for report in terminalreporter.getreports("skipped"))
    if not skipped:
        return
    terminalreporter.section(f"not tested: {skipped.total()} skipped")
    for reason, count in skipped.most_common():
        terminalreporter.write_line(f"{count:5} x {reason}")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    told = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
    return told.removeprefix("Skipped: ")
