"""Writes the JSON Schema of every event: `python -m baton.leads.schemas DIR`, or compares with `--check`.

A change that would break a reader is refused: raise the model's `schema_version`,
and a new file stands beside the old one.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from baton.leads.envelope import schema_uri
from baton.leads.events import EVENTS, EventData
from baton.leads.schema_changes import breaking_changes


def schema_of(model: type[EventData]) -> dict[str, Any]:
    """The JSON Schema of an event's data, as it stands on the wire."""
    schema = model.model_json_schema(by_alias=True)
    identity = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_uri(model.type, model.schema_version),
    }
    return identity | schema | {"title": model.type}


def schema_files() -> Mapping[str, str]:
    """File name → content, `lead.captured.v1.json`; the same models give the same bytes."""
    return {f"{model.type}.v{model.schema_version}.json": _written(schema_of(model)) for model in EVENTS}


def drift(directory: Path) -> list[str]:
    """What differs between the files and the models."""
    return [
        f"{name}: {'not written yet' if not (directory / name).exists() else 'older than the model'}"
        for name, content in schema_files().items()
        if not (directory / name).exists() or (directory / name).read_text("utf-8") != content
    ]


def incompatible(directory: Path) -> Iterator[str]:
    """Each change against the files that would break a reader."""
    for name, content in schema_files().items():
        known = directory / name
        if known.exists():
            old = json.loads(known.read_text("utf-8"))
            yield from (f"{name}: {change}" for change in breaking_changes(old, json.loads(content)))


def write(directory: Path) -> None:
    """Write every schema. The files of older versions stay."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in schema_files().items():
        (directory / name).write_text(content, "utf-8")


def main(arguments: list[str] | None = None) -> int:
    """0 if all is well, 1 with the differences on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m baton.leads.schemas", description="The JSON Schema of every event."
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a file is not as the models say")
    given = parser.parse_args(arguments)
    wrong = [f"{each} (raise its schema_version)" for each in incompatible(given.directory)]
    if given.check:
        wrong += [f"{each} (run make schemas)" for each in drift(given.directory)]
    elif not wrong:
        write(given.directory)
    sys.stderr.writelines(f"{each}\n" for each in wrong)
    return 1 if wrong else 0


def _written(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
