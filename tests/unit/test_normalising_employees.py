import pytest

from baton.leads.normalising import EmployeeRange, Unusable, parse_employees


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        (150, 150),
        (150.0, 150),
        ("150", 150),
        (0, 0),
        ("1,200", 1200),
        ("1.200", 1200),
        ("1 200", 1200),
        ("1\u202f200", 1200),
        ("1'200", 1200),
        ("1,234,567", 1234567),
        ("1.2k", 1200),
        ("10K", 10000),
        ("１２０", 120),
        ("200-500", "200-500"),
        ("200 – 500", "200-500"),
        ("200 to 500 employees", "200-500"),
        ("150-150", 150),
        ("1,001-5,000", "1001-5000"),
        ("1K-5K", "1000-5000"),
        ("1000+", "1000+"),
        ("10,001+ employees", "10001+"),
        (">= 1000", "1000+"),
        ("≥1000", "1000+"),
        ("> 1000", "1001+"),
        ("< 50", "0-49"),
        ("<=50", "0-50"),
    ],
)
def test_a_head_count_is_a_number_or_a_range(sent: object, value: int | str) -> None:
    read = parse_employees(sent)

    assert read is not None
    assert read.value == value


@pytest.mark.parametrize(
    "sent",
    [
        "about 150",
        "~150",
        "ca. 150",
        "150?",
        "150ish",
        "many",
        "Nov-50",
        "12.5",
        12.5,
        "1,20",
        "1.2.3",
        "1,200k",
        "-5",
        -5,
        "500-200",
        "200-",
        "-",
        "+",
        "1e3",
        "0x10",
        "<0",
        ">5+",
        "5-10+",
        "10^3",
        "5²",
        "99999999999",
        10**30,
        float("nan"),
        float("inf"),
        True,
        [50],
        {"low": 5},
        "1" * 5000,
    ],
)
def test_what_is_not_a_number_is_not_guessed_at(sent: object) -> None:
    with pytest.raises(Unusable):
        parse_employees(sent)


def test_an_open_range_has_no_upper_end() -> None:
    assert parse_employees("1000+") == EmployeeRange(1000, None)


def test_a_blank_size_is_none() -> None:
    assert parse_employees("  ") is None
