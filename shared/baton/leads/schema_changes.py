"""What in a JSON Schema would break somebody: events live for weeks, and two releases read each other's."""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
_DEEPEST = 12


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Each change after which an event that fitted `old` may not fit `new`, by its path. Empty: compatible.

    A field was removed, or is required now, or holds fewer types or values than before.
    """
    return list(dict.fromkeys(_changes(_Side(old, old), _Side(new, new), "", 0)))


class _Side:
    """A schema with the root that its references lead into."""

    def __init__(self, root: Schema, schema: Schema) -> None:
        self.root = root
        reference = schema.get("$ref")
        self.schema: Schema = root["$defs"][reference.rpartition("/")[2]] if reference else schema

    def below(self, schema: Schema) -> "_Side":
        return _Side(self.root, schema)

    @property
    def fields(self) -> Mapping[str, Schema]:
        found: Mapping[str, Schema] = self.schema.get("properties", {})
        return found

    @property
    def required(self) -> set[str]:
        return set(self.schema.get("required", ()))

    @property
    def choices(self) -> list["_Side"]:
        return [self.below(each) for each in self.schema.get("anyOf", ())] or [self]

    @property
    def types(self) -> set[str] | None:
        """The JSON types it takes; None is any."""
        found = {each.schema.get("type") for each in self.choices}
        return None if None in found else {str(each) for each in found}

    @property
    def values(self) -> set[Any] | None:
        """The closed set of values; None is open."""
        found: set[Any] = set()
        for each in self.choices:
            if each.schema.get("type") == "null":
                found.add(None)
            elif "enum" in each.schema or "const" in each.schema:
                found.update(each.schema.get("enum", [each.schema.get("const")]))
            else:
                return None
        return found

    def part(self, key: str) -> "_Side | None":
        """What stands below `items` or `additionalProperties` in one of the choices."""
        found = next((each.schema[key] for each in self.choices if isinstance(each.schema.get(key), Mapping)), None)
        return None if found is None else self.below(found)

    @property
    def object(self) -> "_Side":
        """The choice that has fields, else itself."""
        return next((each for each in self.choices if each.fields), self)


def _changes(old: _Side, new: _Side, path: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    yield from _narrowed(old, new, path)
    before, after = old.object, new.object
    for name, schema in before.fields.items():
        here = f"{path}.{name}".lstrip(".")
        if name not in after.fields:
            yield f"{here}: removed"
        else:
            yield from _changes(old.below(schema), new.below(after.fields[name]), here, depth + 1)
    for name in sorted(after.required - before.required):
        yield f"{path}.{name}: required now".lstrip(".")
    for key in ("items", "additionalProperties"):
        one, other = old.part(key), new.part(key)
        if one is not None and other is not None:
            yield from _changes(one, other, f"{path}[]", depth + 1)


def _narrowed(old: _Side, new: _Side, path: str) -> Iterator[str]:
    if new.types is not None and (old.types is None or not _takes(new.types, old.types)):
        yield f"{path}: takes fewer types"
    elif new.values is not None and (old.values is None or not old.values <= new.values):
        yield f"{path}: takes fewer values"


def _takes(new: set[str], old: set[str]) -> bool:
    return old - {"integer"} <= new and ("integer" not in old or bool(new & {"integer", "number"}))
