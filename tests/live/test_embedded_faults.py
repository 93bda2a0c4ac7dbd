"""Faults of all in one process, in short: `make faults ARGS=--embedded` is the long form."""

import asyncio
import tempfile
from pathlib import Path

import pytest

from tests.faults.embedded import EmbeddedFaults

pytestmark = pytest.mark.slow


def test_one_process_on_its_own_database_loses_and_doubles_nothing_however_it_ends() -> None:
    with tempfile.TemporaryDirectory(prefix="baton-up-") as folder:
        sent, count = asyncio.run(EmbeddedFaults(Path(folder), rate=80, between=3).run())

    assert len(sent.accepted) > 200
    assert count.is_clean, count
