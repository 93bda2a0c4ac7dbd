"""An end that leaves nothing behind."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

Made = TypeVar("Made")


def run_until_told(work: Coroutine[Any, Any, Made]) -> Made:
    """Run it. SIGTERM cancels it, as Ctrl-C does, so that it ends the processes that it started."""
    return asyncio.run(_run(work))


async def _run(work: Coroutine[Any, Any, Made]) -> Made:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work
