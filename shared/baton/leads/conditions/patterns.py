"""Regular expressions that can't run away.

A playbook is written by people, and `matches` runs on text that strangers send. Python's engine backtracks, and has no
time limit. So the work is bounded before it starts: only the first 256 characters are looked at, a repeat may not
hold another choice (no `(a+)+`, no `(a|b)*`, the shapes that take exponential time), and what is left is polynomial
and must stay under a ceiling that is computed from the pattern. An engine with linear time would allow more, at the
price of a compiled dependency for one operator; look-around and back references are refused as they would be there.
"""

import re
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

LONGEST_PATTERN = 200
LONGEST_TEXT = 256
# About 40 ms for the worst pattern that is let through, measured; two open repeats and the search for a start.
_MOST_WORK = (LONGEST_TEXT + 2) ** 3

# Coming back to a choice costs more than taking one more step of a repeat.
_CHOICE = 1

# The standard library's own parser: private, but the only one that reads exactly what `re` reads.
_parser: Any = import_module("re._parser")

_FIXED = frozenset({"LITERAL", "NOT_LITERAL", "ANY", "IN", "AT", "RANGE", "CATEGORY"})
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})


class PatternError(ValueError):
    """A pattern that is no regular expression, or one that could take too long."""


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Whether a text has the pattern anywhere in its first 256 characters, case aside. Raises PatternError."""
    if len(pattern) > LONGEST_PATTERN:
        raise PatternError(f"a pattern has at most {LONGEST_PATTERN} characters")
    try:
        parsed = _parser.parse(pattern, re.IGNORECASE)
        search = re.compile(pattern, re.IGNORECASE).search
    except (re.error, RecursionError, OverflowError) as error:
        raise PatternError(f'"{pattern}" is no regular expression: {error}') from None
    if LONGEST_TEXT * _work(parsed) > _MOST_WORK:
        raise PatternError(f'"{pattern}" could take too long: too many repeats and choices')
    return lambda text: search(text.strip()[:LONGEST_TEXT]) is not None


def _work(items: Iterable[Any]) -> int:
    """In how many ways the engine may try the sequence at one place, at worst."""
    ways = 1
    for operation, argument in items:
        ways = min(ways * _ways(str(operation), argument), _MOST_WORK + 1)
    return ways


def _ways(operation: str, argument: Any) -> int:
    if operation in _FIXED:
        return 1
    if operation in _REPEATS:
        return _repeat(*argument)
    if operation == "SUBPATTERN":
        return _work(argument[-1])
    if operation == "BRANCH":
        return sum(_work(branch) for branch in argument[1]) + _CHOICE
    raise PatternError("look-around, back references and conditions are not allowed in a pattern")


def _repeat(least: int, most: Any, inner: Any) -> int:
    ways = _work(inner)
    if int(most) > 1 and ways > 1:
        raise PatternError("a repeat inside a repeat, or a choice inside one, could take too long")
    span = min(int(most), LONGEST_TEXT) - min(least, LONGEST_TEXT)
    return ways * (span + 1) + _CHOICE if span else ways
