"""What becomes of a backtest that is killed while it plays."""

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the children of a process"),
]

SECONDS = 60
LEADS = 20_000
"""They take minutes."""
PLAYING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from baton_standalone.backtesting.playing import Play, play_all
from baton_standalone.publishing import read_candidate
from baton_standalone.shipped import shipped_playbook
if __name__ == "__main__":
    files = read_candidate(shipped_playbook()).files
    play_all([Play(Path(sys.argv[1]), files, files, datetime(2026, 3, 1, tzinfo=UTC), place) for place in (0, 1)])
"""


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Short, for the socket's path; open to pass through, for the user that root's server runs as."""
    folder = Path(tempfile.mkdtemp(prefix="baton-tmp-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_who_plays_ends_with_the_command_and_clears_away_what_it_played_on(tmp_path: Path, temporary: Path) -> None:
    program, scenario = tmp_path / "program.py", tmp_path / "scenario.jsonl"
    program.write_text(PLAYING)
    with scenario.open("w") as file:
        for number in range(LEADS):
            body = {"email": f"ada@a{number}.example", "activity": "demo_request"}
            line = {"at": "2026-03-25T09:00:00Z", "request": "POST /ingest/v1/leads", "body": body}
            file.write(json.dumps(line) + "\n")

    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen([sys.executable, program, scenario], env=environment, stderr=subprocess.DEVNULL) as command:
        until_two_play(temporary)
        children = Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split()
        handles = [os.pidfd_open(int(each)) for each in children]
        command.kill()
    for handle in handles:
        assert select.select([handle], [], [], SECONDS)[0], "a child of the command goes on"
        os.close(handle)

    assert len(handles) >= 2
    assert list(temporary.iterdir()) == []


def until_two_play(temporary: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while len(list(temporary.glob("baton-server-*/postgres/postmaster.pid"))) < 2:
        assert time.monotonic() < deadline, "no two servers came up"
        time.sleep(0.05)
