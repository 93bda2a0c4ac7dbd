"""`baton playbook diff` and `render` beside a bus on which playbooks were published."""

import json
from itertools import count
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from baton.leads.playbook.content import content_hash
from baton_standalone.cli import app
from tests.support.playbooks import SALES
from tests.support.rich_playbook import RICH, edited, load

pytestmark = pytest.mark.postgres

AFTER = edited(("warm: 20", "warm: 30"))
SPELLED = edited(("[DE, FR]", "[FR, de]"))


def baton(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["playbook", *arguments])


def written(folder: Path, files: dict[str, str]) -> str:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return str(folder)


@pytest.fixture
def published(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with playbooks, of which `first` and then `second` were published."""
    monkeypatch.setenv("BATON_DATABASE_URL", database)
    for name, files in (("first", RICH), ("second", AFTER)):
        assert baton("publish", written(tmp_path / name, files)).exit_code == 0
    return tmp_path


def test_a_publish_is_seen_beforehand(published: Path) -> None:
    told = baton("diff", str(published / "first"))

    assert told.exit_code == 0
    assert told.stdout.splitlines()[1:] == ["", "Tiers", "  ~ warm: 30 points → 20 points"]


def test_published_playbooks_are_named_by_the_start_of_their_hash(published: Path) -> None:
    first, second = load(RICH).hash, load(AFTER).hash

    told = baton("diff", first[:6], second[:6].upper())

    assert told.stdout.splitlines()[0] == f'From "7" ({first[:12]}) to "7" ({second[:12]})'
    assert told.stdout.splitlines()[2:] == ["Tiers", "  ~ warm: 20 points → 30 points"]


def test_a_few_digits_are_enough_where_no_other_hash_begins_so(published: Path) -> None:
    first, second = load(RICH).hash, load(AFTER).hash
    enough = next(first[:size] for size in range(1, 64) if first[:size] != second[:size])

    assert baton("show", enough).stdout == baton("show", first).stdout
    assert baton("diff", enough, str(published / "second")).stdout == baton("diff", first, second).stdout


@pytest.mark.parametrize("name", ["nope", "ab"])
def test_a_name_of_nothing_is_answered_the_same_everywhere(
    published: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("baton.service.logs.configure_logs", lambda _: None)  # those of this process are the tests'
    shown = baton("show", name)

    backtest = CliRunner().invoke(app, ["backtest", str(published / "first"), "--against", name])

    assert (shown.exit_code, name in shown.stderr) == (2, True)
    assert [baton(each, name).stderr for each in ("diff", "render")] == [shown.stderr] * 2
    assert backtest.exit_code == 2
    assert backtest.stderr.endswith(f"\n{shown.stderr}")  # after the warnings about what is to be tried


def test_no_difference_and_one_in_spelling_only_are_said(published: Path) -> None:
    same = baton("diff", str(published / "second"), "--exit-code")
    spelled = baton("diff", str(published / "first"), written(published / "spelled", SPELLED), "--exit-code")

    assert (same.exit_code, spelled.exit_code) == (0, 0)
    assert same.stdout == f'No difference: both are "7" ({load(AFTER).hash[:12]})\n'
    assert spelled.stdout.startswith("They differ in spelling only: ")


def test_an_exit_code_tells_a_difference_from_none_and_from_trouble(published: Path) -> None:
    first, second = str(published / "first"), str(published / "second")

    assert baton("diff", first, second, "--exit-code").exit_code == 1
    assert baton("diff", first, second).exit_code == 0
    assert baton("diff", first, str(published / "nowhere"), "--exit-code").exit_code == 2
    assert baton("diff", "0123abcd", first, "--exit-code").exit_code == 2


def test_without_arguments_it_is_the_configured_one_that_would_be_published(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATON_PLAYBOOK", str(published / "first"))

    data = json.loads(baton("diff", "--json").stdout)

    assert (data["before"]["hash"], data["after"]["hash"]) == (load(AFTER).hash, load(RICH).hash)
    assert [(each["section"], each["name"], each["change"]) for each in data["changes"]] == [
        ("scoring.tiers", "warm", "changed")
    ]


def test_a_hash_that_nobody_published_is_said_to_be_none(published: Path) -> None:
    told = baton("show", "0123abcd")

    assert told.exit_code == 2
    assert told.stderr == '"0123abcd" is no directory, and no published playbook\'s hash begins so\n'


def test_a_start_that_several_hashes_have_is_refused_with_their_names(published: Path) -> None:
    one, other = two_of_one_start()
    for name, text in (("one", one), ("other", other)):
        assert baton("publish", written(published / name, {"playbook.yaml": text})).exit_code == 0
    start = content_hash({"playbook.yaml": one.encode()})[:4]

    told = baton("show", start)

    assert told.exit_code == 2
    assert told.stderr.startswith(f'the hashes of several playbooks begin with "{start}": "1" ({start}')
    assert told.stderr.count(f"({start}") == 2


def two_of_one_start() -> tuple[str, str]:
    """Two playbooks whose hashes have the first four digits in common."""
    seen: dict[str, str] = {}
    for number in count():
        text = f'version: "1"\ndefinitions: {{Number: "{number}"}}\n{SALES}'
        other = seen.setdefault(content_hash({"playbook.yaml": text.encode()})[:4], text)
        if other != text:
            return other, text
    raise AssertionError


def test_a_published_playbook_is_rendered_into_a_file(published: Path) -> None:
    page, text = published / "page.html", published / "page.md"

    assert baton("render", load(RICH).hash[:8], "--output", str(page)).exit_code == 0
    told = baton("render", "--output", str(text))

    assert "from 20 points on" in page.read_text()
    assert "from 30 points on" in text.read_text()
    assert told.stdout == f'playbook "7" ({load(AFTER).hash[:12]}): written to {text}\n'


def test_a_file_that_is_neither_page_nor_text_and_one_that_cannot_be_written_are_refused(published: Path) -> None:
    pdf = baton("render", "--output", str(published / "page.pdf"))
    nowhere = baton("render", "--output", str(published / "no" / "page.md"))

    assert (pdf.exit_code, nowhere.exit_code) == (2, 2)
    assert "ends in .html" in pdf.stderr
    assert nowhere.stderr == f"--output: {published}/no/page.md: No such file or directory\n"


def test_before_the_first_publish_there_is_nothing_to_compare_with(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATON_DATABASE_URL", database)

    told = baton("diff", written(tmp_path / "first", RICH))

    assert told.exit_code == 2
    assert told.stderr == "no playbook is active: publish one with `baton playbook publish`\n"
