"""What each operator asks of a value. A test is given a value that is not None; blank text satisfies none of them."""

import operator
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import cast

from baton.leads.conditions.fields import Kind
from baton.leads.conditions.folding import fold, present
from baton.leads.conditions.intervals import Interval, apart, inside, interval
from baton.leads.conditions.patterns import compile_pattern
from baton.leads.conditions.tree import Compare, Operator, Plain

Test = Callable[[object], bool]
Range = tuple[str, str]
"""The first and the last of postal codes, as they are compared."""
Columns = Callable[[str, str], frozenset[str]]
"""The folded values of a table's column for a field: `columns("competitors", "lead.domain")`."""

_ORDER: Mapping[Operator, Callable[[float, float], bool]] = {
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
}


def build_test(compare: Compare, *, kind: Kind, columns: Columns) -> Test:
    """The test of one comparison on a field of that kind. `exists: false` is the compiler's: it wants the missing."""
    if compare.operator is Operator.EXISTS:
        return lambda value: present(value) is not None
    if compare.operator is Operator.IN_TABLE:
        return _one_of(columns(str(compare.expected), compare.field))
    if compare.operator is Operator.MATCHES:
        search = compile_pattern(str(compare.expected))
        return lambda value: any(search(text) for text in _texts(value))
    expected = compare.expected if isinstance(compare.expected, tuple) else (compare.expected,)
    return _BUILDERS[kind](compare.operator, expected)


def _one_of(values: frozenset[str]) -> Test:
    def test(value: object) -> bool:
        if isinstance(value, str):
            return bool(text := fold(value)) and text in values
        return any(fold(text) in values for text in _texts(value))

    return test


def _texts(value: object) -> tuple[str, ...]:
    """The texts of a value, of which any may satisfy: the elements of a list, a number as people write it."""
    if isinstance(value, str):
        return (value,) if value.strip() else ()
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(text for each in value for text in _texts(each))
    if isinstance(value, bool):
        return ("true",) if value else ("false",)
    return (f"{value:g}" if isinstance(value, float) else str(value),)


def _text(asked: Operator, expected: tuple[Plain, ...]) -> Test:
    """On fields that hold text or nothing: the fast way."""
    folded = tuple(fold(str(each)) for each in expected)
    wanted = frozenset(folded)
    match asked:
        case Operator.EQ | Operator.IN if len(folded) == 1:
            only = folded[0]
            return lambda value: value.strip().casefold() == only  # type: ignore[attr-defined]
        case Operator.EQ | Operator.IN:
            return lambda value: value.strip().casefold() in wanted  # type: ignore[attr-defined]
        case Operator.NE | Operator.NOT_IN:
            return lambda value: bool(text := fold(str(value))) and text not in wanted
        case Operator.STARTS_WITH:
            return lambda value: fold(str(value)).startswith(folded)
        case Operator.ENDS_WITH:
            return lambda value: fold(str(value)).endswith(folded)
        case _:
            raise ValueError(f"{asked} compares no text")


def _postal(asked: Operator, expected: tuple[Plain, ...]) -> Test:
    """Codes are ordered as text of one length: `94105-1234` lies between 90000 and 96199."""
    if asked not in _ORDER and asked is not Operator.BETWEEN:
        return _text(asked, expected)
    bounds = tuple(_code(str(each)) for each in expected)
    if asked is Operator.BETWEEN:
        low, high = bounds
        return lambda value: _code_order(value, low) in {0, 1} and _code_order(value, high) in {0, -1}
    holds = _ORDER[asked]
    bound = bounds[0]
    return lambda value: (order := _code_order(value, bound)) is not None and holds(order, 0)


def postal_range(compare: Compare) -> Range | None:
    """The two ends of a range of codes of one length, as most are."""
    if compare.operator is not Operator.BETWEEN or not isinstance(compare.expected, tuple):
        return None
    low, high = (_code(str(each)) for each in compare.expected)
    return (low, high) if len(low) == len(high) else None


def build_ranges(ranges: Iterable[Range]) -> Test:
    """Whether a code lies in any of the ranges: one search among those of each length, however many there are."""
    by_length: dict[int, list[Range]] = {}
    for low, high in sorted(ranges):
        joined = by_length.setdefault(len(low), [])
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    searches = tuple(
        (length, [low for low, _ in each], [high for _, high in each]) for length, each in by_length.items()
    )

    def test(value: object) -> bool:
        code = _code(str(value))
        for length, lows, highs in searches:
            at = bisect_right(lows, code[:length]) - 1
            if at >= 0 and len(code) >= length and code[:length] <= highs[at]:
                return True
        return False

    return test


