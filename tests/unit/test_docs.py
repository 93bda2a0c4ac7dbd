"""What the documents say is true of the code."""

import importlib
import re
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client import REGISTRY
from typer.main import get_command

from baton.kernel import calendar_parsing
from baton.kernel.durations import format_duration
from baton.leads.conditions.tree import Operator
from baton.leads.playbook import loader, people, routing, scoring, sla, targets, teams
from baton.leads.playbook.model import Strategy
from baton.leads.playbook.source_types import SOURCE_TYPES as PLAYBOOK_TYPES
from baton.leads.playbook.sources import COMMON_KEYS
from baton.leads.topics import Topic
from baton.service.settings import Settings
from baton_ingest.sources.registry import SOURCE_TYPES as SERVED
from baton_standalone.apps import PARTS

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text()


def test_the_settings_table_is_the_code() -> None:
    rows = re.findall(r"^\| `(BATON_\w+)` \|(?: (.*?))? \| (.*?) \|$", README, flags=re.MULTILINE)

    fields = Settings.model_fields | {name: f for part in PARTS for name, f in part.kind.model_fields.items()}
    assert rows == [(f"BATON_{name.upper()}", _default(f.default), f.description) for name, f in fields.items()]


def _default(value: object) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, timedelta):
        return f"`{format_duration(value)}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def test_every_topic_is_named() -> None:
    assert [topic for topic in Topic if f"`{topic}`" not in README] == []


def test_every_metric_is_in_the_table_and_every_one_in_the_table_exists() -> None:
    for module in ("baton.flow.metrics", "baton_ingest.metrics", "baton_sla_monitor.metrics"):
        importlib.import_module(module)
    declared = {
        metric.name + ("_total" if metric.type == "counter" else "")
        for metric in REGISTRY.collect()
        if metric.name.startswith("baton_")
    }

    told = set(re.findall(r"`(baton_[a-z_]+)`", (ROOT / "docs" / "operating.md").read_text()))

    assert told == declared


def test_every_type_of_source_is_in_the_table_or_said_not_to_be_served() -> None:
    rows = re.findall(r"^\| (`.*?) \|", _section("Types"), flags=re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)}
    unserved = {name for name in set(PLAYBOOK_TYPES) - {"api"} if name not in SERVED}

    assert told == set(SERVED)
    assert f"{_listed(unserved)} may stand in a playbook, and are answered 501" in _section("Types")


def test_a_playbook_is_warned_of_just_the_types_that_are_not_served() -> None:
    assert {name for name, shape in PLAYBOOK_TYPES.items() if shape.instead is None} == {*SERVED, "api"}


def test_every_key_of_a_source_is_told() -> None:
    of_polling = {"poll", "base_url", "client_id", "client_secret"}
    own = {key for name in SERVED for key in PLAYBOOK_TYPES[name].own} - of_polling

    assert [key for key in (*COMMON_KEYS, *own) if f"`{key}`" not in _section("Keys")] == []


def _section(title: str) -> str:
    return (ROOT / "docs" / "sources.md").read_text().partition(f"## {title}\n")[2].partition("\n## ")[0]


def _listed(names: set[str]) -> str:
    *first, last = (f"`{name}`" for name in PLAYBOOK_TYPES if name in names)
    return f"{', '.join(first)} and {last}"


def test_the_files_of_a_leads_way_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"`([\w-]+/[\w/-]+\.py|[\w-]+/[\w/-]+/)`", text))

    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists() and not _in_its_service(path).exists()] == []


def _in_its_service(path: str) -> Path:
    service, _, rest = path.partition("/")
    return ROOT / "services" / service / f"baton_{service.replace('-', '_')}" / rest


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", document.read_text())

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))

    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", document.read_text(), flags=re.MULTILINE))

    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_exist(document: Path) -> None:
    cli = importlib.import_module("baton_standalone.cli")
    known = get_command(cli.app).commands  # type: ignore[attr-defined]

    named = set(re.findall(r"(?:^|`|/)baton ([a-z]+)", document.read_text(), flags=re.MULTILINE))

    assert named <= set(known)


def test_every_decision_is_in_the_list_by_its_number() -> None:
    folder = ROOT / "docs" / "adr"
    written = [(path.name, path.read_text().partition("\n")[0]) for path in sorted(folder.glob("0*.md"))]

    listed = re.findall(r"^\| \[(\d+)\]\((.+?)\) \| (.+?) \|", (folder / "README.md").read_text(), re.MULTILINE)

    assert [(name, f"# {number}: {title}") for number, name, title in listed] == written
    assert [int(number) for number, _, _ in listed] == list(range(1, len(written) + 1))


def test_every_word_of_a_playbook_is_told() -> None:
    words = {
        *loader.SECTIONS, *Operator, *get_args(Strategy), *calendar_parsing.KEYS,
        *people._KEYS, *people._CAPS, *teams._KEYS, *targets.TARGETS, *routing._KEYS, *scoring._RULE_KEYS,
        *sla._KEYS, *sla._WORDS, *sla._ACTIONS,
    }  # fmt: skip
    told = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]+)`", (ROOT / "docs" / "playbook.md").read_text()))))

    assert sorted(words - told) == []
