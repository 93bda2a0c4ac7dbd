"""Commands that only read, where there is nothing to read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("command", [["events"], ["dlq", "list"], ["playbook", "show"]], ids=" ".join)
def test_without_a_database_there_is_no_empty_answer_and_none_is_made(command: list[str], tmp_path: Path) -> None:
    settings = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}

    result = subprocess.run(  # by itself: `events` sets the logs of its process
        [sys.executable, "-m", "baton_standalone", *command],
        env={**settings, "BATON_DATA": str(tmp_path / "elsewhere")}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert result.returncode == 2
    assert f"there is no Baton's database in {tmp_path / 'elsewhere'}" in result.stderr
    assert not (tmp_path / "elsewhere").exists()
