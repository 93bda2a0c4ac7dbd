"""Commands where there is no Baton to read or to publish to; what people write on the command line."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from baton_standalone.reading_options import instant_or_ago


@pytest.mark.parametrize(
    "command", [["events"], ["dlq", "list"], ["playbook", "show"], ["playbook", "publish"], ["backtest"]], ids=" ".join
)
def test_without_a_database_there_is_no_empty_answer_and_none_is_made(command: list[str], tmp_path: Path) -> None:
    settings = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}

    result = subprocess.run(  # by itself: `events` sets the logs of its process
        [sys.executable, "-m", "baton_standalone", *command],
        env={**settings, "BATON_DATA": str(tmp_path / "elsewhere")}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert result.returncode == 2
    assert f"there is no Baton's database in {tmp_path / 'elsewhere'}" in result.stderr
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-27T09:30:00-07:00", datetime(2026, 3, 27, 16, 30, tzinfo=UTC)),
        ("2026-03-27", datetime(2026, 3, 27, tzinfo=UTC)),
        ("36h", datetime(2026, 3, 30, tzinfo=UTC)),
    ],
)
def test_an_instant_is_written_whole_as_a_date_or_as_how_long_ago(written: str, meant: datetime) -> None:
    assert instant_or_ago(written, now=datetime(2026, 3, 31, 12, tzinfo=UTC)) == meant


@pytest.mark.parametrize("written", ["2026-02-30", "yesterday", "2026-03-27T16:30:00", "2wd"])
def test_what_is_no_instant_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="like 2026-03-27T16:30:00Z"):
        instant_or_ago(written, now=datetime(2026, 3, 31, 12, tzinfo=UTC))
