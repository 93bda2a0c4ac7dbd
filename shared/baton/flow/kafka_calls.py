"""Calls into aiokafka that come back: bounded, with one kind of error, and without a stranger's cancellation."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Final, TypeVar

T = TypeVar("T")

_background: Final[set["asyncio.Task[None]"]] = set()


class KafkaFailure(Exception):
    """A call failed, or took too long. `cause` is aiokafka's error, if it gave one."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}"[:300])
        self.cause = cause

    @property
    def timed_out(self) -> bool:
        """Whether our own bound ended it. aiokafka's timeouts are errors of its own."""
        return isinstance(self.cause, TimeoutError)


async def bounded(call: Awaitable[T], seconds: float) -> T:
    """Await a call of aiokafka's for so long at most.

    Raises:
        KafkaFailure: it failed, timed out, or was cancelled by somebody other than our caller.
    """
    try:
        async with asyncio.timeout(seconds):
            return await call
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # we are really to stop
            raise
        raise KafkaFailure(error) from error
    except (
        Exception
    ) as error:  # besides its own errors it lets KeyError, AssertionError and the like out when it is torn
        raise KafkaFailure(error) from error


def in_background(work: Coroutine[object, object, None]) -> None:
    """Let something finish by itself; it is bounded."""
    task = asyncio.create_task(work)
    _background.add(task)
    task.add_done_callback(_background.discard)


async def background_finished() -> None:
    """Wait for what was begun by `in_background` on this loop."""
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(task for task in _background if task.get_loop() is loop), return_exceptions=True)