def _code(text: str) -> str:
    return fold(text).replace(" ", "").replace("-", "")


def _code_order(value: object, bound: str) -> int | None:
    code = _code(str(value))[: len(bound)]
    if len(code) < len(bound):
        return None
    return (code > bound) - (code < bound)


def _number(asked: Operator, expected: tuple[Plain, ...]) -> Test:
    numbers = tuple(float(each) for each in expected)
    return cast("Test", _numeric(asked, numbers))


def _numeric(asked: Operator, numbers: tuple[float, ...]) -> Callable[[float], bool]:
    first, wanted = numbers[0], frozenset(numbers)
    match asked:
        case Operator.EQ | Operator.IN:
            return lambda value: value in wanted
        case Operator.NE | Operator.NOT_IN:
            return lambda value: value not in wanted
        case Operator.BETWEEN:
            last = numbers[1]
            return lambda value: first <= value <= last
        case _:
            holds = _ORDER[asked]
            return lambda value: holds(value, first)


def _boolean(asked: Operator, expected: tuple[Plain, ...]) -> Test:
    wanted = frozenset(expected)
    if asked in {Operator.EQ, Operator.IN}:
        return lambda value: value in wanted
    return lambda value: value not in wanted


def _employees(asked: Operator, expected: tuple[Plain, ...]) -> Test:
    ranges = _range_test(asked, tuple(found for each in expected if (found := interval(each)) is not None))
    if any(isinstance(each, str) for each in expected):
        return ranges
    plain = _number(asked, expected)
    return lambda value: plain(value) if type(value) is int else ranges(value)


def _range_test(asked: Operator, expected: tuple[Interval, ...]) -> Test:
    holds = _range_holds(asked, expected)
    return lambda value: (size := interval(value)) is not None and holds(size)


def _range_holds(asked: Operator, expected: tuple[Interval, ...]) -> Callable[[Interval], bool]:
    first = expected[0]
    if asked in {Operator.EQ, Operator.IN}:
        return lambda size: any(inside(size, each) for each in expected)
    if asked in {Operator.NE, Operator.NOT_IN}:
        return lambda size: all(apart(size, each) for each in expected)
    if asked is Operator.BETWEEN:
        return lambda size: inside(size, (first[0], expected[1][1]))
    holds, bound = _ORDER[asked], first[0]
    return lambda size: holds(size[0], bound) and holds(size[1], bound)


def _instant(asked: Operator, expected: tuple[Plain, ...]) -> Test:
    """Dates and instants in order, as seconds; a date is its midnight in UTC."""
    moments = tuple(found for each in expected if (found := moment(each)) is not None)
    test = _numeric(asked, moments)
    return lambda value: (found := moment(value)) is not None and test(found)


def moment(value: object) -> float | None:
    """Seconds since 1970 of an ISO 8601 date or instant, UTC where it names no zone; None if it is neither."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()


def _open(asked: Operator, expected: tuple[Plain, ...]) -> Test:
    """On fields that may hold anything: a form sends `"50"` and `"true"` where an API sends 50 and true."""
    if asked in {Operator.STARTS_WITH, Operator.ENDS_WITH}:
        test = _text(asked, expected)
        return lambda value: any(test(text) for text in _texts(value))
    if asked in {Operator.EQ, Operator.IN}:
        return lambda value: any(_same(each, wanted) for each in _elements(value) for wanted in expected)
    if asked in {Operator.NE, Operator.NOT_IN}:
        return lambda value: (
            present(value) is not None and not any(_same(each, out) for each in _elements(value) for out in expected)
        )
    order = _numeric(asked, tuple(float(each) for each in expected))
    return lambda value: any((number := _as_number(each)) is not None and order(number) for each in _elements(value))


def _elements(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list | tuple | set | frozenset) else (value,)


def _same(value: object, expected: Plain) -> bool:
    if isinstance(expected, bool):
        return value is expected or (isinstance(value, str) and fold(value) == str(expected).casefold())
    if isinstance(expected, int | float):
        return _as_number(value) == expected
    return any(fold(text) == fold(expected) for text in _texts(value))


def _as_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if number == number and abs(number) != float("inf") else None  # noqa: PLR0124 - not a number


_BUILDERS: Mapping[Kind, Callable[[Operator, tuple[Plain, ...]], Test]] = {
    Kind.TEXT: _text,
    Kind.COUNTRY: _text,
    Kind.TIER: _text,
    Kind.POSTAL: _postal,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
    Kind.EMPLOYEES: _employees,
    Kind.INSTANT: _instant,
    Kind.OPEN: _open,
}
