"""Columns of the files that CRMs export, taken for our fields by what they are called there."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from baton_standalone.import_columns import WrongFile
from baton_standalone.import_files import check_sheet, read_rows

HUBSPOT = (
    "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Job Title,Country/Region,State/Region,City,"
    "Postal Code,Number of Employees,Associated Company,Company Name,Lead Status"
)
SALESFORCE = (
    "First Name,Last Name,Title,Company / Account,Email,Phone,Mobile,Street,City,State/Province,Zip/Postal Code,"
    "Country,No. of Employees,Lead Source,Lead ID"
)
DATA_LOADER = "ID,FIRSTNAME,LASTNAME,COMPANY,EMAIL,MOBILEPHONE,POSTALCODE,COUNTRYCODE,NUMBEROFEMPLOYEES"
MARKETO = "Id,Full Name,First Name,Email Address,Company Name,Job Title,Phone Number,Number Of Employees,Lead Score"


def columns(tmp_path: Path, header: str, **names: str) -> Mapping[str, str]:
    file = tmp_path / "leads.csv"
    file.write_text(f"{header}\n")
    return check_sheet(file, names=names)


@pytest.mark.parametrize(
    ("header", "fields", "custom"),
    [
        (
            HUBSPOT,
            "first_name last_name email phone title country state city postal_code employees company",
            ["Record ID", "Mobile Phone Number", "Associated Company", "Lead Status"],
        ),
        (
            SALESFORCE,
            "first_name last_name title company email phone city state postal_code country employees",
            ["Mobile", "Street", "Lead Source", "Lead ID"],
        ),
        (
            DATA_LOADER,
            "first_name last_name company email phone postal_code country employees",
            ["ID"],
        ),
        (
            MARKETO,
            "first_name email company title phone employees",
            ["Id", "Full Name", "Lead Score"],
        ),
    ],
    ids=["HubSpot", "Salesforce report", "Salesforce Data Loader", "Marketo"],
)
def test_what_a_crm_exports_is_taken_for_our_fields(
    tmp_path: Path, header: str, fields: str, custom: list[str]
) -> None:
    goes_to = columns(tmp_path, header)

    assert sorted(field for field in goes_to.values() if not field.startswith("custom.")) == sorted(fields.split())
    assert [theirs for theirs, field in goes_to.items() if field.startswith("custom.")] == custom
    assert all(field == f"custom.{theirs}" for theirs, field in goes_to.items() if theirs in custom)


def test_case_spaces_and_punctuation_of_a_label_do_not_count(tmp_path: Path) -> None:
    assert columns(tmp_path, "e-mail,JOB_TITLE,country / region,no of employees") == {
        "e-mail": "email", "JOB_TITLE": "title", "country / region": "country", "no of employees": "employees",
    }  # fmt: skip


def test_a_label_gives_way_to_what_is_mapped_and_to_a_column_with_the_name_of_the_field(tmp_path: Path) -> None:
    names = {"Position": "title", "Notes": "", "Country/Region": "custom", "Plan": "custom.plan"}

    goes_to = columns(tmp_path, "email,Job Title,Position,Phone Number,phone,Notes,Country/Region,Plan", **names)

    assert goes_to == {
        "email": "email", "Job Title": "custom.Job Title", "Position": "title", "Phone Number": "custom.Phone Number",
        "phone": "phone", "Notes": "", "Country/Region": "custom.Country/Region", "Plan": "custom.plan",
    }  # fmt: skip


def test_the_column_that_was_told_is_the_field_that_is_read(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text(
        "Email Address,Phone Number,Mobile,Job Title,Lead ID,Budget\na@b.example,+14155550100,+14155550101,CEO,00Q1,9\n"
    )

    (row,) = read_rows(file, names={"Job Title": "custom"})

    assert row.item == {
        "email": "a@b.example",
        "phone": "+14155550100",
        "Mobile": "+14155550101",
        "custom": {"Job Title": "CEO", "Lead ID": "00Q1"},
        "Budget": "9",
    }


def test_what_is_kept_as_it_is_of_an_activity_is_in_its_data(tmp_path: Path) -> None:
    file = tmp_path / "activities.csv"
    file.write_text("Email Address,kind,id,Page Title\na@b.example,page_view,7,Pricing\n")

    (row,) = read_rows(file, names={"Page Title": "custom"})

    assert row.item == {"email": "a@b.example", "kind": "page_view", "id": "7", "data": {"Page Title": "Pricing"}}


@pytest.mark.parametrize(
    ("header", "names", "told"),
    [
        ("Email,Mail", {"Mail": "email"}, "two columns are email: Email and Mail; --map 'Mail=custom' keeps one out"),
        ("First Name,first_name,email", {}, "two columns are first_name: First Name and first_name"),
        (
            "email,plan,Plan 2",
            {"Plan 2": "custom.plan"},
            "two columns are custom.plan: plan and Plan 2; --map 'Plan 2=' keeps",
        ),
    ],
    ids=["mapped beside named", "named twice", "in custom"],
)
def test_two_columns_for_one_field_are_refused(
    tmp_path: Path, header: str, names: Mapping[str, str], told: str
) -> None:
    with pytest.raises(WrongFile, match=told):
        columns(tmp_path, header, **names)


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("ada@acme.example,Ada,Acme", "the first row names them: ada@acme.example, Ada, Acme$"),
        ("Courriel,Nom", "say which is, as --map 'Contact=email'; the first row names them: Courriel, Nom$"),
        ("email|company", r"names them: email\|company; commas, semicolons or tabs separate columns$"),
        ("lead_id,company", "none of its columns is an email or a phone"),
        (",".join(f"column {number}" for number in range(900)), "column 0, column 1, .{,980} …$"),
    ],
    ids=["no header", "another language", "another separator", "an id of no activity", "very many"],
)
def test_a_sheet_without_an_email_or_a_phone_is_refused_once_with_its_columns(
    tmp_path: Path, header: str, told: str
) -> None:
    with pytest.raises(WrongFile, match=told):
        columns(tmp_path, header)


@pytest.mark.parametrize(
    ("header", "names"),
    [("Courriel,Nom", {"Courriel": "email"}), ("Mobile,Nom", {}), ("lead_id,kind", {})],
    ids=["mapped", "a phone", "an activity of a known lead"],
)
def test_a_sheet_that_names_people_in_any_way_is_taken(tmp_path: Path, header: str, names: Mapping[str, str]) -> None:
    assert columns(tmp_path, header, **names)
