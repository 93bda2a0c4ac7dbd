"""Topics, as commands make them."""

from collections.abc import Sequence

import pytest

from baton.flow.bus import TopicSpec
from baton.flow.memory import MemoryBus
from baton.kernel.clock import SystemClock
from baton.service.settings import Settings
from baton_standalone.topics import require_topics


class OtherPartitions(MemoryBus):
    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        raise ValueError(f"partitions differ from BATON_PARTITIONS: {topics[0].name} has 4, not 12")


async def test_a_command_on_topics_of_other_partitions_says_so_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        await require_topics(OtherPartitions(SystemClock()), Settings())

    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("partitions differ from BATON_PARTITIONS: ")
