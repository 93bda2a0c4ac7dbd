"""Files that people import: how their rows are read, and what is wrong with them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from baton_standalone.import_columns import WrongFile
from baton_standalone.import_files import Row, check_encoding, check_sheet, read_rows


def rows(tmp_path: Path, content: str | bytes, *, name: str = "leads.csv", **names: str) -> Sequence[Row]:
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_rows(file, names=names))


def items(tmp_path: Path, content: str | bytes, **more: Any) -> list[Any]:
    return [row.item for row in rows(tmp_path, content, **more)]


def test_a_sheet_is_read_by_its_header_and_a_blank_cell_tells_nothing(tmp_path: Path) -> None:
    read = items(
        tmp_path, "Email,First Name,Budget,company\nada@acme.example,Ada,12000,\n,,,\nbob@beta.example,,,Beta\n"
    )

    assert read == [
        {"email": "ada@acme.example", "first_name": "Ada", "Budget": "12000"},
        {"email": "bob@beta.example", "company": "Beta"},
    ]


@pytest.mark.parametrize(
    "content",
    ["email;company\nada@acme.example;Müller, GmbH\n", "\ufeffemail\tcompany\r\nada@acme.example\tMüller, GmbH\r\n"],
    ids=["semicolons", "tabs behind a byte order mark"],
)
def test_a_sheet_may_be_as_a_spreadsheet_saves_it(tmp_path: Path, content: str) -> None:
    assert items(tmp_path, content) == [{"email": "ada@acme.example", "company": "Müller, GmbH"}]


def test_columns_are_renamed_put_into_groups_and_left_out(tmp_path: Path) -> None:
    names = {"Work mail": "email", "Plan": "custom.plan", "Did": "activity", "Did id": "activity.id", "Notes": ""}

    read = items(tmp_path, "Work mail,Plan,Did,Did id,Notes\na@b.example,pro,webinar,w1,secret\n", **names)

    assert read == [{"email": "a@b.example", "custom": {"plan": "pro"}, "activity": {"kind": "webinar", "id": "w1"}}]


def test_a_row_with_a_kind_is_an_activity_and_what_it_tells_besides_is_its_data(tmp_path: Path) -> None:
    read = items(tmp_path, "email,kind,at,page\na@b.example,page_view,2026-01-15T10:00:00Z,/pricing\n")

    assert read == [
        {"email": "a@b.example", "kind": "page_view", "at": "2026-01-15T10:00:00Z", "data": {"page": "/pricing"}}
    ]


def test_a_row_knows_the_line_on_which_it_begins(tmp_path: Path) -> None:
    read = rows(tmp_path, 'email,note\na@b.example,"two\nlines"\n\nb@b.example,x,y\n')

    assert [(row.line, row.why) for row in read] == [(2, None), (5, "3 cells, and the header has 2")]


def test_lines_of_json_are_read_and_those_that_are_none_are_told(tmp_path: Path) -> None:
    content = '{"email": "a@b.example", "custom": {"a": 1}, "plan": "pro", "refused_why": "x"}\n\nnot json\n[1]\n'

    read = rows(tmp_path, content, name="leads.jsonl", plan="custom.plan")

    assert read[0].item == {"email": "a@b.example", "custom": {"a": 1, "plan": "pro"}}
    assert [(row.line, (row.why or "").partition(":")[0]) for row in read] == [
        (1, ""), (3, "not JSON"), (4, "not a JSON object"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "it has no header"),
        ("email,company,email\n", "more than one column is named email"),
        ("Mail,company\n", "there is no column Work mail; there are Mail, company"),
        ('Work mail\na@b.example\n"b@b.example\n', "line 3: a quote in this row isn't closed"),
        ('Work mail\n"a"@b.example\n', "line 2: a quote in this row isn't closed, or is closed before its cell ends"),
        (f'Work mail\n"{"x" * 200_000}\n', "line 2: a cell is longer than 131,072 characters, or a quote"),
    ],
    ids=["empty", "twice", "unknown", "open quote", "early quote", "a quote far from the end"],
)
def test_what_is_wrong_with_a_sheet_is_said(tmp_path: Path, content: str, told: str) -> None:
    names = {"Work mail": "email"} if "mail" in content.lower() else {}

    with pytest.raises(WrongFile, match=told):
        rows(tmp_path, content, **names)
    with pytest.raises(WrongFile, match=told):  # before anything is sent
        check_sheet(tmp_path / "leads.csv", names=names)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("email\nmüller@b.example\n".encode("latin-1"), "line 2 is not UTF-8"),
        ("email\n".encode("utf-16"), "it is UTF-16"),
    ],
    ids=["latin-1", "utf-16"],
)
def test_another_encoding_is_told_before_anything_is_sent(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "leads.csv"
    file.write_bytes(content)

    with pytest.raises(WrongFile, match=told):
        check_encoding(file)


def test_a_letter_that_lies_across_two_reads_is_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_bytes(("e" * (1024 * 1024 + 1) + "ü\n").encode())

    check_encoding(file)
