"""Nothing that a playbook may say changes without a word: every field of every value, changed one by one."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from enum import EnumType
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import pytest

from baton.kernel.calendars import ALWAYS, Calendar
from baton.kernel.durations import Duration
from baton.leads.conditions.compiling import CompiledCondition, compile_condition
from baton.leads.conditions.fields import Scope
from baton.leads.conditions.vocabulary import Vocabulary
from baton.leads.playbook.model import Playbook, PointsFrom, Rep, Step, Table
from baton_standalone.playbook_diff import compare
from baton_standalone.playbook_pages import changes_text
from tests.support.rich_playbook import RICH, load

WHOLE: Final = load(RICH)
OTHER: Final = compile_condition({"lead.city": "Rome"}, scope=Scope.ROUTING, vocabulary=Vocabulary())
SPELLING: Final = {
    (Playbook, "hash"), (Playbook, "files"), (Playbook, "activity_kinds"), (Step, "written"), (Table, "lines"),
    (Duration, "text"), (Duration, "has_days"), (Calendar, "name"), (PointsFrom, "points"), (Table, "columns"),
    (Rep, "id"),
}  # fmt: skip
"""What stands elsewhere as well, or how something was written."""
FIXED: Final = {"reps", "calendars", "tiers"}
"""Mappings in which a name stands that others know."""


def variants(value: Any, name: str, hint: Any) -> Iterator[Any]:
    """The value with one thing in it changed, in every way that its type allows."""
    match value:
        case CompiledCondition():
            yield OTHER
        case _ if is_dataclass(value) and not isinstance(value, type):
            yield from of_fields(value)
        case bool():
            yield not value
        case int() | float():
            yield value + 1
        case timedelta():
            yield value + timedelta(hours=1)
        case str():
            yield from of_text(value, name, hint)
        case tuple() | frozenset() | list():
            yield from of_items(value, name)
        case Mapping():
            yield from of_entries(value, name)
        case _:
            assert value is None or isinstance(value, date)


def of_fields(value: Any) -> Iterator[Any]:
    hints = get_type_hints(type(value))
    for field in fields(value):
        if (type(value), field.name) in SPELLING or not field.init:
            continue
        now = getattr(value, field.name)
        for other in variants(now, field.name, hints[field.name]):
            if isinstance(value, Duration):
                yield Duration(fixed=(value.fixed or timedelta()) + timedelta(hours=2))
            else:
                yield replace(value, **{field.name: other})


def of_text(value: str, name: str, hint: Any) -> Iterator[str]:
    choices = [each for each in (hint, *get_args(hint)) if get_origin(each) is Literal]
    if choices:
        yield from (each for each in get_args(choices[0]) if each != value)
    elif isinstance(hint, EnumType):
        yield from (str(each) for each in list[object](hint) if each != value)
    elif value in WHOLE.reps:
        yield next(rep for rep in WHOLE.reps if rep != value)
    else:
        yield f"{value}x"


def of_items(value: Any, name: str) -> Iterator[Any]:
    items = list(value)
    for at, item in enumerate(items):
        if not isinstance(items[0], timedelta):  # an age and its share belong together
            yield type(value)(items[:at] + items[at + 1 :])
        yield from (type(value)([*items[:at], other, *items[at + 1 :]]) for other in variants(item, name, NoneType))


def of_entries(value: Mapping[Any, Any], name: str) -> Iterator[Any]:
    for key, item in value.items():
        if item is ALWAYS:
            continue
        if name not in FIXED:
            yield {each: other for each, other in value.items() if each != key}
        yield from ({**value, key: other} for other in variants(item, name, NoneType))


def top(name: str) -> Iterator[Playbook]:
    hint = get_type_hints(Playbook)[name]
    yield from (replace(WHOLE, **{name: other}) for other in variants(getattr(WHOLE, name), name, hint))


@pytest.mark.parametrize("name", [each.name for each in fields(Playbook) if (Playbook, each.name) not in SPELLING])
def test_no_field_changes_in_silence(name: str) -> None:
    changed = list(top(name))

    assert changed
    for other in changed:
        there, back = compare(WHOLE, other), compare(other, WHOLE)
        assert there, other
        assert back, other
        assert all(each.said for each in (*there, *back))
        assert changes_text(WHOLE, replace(other, hash="other"), there).count("\n") > len(there)


def test_the_rich_playbook_has_a_value_in_every_field() -> None:
    """Or the test above would pass over it."""
    seen: dict[str, bool] = {}
    note(WHOLE, seen)

    assert [name for name, is_set in seen.items() if not is_set] == []


def note(value: Any, seen: dict[str, bool]) -> None:
    """Whether each field of each class was ever set."""
    if isinstance(value, CompiledCondition | Duration | date):
        return
    if is_dataclass(value) and not isinstance(value, type):
        for field in (each for each in fields(value) if each.init):
            now = getattr(value, field.name)
            name = f"{type(value).__name__}.{field.name}"
            seen[name] = seen.get(name, False) or not (now is None or now in ((), {}, frozenset()))
            note(now, seen)
    elif isinstance(value, Mapping):
        for each in value.values():
            note(each, seen)
    elif isinstance(value, tuple):
        for each in value:
            note(each, seen)
